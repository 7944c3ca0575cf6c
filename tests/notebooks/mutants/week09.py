"""Plausible wrong answers to the exercises of week 9; each replaces the whole stub cell and must be rejected."""


def _changed(source, *pairs):
    for old, new in pairs:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


MUTANTS = {}

# A

_ADDITIVE = """def my_additive(q, h, real, U, W, v):
    scores = torch.tanh((q @ U.T)[:, :, None] + (h @ W.T)[:, None]) @ v
    return scores.masked_fill(~real[:, None], -math.inf).softmax(-1)
"""
_BEAM = """def my_beam_step(totals, logp, ended, beams):
    silent = torch.full_like(logp, -math.inf)
    silent[:, PAD] = 0
    every = totals[:, None] + torch.where(ended[:, None], silent, logp)
    best, where = every.flatten().topk(beams)
    return best, where // logp.shape[1], where % logp.shape[1]
"""

MUTANTS.update(
    {
        "9.1": {
            "mask after the softmax": _changed(
                _ADDITIVE,
                ("scores.masked_fill(~real[:, None], -math.inf).softmax(-1)", "scores.softmax(-1) * real[:, None]"),
            ),
            "mask upside down": _changed(_ADDITIVE, ("~real", "real")),
            "no mask": _changed(_ADDITIVE, (".masked_fill(~real[:, None], -math.inf)", "")),
            "masked with 0": _changed(_ADDITIVE, ("-math.inf", "0.0")),
            "softmax over the queries": _changed(_ADDITIVE, ("softmax(-1)", "softmax(1)")),
            "no tanh": _changed(_ADDITIVE, ("torch.tanh((", "((")),
            "U and W exchanged": _changed(_ADDITIVE, ("q @ U.T", "q @ W.T"), ("h @ W.T", "h @ U.T")),
            "scores, not weights": _changed(_ADDITIVE, (".softmax(-1)", "")),
            "source by target": _changed(_ADDITIVE, (".softmax(-1)", ".softmax(-1).mT")),
            "tanh of each part": _changed(
                _ADDITIVE,
                (
                    "torch.tanh((q @ U.T)[:, :, None] + (h @ W.T)[:, None])",
                    "(torch.tanh(q @ U.T)[:, :, None] + torch.tanh(h @ W.T)[:, None])",
                ),
            ),
        },
        "9.2": {
            "forgets the totals": _changed(_BEAM, ("totals[:, None] + ", "")),
            "multiplies log probabilities": _changed(_BEAM, ("totals[:, None] + ", "totals[:, None] * ")),
            "ignores ended sentences": _changed(_BEAM, ("torch.where(ended[:, None], silent, logp)", "logp")),
            "ended sentences may say anything": _changed(
                _BEAM, ("torch.where(ended[:, None], silent, logp)", "torch.where(ended[:, None], 0.0, logp)")
            ),
            "drops ended sentences": _changed(_BEAM, ("silent[:, PAD] = 0", "pass")),
            "padding costs its log probability": _changed(
                _BEAM, ("silent[:, PAD] = 0", "silent[:, PAD] = logp[:, PAD]")
            ),
            "row and token exchanged": _changed(
                _BEAM,
                (
                    "where // logp.shape[1], where % logp.shape[1]",
                    "where % logp.shape[1], where // logp.shape[1]",
                ),
            ),
            "divides by the rows": _changed(
                _BEAM,
                (
                    "where // logp.shape[1], where % logp.shape[1]",
                    "where // logp.shape[0], where % logp.shape[0]",
                ),
            ),
            "the best token of each row": """def my_beam_step(totals, logp, ended, beams):
    silent = torch.full_like(logp, -math.inf)
    silent[:, PAD] = 0
    best, token = (totals[:, None] + torch.where(ended[:, None], silent, logp)).max(1)
    order = best.argsort(descending=True)[:beams]
    return best[order], order, token[order]
""",
            "worst first": _changed(_BEAM, ("topk(beams)", "topk(beams, largest=False)")),
            "probabilities": _changed(_BEAM, ("return best,", "return best.exp(),")),
            "changes the table": _changed(
                _BEAM,
                ("silent = torch.full_like(logp, -math.inf)", "silent = logp\n    silent[ended] = -math.inf"),
                ("silent[:, PAD] = 0", "silent[ended, PAD] = 0"),
                ("torch.where(ended[:, None], silent, logp)", "logp"),
            ),
        },
    }
)

# B

