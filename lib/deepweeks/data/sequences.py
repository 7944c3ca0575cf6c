"""Sequences with a known answer: from week 7, number words from week 9."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch

PAD, BOS, EOS = 0, 1, 2  # padding, beginning and end of a sequence of token ids


def adding(n: int, length: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The adding problem: sum the two marked numbers of a sequence.

    Args:
        n: Sequences N.
        length: Steps T, at least 2.
        generator: Decides everything.

    Returns:
        Inputs (N, T, 2), a uniform number from 0 to 1 and a marker at each step, one marker in each half; and the
        sums (N,). Answering the mean, 1, has a mean squared error of 1/6.

    Raises:
        ValueError: The length is below 2.

    Source: Hochreiter and Schmidhuber (1997), experiment 4, with numbers from 0 to 1.
    """
    if length < 2:
        raise ValueError(f"the adding problem needs a length of at least 2, got {length}")
    values, marks = torch.rand(n, length, generator=generator), torch.zeros(n, length)
    first = torch.randint(length // 2, (n,), generator=generator)
    second = torch.randint(length // 2, length, (n,), generator=generator)
    marks[torch.arange(n), first] = 1
    marks[torch.arange(n), second] = 1
    return torch.stack([values, marks], 2), (values * marks).sum(1)


def colours() -> tuple[list[str], torch.Tensor]:
    """Colours and the names that people give them: the 949 most frequent of XKCD's survey, as matplotlib ships them.

    Returns:
        The names, such as ``"light sea green"``, and red, green and blue from 0 to 1 (949, 3).
    """
    from matplotlib.colors import XKCD_COLORS, to_rgb

    return [name.removeprefix("xkcd:") for name in XKCD_COLORS], torch.tensor([to_rgb(c) for c in XKCD_COLORS.values()])


@dataclass(frozen=True)
class Translation:
    """Sentences in two languages as token ids, row by row.

    Attributes:
        numbers: The number that each row spells (N,).
        source: Ids of the tokens (N, S), padded with ``PAD``.
        target: Ids (N, T): ``BOS``, tokens, ``EOS``, padded with ``PAD``.
        source_words: Token of each source id.
        target_words: Token of each target id.
        train: Rows to learn from.
        test: Rows held out; none of them is in ``train``.
    """

    numbers: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]
    train: torch.Tensor
    test: torch.Tensor

    def read_source(self, ids: Iterable) -> str:
        """Source ids (S,) as text."""
        return _read(ids, self.source_words)

    def read_target(self, ids: Iterable) -> str:
        """Target ids (T,) as text, up to the end token."""
        return _read(ids, self.target_words)


def number_words(
    below: int = 10_000,
    *,
    train: int = 6_000,
    test: int = 2_000,
    source: str = "en",
    target: str = "fr",
    seed: int = 0,
) -> Translation:
    """Numbers spelt in two languages: a translation task with irregular rules and an exact answer.

    Args:
        below: Numbers are drawn from 0 up to this, each at most once.
        train: Rows to learn from.
        test: Rows held out.
        source: Language to translate from, by its code in num2words.
        target: Language to translate to.
        seed: Decides which numbers are drawn.

    Returns:
        ``train`` + ``test`` rows of tokens: words, commas and hyphens. The vocabularies do not depend on the draw
        as long as every word occurs in it.

    Raises:
        ValueError: More rows than numbers.
    """
    from num2words import num2words

    if train + test > below:
        raise ValueError(f"there are only {below:,} numbers below {below:,}; {train:,} + {test:,} rows were asked for")
    if below <= 1_000_000:
        numbers = torch.randperm(below, generator=torch.Generator().manual_seed(seed))[: train + test]
    else:  # a permutation of all numbers would not fit into memory
        numbers = torch.tensor(random.Random(seed).sample(range(below), train + test))
    tables = []
    for language, first, last in ((source, [], []), (target, [BOS], [EOS])):
        rows = [re.findall(r"\w+|[^\w\s]", num2words(n, lang=language)) for n in numbers.tolist()]
        words = ("<pad>", "<bos>", "<eos>", *sorted({token for row in rows for token in row}))
        index = {token: i for i, token in enumerate(words)}
        ids = [torch.tensor([*first, *(index[token] for token in row), *last]) for row in rows]
        tables.append((torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=PAD), words))
    (source_ids, source_words), (target_ids, target_words) = tables
    rows = torch.arange(len(numbers))
    return Translation(numbers, source_ids, target_ids, source_words, target_words, rows[:train], rows[train:])


def _read(ids, words):
    tokens = [int(i) for i in ids]
    tokens = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
    text = " ".join(words[i] for i in tokens if i not in (PAD, BOS))
    return text.replace(" - ", "-").replace(" ,", ",")
