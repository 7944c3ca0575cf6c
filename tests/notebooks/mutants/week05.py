"""Plausible wrong answers to the exercises of week 5; each replaces the whole stub cell and must be rejected."""

MUTANTS = {
    "5.1": {
        "factor of the variance": """def my_gain(phi):
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    p = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    return 1 / ((phi(z).square() * p).sum() * (z[1] - z[0])).item()
""",
        "not inverted": """def my_gain(phi):
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    p = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    return ((phi(z).square() * p).sum() * (z[1] - z[0])).sqrt().item()
""",
        "variance instead of second moment": """def my_gain(phi):
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    p = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    mean = (phi(z) * p).sum()
    return ((phi(z).square() * p).sum() - mean**2).rsqrt().item()
""",
        "uniform z": """def my_gain(phi):
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    return phi(z).square().mean().rsqrt().item()
""",
        "slope at 0": """def my_gain(phi):
    z = torch.zeros((), dtype=torch.float64, requires_grad=True)
    phi(z).backward()
    return 1 / max(z.grad.item(), 1e-9)
""",
        "random numbers": """def my_gain(phi):
    return phi(torch.randn(1_000_000, dtype=torch.float64)).square().mean().rsqrt().item()
""",
        "a constant": """def my_gain(phi):
    return 2**0.5
""",
    },
    "5.2": {
        "unbiased variance for the batch": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / ((v * n / (n - 1) if training else v).view(c) + eps).sqrt() + beta.view(c), mean, var
""",
        "stores the biased variance": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt() + beta.view(c), mean, var
""",
        "momentum the other way round": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = momentum * mean + (1 - momentum) * m, momentum * var + (1 - momentum) * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt() + beta.view(c), mean, var
""",
        "batch statistics in evaluation": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = z.mean(dims), z.var(dims, correction=0), z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt() + beta.view(c), mean, var
""",
        "averages over the batch alone": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(0).flatten()[: z.shape[1]], z.var(0, correction=0).flatten()[: z.shape[1]]
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt() + beta.view(c), mean, var
""",
        "epsilon outside of the root": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c).sqrt() + eps) + beta.view(c), mean, var
""",
        "forgot beta": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt(), mean, var
""",
        "changes the running mean in place": """\
def my_batch_norm(z, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
    dims, c = [d for d in range(z.ndim) if d != 1], (1, -1) + (1,) * (z.ndim - 2)
    m, v, n = mean, var, z.numel() // z.shape[1]
    if training:
        m, v = z.mean(dims), z.var(dims, correction=0)
        old = mean
        mean, var = (1 - momentum) * mean + momentum * m, (1 - momentum) * var + momentum * v * n / (n - 1)
    if training:
        mean = old.copy_(mean)
    return gamma.view(c) * (z - m.view(c)) / (v.view(c) + eps).sqrt() + beta.view(c), mean, var
""",
    },
    "5.3": {
        "mean and deviation taken as constants": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0, correction=0) + eps).sqrt()
    return gamma * g / s, (g * (z - z.mean(0)) / s).sum(0), g.sum(0)
""",
        "deviation taken as a constant": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0, correction=0) + eps).sqrt()
    return gamma * (g - g.mean(0)) / s, (g * (z - z.mean(0)) / s).sum(0), g.sum(0)
""",
        "sums instead of means": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0, correction=0) + eps).sqrt()
    h = (z - z.mean(0)) / s
    return gamma * (g - g.sum(0) - h * (g * h).sum(0)) / s, (g * h).sum(0), g.sum(0)
""",
        "forgot gamma": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0, correction=0) + eps).sqrt()
    h = (z - z.mean(0)) / s
    return (g - g.mean(0) - h * (g * h).mean(0)) / s, (g * h).sum(0), g.sum(0)
""",
        "means for gamma and beta": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0, correction=0) + eps).sqrt()
    h = (z - z.mean(0)) / s
    return gamma * (g - g.mean(0) - h * (g * h).mean(0)) / s, (g * h).mean(0), g.mean(0)
""",
        "unbiased variance": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = (z.var(0) + eps).sqrt()
    h = (z - z.mean(0)) / s
    return gamma * (g - g.mean(0) - h * (g * h).mean(0)) / s, (g * h).sum(0), g.sum(0)
""",
        "forgot epsilon": """def my_batch_norm_backward(g, z, gamma, eps=1e-5):
    s = z.var(0, correction=0).sqrt()
    h = (z - z.mean(0)) / s
    return gamma * (g - g.mean(0) - h * (g * h).mean(0)) / s, (g * h).sum(0), g.sum(0)
""",
    },
    "5.4": {
        "scales by the keep probability": """def my_dropout(x, p, training, generator):
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p) * (1 - p)
""",
        "does not scale": """def my_dropout(x, p, training, generator):
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p)
""",
        "takes p for the keep probability": """def my_dropout(x, p, training, generator):
    if not training or p == 0:
        return x
    return x * (torch.rand(x.shape, generator=generator) < p) / p
""",
        "older convention, scales in use": """def my_dropout(x, p, training, generator):
    if not training:
        return x * (1 - p)
    return x * (torch.rand(x.shape, generator=generator) >= p)
""",
        "drops in use as well": """def my_dropout(x, p, training, generator):
    if p == 1:
        return torch.zeros_like(x)
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)
""",
        "one mask for all examples": """def my_dropout(x, p, training, generator):
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)
    return x * (torch.rand(x.shape[1:], generator=generator) >= p) / (1 - p)
