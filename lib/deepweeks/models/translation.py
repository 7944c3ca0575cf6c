"""Sequence to sequence, from week 9: an encoder reads the source, a decoder says the target token by token.

Every model has ``encode(source) -> memory`` and ``decode(memory, target) -> logits``; :func:`greedy` and
:func:`beam_search` need nothing else.
"""

from __future__ import annotations

import torch
from torch import nn

from ..data.sequences import BOS, EOS, PAD
from .attention import TransformerEncoder, causal_mask, padding_mask, sinusoidal
from .mlp import evaluating


class _Translator(nn.Module):
    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Teacher forcing: ids (N, S) and the true target so far (N, T) to logits of the next tokens (N, T, V)."""
        return self.decode(self.encode(source), target)


class Seq2Seq(_Translator):
    """Two GRUs: the decoder starts from the last state of the encoder, and may look back with attention.

    Args:
        source_size: Number of source tokens.
        target_size: Number of target tokens V.
        width: Of embeddings and states.
        attention: None, or the score of decoder state q and encoder state k: ``"dot"`` q·k, ``"general"`` q·Wk,
            ``"additive"`` v·tanh(Uq + Wk). The current decoder state asks, as in Luong's models.

    Raises:
        ValueError: An unknown kind of attention.

    Source: Sutskever, Vinyals and Le (2014); Bahdanau, Cho and Bengio (2015); Luong, Pham and Manning (2015).
    """

    def __init__(self, source_size: int, target_size: int, *, width: int = 128, attention: str | None = None):
        super().__init__()
        if attention not in (None, "dot", "general", "additive"):
            raise ValueError(f"unknown attention {attention!r}; valid: None, dot, general, additive")
        self.attention = attention
        self.source, self.target = nn.Embedding(source_size, width), nn.Embedding(target_size, width)
        self.encoder, self.decoder = (nn.GRU(width, width, batch_first=True) for _ in range(2))
        if attention in ("general", "additive"):
            self.key = nn.Linear(width, width, bias=False)
        if attention == "additive":
            self.query, self.score = nn.Linear(width, width), nn.Linear(width, 1, bias=False)
        if attention:
            self.mix = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, target_size)

    def encode(self, source: torch.Tensor):
        """The states (N, S, d), the state at the last real token (1, N, d), and where real tokens are (N, S)."""
        states, _ = self.encoder(self.source(source))
        real = source != PAD
        return states, states[torch.arange(len(source)), real.sum(1) - 1][None], real

    def decode(self, memory, target: torch.Tensor) -> torch.Tensor:
        """Logits (N, T, V) after each token of a target prefix (N, T)."""
        q, _ = self.decoder(self.target(target), memory[1])
        if self.attention:
            q = torch.tanh(self.mix(torch.cat([self._weights(q, memory) @ memory[0], q], -1)))
        return self.out(q)

    def alignment(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The attention weights (N, T, S) of each decoder step over the source."""
        memory = self.encode(source)
        return self._weights(self.decoder(self.target(target), memory[1])[0], memory)

    def _weights(self, q, memory):
        states, _, real = memory
        keys = states if self.attention == "dot" else self.key(states)
        if self.attention == "additive":
            scores = self.score(torch.tanh(self.query(q)[:, :, None] + keys[:, None])).squeeze(-1)
        else:
            scores = q @ keys.mT
        return scores.masked_fill(~real[:, None], -torch.inf).softmax(-1)