_ATTENTION = """def my_attention(q, k, v, mask=None):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v
"""
_HEADS = """def my_multi_head(x, memory, W, b, heads, mask=None):
    N, T, d = x.shape
    S = memory.shape[1]
    q = (x @ W[0].T + b[0]).view(N, T, heads, d // heads).transpose(1, 2)
    k = (memory @ W[1].T + b[1]).view(N, S, heads, d // heads).transpose(1, 2)
    v = (memory @ W[2].T + b[2]).view(N, S, heads, d // heads).transpose(1, 2)
    merged = attention(q, k, v, mask).transpose(1, 2).flatten(2)
    return merged @ W[3].T + b[3]
"""
_SPLIT = ".view({}, heads, d // heads).transpose(1, 2)"
_WAVES = """def my_sinusoidal(length, width):
    rates = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    table = torch.empty(length, width)
    table[:, 0::2], table[:, 1::2] = angles.sin(), angles.cos()
    return table
"""

MUTANTS.update({
    "9.3": {
        "no root of the width": _changed(_ATTENTION, (" / math.sqrt(q.shape[-1])", "")),
        "divided by the width": _changed(_ATTENTION, ("math.sqrt(q.shape[-1])", "q.shape[-1]")),
        "root of the width of the values": _changed(_ATTENTION, ("q.shape[-1]", "v.shape[-1]")),
        "root of the number of keys": _changed(_ATTENTION, ("q.shape[-1]", "k.shape[-2]")),
        "softmax over the queries": _changed(_ATTENTION, ("softmax(-1)", "softmax(-2)")),
        "weights masked after the softmax": _changed(
            _ATTENTION,
            ("scores = scores.masked_fill(~mask, -math.inf)", "return (scores.softmax(-1) * mask) @ v"),
        ),
        "masked scores set to 0": _changed(_ATTENTION, ("-math.inf", "0.0")),
        "mask the wrong way round": _changed(_ATTENTION, ("~mask", "mask")),
        "mask ignored": _changed(_ATTENTION, ("scores = scores.masked_fill(~mask, -math.inf)", "pass")),
        "all axes of the keys turned": _changed(_ATTENTION, ("k.mT", "k.permute(*range(k.ndim - 1, -1, -1))")),
        "bare exponentials": _changed(
            _ATTENTION,
            ("return scores.softmax(-1) @ v", "e = scores.exp()\n    return e / e.sum(-1, keepdim=True) @ v"),
        ),
        "the weights": _changed(_ATTENTION, ("scores.softmax(-1) @ v", "scores.softmax(-1)")),
    },
    "9.4": {
        "tokens torn apart by a view": _changed(
            _HEADS,
            (_SPLIT.format("N, T"), ".view(N, heads, T, d // heads)"),
            ("b[1])" + _SPLIT.format("N, S"), "b[1]).view(N, heads, S, d // heads)"),
            ("b[2])" + _SPLIT.format("N, S"), "b[2]).view(N, heads, S, d // heads)"),
        ),
        "merged without turning back": _changed(_HEADS, (".transpose(1, 2).flatten(2)\n", ".reshape(N, T, d)\n")),
        "no output matrix": _changed(_HEADS, ("merged @ W[3].T + b[3]", "merged")),
        "no biases": _changed(_HEADS, ("+ b[0]", ""), ("+ b[1]", ""), ("+ b[2]", "")),
        "matrices not transposed": _changed(_HEADS, ("W[0].T", "W[0]"), ("W[1].T", "W[1]"), ("W[2].T", "W[2]")),
        "one wide head": _changed(_HEADS, ("    N, T, d = x.shape\n", "    N, T, d = x.shape\n    heads = 1\n")),
        "queries from the memory": _changed(_HEADS, ("q = (x @ W[0].T", "q = (memory[:, :1].expand(N, T, d) @ W[0].T")),
        "keys and values from x": _changed(_HEADS, ("S = memory.shape[1]", "S, memory = T, x")),
        "values from x": _changed(_HEADS, ("v = (memory @", "v = (x[:, :1].expand(N, S, d) @")),
        "heads woven into each other": _changed(
            _HEADS,
            (_SPLIT.format("N, T"), ".view(N, T, d // heads, heads).permute(0, 3, 1, 2)"),
            ("b[1])" + _SPLIT.format("N, S"), "b[1]).view(N, S, d // heads, heads).permute(0, 3, 1, 2)"),
        ),
        "attention over the heads": _changed(
            _HEADS,
            (_SPLIT.format("N, T"), ".view(N, T, heads, d // heads)"),
            ("b[1])" + _SPLIT.format("N, S"), "b[1]).view(N, S, heads, d // heads)[:, :T]"),
            ("b[2])" + _SPLIT.format("N, S"), "b[2]).view(N, S, heads, d // heads)[:, :T]"),
            ("attention(q, k, v, mask).transpose(1, 2).flatten(2)", "attention(q, k, v).flatten(2)"),
        ),
        "mask dropped": _changed(_HEADS, ("attention(q, k, v, mask)", "attention(q, k, v)")),
        "mean of the heads": _changed(_HEADS, (".transpose(1, 2).flatten(2)\n", ".mean(1).repeat(1, 1, heads)\n")),
    },
    "9.5": {
        "sines first, then cosines": _changed(
            _WAVES, ("table[:, 0::2], table[:, 1::2] =", "table[:, : width // 2], table[:, width // 2 :] =")
        ),
        "cosine first": _changed(_WAVES, ("angles.sin(), angles.cos()", "angles.cos(), angles.sin()")),
        "from position 1": _changed(_WAVES, ("torch.arange(length)", "torch.arange(1, length + 1)")),
        "exponent without the 2": _changed(_WAVES, ("(0, width, 2)", "(width // 2)")),
        "base 1000": _changed(_WAVES, ("10000.0", "1000.0")),
        "one frequency per column": _changed(_WAVES, ("angles.cos()", "(angles * 10000 ** (-1 / width)).cos()")),
        "sines only": _changed(_WAVES, ("angles.cos()", "angles.sin()")),
        "slowest clock first": _changed(_WAVES, ("[:, None] * rates", "[:, None] * rates.flip(0)")),
        "width first": _changed(_WAVES, ("return table", "return table.T")),
        "degrees": _changed(_WAVES, ("angles.sin(), angles.cos()", "angles.deg2rad().sin(), angles.deg2rad().cos()")),
    },
})

