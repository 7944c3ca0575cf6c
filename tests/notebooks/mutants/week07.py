"""Plausible wrong answers to the exercises of week 7; each replaces the whole stub cell and must be rejected."""

_RNN = """def my_rnn(x, W, U, b, h0=None):
    h = x.new_zeros(len(x), len(U)) if h0 is None else h0
    states = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W.T + h @ U.T + b)
        states.append(h)
    return torch.stack(states, 1)
"""
_BPTT = """def my_bptt(x, W, U, h, grad):
    dW, dU, db = torch.zeros_like(W), torch.zeros_like(U), torch.zeros_like(U[0])
    later = torch.zeros_like(h[:, 0])
    for t in reversed(range(x.shape[1])):
        delta = (grad[:, t] + later) * (1 - h[:, t] ** 2)
        before = h[:, t - 1] if t else torch.zeros_like(later)
        dW, dU, db = dW + delta.T @ x[:, t], dU + delta.T @ before, db + delta.sum(0)
        later = delta @ U
    return dW, dU, db
"""
_TRUNCATED = """def my_truncated(cell, head, x, y, k):
    state, total = None, 0.0
    for a in range(0, x.shape[1], k):
        outputs, state = cell(x[:, a : a + k], state)
        loss = (head(outputs) - y[:, a : a + k]).square().sum() / y.numel()
        loss.backward()
        total += loss.item()
        state = state.detach()
    return total
"""
_BIAS = """def my_forget_bias(steps, share):
    gate = share ** (1 / steps)
    return math.log(gate / (1 - gate))
"""
_GRU = """def my_gru(x, W, U, b, c, h0=None):
    h = x.new_zeros(len(x), U.shape[1]) if h0 is None else h0
    states = []
    for t in range(x.shape[1]):
        (xr, xz, xn), (hr, hz, hn) = (x[:, t] @ W.T + b).chunk(3, 1), (h @ U.T + c).chunk(3, 1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        h = (1 - z) * torch.tanh(xn + r * hn) + z * h
        states.append(h)
    return torch.stack(states, 1)
"""
_BOTH = """def my_bidirectional(forward, backward, x, lengths):
    t = torch.arange(x.shape[1])
    inside = t < lengths[:, None]
    turn = torch.where(inside, lengths[:, None] - 1 - t, t)[:, :, None]
    back = backward(x.gather(1, turn.expand_as(x)))[0]
    back = back.gather(1, turn.expand_as(back))
    return torch.cat([forward(x)[0], back], 2) * inside[:, :, None]
"""


def _changed(source, *pairs):
    for old, new in pairs:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


