"""Plausible wrong answers to the exercises of week 2; every check must reject its own."""

MUTANTS = {
    "2.1": {
        "activation after the last layer too": '''\
def my_forward(x, layers, activation):
    for W, b in layers:
        x = activation(x @ W.T + b)
    return x
''',
        "no activation at all": '''\
def my_forward(x, layers, activation):
    for W, b in layers:
        x = x @ W.T + b
    return x
''',
        "forgot the bias": '''\
def my_forward(x, layers, activation):
    for W, _ in layers[:-1]:
        x = activation(x @ W.T)
    return x @ layers[-1][0].T
''',
        "weight not transposed where it is square": '''\
def my_forward(x, layers, activation):
    for k, (W, b) in enumerate(layers):
        x = x @ (W if W.shape[0] == W.shape[1] else W.T) + b
        if k < len(layers) - 1:
            x = activation(x)
    return x
''',
        "always ReLU": '''\
def my_forward(x, layers, activation):
    for W, b in layers[:-1]:
        x = torch.relu(x @ W.T + b)
    return x @ layers[-1][0].T + layers[-1][1]
''',
    },
    "2.2": {
        "forgot the biases": '''\
def my_parameter_count(sizes, bias=True):
    return sum(a * b for a, b in zip(sizes[:-1], sizes[1:]))
''',
        "one bias per input": '''\
def my_parameter_count(sizes, bias=True):
    return sum(a * b + bias * a for a, b in zip(sizes[:-1], sizes[1:]))
''',
        "forgot the output layer": '''\
def my_parameter_count(sizes, bias=True):
    pairs = list(zip(sizes[:-1], sizes[1:]))
    pairs = pairs[:-1] if len(pairs) > 1 else pairs
    return sum((a + bias) * b for a, b in pairs)
''',
        "first layer times number of layers": '''\
def my_parameter_count(sizes, bias=True):
    return (sizes[0] + bias) * sizes[1] * max(1, len(sizes) - 2)
''',
        "ignores the bias argument": '''\
def my_parameter_count(sizes, bias=True):
    return sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:]))
''',
    },
    "2.3": {
        "maximum of z and alpha z": '''\
def my_leaky_relu(z, alpha):
    return torch.maximum(z, alpha * z), torch.where(z > 0, 1.0, alpha).to(z)
''',
        "slope 1 at zero": '''\
def my_leaky_relu(z, alpha):
    slope = torch.where(z >= 0, torch.ones_like(z), torch.full_like(z, alpha))
    return slope * z, slope
''',
        "plain ReLU": '''\
def my_leaky_relu(z, alpha):
    return z.clamp(min=0), (z > 0).to(z)
''',
        "alpha fixed at 0.01": '''\
def my_leaky_relu(z, alpha):
    slope = torch.where(z > 0, torch.ones_like(z), torch.full_like(z, 0.01))
    return slope * z, slope
''',
        "value only": '''\
def my_leaky_relu(z, alpha):
    return torch.where(z > 0, z, alpha * z)
''',
        "changes its input": '''\
def my_leaky_relu(z, alpha):
    slope = torch.where(z > 0, torch.ones_like(z), torch.full_like(z, alpha))
    z *= slope
    return z, slope
''',
    },
    "2.4": {
        "no maximum subtracted": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    loss = -p[rows, y].log().mean()
    p[rows, y] -= 1
    return loss, p / len(y)
''',
        "log of a stable softmax": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    e = (logits - logits.max(dim=1, keepdim=True).values).exp()
    p = e / e.sum(dim=1, keepdim=True)
    loss = -p[rows, y].log().mean()
    p[rows, y] -= 1
    return loss, p / len(y)
''',
        "one maximum for the whole batch": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    shifted = logits - logits.max()
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    gradient = log_p.exp()
    gradient[rows, y] -= 1
    return -log_p[rows, y].mean(), gradient / len(y)
''',
        "sum instead of mean": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    gradient = log_p.exp()
    gradient[rows, y] -= 1
    return -log_p[rows, y].sum(), gradient
''',
        "gradient not divided by N": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    gradient = log_p.exp()
    gradient[rows, y] -= 1
    return -log_p[rows, y].mean(), gradient
''',
        "softmax over the batch": '''\
def my_cross_entropy(logits, y):
    rows = torch.arange(len(y))
    shifted = logits - logits.max(dim=0, keepdim=True).values
    log_p = shifted - shifted.exp().sum(dim=0, keepdim=True).log()
    gradient = log_p.exp()
    gradient[rows, y] -= 1
    return -log_p[rows, y].mean(), gradient / len(y)
''',
    },
    "2.5": {
        "brackets missing": '''\
def my_bce_with_logits(z, y):
    p = torch.sigmoid(z)
    return (-y * p.log() + (1 - y) * (1 - p).log()).mean()
''',
        "sigmoid, then logarithm": '''\
def my_bce_with_logits(z, y):
    p = torch.sigmoid(z)
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()
''',
        "probabilities clamped": '''\
def my_bce_with_logits(z, y):
    p = torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()
''',
        "forgot the absolute value": '''\
def my_bce_with_logits(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z))).mean()
''',
        "sum instead of mean": '''\
def my_bce_with_logits(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).sum()
''',
        "plain formula log(1 + exp z)": '''\
def my_bce_with_logits(z, y):
    return (torch.log(1 + torch.exp(z)) - z * y).mean()
''',
        "targets taken as classes only": '''\
def my_bce_with_logits(z, y):
    signs = torch.where(y > 0.5, -z, z)
    return (signs.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))).mean()
''',
    },
    "2.6": {
        "climb instead of change of climb": '''\
def my_polygon(knots, heights):
    climb = heights.diff() / knots.diff()
    return [(torch.ones(len(climb), 1), -knots[:-1]), (climb[None], heights[:1])]
''',
        "rise not divided by run": '''\
def my_polygon(knots, heights):
    climb = heights.diff()
    changes = torch.cat([climb[:1], climb.diff()])
    return [(torch.ones(len(climb), 1), -knots[:-1]), (changes[None], heights[:1])]
''',
        "units wake up at minus the knot": '''\
def my_polygon(knots, heights):
    climb = heights.diff() / knots.diff()
    changes = torch.cat([climb[:1], climb.diff()])
    return [(torch.ones(len(climb), 1), knots[:-1]), (changes[None], heights[:1])]
''',
        "starts at zero height": '''\
def my_polygon(knots, heights):
    climb = heights.diff() / knots.diff()
    changes = torch.cat([climb[:1], climb.diff()])
    return [(torch.ones(len(climb), 1), -knots[:-1]), (changes[None], torch.zeros(1))]
''',
        "one unit too many": '''\
def my_polygon(knots, heights):
    climb = heights.diff() / knots.diff()
    changes = torch.cat([climb[:1], climb.diff(), torch.zeros(1)])
    return [(torch.ones(len(knots), 1), -knots), (changes[None], heights[:1])]
''',
        "output weight as a column": '''\
def my_polygon(knots, heights):
    climb = heights.diff() / knots.diff()
    changes = torch.cat([climb[:1], climb.diff()])
    return [(torch.ones(1, len(climb)), -knots[:-1]), (changes[:, None], heights[:1])]
''',
    },
}
