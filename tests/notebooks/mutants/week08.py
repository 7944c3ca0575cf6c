"""Plausible wrong answers to the exercises of week 8; each replaces the whole stub cell and must be rejected."""

MUTANTS = {
    "8.1": {
        "negative start counts from the end": """def my_pairs(words, window):
    cbow = []
    for i, centre in enumerate(words):
        context = words[i - window : i] + words[i + 1 : i + 1 + window]
        if context:
            cbow.append((context, centre))
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
        "off by one to the right": """def my_pairs(words, window):
    cbow = []
    for i, centre in enumerate(words):
        context = words[max(0, i - window) : i] + words[i + 1 : i + window]
        if context:
            cbow.append((context, centre))
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
        "pairs the wrong way round": """def my_pairs(words, window):
    cbow = []
    for i, centre in enumerate(words):
        context = words[max(0, i - window) : i] + words[i + 1 : i + 1 + window]
        if context:
            cbow.append((context, centre))
    return cbow, [(n, c) for context, c in cbow for n in context]
""",
        "left context only": """def my_pairs(words, window):
    cbow = [(words[max(0, i - window) : i], w) for i, w in enumerate(words) if i]
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
        "drops the positions at the ends": """def my_pairs(words, window):
    cbow = []
    for i in range(window, len(words) - window):
        cbow.append((words[i - window : i] + words[i + 1 : i + 1 + window], words[i]))
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
        "removes every occurrence of the centre": """def my_pairs(words, window):
    cbow = []
    for i, centre in enumerate(words):
        context = [w for w in words[max(0, i - window) : i + 1 + window] if w != centre]
        if context:
            cbow.append((context, centre))
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
        "a pair for a word without neighbours": """def my_pairs(words, window):
    cbow = [(words[max(0, i - window) : i] + words[i + 1 : i + 1 + window], w) for i, w in enumerate(words)]
    return cbow, [(c, n) for context, c in cbow for n in context]
""",
    },
    "8.2": {
        "mean over the negatives": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return -(F.logsigmoid((centre * context).sum(1)) + F.logsigmoid(-drawn).mean(1)).mean()
""",
        "sum over the pairs": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return -(F.logsigmoid((centre * context).sum(1)) + F.logsigmoid(-drawn).sum(1)).sum()
""",
        "negatives treated as positives": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return -(F.logsigmoid((centre * context).sum(1)) + F.logsigmoid(drawn).sum(1)).mean()
""",
        "one minus log sigmoid": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return -(F.logsigmoid((centre * context).sum(1)) + (1 - F.logsigmoid(drawn)).sum(1)).mean()
""",
        "unstable logarithm": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return -(torch.sigmoid((centre * context).sum(1)).log() + (1 - torch.sigmoid(drawn)).log().sum(1)).mean()
""",
        "forgot the minus": """def my_skipgram_loss(centre, context, negatives):
    drawn = (centre[:, None] * negatives).sum(2)
    return (F.logsigmoid((centre * context).sum(1)) + F.logsigmoid(-drawn).sum(1)).mean()
""",
    },
    "8.3": {
        "a - b + c": """def my_ranks(vectors, asked, exclude):
    e = F.normalize(vectors, dim=1)
    a, b, c, d = asked.T
    scores = (e[a] - e[b] + e[c]) @ e.T
    if exclude:
        scores = scores.scatter(1, asked[:, :3], -torch.inf)
    return 1 + (scores > scores.gather(1, d[:, None])).sum(1)
""",
        "always excludes": """def my_ranks(vectors, asked, exclude):
    e = F.normalize(vectors, dim=1)
    a, b, c, d = asked.T
    scores = ((e[b] - e[a] + e[c]) @ e.T).scatter(1, asked[:, :3], -torch.inf)
    return 1 + (scores > scores.gather(1, d[:, None])).sum(1)
""",
        "never excludes": """def my_ranks(vectors, asked, exclude):
    e = F.normalize(vectors, dim=1)
    a, b, c, d = asked.T
    scores = (e[b] - e[a] + e[c]) @ e.T
    return 1 + (scores > scores.gather(1, d[:, None])).sum(1)
""",
        "dot product without unit length": """def my_ranks(vectors, asked, exclude):
    e = vectors
    a, b, c, d = asked.T
    scores = (e[b] - e[a] + e[c]) @ e.T
    if exclude:
        scores = scores.scatter(1, asked[:, :3], -torch.inf)
    return 1 + (scores > scores.gather(1, d[:, None])).sum(1)
""",
        "ranks from 0": """def my_ranks(vectors, asked, exclude):
    e = F.normalize(vectors, dim=1)
    a, b, c, d = asked.T
    scores = (e[b] - e[a] + e[c]) @ e.T
    if exclude:
        scores = scores.scatter(1, asked[:, :3], -torch.inf)
    return (scores > scores.gather(1, d[:, None])).sum(1)
""",
        "excluded words score 0": """def my_ranks(vectors, asked, exclude):
    e = F.normalize(vectors, dim=1)
    a, b, c, d = asked.T
    scores = (e[b] - e[a] + e[c]) @ e.T
    if exclude:
        scores = scores.scatter(1, asked[:, :3], 0.0)
    return 1 + (scores > scores.gather(1, d[:, None])).sum(1)
""",
    },
    "8.4": {
        "lets hard negatives in": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, nearest = torch.where(~same[:, None, :] & (far < near + margin), far, torch.inf).min(2)
    a, p = (distance.isfinite() & same & ~torch.eye(len(y), dtype=torch.bool)).nonzero().T
    return torch.stack([a, p, nearest[a, p]], 1)
""",
        "lets easy negatives in": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, nearest = torch.where(~same[:, None, :] & (far > near), far, torch.inf).min(2)
    a, p = (distance.isfinite() & same & ~torch.eye(len(y), dtype=torch.bool)).nonzero().T
    return torch.stack([a, p, nearest[a, p]], 1)
""",
        "an example is its own positive": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, nearest = torch.where(~same[:, None, :] & (far > near) & (far < near + margin), far, torch.inf).min(2)
    a, p = (distance.isfinite() & same).nonzero().T
    return torch.stack([a, p, nearest[a, p]], 1)
""",
        "negatives of any label": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, nearest = torch.where((far > near) & (far < near + margin), far, torch.inf).min(2)
    a, p = (distance.isfinite() & same & ~torch.eye(len(y), dtype=torch.bool)).nonzero().T
    return torch.stack([a, p, nearest[a, p]], 1)
""",
        "the furthest instead of the nearest": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, found = torch.where(~same[:, None, :] & (far > near) & (far < near + margin), far, -torch.inf).max(2)
    a, p = (distance.isfinite() & same & ~torch.eye(len(y), dtype=torch.bool)).nonzero().T
    return torch.stack([a, p, found[a, p]], 1)
""",
        "each pair once": """def my_semi_hard(d, y, margin):
    same = y[:, None] == y
    near, far = d[:, :, None], d[:, None, :]
    distance, nearest = torch.where(~same[:, None, :] & (far > near) & (far < near + margin), far, torch.inf).min(2)
    a, p = (distance.isfinite() & same).triu(1).nonzero().T
    return torch.stack([a, p, nearest[a, p]], 1)
""",
    },
    "8.5": {
        "the two rates swapped": """def my_error_rates(distance, same, thresholds):
    accepted = (distance <= thresholds[:, None]).float()
    return 1 - accepted[:, same].mean(1), accepted[:, ~same].mean(1)
""",
        "both divided by all pairs": """def my_error_rates(distance, same, thresholds):
    accepted = distance <= thresholds[:, None]
    return (accepted & ~same).float().mean(1), (~accepted & same).float().mean(1)
""",
        "ties are rejected": """def my_error_rates(distance, same, thresholds):
    accepted = (distance < thresholds[:, None]).float()
    return accepted[:, ~same].mean(1), 1 - accepted[:, same].mean(1)
""",
        "acceptance of same pairs instead of rejection": """def my_error_rates(distance, same, thresholds):
    accepted = (distance <= thresholds[:, None]).float()
    return accepted[:, ~same].mean(1), accepted[:, same].mean(1)
""",
        "accepts what is far": """def my_error_rates(distance, same, thresholds):
    accepted = (distance >= thresholds[:, None]).float()
    return accepted[:, ~same].mean(1), 1 - accepted[:, same].mean(1)
""",
    },
    "8.6": {
        "mean over the pixels": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(1)
    return pixels, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
""",
        "loss instead of log-probability": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return pixels, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
""",
        "log-variance taken for log standard deviation": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return pixels, 0.5 * (mean.square() + (2 * log_variance).exp() - 1 - 2 * log_variance).sum(1)
""",
        "forgot the half": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return pixels, (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
""",
        "sign of the KL": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return pixels, 0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
""",
        "log of the sigmoid": """def my_elbo_terms(x, logits, mean, log_variance):
    p = torch.sigmoid(logits)
    pixels = (x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    return pixels, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
""",
        "one number for the whole batch": """def my_elbo_terms(x, logits, mean, log_variance):
    pixels = -F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return pixels, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
""",
    },
}
