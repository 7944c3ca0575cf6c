"""What week 7 puts into the library, against torch.nn and against what is known."""

import pytest
import torch
from torch import nn

from deepweeks.data import sequences
from deepweeks.models import GRU, LSTM, RNN


@pytest.mark.parametrize(("ours", "theirs"), [(RNN, nn.RNN), (LSTM, nn.LSTM), (GRU, nn.GRU)])
def test_equal_to_torch_with_its_weights(ours, theirs):
    torch.manual_seed(0)
    oracle = theirs(3, 5, batch_first=True).double()
    model = ours(3, 5).double()
    model.load_state_dict(oracle.state_dict())
    x = torch.randn(4, 7, 3, dtype=torch.float64)
    state = None
    for part in x.split([1, 4, 2], 1):  # in pieces, the state handed on
        outputs, state = model(part, state)
    want, want_state = oracle(x)
    torch.testing.assert_close(outputs, want[:, -2:])
    torch.testing.assert_close(state, want_state)
    torch.testing.assert_close(model(x)[0], want)


def test_adding_has_one_marker_in_each_half_and_the_stated_variance():
    x, y = sequences.adding(4000, 10, torch.Generator().manual_seed(0))
    assert x.shape == (4000, 10, 2)
    marks = x[..., 1]
    assert (marks[:, :5].sum(1) == 1).all() and (marks[:, 5:].sum(1) == 1).all()
    assert (marks.sum(0) > 0).all()
    torch.testing.assert_close((x[..., 0] * marks).sum(1), y)
    assert (y - 1).square().mean().item() == pytest.approx(1 / 6, rel=0.05)
    with pytest.raises(ValueError, match="at least 2, got 1"):
        sequences.adding(1, 1, torch.Generator())


def test_colours_have_unlike_names_and_proper_values():
    names, rgb = sequences.colours()
    assert len(set(names)) == len(names) == len(rgb) > 900
    assert rgb.min() >= 0 and rgb.max() <= 1
    assert rgb[names.index("red")][0] > 0.8 > 0.2 > rgb[names.index("red")][1]
