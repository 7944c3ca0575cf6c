"""One readable training loop. Week 1 writes it by hand; this is the same loop with the bookkeeping around it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from IPython import get_ipython
from IPython.display import display

from . import metrics


@dataclass
class History:
    """What happened during a call of :func:`fit`.

    Attributes:
        loss: Training loss of every step's mini-batch.
        steps: The steps after which the test data were evaluated.
        test_loss: Mean loss on the test data at those steps.
        test_metric: The metric on the test data at those steps.
        seconds: Wall time of the whole call.
    """

    loss: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)
    seconds: float = 0.0


def batches(n: int, batch_size: int, generator: torch.Generator):
    """Endless index tensors of shape (batch_size,): a fresh permutation of 0..n-1 for each pass, its short
    remainder dropped, so that no example comes twice in a pass."""
    batch_size = min(batch_size, n)
    while True:
        order = torch.randperm(n, generator=generator)
        for i in range(0, n - batch_size + 1, batch_size):
            yield order[i : i + batch_size]


def fit(
    model: torch.nn.Module,
    train: tuple[torch.Tensor, torch.Tensor],
    *,
    steps: int,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimizer: Callable = torch.optim.Adam,
    loss: Callable = F.cross_entropy,
    metric: Callable | None = metrics.accuracy,
    test: tuple[torch.Tensor, torch.Tensor] | None = None,
    every: int | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    show: bool = True,
) -> History:
    """Train a model in place by mini-batch gradient descent.

    Args:
        model: Maps a batch of inputs to outputs, such as logits of shape (B, K).
        train: Inputs of shape (N, ...) and targets of shape (N, ...).
        steps: Number of updates.
        batch_size: Examples per update; all N when there are fewer.
        lr: Learning rate.
        optimizer: Called as ``optimizer(parameters, lr=lr)``.
        loss: Called as ``loss(outputs, targets)``; returns a scalar tensor.
        metric: Called as ``metric(outputs, targets)`` on the whole test data; None for the loss alone.
        test: Inputs and targets for evaluation; None for none.
        every: Evaluate after this many steps, and after the last; a tenth of ``steps`` by default.
        seed: Decides the order of the examples.
        device: Where to train; the model's own device by default.
        show: Print a line at each evaluation; in a live notebook also count the steps.

    Returns:
        Losses and evaluations.

    Raises:
        ValueError: Inputs and targets differ in length, or there are none.
        FloatingPointError: The loss became NaN or infinite; the message names the step.
    """
    x, y = train
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"{len(x)} inputs and {len(y)} targets: they must be equal in number, and more than none")
    device = next(model.parameters()).device if device is None else torch.device(device)
    model, x, y = model.to(device), x.to(device), y.to(device)
    opt = optimizer(model.parameters(), lr=lr)
    order = batches(len(x), batch_size, torch.Generator().manual_seed(seed))
    every = every or max(1, steps // 10)
    history, losses, began = History(), [], time.perf_counter()
    counter = _counter(steps) if show else None
    model.train()
    for step in range(1, steps + 1):
        i = next(order).to(device)
        batch_loss = loss(model(x[i]), y[i])
        opt.zero_grad()
        batch_loss.backward()
        opt.step()
        losses.append(batch_loss.detach())
        if counter and step % 50 == 0:
            counter.update({"text/plain": f"step {step} of {steps}"}, raw=True)
        if step % every == 0 or step == steps:
            _stop_if_not_finite(losses, step)
            if test is not None:
                test_loss, value = evaluate(model, test, loss=loss, metric=metric)
                history.steps.append(step)
                history.test_loss.append(test_loss)
                history.test_metric.append(value)
                if show:
                    named = "" if metric is None else f"  {metric.__name__} {value:.4f}"
                    print(f"step {step:5d}  loss {losses[-1].item():.4f}  test loss {test_loss:.4f}{named}")
    history.loss = [value.item() for value in losses]
    history.seconds = time.perf_counter() - began
    return history


def _counter(steps):
    """A line that is overwritten, for a reader who waits; a run for the page leaves none behind."""
    if get_ipython() is None or "DEEPWEEKS_REPORT" in os.environ:
        return None
    return display({"text/plain": f"step 0 of {steps}"}, raw=True, display_id=True)


def _stop_if_not_finite(losses, step):
    bad = (~torch.isfinite(torch.stack(losses))).nonzero()
    if len(bad):
        raise FloatingPointError(
            f"the loss is no longer finite at step {bad[0].item() + 1} of {step}; lower the learning rate"
        )


@torch.no_grad()
def evaluate(
    model: torch.nn.Module,
    data: tuple[torch.Tensor, torch.Tensor],
    *,
    loss: Callable = F.cross_entropy,
    metric: Callable | None = metrics.accuracy,
    batch_size: int = 1000,
) -> tuple[float, float | None]:
    """Loss and metric of a model on a whole set, in evaluation mode; the model's mode is put back afterwards.

    Args:
        model: The model.
        data: Inputs of shape (N, ...) and targets of shape (N, ...).
        loss: As for :func:`fit`.
        metric: As for :func:`fit`.
        batch_size: Examples per forward pass; it does not change the result.

    Returns:
        The loss and the metric (None without one).
    """
    x, y = data
    device, mode = next(model.parameters()).device, model.training
    model.eval()
    outputs = torch.cat([model(part.to(device)) for part in x.split(batch_size)])
    model.train(mode)
    y = y.to(device)
    return loss(outputs, y).item(), None if metric is None else metric(outputs, y)