class Transformer(_Translator):
    """The encoder-decoder transformer, with normalisation first.

    Args:
        source_size: Number of source tokens.
        target_size: Number of target tokens V.
        width: Numbers per token d.
        heads: Number of heads.
        layers: Blocks in the encoder, and in the decoder.
        length: Longest sequence.
        positions: ``"learned"`` or ``"sinusoidal"``.
        options: Those of :class:`~deepweeks.models.attention.TransformerBlock`.

    Raises:
        ValueError: An unknown kind of positions.

    Source: Vaswani et al. (2017).
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        width: int = 128,
        heads: int = 4,
        layers: int = 2,
        length: int = 64,
        positions: str = "learned",
        **options,
    ):
        super().__init__()
        if positions not in ("learned", "sinusoidal"):
            raise ValueError(f"unknown positions {positions!r}; valid: learned, sinusoidal")
        self.source, self.target = nn.Embedding(source_size, width), nn.Embedding(target_size, width)
        for name in ("source_positions", "target_positions"):
            if positions == "learned":
                self.register_parameter(name, nn.Parameter(0.02 * torch.randn(length, width)))
            else:
                self.register_buffer(name, sinusoidal(length, width))
        self.encoder = TransformerEncoder(width, heads, layers, **options)
        self.decoder = TransformerEncoder(width, heads, layers, cross=True, **options)
        self.out = nn.Linear(width, target_size)

    def encode(self, source: torch.Tensor):
        """The encoded tokens (N, S, d), and the mask that hides padding."""
        mask = padding_mask(source, PAD)
        return self.encoder(_embed(source, self.source, self.source_positions), mask), mask

    def decode(self, memory, target: torch.Tensor) -> torch.Tensor:
        """Logits (N, T, V) after each token of a target prefix (N, T)."""
        x = _embed(target, self.target, self.target_positions)
        return self.out(self.decoder(x, causal_mask(target.shape[1], target.device), *memory))


def _embed(ids, table, positions):
    if ids.shape[1] > len(positions):
        raise ValueError(
            f"{ids.shape[1]} tokens are more than the {len(positions)} positions; build with a larger length"
        )
    return table(ids) + positions[: ids.shape[1]]


@evaluating
def greedy(model: nn.Module, source: torch.Tensor, *, limit: int = 32) -> torch.Tensor:
    """Say the likeliest next token until every sentence has ended. The model's mode is put back afterwards.

    Args:
        model: Has ``encode`` and ``decode``.
        source: Ids (N, S).
        limit: Most tokens to say.

    Returns:
        Ids (N, at most ``limit``) without the beginning; after the end of a sentence comes padding.
    """
    memory = model.encode(source)
    said = torch.full((len(source), 1), BOS, device=source.device)
    for _ in range(limit):
        ended = ((said == EOS) | (said == PAD))[:, -1]
        if ended.all():
            break
        best = model.decode(memory, said)[:, -1].argmax(-1)
        said = torch.cat([said, torch.where(ended, PAD, best)[:, None]], 1)
    return said[:, 1:]


@evaluating
def beam_search(
    model: nn.Module, source: torch.Tensor, *, beams: int = 4, limit: int = 32, penalty: float = 0.0
) -> list[tuple[torch.Tensor, float]]:
    """Keep the likeliest unfinished sentences at each step. The model's mode is put back afterwards.

    Args:
        model: Has ``encode`` and ``decode``.
        source: Ids of one sentence (S,) or (1, S).
        beams: How many are kept.
        limit: Most tokens to say.
        penalty: Order by log probability / length ** penalty; 0 favours short sentences.

    Returns:
        Pairs of ids (T,) with the end token, unless the limit came first, and their log probability; best first.
    """
    source = source.reshape(1, -1)
    alive, finished = [((BOS,), 0.0)], []
    for _ in range(limit):
        memory = model.encode(source.expand(len(alive), -1))
        prefixes = torch.tensor([ids for ids, _ in alive], device=source.device)
        so_far = torch.tensor([[p] for _, p in alive], device=source.device)
        total = so_far + model.decode(memory, prefixes)[:, -1].log_softmax(-1)
        best, where = total.flatten().topk(min(2 * beams, total.numel()))
        longer = [
            ((*alive[i // total.shape[1]][0], i % total.shape[1]), p)
            for i, p in zip(where.tolist(), best.tolist(), strict=True)
        ]
        finished += [(ids, p) for ids, p in longer[:beams] if ids[-1] == EOS]
        alive = [(ids, p) for ids, p in longer if ids[-1] != EOS][:beams]
        if len(finished) >= beams:
            break
    ranked = sorted(finished or alive, key=lambda pair: -pair[1] / (len(pair[0]) - 1) ** penalty)
    return [(torch.tensor(ids[1:]), p) for ids, p in ranked[:beams]]