# C

_CACHED = """def my_cached(layer, x, cache=None):
    parts = (layer.query, layer.key, layer.value)
    q, k, v = (part(x).unflatten(-1, (layer.heads, -1)).transpose(1, 2) for part in parts)
    if cache is not None:
        k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
    new, total = q.shape[2], k.shape[2]
    mixed, _ = models.attend(q, k, v, torch.ones(new, total, dtype=torch.bool).tril(total - new))
    return layer.out(mixed.transpose(1, 2).flatten(2)), (k, v)
"""

MUTANTS.update({
    "9.6": {
        "triangle not shifted": _changed(_CACHED, (".tril(total - new)", ".tril()")),
        "shifted by one too few": _changed(_CACHED, (".tril(total - new)", ".tril(max(total - new - 1, 0))")),
        "shifted by one too many": _changed(_CACHED, (".tril(total - new)", ".tril(total - new + 1)")),
        "no mask": _changed(_CACHED, (".tril(total - new)", "")),
        "cache ignored": _changed(_CACHED, ("if cache is not None:", "if False:")),
        "new before old": _changed(_CACHED, ("[cache[0], k]", "[k, cache[0]]"), ("[cache[1], v]", "[v, cache[1]]")),
        "old values wiped": _changed(_CACHED, ("[cache[1], v]", "[0 * cache[1], v]")),
        "only the new ones are kept": _changed(_CACHED, (", (k, v)\n", ", (k[:, :, -new:], v[:, :, -new:])\n")),
        "keys and values swapped in the cache": _changed(_CACHED, (", (k, v)\n", ", (v, k)\n")),
        "heads not split": _changed(_CACHED, ("(layer.heads, -1)", "(1, -1)")),
        "no output map": _changed(_CACHED, ("layer.out(mixed", "(mixed")),
        "heads merged without turning back": _changed(_CACHED, (".transpose(1, 2).flatten(2)", ".reshape(x.shape)")),
        "cache holds the tokens, all projected again": """def my_cached(layer, x, cache=None):
    seen = x if cache is None else torch.cat([cache[2], x], 1)
    parts = (layer.query, layer.key, layer.value)
    q, k, v = (part(seen).unflatten(-1, (layer.heads, -1)).transpose(1, 2) for part in parts)
    mixed, _ = models.attend(q, k, v, models.causal_mask(seen.shape[1]))

    class Kept(tuple):
        def __len__(self):
            return 2

        def __iter__(self):
            return iter(self[:2])

    return layer.out(mixed.transpose(1, 2).flatten(2))[:, -x.shape[1] :], Kept((k, v, seen))
""",
        "outputs without the cache": _changed(_CACHED, (", (k, v)\n", "\n")),
    },
})
