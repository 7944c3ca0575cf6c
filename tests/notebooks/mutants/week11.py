"""Plausible wrong answers to the exercises of week 11; each replaces the whole stub cell and must be rejected."""

MUTANTS = {}

# P: value function, optimal discriminator

MUTANTS.update(
    {
        "11.1": {
            "the term of the real examples is missing": """def my_value(real_logits, fake_logits):
    fake = F.logsigmoid(-fake_logits).mean()
    return {"V": fake, "L_D": -fake, "L_G": fake, "L_NS": -F.logsigmoid(fake_logits).mean()}
""",
            "the minus of the non-saturating loss is missing": """def my_value(real_logits, fake_logits):
    fake = F.logsigmoid(-fake_logits).mean()
    V = F.logsigmoid(real_logits).mean() + fake
    return {"V": V, "L_D": -V, "L_G": fake, "L_NS": F.logsigmoid(fake_logits).mean()}
""",
            "the saturating loss has the wrong sign": """def my_value(real_logits, fake_logits):
    fake = F.logsigmoid(-fake_logits).mean()
    V = F.logsigmoid(real_logits).mean() + fake
    return {"V": V, "L_D": -V, "L_G": -fake, "L_NS": -F.logsigmoid(fake_logits).mean()}
""",
            "D minimises the value": """def my_value(real_logits, fake_logits):
    fake = F.logsigmoid(-fake_logits).mean()
    V = F.logsigmoid(real_logits).mean() + fake
    return {"V": V, "L_D": V, "L_G": fake, "L_NS": -F.logsigmoid(fake_logits).mean()}
""",
            "one mean over both batches": """def my_value(real_logits, fake_logits):
    both = torch.cat([F.logsigmoid(real_logits), F.logsigmoid(-fake_logits)])
    V = 2 * both.mean()
    return {"V": V, "L_D": -V, "L_G": F.logsigmoid(-fake_logits).mean(), "L_NS": -F.logsigmoid(fake_logits).mean()}
""",
            "sums for means": """def my_value(real_logits, fake_logits):
    fake = F.logsigmoid(-fake_logits).sum()
    V = F.logsigmoid(real_logits).sum() + fake
    return {"V": V, "L_D": -V, "L_G": fake, "L_NS": -F.logsigmoid(fake_logits).sum()}
""",
            "logarithm of a rounded probability": """def my_value(real_logits, fake_logits):
    real, fake = real_logits.sigmoid(), fake_logits.sigmoid()
    V = real.log().mean() + (1 - fake).log().mean()
    return {"V": V, "L_D": -V, "L_G": (1 - fake).log().mean(), "L_NS": -fake.log().mean()}
""",
            "logits taken for probabilities": """def my_value(real_logits, fake_logits):
    real, fake = real_logits.clamp(1e-6, 1 - 1e-6), fake_logits.clamp(1e-6, 1 - 1e-6)
    V = real.log().mean() + (1 - fake).log().mean()
    return {"V": V, "L_D": -V, "L_G": (1 - fake).log().mean(), "L_NS": -fake.log().mean()}
""",
            "labels swapped": """def my_value(real_logits, fake_logits):
    V = F.logsigmoid(-real_logits).mean() + F.logsigmoid(fake_logits).mean()
    return {"V": V, "L_D": -V, "L_G": F.logsigmoid(fake_logits).mean(), "L_NS": -F.logsigmoid(-fake_logits).mean()}
""",
            "only V": """def my_value(real_logits, fake_logits):
    return F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()
""",
        },
        "11.2": {
            "prior ignored": """def my_best(p, q, prior=0.5):
    d = p / (p + q)
    some = p + q > 0
    s = torch.special.xlogy(p, p / (p + q)) + torch.special.xlogy(q, q / (p + q))
    return d, s[some].sum() / 2
""",
            "prior on the wrong side": """def my_best(p, q, prior=0.5):
    real, fake = (1 - prior) * p, prior * q
    s = torch.special.xlogy(real, real / (real + fake)) + torch.special.xlogy(fake, fake / (real + fake))
    return real / (real + fake), s[real + fake > 0].sum()
""",
            "the probability of fake": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    s = torch.special.xlogy(real, real / (real + fake)) + torch.special.xlogy(fake, fake / (real + fake))
    return fake / (real + fake), s[real + fake > 0].sum()
""",
            "0 log 0 is nan": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    d = real / (real + fake)
    return d, (real * d.log() + fake * (1 - d).log()).sum()
""",
            "one half where nobody goes": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    d = torch.where(real + fake > 0, real / (real + fake), 0.5)
    return d, (torch.special.xlogy(real, d) + torch.special.xlogy(fake, 1 - d)).sum()
""",
            "1 - D rounds to 0": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    d = real / (real + fake)
    some = real + fake > 0
    s = torch.special.xlogy(real[some], d[some]) + torch.special.xlogy(fake[some], 1 - d[some])
    return d, s.sum()
""",
            "a small number in the logarithm": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    d = real / (real + fake)
    some = real + fake > 0
    s = real * (d + 1e-4).log() + fake * (1 - d + 1e-4).log()
    return d, s[some].sum()
""",
            "score without the weights": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    d = real / (real + fake)
    s = torch.special.xlogy(p, d) + torch.special.xlogy(q, fake / (real + fake))
    return d, s[real + fake > 0].sum()
""",
            "a mean over the places": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    s = torch.special.xlogy(real, real / (real + fake)) + torch.special.xlogy(fake, fake / (real + fake))
    return real / (real + fake), s[real + fake > 0].mean()
""",
            "the harder decision": """def my_best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    s = torch.special.xlogy(real, real / (real + fake)) + torch.special.xlogy(fake, fake / (real + fake))
    return (real > fake).to(p.dtype), s[real + fake > 0].sum()
""",
        },
    }
)

# Q: one step of each player, the bilinear game

_TURN = """def my_turn(G, D, opt_G, opt_D, batches, z):
    for x, old in batches:
        L_D = F.softplus(-D(x)).mean() + F.softplus(D(G(old).detach())).mean()
        opt_D.zero_grad()
        L_D.backward()
        opt_D.step()
    L_G = F.softplus(-D(G(z))).mean()
    opt_G.zero_grad()
    L_G.backward()
    opt_G.step()
    return L_D.item(), L_G.item()
"""
_PLAY = """def my_play(start, eta, steps, how):
    (x, y), path = start, [start]
    old_x, old_y = x, y
    for _ in range(steps):
        if how == "simultaneous":
            x, y = x - eta * y, y + eta * x
        elif how == "alternating":
            x = x - eta * y
            y = y + eta * x
        else:
            (x, y), (old_x, old_y) = (x - 2 * eta * y + eta * old_y, y + 2 * eta * x - eta * old_x), (x, y)
        path.append((x, y))
    return torch.tensor(path, dtype=torch.float64)
"""


def _but(source, *pairs):
    for old, new in pairs:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


MUTANTS.update(
    {
        "11.3": {
            "D's old gradients stay": _but(_TURN, ("        opt_D.zero_grad()\n", "")),
            "G's old gradients stay": _but(_TURN, ("    opt_G.zero_grad()\n", "")),
            "neither detach nor a cleared G": _but(_TURN, (".detach()", ""), ("    opt_G.zero_grad()\n", "")),
            "saturating loss": _but(_TURN, ("L_G = F.softplus(-D(G(z))).mean()", "L_G = -F.softplus(D(G(z))).mean()")),
            "G learns to be caught": _but(_TURN, ("L_G = F.softplus(-D(G(z))).mean()", "L_G = F.softplus(D(G(z))).mean()")),
            "labels of D swapped": _but(_TURN, ("F.softplus(-D(x))", "F.softplus(D(x))"), ("F.softplus(D(G(old)", "F.softplus(-D(G(old)")),
            "the real term is missing": _but(_TURN, ("F.softplus(-D(x)).mean() + ", "")),
            "one mean over both": _but(
                _TURN,
                (
                    "F.softplus(-D(x)).mean() + F.softplus(D(G(old).detach())).mean()",
                    "2 * torch.cat([F.softplus(-D(x)), F.softplus(D(G(old).detach()))]).mean()",
                ),
            ),
            "only the first batch": _but(_TURN, ("in batches:", "in batches[:1]:")),
            "the noise of D again": _but(_TURN, ("-D(G(z))", "-D(G(old))")),
            "detach in the step of G": _but(_TURN, ("-D(G(z))", "-D(G(z).detach())")),
            "D steps once more": _but(_TURN, ("    opt_G.step()\n", "    opt_G.step()\n    opt_D.step()\n")),
            "G is judged by the old D": _but(
                _TURN,
                ("    for x, old", "    L_G = F.softplus(-D(G(z))).mean()\n    grads = torch.autograd.grad(L_G, list(G.parameters()))\n    for x, old"),
                ("    L_G = F.softplus(-D(G(z))).mean()\n    opt_G.zero_grad()\n    L_G.backward()\n", "    for p, v in zip(G.parameters(), grads):\n        p.grad = v\n"),
            ),
            "a step of G for each batch": _but(
                _TURN,
                (
                    "    L_G = F.softplus(-D(G(z))).mean()\n    opt_G.zero_grad()\n    L_G.backward()\n    opt_G.step()\n",
                    "        L_G = F.softplus(-D(G(z))).mean()\n        opt_G.zero_grad()\n        L_G.backward()\n        opt_G.step()\n",
                ),
            ),
            "losses after the update": _but(
                _TURN, ("return L_D.item(), L_G.item()", "return L_D.item(), F.softplus(-D(G(z))).mean().item()")
            ),
            "tensors": _but(_TURN, ("return L_D.item(), L_G.item()", "return L_D, L_G")),
            "the mean loss of D": _but(_TURN, ("return L_D.item()", "return L_D.item() / 2")),
        },
        "11.4": {
            "always simultaneous": _but(
                _PLAY, ("            x = x - eta * y\n            y = y + eta * x\n", "            x, y = x - eta * y, y + eta * x\n")
            ),
            "always alternating": _but(
                _PLAY,
                ("            x, y = x - eta * y, y + eta * x\n", "            x = x - eta * y\n            y = y + eta * x  # new x\n"),
            ),
            "y descends too": _but(_PLAY, ("x, y = x - eta * y, y + eta * x", "x, y = x - eta * y, y - eta * x")),
            "each steps along its own weight": _but(_PLAY, ("x, y = x - eta * y, y + eta * x", "x, y = x - eta * x, y + eta * y")),
            "y moves first": _but(
                _PLAY, ("            x = x - eta * y\n            y = y + eta * x\n", "            y = y + eta * x\n            x = x - eta * y\n")
            ),
            "optimism with the wrong sign": _but(_PLAY, ("+ eta * old_y", "- eta * old_y"), ("- eta * old_x", "+ eta * old_x")),
            "the old gradient once only": _but(_PLAY, ("x - 2 * eta * y + eta * old_y, y + 2 * eta * x - eta * old_x", "x - eta * y, y + eta * x")),
            "optimism never looks back": _but(_PLAY, ("(old_x, old_y) = (x - 2", "_ = (x - 2")),
            "no gradient before the start": _but(_PLAY, ("    old_x, old_y = x, y\n", "    old_x = old_y = 0.0\n")),
            "the start is left out": _but(_PLAY, ("torch.tensor(path,", "torch.tensor(path[1:],")),
            "single precision": _but(_PLAY, (", dtype=torch.float64", "")),
            "only the end": _but(_PLAY, ("torch.tensor(path,", "torch.tensor(path[-1],")),
        },
    }
)

# R: transposed convolution, the hard exercise

MUTANTS.update(
    {
        "11.5": {
            "dilation forgotten": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    return (x_shape[0], weight_shape[1], *((x_shape[2 + i] - 1) * s[i] - 2 * p[i] + weight_shape[2 + i] + o[i] for i in (0, 1)))
""",
            "the batch is lost": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    return (weight_shape[1], *((x_shape[2 + i] - 1) * s[i] - 2 * p[i] + d[i] * (weight_shape[2 + i] - 1) + o[i] + 1
                               for i in (0, 1)))
""",
            "the size of an ordinary convolution": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    return (x_shape[0], weight_shape[1], *((x_shape[2 + i] + 2 * p[i] - d[i] * (weight_shape[2 + i] - 1) - 1) // s[i] + 1
                                           for i in (0, 1)))
""",
            "weight read as outputs first": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    return (x_shape[0], weight_shape[0], *((x_shape[2 + i] - 1) * s[i] - 2 * p[i] + d[i] * (weight_shape[2 + i] - 1) + o[i]
                                           + 1 for i in (0, 1)))
""",
            "padding added": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    return (x_shape[0], weight_shape[1], *((x_shape[2 + i] - 1) * s[i] + 2 * p[i] + d[i] * (weight_shape[2 + i] - 1) + o[i]
                                           + 1 for i in (0, 1)))
""",
            "the height serves for both sides": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= max(s[i], d[i]) for i in (0, 1)):
        raise ValueError
    side = (x_shape[2] - 1) * s[0] - 2 * p[0] + d[0] * (weight_shape[2] - 1) + o[0] + 1
    return (x_shape[0], weight_shape[1], side, side)
""",
            "nothing is refused": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    return (x_shape[0], weight_shape[1], *((x_shape[2 + i] - 1) * s[i] - 2 * p[i] + d[i] * (weight_shape[2 + i] - 1) + o[i]
                                           + 1 for i in (0, 1)))
""",
            "output padding refused at the stride alone": """def my_shape(x_shape, weight_shape, stride=1, padding=0, output_padding=0, dilation=1):
    s, p, o, d = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation))
    if x_shape[1] != weight_shape[0] or any(o[i] >= s[i] for i in (0, 1)):
        raise ValueError("output padding must be smaller than the stride")
    return (x_shape[0], weight_shape[1], *((x_shape[2 + i] - 1) * s[i] - 2 * p[i] + d[i] * (weight_shape[2 + i] - 1) + o[i]
                                           + 1 for i in (0, 1)))
""",
        },
        "11.6": {
            "no moves": """def my_nearest(x, train, shift=1):
    table = torch.cdist(x.flatten(1), train.flatten(1)) / math.sqrt(x[0].numel())
    return table.min(1).values, table.min(1).indices
""",
            "the picture comes back on the other side": """def my_nearest(x, train, shift=1):
    moves = [(i, j) for i in range(-shift, shift + 1) for j in range(-shift, shift + 1)]
    tables = [torch.cdist(x.roll(move, (2, 3)).flatten(1), train.flatten(1)) for move in moves]
    table = torch.stack(tables).amin(0) / math.sqrt(x[0].numel())
    return table.min(1).values, table.min(1).indices
""",
            "no diagonal moves": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide = F.pad(x, (shift,) * 4)
    moves = [(i, shift) for i in range(2 * shift + 1)] + [(shift, j) for j in range(2 * shift + 1)]
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i, j in moves]
    table = torch.stack(tables).amin(0) / math.sqrt(h * w)
    return table.min(1).values, table.min(1).indices
""",
            "sum for mean": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    table = torch.stack(tables).amin(0)
    return table.min(1).values, table.min(1).indices
""",
            "mean of squares without the root": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    table = torch.stack(tables).amin(0).square() / (h * w)
    return table.min(1).values, table.min(1).indices
""",
            "index of the image asked about": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    table = torch.stack(tables).amin(0) / math.sqrt(h * w)
    return table.amin(1), table.min(0).indices[: len(x)]
""",
            "index of the last move": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    return torch.stack(tables).amin((0, 2)) / math.sqrt(h * w), tables[-1].argmin(1)
""",
            "height and width taken to be equal": """def my_nearest(x, train, shift=1):
    h = x.shape[2]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + h].flatten(1), train[..., :h].flatten(1)) for i in r for j in r]
    table = torch.stack(tables).amin(0) / h
    return table.min(1).values, table.min(1).indices
""",
            "moves to one side only": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (0, shift, 0, shift)), range(shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    table = torch.stack(tables).amin(0) / math.sqrt(h * w)
    return table.min(1).values, table.min(1).indices
""",
            "averages over the moves": """def my_nearest(x, train, shift=1):
    h, w = x.shape[2:]
    wide, r = F.pad(x, (shift,) * 4), range(2 * shift + 1)
    tables = [torch.cdist(wide[..., i : i + h, j : j + w].flatten(1), train.flatten(1)) for i in r for j in r]
    table = torch.stack(tables).mean(0) / math.sqrt(h * w)
    return table.min(1).values, table.min(1).indices
""",
        },
    }
)