""",
        "drops whole examples": """def my_dropout(x, p, training, generator):
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)
    mask = torch.rand(len(x), *[1] * (x.ndim - 1), generator=generator) >= p
    return x * mask / (1 - p)
""",
        "ignores the generator": """def my_dropout(x, p, training, generator):
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)
    return x * (torch.rand(x.shape) >= p) / (1 - p)
""",
        "divides by zero at p = 1": """def my_dropout(x, p, training, generator):
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)
""",
        "always the same mask": """def my_dropout(x, p, training, generator):
    if not training or p == 0:
        return x
    if p == 1:
        return torch.zeros_like(x)
    return x * (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= p) / (1 - p)
""",
    },
    "5.5": {
        "label by the drawn share": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * math.sqrt(1 - kappa)), int(w * math.sqrt(1 - kappa))
    top, left = centre[0] - a // 2, centre[1] - b // 2
    rows, cols = slice(max(top, 0), min(top + a, h)), slice(max(left, 0), min(left + b, w))
    mixed = x.clone()
    mixed[:, :, rows, cols] = x[order][:, :, rows, cols]
    return mixed, kappa * y + (1 - kappa) * y[order]
""",
        "no clipping": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * math.sqrt(1 - kappa)), int(w * math.sqrt(1 - kappa))
    top, left = centre[0] - a // 2, centre[1] - b // 2
    mixed = x.clone()
    mixed[:, :, top : top + a, left : left + b] = x[order][:, :, top : top + a, left : left + b]
    share = 1 - a * b / (h * w)
    return mixed, share * y + (1 - share) * y[order]
""",
        "sides without the root": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * (1 - kappa)), int(w * (1 - kappa))
    top, left = centre[0] - a // 2, centre[1] - b // 2
    rows, cols = slice(max(top, 0), min(top + a, h)), slice(max(left, 0), min(left + b, w))
    mixed = x.clone()
    mixed[:, :, rows, cols] = x[order][:, :, rows, cols]
    share = 1 - (rows.stop - rows.start) * (cols.stop - cols.start) / (h * w)
    return mixed, share * y + (1 - share) * y[order]
""",
        "labels the wrong way round": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * math.sqrt(1 - kappa)), int(w * math.sqrt(1 - kappa))
    top, left = centre[0] - a // 2, centre[1] - b // 2
    rows, cols = slice(max(top, 0), min(top + a, h)), slice(max(left, 0), min(left + b, w))
    mixed = x.clone()
    mixed[:, :, rows, cols] = x[order][:, :, rows, cols]
    share = 1 - (rows.stop - rows.start) * (cols.stop - cols.start) / (h * w)
    return mixed, (1 - share) * y + share * y[order]
""",
        "changes the images in place": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * math.sqrt(1 - kappa)), int(w * math.sqrt(1 - kappa))
    top, left = centre[0] - a // 2, centre[1] - b // 2
    rows, cols = slice(max(top, 0), min(top + a, h)), slice(max(left, 0), min(left + b, w))
    x[:, :, rows, cols] = x[order][:, :, rows, cols]
    share = 1 - (rows.stop - rows.start) * (cols.stop - cols.start) / (h * w)
    return x, share * y + (1 - share) * y[order]
""",
        "centre is (column, row)": """def my_cutmix(x, y, order, kappa, centre):
    h, w = x.shape[2:]
    a, b = int(h * math.sqrt(1 - kappa)), int(w * math.sqrt(1 - kappa))
    top, left = centre[1] - a // 2, centre[0] - b // 2
    rows, cols = slice(max(top, 0), min(top + a, h)), slice(max(left, 0), min(left + b, w))
    mixed = x.clone()
    mixed[:, :, rows, cols] = x[order][:, :, rows, cols]
    share = 1 - (rows.stop - rows.start) * (cols.stop - cols.start) / (h * w)
    return mixed, share * y + (1 - share) * y[order]
""",
        "mixup": """def my_cutmix(x, y, order, kappa, centre):
    return kappa * x + (1 - kappa) * x[order], kappa * y + (1 - kappa) * y[order]
""",
    },
    "5.6": {
        "one ruler for the whole matrix": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = min(w.min().item(), 0), max(w.max().item(), 0)
    s = torch.full((len(w), 1), (high - low) / top or 1.0)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, top).to(torch.uint8), s, z
""",
        "range without zero": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = w.amin(1, keepdim=True), w.amax(1, keepdim=True)
    s = (high - low) / top
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, top).to(torch.uint8), s, z
""",
        "always eight bits": """def my_quantise(w, bits=8):
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / 255
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, 255).to(torch.uint8), s, z
""",
        "cuts off instead of rounding": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / top
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return (w / s + z).clamp(0, top).to(torch.uint8), s, z
""",
        "divides by zero": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / top
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, top).to(torch.uint8), s, z
""",
        "symmetric, without a zero point": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    s = 2 * w.abs().amax(1, keepdim=True) / top
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = torch.full_like(s, 2 ** (bits - 1))
    return ((w / s).round() + z).clamp(0, top).to(torch.uint8), s, z
""",
        "256 steps between 256 marks": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / 2**bits
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, top).to(torch.uint8), s, z
""",
        "returns floats": """def my_quantise(w, bits=8):
    top = 2**bits - 1
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / top
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, top), s, z
""",
    },
}
