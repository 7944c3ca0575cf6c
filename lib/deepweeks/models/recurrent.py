"""Recurrent networks of one layer, from week 7, written for reading: ``torch.nn`` runs the same equations faster.

Names and shapes of the parameters are those of ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU``, so state dicts interchange.
"""

from __future__ import annotations

import torch
from torch import nn


class _Recurrent(nn.Module):
    """A cell carried along the sequence; ``gates`` blocks of ``hidden`` rows lie stacked in each weight matrix."""

    gates = 1

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.hidden, rows, bound = hidden, self.gates * hidden, hidden**-0.5
        for name, shape in (("ih", (rows, inputs)), ("hh", (rows, hidden))):
            self.register_parameter(f"weight_{name}_l0", nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))
            self.register_parameter(f"bias_{name}_l0", nn.Parameter(torch.empty(rows).uniform_(-bound, bound)))

    def start(self, x: torch.Tensor):
        """The state before the first step."""
        return x.new_zeros(1, len(x), self.hidden)

    def forward(self, x: torch.Tensor, state=None):
        """Run along a batch of sequences.

        Args:
            x: Inputs (N, T, inputs).
            state: What an earlier call returned; zeros by default.

        Returns:
            The hidden states (N, T, hidden), and the last state: h (1, N, hidden), for the LSTM the pair (h, c).
        """
        state = self.start(x) if state is None else state
        from_input = x @ self.weight_ih_l0.T + self.bias_ih_l0  # all steps at once: they do not wait for one another
        outputs = []
        for t in range(x.shape[1]):
            state = self.step(from_input[:, t], state)
            outputs.append((state[0] if isinstance(state, tuple) else state)[0])
        return torch.stack(outputs, 1), state

    def _from_hidden(self, h):
        return h @ self.weight_hh_l0.T + self.bias_hh_l0


class RNN(_Recurrent):
    """h_t = tanh(W x_t + U h_(t-1) + b).

    Args:
        inputs: Numbers per step d.
        hidden: Size of the state H.

    Source: Elman (1990).
    """

    def step(self, from_input: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """One step: input part (N, H) and state (1, N, H) to the next state."""
        return torch.tanh(from_input + self._from_hidden(h))


class LSTM(_Recurrent):
    """A cell c that is changed by addition, and three gates: input, forget, output.

    Args:
        inputs: Numbers per step d.
        hidden: Size of the state H.

    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
    """

    gates = 4

    def start(self, x: torch.Tensor):
        """The state before the first step."""
        return super().start(x), super().start(x)

    def step(self, from_input: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]):
        """One step: input part (N, 4 H) and state (h, c), each (1, N, H), to the next state."""
        h, c = state
        i, f, g, o = (from_input + self._from_hidden(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class GRU(_Recurrent):
    """Two gates, reset and update; the reset gate acts after the matrix product, as in ``nn.GRU``.

    Args:
        inputs: Numbers per step d.
        hidden: Size of the state H.

    Source: Cho et al. (2014).
    """

    gates = 3

    def step(self, from_input: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """One step: input part (N, 3 H) and state (1, N, H) to the next state."""
        (xr, xz, xn), (hr, hz, hn) = from_input.chunk(3, dim=-1), self._from_hidden(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        return (1 - z) * torch.tanh(xn + r * hn) + z * h
