"""Plausible wrong answers to the exercises of week 4; each replaces the whole stub cell and must be rejected."""

GRADIENTS = '''def my_mlp_gradients(x, y, weights, biases):
    hidden = [x]
    for i, (w, b) in enumerate(zip(weights, biases)):
        z = hidden[-1] @ w.T + b
        hidden.append(np.tanh(z) if i < len(weights) - 1 else z)
    rows = np.arange(len(y))
    shifted = hidden[-1] - hidden[-1].max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    delta = np.exp(log_p)
    delta[rows, y] -= 1
    delta /= len(y)
    dw, db = [], []
    for i in reversed(range(len(weights))):
        dw.insert(0, delta.T @ hidden[i])
        db.insert(0, delta.sum(0))
        if i:
            delta = (delta @ weights[i]) * (1 - hidden[i] ** 2)
    return -log_p[rows, y].mean(), dw, db
'''
ADAM = '''def my_adam(theta, g, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0, correct=True):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    q = state["q"] = beta2 * state.get("q", 0) + (1 - beta2) * g**2
    if correct:
        m, q = m / (1 - beta1**t), q / (1 - beta2**t)
    return theta - lr * m / (q**0.5 + eps) - lr * decay * theta
'''
SHARPNESS = '''def my_sharpness(loss, theta, steps=100):
    theta = theta.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    v, value = torch.randn_like(theta), 0.0
    for _ in range(steps):
        v = v / v.norm()
        (hv,) = torch.autograd.grad(g @ v, theta, retain_graph=True)
        value, v = (v @ hv).item(), hv.detach()
    return value
'''


def changed(source, old, new):
    assert source.count(old) == 1, f"{source.count(old)} times: {old}"
    return source.replace(old, new)