MUTANTS = {
    "7.1": {
        "weights not transposed": _changed(_RNN, ("x[:, t] @ W.T + h @ U.T", "x[:, t] @ W.T + h @ U")),
        "last state only": _changed(_RNN, ("return torch.stack(states, 1)", "return h")),
        "time first": _changed(_RNN, ("torch.stack(states, 1)", "torch.stack(states)")),
        "state not fed back": _changed(_RNN, ("        h = torch.tanh(", "        new = torch.tanh("), ("append(h)", "append(new)")),
        "bias twice": _changed(_RNN, ("+ b)", "+ 2 * b)")),
        "no tanh": _changed(_RNN, ("torch.tanh(", "(")),
        "ignores h0": _changed(_RNN, ("if h0 is None else h0", "")),
    },
    "7.2": {
        "no way back through time": _changed(_BPTT, ("later = delta @ U", "later = later * 0")),
        "U transposed on the way back": _changed(_BPTT, ("later = delta @ U", "later = delta @ U.T")),
        "slope applied to the direct part only": _changed(
            _BPTT, ("(grad[:, t] + later) * (1 - h[:, t] ** 2)", "grad[:, t] * (1 - h[:, t] ** 2) + later")
        ),
        "current state instead of the one before": _changed(_BPTT, ("before = h[:, t - 1] if t else torch.zeros_like(later)", "before = h[:, t]")),
        "last state before the first": _changed(_BPTT, ("h[:, t - 1] if t else torch.zeros_like(later)", "h[:, t - 1]")),
        "mean over the batch": _changed(_BPTT, ("return dW, dU, db", "return dW / len(x), dU / len(x), db / len(x)")),
        "last step only": _changed(_BPTT, ("reversed(range(x.shape[1]))", "[x.shape[1] - 1]")),
    },
    "7.3": {
        "state not detached": _changed(_TRUNCATED, ("        state = state.detach()\n", "")),
        "state starts anew": _changed(_TRUNCATED, ("state = state.detach()", "state = None")),
        "mean of each piece": _changed(_TRUNCATED, (".square().sum() / y.numel()", ".square().mean()")),
        "last piece dropped": _changed(_TRUNCATED, ("range(0, x.shape[1], k)", "range(0, x.shape[1] - k + 1, k)")),
        "gradients of the last piece alone": _changed(
            _TRUNCATED, ("        loss.backward()\n", "        cell.zero_grad()\n        head.zero_grad()\n        loss.backward()\n")
        ),
        "one long backward": """def my_truncated(cell, head, x, y, k):
    loss = (head(cell(x)[0]) - y).square().mean()
    loss.backward()
    return loss.item()
""",
    },
    "7.4": {
        "gate instead of bias": _changed(_BIAS, ("math.log(gate / (1 - gate))", "gate")),
        "share to the power of steps": _changed(_BIAS, ("share ** (1 / steps)", "share**steps")),
        "logarithm of the span": """def my_forget_bias(steps, share):
    return math.log(steps)
""",
        "share divided by steps": _changed(_BIAS, ("share ** (1 / steps)", "1 - (1 - share) / steps")),
        "logarithm of the gate": _changed(_BIAS, ("gate / (1 - gate)", "gate")),
        "sign": _changed(_BIAS, ("gate / (1 - gate)", "(1 - gate) / gate")),
    },
    "7.5": {
        "reset before the product": _changed(
            _GRU, ("torch.tanh(xn + r * hn)", "torch.tanh(xn + ((r * h) @ U.T + c).chunk(3, 1)[2])")
        ),
        "reset not on the bias": _changed(_GRU, ("r * hn)", "r * (hn - c.chunk(3)[2]) + c.chunk(3)[2])")),
        "z swapped": _changed(_GRU, ("(1 - z) * torch.tanh(xn + r * hn) + z * h", "z * torch.tanh(xn + r * hn) + (1 - z) * h")),
        "order z, r, n": _changed(_GRU, ("(xr, xz, xn), (hr, hz, hn)", "(xz, xr, xn), (hz, hr, hn)")),
        "no reset": _changed(_GRU, ("r * hn", "hn")),
        "one bias": _changed(_GRU, ("(h @ U.T + c)", "(h @ U.T)")),
        "last state only": _changed(_GRU, ("return torch.stack(states, 1)", "return h")),
    },
    "7.6": {
        "padding reversed too": """def my_bidirectional(forward, backward, x, lengths):
    inside = torch.arange(x.shape[1]) < lengths[:, None]
    return torch.cat([forward(x)[0], backward(x.flip(1))[0].flip(1)], 2) * inside[:, :, None]
""",
        "not turned back": _changed(_BOTH, ("    back = back.gather(1, turn.expand_as(back))\n", "")),
        "backward half first": _changed(_BOTH, ("[forward(x)[0], back]", "[back, forward(x)[0]]")),
        "sum instead of side by side": _changed(_BOTH, ("torch.cat([forward(x)[0], back], 2)", "(forward(x)[0] + back)")),
        "padding not zero": _changed(_BOTH, (" * inside[:, :, None]", "")),
        "off by one": _changed(_BOTH, ("lengths[:, None] - 1 - t, t", "(lengths[:, None] - t).clamp(max=x.shape[1] - 1), t")),
        "stacked": _changed(_BOTH, ("back = backward(x.gather(1, turn.expand_as(x)))[0]", "back = backward(forward(x)[0].gather(1, turn))[0]")),
    },
}
