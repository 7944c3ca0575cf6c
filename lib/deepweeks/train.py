"""One readable training loop. Week 1 writes it by hand; this is the same loop with the bookkeeping around it.

Week 4 adds the learning-rate schedule, week 5 gradient clipping, augmentation and early stopping, week 9 models with
more than one input. :func:`fit_gan` is the loop of week 11 for two networks with opposite aims.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from IPython import get_ipython
from IPython.display import display

from . import losses, metrics
from .models.mlp import evaluating

Inputs = torch.Tensor | tuple[torch.Tensor, ...]


@dataclass
class History:
    """What happened during a call of :func:`fit`.

    Attributes:
        loss: Training loss of every step's mini-batch.
        steps: The steps after which the test data were evaluated.
        test_loss: Mean loss on the test data at those steps.
        test_metric: The metric on the test data at those steps.
        best_step: With early stopping, the step whose weights the model has at the end.
        seconds: Wall time of the whole call.
    """

    loss: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_metric: list[float] = field(default_factory=list)
    best_step: int | None = None
    seconds: float = 0.0


class EarlyStopping:
    """Patience and the best weights: stop when a loss on held-out data has not fallen for a while. From week 5.

    Args:
        patience: Evaluations without a new best loss after which to stop.
        min_delta: A loss counts as a new best when it is lower by more than this.

    Attributes:
        best: Lowest loss so far.
        best_step: The step it belongs to.

    Raises:
        ValueError: ``patience`` is below 1 or ``min_delta`` below 0.

    Source: Prechelt (1998).
    """

    def __init__(self, patience: int = 5, min_delta: float = 0.0):
        if patience < 1 or min_delta < 0:
            raise ValueError(f"patience must be 1 or more and min_delta 0 or more, got {patience} and {min_delta}")
        self.patience, self.min_delta = patience, min_delta
        self.best, self.best_step, self.waited, self.weights = math.inf, None, 0, None

    def update(self, loss: float, model: torch.nn.Module | None = None, step: int | None = None) -> bool:
        """Note one evaluation; a new best keeps a copy of the model's weights. True: it is time to stop."""
        if loss < self.best - self.min_delta:
            self.best, self.best_step, self.waited = loss, step, 0
            self.weights = None if model is None else copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model: torch.nn.Module) -> None:
        """Give the model the weights it had at the best evaluation."""
        if self.weights is None:
            raise ValueError("there are no weights to restore: no evaluation with a finite loss had a model")
        model.load_state_dict(self.weights)


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
    train: tuple[Inputs, torch.Tensor],
    *,
    steps: int,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimizer: Callable = torch.optim.Adam,
    loss: Callable = F.cross_entropy,
    metric: Callable | None = metrics.accuracy,
    test: tuple[Inputs, torch.Tensor] | None = None,
    every: int | None = None,
    schedule: Callable | None = None,
    clip: float | None = None,
    augment: Callable | None = None,
    early_stopping: EarlyStopping | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    show: bool = True,
) -> History:
    """Train a model in place by mini-batch gradient descent.

    Args:
        model: Maps a batch of inputs to outputs, such as logits of shape (B, K).
        train: Inputs of shape (N, ...) and targets of shape (N, ...). A tuple of inputs is given to the model, and to
            ``augment``, as it is given here: ``model(*inputs)``, ``augment(inputs, y, generator)``.
        steps: Number of updates.
        batch_size: Examples per update; all N when there are fewer.
        lr: Learning rate.
        optimizer: Called as ``optimizer(parameters, lr=lr)``.
        loss: Called as ``loss(outputs, targets)``; returns a scalar tensor.
        metric: Called as ``metric(outputs, targets)`` on the whole test data; None for the loss alone.
        test: Inputs and targets for evaluation; None for none.
        every: Evaluate after this many steps, and after the last; a tenth of ``steps`` by default.
        schedule: Called as ``schedule(optimizer)``; returns a ``torch.optim.lr_scheduler``, stepped after each update.
        clip: Largest Euclidean norm of the whole gradient; a longer one is shortened to it.
        augment: Called as ``augment(x, y, generator)`` on each mini-batch; returns the inputs and targets to train on.
        early_stopping: Told the loss on ``test`` at each evaluation. Pass validation data as ``test``: what decides
            when to stop is no longer a test.
        seed: Decides the order of the examples, and the generator that ``augment`` gets.
        device: Where to train; the model's own device by default.
        show: Print a line at each evaluation; in a live notebook also count the steps.

    Returns:
        Losses and evaluations.

    Raises:
        ValueError: Inputs and targets differ in length, or there are none; early stopping without ``test``.
        FloatingPointError: The loss became NaN or infinite; the message names the step.
    """
    x, y = train
    for part in _parts(x):
        if len(part) != len(y) or len(y) == 0:
            raise ValueError(
                f"{len(part)} inputs and {len(y)} targets: they must be equal in number, and more than none"
            )
    if early_stopping is not None and test is None:
        raise ValueError("early stopping needs validation data: pass them as test=(x, y)")
    device = next(model.parameters()).device if device is None else torch.device(device)
    model, x, y = model.to(device), _each(x, lambda part: part.to(device)), y.to(device)
    opt = optimizer(model.parameters(), lr=lr)
    scheduler = schedule(opt) if schedule else None
    order = batches(len(y), batch_size, torch.Generator().manual_seed(seed))
    generator = torch.Generator(device).manual_seed(seed) if augment else None
    every = every or max(1, steps // 10)
    history, losses, began = History(), [], time.perf_counter()
    counter = _counter(steps) if show else None
    model.train()
    for step in range(1, steps + 1):
        i = next(order).to(device)
        inputs, targets = _each(x, lambda part, i=i: part[i]), y[i]
        if augment:
            inputs, targets = augment(inputs, targets, generator)
        batch_loss = loss(model(*_parts(inputs)), targets)
        opt.zero_grad()
        batch_loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        if scheduler:
            scheduler.step()
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
                if early_stopping is not None and early_stopping.update(test_loss, model, step):
                    break
    if early_stopping is not None:
        early_stopping.restore(model)
        history.best_step = early_stopping.best_step
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


def _parts(x):
    return x if isinstance(x, tuple) else (x,)


def _each(x, change):
    return tuple(map(change, x)) if isinstance(x, tuple) else change(x)


@evaluating
def evaluate(
    model: torch.nn.Module,
    data: tuple[Inputs, torch.Tensor],
    *,
    loss: Callable = F.cross_entropy,
    metric: Callable | None = metrics.accuracy,
    batch_size: int = 1000,
) -> tuple[float, float | None]:
    """Loss and metric of a model on a whole set, in evaluation mode; the model's mode is put back afterwards.

    Args:
        model: The model.
        data: Inputs of shape (N, ...), or a tuple of them, and targets of shape (N, ...).
        loss: As for :func:`fit`.
        metric: As for :func:`fit`.
        batch_size: Examples per forward pass; it does not change the result.

    Returns:
        The loss and the metric (None without one).
    """
    x, y = data
    device = next(model.parameters()).device
    chunks = zip(*(part.split(batch_size) for part in _parts(x)), strict=True)
    outputs = torch.cat([model(*(part.to(device) for part in chunk)) for chunk in chunks])
    y = y.to(device)
    return loss(outputs, y).item(), None if metric is None else metric(outputs, y)


@dataclass
class GANHistory:
    """What happened during a call of :func:`fit_gan`.

    Attributes:
        average: The generator with running averages of weights and buffers, in evaluation mode.
        d_loss: The discriminator's loss at every step, without penalty.
        g_loss: The generator's loss at every step.
        accuracy: Share of the mini-batch that the discriminator placed rightly, at every step.
        seconds: Wall time of the whole call.
    """

    average: torch.nn.Module
    d_loss: list[float] = field(default_factory=list)
    g_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0


def fit_gan(
    generator: torch.nn.Module,
    discriminator: torch.nn.Module,
    x: torch.Tensor,
    *,
    latent: int,
    steps: int,
    batch_size: int = 64,
    kind: str = "nonsaturating",
    lr: float | tuple[float, float] = 2e-3,
    betas: tuple[float, float] = (0.5, 0.99),
    penalty: Callable | None = None,
    lazy: int = 1,
    d_steps: int = 1,
    schedule: Callable | None = None,
    average: float = 0.995,
    seed: int = 0,
    callback: Callable | None = None,
) -> GANHistory:
    """Train a generator and a discriminator in place, by turns, with Adam.

    Args:
        generator: Maps codes (B, latent) from N(0, 1) to data (B, ...).
        discriminator: Maps data to logits, one for each.
        x: The data (N, ...), scaled as the generator's outputs are.
        latent: Size of a code.
        steps: Number of the generator's updates.
        batch_size: Examples per update.
        kind: Of :func:`deepweeks.losses.gan_loss`.
        lr: Learning rate of both, or the generator's and the discriminator's.
        betas: Of Adam.
        penalty: Called as ``penalty(discriminator, real, fake)``; its value is added to the discriminator's loss.
        lazy: Take the penalty in every lazy-th update only, times ``lazy``.
        d_steps: The discriminator's updates per update of the generator.
        schedule: Called as ``schedule(optimizer)`` for both; returns a scheduler, stepped after each step.
        average: Share of the running average that is kept in a step.
        seed: Decides the codes and the order of the data.
        callback: Called as ``callback(step, average)`` after each step; True ends the training.

    Returns:
        Losses, and the averaged generator, which is the one to draw from.

    Raises:
        FloatingPointError: A loss became NaN or infinite; the message names the step.

    Source: Goodfellow et al. (2014), algorithm 1; the average is that of Karras et al. (2018).
    """
    d_loss, g_loss = losses.gan_loss(kind)
    device, began = next(generator.parameters()).device, time.perf_counter()
    noise = torch.Generator().manual_seed(seed)
    order = batches(len(x), batch_size, noise)
    rates = lr if isinstance(lr, tuple) else (lr, lr)
    opts = [
        torch.optim.Adam(model.parameters(), lr=rate, betas=betas, fused=True)
        for model, rate in zip((generator, discriminator), rates, strict=True)
    ]
    schedulers = [schedule(opt) for opt in opts] if schedule else []
    history, rows = GANHistory(copy.deepcopy(generator).eval()), []

    def draw():
        return generator(torch.randn(batch_size, latent, generator=noise).to(device))

    generator.train()
    discriminator.train()
    for step in range(1, steps + 1):
        for turn in range(d_steps):
            real = x[next(order)].to(device)
            fake = draw()
            on_real, on_fake = discriminator(real), discriminator(fake.detach())
            loss_d = total = d_loss(on_real, on_fake)
            if penalty and ((step - 1) * d_steps + turn) % lazy == 0:
                total = loss_d + lazy * penalty(discriminator, real, fake.detach())
            opts[1].zero_grad()
            total.backward()
            opts[1].step()
        discriminator.requires_grad_(False)
        loss_g = g_loss(discriminator(fake))
        opts[0].zero_grad()
        loss_g.backward()
        opts[0].step()
        discriminator.requires_grad_(True)
        for scheduler in schedulers:
            scheduler.step()
        _follow(history.average, generator, max(1 - average, 1 / (step + 1)))
        right = ((on_real > 0).float().mean() + (on_fake < 0).float().mean()) / 2
        rows.append(torch.stack([loss_d.detach(), loss_g.detach(), right]))
        done = callback(step, history.average) if callback else False
        if done or step % 100 == 0 or step == steps:
            _stop_if_not_finite([row.sum() for row in rows], step)
        if done:
            break
    history.d_loss, history.g_loss, history.accuracy = torch.stack(rows).T.tolist()
    history.seconds = time.perf_counter() - began
    return history


@torch.no_grad()
def _follow(slow, fast, share):
    """Move an average a share of the way to a model: weights, and the running statistics of batch normalisation."""
    for a, b in zip(slow.state_dict().values(), fast.state_dict().values(), strict=True):
        if a.is_floating_point():
            a.lerp_(b, share)
