"""Adversarial examples within a box around each input (the l-infinity ball). Week 6 builds them.

Both attacks leave the model as it was: its mode, its parameters and their gradients. Put it in evaluation mode
first, unless the attack is part of training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def fgsm(
    model: torch.nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    eps: float,
    *,
    targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> torch.Tensor:
    """The fast gradient sign method: one step of size ``eps`` in every pixel.

    Args:
        model: Maps inputs of shape (N, ...) to logits (N, K).
        x: Inputs within ``bounds``.
        y: Class indices (N,): the true classes, or with ``targeted`` the classes wanted.
        eps: Largest change of a pixel, in the units of ``x`` (0.1 is a tenth of the range of pixels in [0, 1]).
        targeted: Lower the loss towards ``y`` instead of raising it.
        bounds: Valid range of a pixel; the result is clipped to it.

    Returns:
        Attacked inputs of the shape of ``x``, detached.

    Raises:
        ValueError: ``eps`` is negative, or ``x`` leaves ``bounds``.

    Source: Goodfellow, Shlens and Szegedy (2015).
    """
    return pgd(model, x, y, eps, step=eps, steps=1, start="clean", targeted=targeted, bounds=bounds)


@torch.enable_grad()
def pgd(
    model: torch.nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    eps: float,
    *,
    step: float | None = None,
    steps: int = 10,
    start: str = "random",
    targeted: bool = False,
    bounds: tuple[float, float] = (0.0, 1.0),
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Projected gradient descent: sign steps, each followed by a projection onto the box of radius ``eps``.

    Args:
        model: Maps inputs of shape (N, ...) to logits (N, K).
        x: Inputs within ``bounds``.
        y: Class indices (N,): the true classes, or with ``targeted`` the classes wanted.
        eps: Largest change of a pixel, in the units of ``x``.
        step: Size of a step; ``2.5 * eps / steps`` by default.
        steps: Number of steps.
        start: ``"random"``, a uniform point of the box (Madry et al.), or ``"clean"``, at ``x`` itself (BIM).
        targeted: Lower the loss towards ``y`` instead of raising it.
        bounds: Valid range of a pixel; every step is clipped to it.
        generator: Decides the random start; on the device of ``x``.

    Returns:
        Attacked inputs of the shape of ``x``, detached.

    Raises:
        ValueError: ``eps`` is negative, ``steps`` below 1, ``start`` unknown, or ``x`` leaves ``bounds``.

    Source: Madry et al. (2018); from the clean input, Kurakin, Goodfellow and Bengio (2017).
    """
    low, high = bounds
    if eps < 0 or steps < 1:
        raise ValueError(f"eps must be 0 or more and steps 1 or more, got eps={eps}, steps={steps}")
    if start not in ("random", "clean"):
        raise ValueError(f"start must be 'random' or 'clean', got {start!r}")
    if len(x) and (x.min() < low or x.max() > high):
        raise ValueError(f"the inputs reach from {x.min():.3g} to {x.max():.3g}; scale them to {bounds} or say bounds=")
    step = 2.5 * eps / steps if step is None else step
    smallest, largest = (x - eps).clamp(min=low), (x + eps).clamp(max=high)
    attacked = x.detach()
    if start == "random":
        noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        attacked = (x + eps * (2 * noise - 1)).clamp(low, high)
    for _ in range(steps):
        attacked = attacked.detach().requires_grad_()
        loss = F.cross_entropy(model(attacked), y, reduction="sum")  # a sum: no example's gradient depends on N
        slope = torch.autograd.grad(loss, attacked)[0].sign()
        attacked = (attacked - step * slope if targeted else attacked + step * slope).detach()
        attacked = torch.minimum(torch.maximum(attacked, smallest), largest)
    return attacked
