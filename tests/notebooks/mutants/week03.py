"""Plausible wrong answers to the exercises of week 3; each replaces the whole stub cell and must be rejected."""

MUTANTS = {
    "3.1": {
        "no rounding": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (k - 1) - 1) / stride + 1
""",
        "forgot the dilation": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - k) // stride + 1
""",
        "counts steps, not positions": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (k - 1) - 1) // stride
""",
        "padding on one side only": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return (n + padding - dilation * (k - 1) - 1) // stride + 1
""",
        "rounds up": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return -(-(n + 2 * padding - dilation * (k - 1) - 1) // stride) + 1
""",
        "span is d times k": """def my_out_size(n, k, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * k) // stride + 1
""",
    },
    "3.2": {
        "flips the kernel": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, w.flip(-1, -2), b, stride=stride, padding=padding, dilation=dilation)
""",
        "ignores the dilation": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, w, b, stride=stride, padding=padding)
""",
        "forgot the bias": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, w, None, stride=stride, padding=padding, dilation=dilation)
""",
        "reshapes without moving the channel axis": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    c_out, _, kh, kw = w.shape
    patches = F.unfold(x, (kh, kw), dilation=dilation, padding=padding, stride=stride).transpose(1, 2)
    y = patches @ w.flatten(1).T + (0 if b is None else b)
    h = (x.shape[2] + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    return y.reshape(len(x), c_out, h, -1)
""",
        "pads right and bottom only": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    x = F.pad(x, (0, 2 * padding, 0, 2 * padding))
    return F.conv2d(x, w, b, stride=stride, dilation=dilation)
""",
        "kernel turned on its side": """def my_conv2d(x, w, b=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, w.transpose(2, 3), b, stride=stride, padding=padding, dilation=dilation)
""",
    },
    "3.3": {
        "ties all win": """def my_pool_gradient(x, g, k):
    big = lambda t: t.repeat_interleave(k, 2).repeat_interleave(k, 3)
    return (x == big(F.max_pool2d(x, k))).to(x.dtype) * big(g)
""",
        "spreads evenly, as average pooling does": """def my_pool_gradient(x, g, k):
    return g.repeat_interleave(k, 2).repeat_interleave(k, 3) / k**2
""",
        "everyone gets everything": """def my_pool_gradient(x, g, k):
    return g.repeat_interleave(k, 2).repeat_interleave(k, 3)
""",
        "ignores g": """def my_pool_gradient(x, g, k):
    _, winners = F.max_pool2d(x, k, return_indices=True)
    return torch.zeros_like(x).flatten(2).scatter(2, winners.flatten(2), 1.0).view_as(x)
""",
        "a constant": """def my_pool_gradient(x, g, k):
    return torch.zeros_like(x)
""",
    },
    "3.4": {
        "mean instead of maximum": """def my_spp(x, levels=(1, 2, 4)):
    return torch.cat([F.adaptive_avg_pool2d(x, n).flatten(1) for n in levels], 1)
""",
        "cells do not overlap": """def my_spp(x, levels=(1, 2, 4)):
    h, w = x.shape[2:]
    out = []
    for n in levels:
        cells = [x[:, :, i * h // n : (i + 1) * h // n, j * w // n : (j + 1) * w // n].amax((2, 3)) for i in range(n) for j in range(n)]
        out.append(torch.stack(cells, 2).flatten(1))
    return torch.cat(out, 1)
""",
        "only the finest level": """def my_spp(x, levels=(1, 2, 4)):
    return F.adaptive_max_pool2d(x, levels[-1]).flatten(1)
""",
        "cells before channels": """def my_spp(x, levels=(1, 2, 4)):
    return torch.cat([F.adaptive_max_pool2d(x, n).permute(0, 2, 3, 1).flatten(1) for n in levels], 1)
""",
        "columns taken from the height": """def my_spp(x, levels=(1, 2, 4)):
    h = x.shape[2]
    out = []
    for n in levels:
        cut = [(i * h // n, -(-(i + 1) * h // n)) for i in range(n)]
        cells = [x[:, :, a:b, c:d].amax((2, 3)) for a, b in cut for c, d in cut]
        out.append(torch.stack(cells, 2).flatten(1))
    return torch.cat(out, 1)
""",
        "columns before rows": """def my_spp(x, levels=(1, 2, 4)):
    return torch.cat([F.adaptive_max_pool2d(x, n).transpose(2, 3).flatten(1) for n in levels], 1)
""",
    },
    "3.5": {
        "adds up the kernels": """def my_receptive_field(layers):
    return sum(k for k, _, _ in layers) or 1, math.prod(s for _, s, _ in layers)
""",
        "jump taken after the layer's own stride": """def my_receptive_field(layers):
    r, j = 1, 1
    for k, s, d in layers:
        j *= s
        r += (k - 1) * d * j
    return r, j
""",
        "forgot the dilation": """def my_receptive_field(layers):
    r, j = 1, 1
    for k, s, _ in layers:
        r += (k - 1) * j
        j *= s
    return r, j
""",
        "forgot the strides": """def my_receptive_field(layers):
    return 1 + sum((k - 1) * d for k, _, d in layers), 1
""",
        "walks from output to input": """def my_receptive_field(layers):
    r, j = 1, 1
    for k, s, d in reversed(layers):
        r += (k - 1) * d * j
        j *= s
    return r, j
""",
        "dilation joins the jump": """def my_receptive_field(layers):
    r, j = 1, 1
    for k, s, d in layers:
        r += (k - 1) * d * j
        j *= s * d
    return r, j
""",
    },
    "3.6": {
        "stamps overwrite each other": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    n, _, h, v = y.shape
    _, c_out, kh, kw = w.shape
    out = y.new_zeros(n, c_out, (h - 1) * stride + kh, (v - 1) * stride + kw)
    for a in range(kh):
        for b in range(kw):
            stamp = torch.einsum("nihw,io->nohw", y, w[:, :, a, b])
            out[:, :, a : a + stride * (h - 1) + 1 : stride, b : b + stride * (v - 1) + 1 : stride] = stamp
    return out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding]
""",
        "flips the kernel": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    return F.conv_transpose2d(y, w.flip(-1, -2), stride=stride, padding=padding)
""",
        "forgot to cut the padding": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    return F.conv_transpose2d(y, w, stride=stride)
""",
        "cuts right and bottom only": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    out = F.conv_transpose2d(y, w, stride=stride)
    return out[:, :, : out.shape[2] - 2 * padding, : out.shape[3] - 2 * padding]
""",
        "an ordinary convolution": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    return F.conv2d(y, w.transpose(0, 1), stride=stride, padding=padding)
""",
        "ignores the stride": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    return F.conv_transpose2d(y, w, padding=padding)
""",
        "sums over the input channels without weights of their own": """def my_conv_transpose2d(y, w, stride=1, padding=0):
    same = w.mean(0, keepdim=True).expand_as(w)
    return F.conv_transpose2d(y, same, stride=stride, padding=padding)
""",
    },
}