MUTANTS = {
    "4.1": {
        "sums the added axes only": """def my_unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(0)
    return g
""",
        "drops the stretched axes": """def my_unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(0)
    for i in reversed([i for i, n in enumerate(shape) if n == 1]):
        g = g.sum(i)
    return g
""",
        "mean instead of sum": """def my_unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.mean(0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.mean(i, keepdim=True)
    return g
""",
        "takes one of the copies": """def my_unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    for i, n in enumerate(shape):
        if n == 1:
            g = g.narrow(i, 0, 1)
    return g
""",
        "matches axes from the left": """def my_unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(-1)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(i, keepdim=True)
    return g
""",
        "reshapes": """def my_unbroadcast(g, shape):
    return g.reshape(-1)[: math.prod(shape)].reshape(shape)
""",
    },
    "4.2": {
        "forgot the mean over the batch": changed(GRADIENTS, "    delta /= len(y)\n", ""),
        "forgot the slope of tanh": changed(GRADIENTS, " * (1 - hidden[i] ** 2)", ""),
        "slope of the sigmoid": changed(GRADIENTS, "(1 - hidden[i] ** 2)", "hidden[i] * (1 - hidden[i])"),
        "slope at the wrong layer": changed(GRADIENTS, "(1 - hidden[i] ** 2)", "(1 - np.tanh(hidden[i]) ** 2)"),
        "weight gradient lies on its side": changed(GRADIENTS, "delta.T @ hidden[i]", "hidden[i].T @ delta"),
        "mean of the bias gradients": changed(GRADIENTS, "delta.sum(0)", "delta.mean(0)"),
        "logits overflow": changed(GRADIENTS, "hidden[-1] - hidden[-1].max(1, keepdims=True)", "hidden[-1]"),
        "tanh on the logits as well": changed(GRADIENTS, "np.tanh(z) if i < len(weights) - 1 else z", "np.tanh(z)"),
        "total instead of mean loss": changed(GRADIENTS, "-log_p[rows, y].mean()", "-log_p[rows, y].sum()"),
        "last layer first": changed(GRADIENTS, "dw.insert(0, delta.T @ hidden[i])", "dw.append(delta.T @ hidden[i])"),
    },
    "4.3": {
        "gradient at theta": """def my_nesterov(gradient, theta, v, lr, mu):
    v = mu * v + gradient(theta)
    return theta - lr * v, v
""",
        "looks back instead of ahead": """def my_nesterov(gradient, theta, v, lr, mu):
    v = mu * v + gradient(theta + lr * mu * v)
    return theta - lr * v, v
""",
        "forgot the rate in the look-ahead": """def my_nesterov(gradient, theta, v, lr, mu):
    v = mu * v + gradient(theta - mu * v)
    return theta - lr * v, v
""",
        "moves by the old velocity": """def my_nesterov(gradient, theta, v, lr, mu):
    new = mu * v + gradient(theta - lr * mu * v)
    return theta - lr * v, new
""",
        "averaging form": """def my_nesterov(gradient, theta, v, lr, mu):
    v = mu * v + (1 - mu) * gradient(theta - lr * mu * v)
    return theta - lr * v, v
""",
        "starts from the look-ahead point": """def my_nesterov(gradient, theta, v, lr, mu):
    ahead = theta - lr * mu * v
    v = mu * v + gradient(ahead)
    return ahead - lr * v, v
""",
        "returns theta only": """def my_nesterov(gradient, theta, v, lr, mu):
    return theta - lr * (mu * v + gradient(theta - lr * mu * v))
""",
        "changes theta in place": """def my_nesterov(gradient, theta, v, lr, mu):
    v = mu * v + gradient(theta - lr * mu * v)
    theta -= lr * v
    return theta, v
""",
    },
    "4.4": {
        "forgot the root": changed(ADAM, "q**0.5", "q"),
        "average of gradients instead of their squares": changed(ADAM, "(1 - beta2) * g**2", "(1 - beta2) * g.abs()"),
        "eps inside the root": changed(ADAM, "(q**0.5 + eps)", "(q + eps) ** 0.5"),
        "corrects the stored averages": changed(
            ADAM,
            "        m, q = m / (1 - beta1**t), q / (1 - beta2**t)\n",
            "        m, q = m / (1 - beta1**t), q / (1 - beta2**t)\n        state['m'], state['q'] = m, q\n",
        ),
        "corrects the first moment only": changed(ADAM, "q / (1 - beta2**t)", "q"),
        "always corrects": changed(ADAM, "    if correct:", "    if True:"),
        "counts steps from 0": changed(ADAM, 'state.get("t", 0) + 1', 'state.get("t", 0) + 1 if "t" in state else 0'),
        "betas swapped": changed(changed(ADAM, "beta1 * state", "beta2 * state"), '(1 - beta1) * g\n', "(1 - beta2) * g\n"),
        "decay through the gradient": changed(
            changed(ADAM, " - lr * decay * theta", ""), "    t = state", "    g = g + decay * theta\n    t = state"
        ),
        "decay without the rate": changed(ADAM, "- lr * decay * theta", "- decay * theta"),
        "no memory": changed(ADAM, 'beta1 * state.get("m", 0)', "0"),
    },
    "4.5": {
        "warm-up starts at 0": """def my_warmup_cosine(step, warmup, total):
    if step < warmup:
        return step / warmup
    if step >= total:
        return 0.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
""",
        "cosine counts from step 0": """def my_warmup_cosine(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * step / total)) if step < total else 0.0
""",
        "rises again after the end": """def my_warmup_cosine(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
""",
        "whole wave": """def my_warmup_cosine(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    if step >= total:
        return 0.0
    return 0.5 * (1 + math.cos(2 * math.pi * (step - warmup) / (total - warmup)))
""",
        "linear decay": """def my_warmup_cosine(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, 1 - (step - warmup) / (total - warmup))
""",
        "no warm-up": """def my_warmup_cosine(step, warmup, total):
    return 0.5 * (1 + math.cos(math.pi * max(step - warmup, 0) / (total - warmup))) if step < total else 0.0
""",
    },
    "4.6": {
        "forgot the sign": changed(SHARPNESS, "(v @ hv).item()", "hv.norm().item()"),
        "v is not of length 1": changed(SHARPNESS, "v / v.norm()", "v / v.abs().max()"),
        "one step is enough": changed(SHARPNESS, "range(steps)", "range(1)"),
        "gradient norm": """def my_sharpness(loss, theta, steps=100):
    theta = theta.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta)
    return g.norm().item()
""",
        "trace of the Hessian": """def my_sharpness(loss, theta, steps=100):
    return torch.autograd.functional.hessian(loss, theta.detach()).trace().item()
""",
        "largest, not largest in absolute value": """def my_sharpness(loss, theta, steps=100):
    return torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta.detach())).max().item()
""",
        "the way out is lost": changed(SHARPNESS, ", create_graph=True", ""),
        "Hessian at zero": changed(SHARPNESS, "theta.detach().clone()", "torch.zeros_like(theta)"),
    },
}
