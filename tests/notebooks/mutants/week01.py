"""Plausible wrong answers to the exercises of week 1."""

MUTANTS = {
    "1.1": {
        "sum instead of mean": """\
def my_step(w, b, x, y, eta):
    error = w * x + b - y
    return w - eta * 2 * (error * x).sum(), b - eta * 2 * error.sum()
""",
        "uphill": """\
def my_step(w, b, x, y, eta):
    error = w * x + b - y
    return w + eta * 2 * (error * x).mean(), b + eta * 2 * error.mean()
""",
        "b at the new w": """\
def my_step(w, b, x, y, eta):
    w = w - eta * 2 * ((w * x + b - y) * x).mean()
    b = b - eta * 2 * (w * x + b - y).mean()
    return w, b
""",
        "forgot the factor 2": """\
def my_step(w, b, x, y, eta):
    error = w * x + b - y
    return w - eta * (error * x).mean(), b - eta * error.mean()
""",
        "changes its input": """\
def my_step(w, b, x, y, eta):
    error = w * x + b - y
    w -= eta * 2 * (error * x).mean()
    b -= eta * 2 * error.mean()
    return w, b
""",
        "returns the slopes": """\
def my_step(w, b, x, y, eta):
    error = w * x + b - y
    return 2 * (error * x).mean(), 2 * error.mean()
""",
    },
    "1.2": {
        "margin 0 counts as right": """\
def my_pass(w, b, x, y):
    mistakes = 0
    for row, target in zip(x, y):
        if target * (row @ w + b) < 0:
            w, b, mistakes = w + target * row, b + target, mistakes + 1
    return w, b, mistakes
""",
        "all mistakes judged by the first w": """\
def my_pass(w, b, x, y):
    wrong = y * (x @ w + b) <= 0
    return w + (y[wrong][:, None] * x[wrong]).sum(0), b + y[wrong].sum(), int(wrong.sum())
""",
        "bias never learns": """\
def my_pass(w, b, x, y):
    mistakes = 0
    for row, target in zip(x, y):
        if target * (row @ w + b) <= 0:
            w, mistakes = w + target * row, mistakes + 1
    return w, b, mistakes
""",
        "learns from every example": """\
def my_pass(w, b, x, y):
    mistakes = 0
    for row, target in zip(x, y):
        mistakes += int(target * (row @ w + b) <= 0)
        w, b = w + target * row, b + target
    return w, b, mistakes
""",
        "changes its input": """\
def my_pass(w, b, x, y):
    mistakes = 0
    for row, target in zip(x, y):
        if target * (row @ w + b) <= 0:
            w += target * row
            b, mistakes = b + target, mistakes + 1
    return w, b, mistakes
""",
        "forgot the sign of the class": """\
def my_pass(w, b, x, y):
    mistakes = 0
    for row, target in zip(x, y):
        if target * (row @ w + b) <= 0:
            w, b, mistakes = w + row, b + 1.0, mistakes + 1
    return w, b, mistakes
""",
        "does not count": """\
def my_pass(w, b, x, y):
    for row, target in zip(x, y):
        if target * (row @ w + b) <= 0:
            w, b = w + target * row, b + target
    return w, b
""",
    },
    "1.3": {
        "mean over the active ones only": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = y * (x @ w + b) < 1
    if not active.any():
        return lam * w, torch.zeros_like(b)
    return lam * w - (y[active][:, None] * x[active]).mean(0), -y[active].mean()
""",
        "penalises the bias": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 1).to(x.dtype)
    return lam * w - ((active * y)[:, None] * x).mean(0), lam * b - (active * y).mean()
""",
        "forgot the penalty": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 1).to(x.dtype)
    return -((active * y)[:, None] * x).mean(0), -(active * y).mean()
""",
        "penalty twice as strong": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 1).to(x.dtype)
    return 2 * lam * w - ((active * y)[:, None] * x).mean(0), -(active * y).mean()
""",
        "kink at 0: the perceptron's": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 0).to(x.dtype)
    return lam * w - ((active * y)[:, None] * x).mean(0), -(active * y).mean()
""",
        "forgot the class": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 1).to(x.dtype)
    return lam * w - (active[:, None] * x).mean(0), -active.mean()
""",
        "every example active": """\
def my_hinge_slopes(w, b, x, y, lam):
    return lam * w - (y[:, None] * x).mean(0), -y.mean()
""",
        "sum instead of mean": """\
def my_hinge_slopes(w, b, x, y, lam):
    active = (y * (x @ w + b) < 1).to(x.dtype)
    return lam * w - ((active * y)[:, None] * x).sum(0), -(active * y).sum()
""",
    },
    "1.4": {
        "width from the batch": """\
def my_one_hot(y, classes):
    return (y[:, None] == torch.arange(int(y.max()) + 1)).to(torch.float32)
""",
        "integers": """\
def my_one_hot(y, classes):
    return (y[:, None] == torch.arange(classes)).long()
""",
        "classes as rows": """\
def my_one_hot(y, classes):
    return (torch.arange(classes)[:, None] == y).to(torch.float32)
""",
        "counts from one": """\
def my_one_hot(y, classes):
    return (y[:, None] == torch.arange(1, classes + 1)).to(torch.float32)
""",
        "true and false": """\
def my_one_hot(y, classes):
    return y[:, None] == torch.arange(classes)
""",
        "all ones up to the class": """\
def my_one_hot(y, classes):
    return (torch.arange(classes) <= y[:, None]).to(torch.float32)
""",
    },
    "1.5": {
        "not shuffled": """\
def my_split(n, val, test, generator):
    order = torch.arange(n)
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[:a], order[a : a + b]
""",
        "validation and test overlap": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n, generator=generator)
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[:a], order[:b]
""",
        "rounding loses an example": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n, generator=generator)
    a, b, c = int(n * val), int(n * test), int(n * (1 - val - test))
    return order[a + b : a + b + c], order[:a], order[a : a + b]
""",
        "ignores the generator": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n)
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[:a], order[a : a + b]
""",
        "always the same seed": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[:a], order[a : a + b]
""",
        "drawn with replacement": """\
def my_split(n, val, test, generator):
    order = torch.randint(0, n, (n,), generator=generator)
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[:a], order[a : a + b]
""",
        "test first": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n, generator=generator)
    a, b = round(n * val), round(n * test)
    return order[a + b :], order[a : a + b], order[:a]
""",
        "cut at index 0 from the end": """\
def my_split(n, val, test, generator):
    order = torch.randperm(n, generator=generator)
    a, b = round(n * val), round(n * test)
    return order[: -(a + b)], order[-(a + b) : -b], order[-b:]
""",
    },
}
