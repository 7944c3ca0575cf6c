"""Numbers that the text relies on, checked whenever the notebook runs. Introduced in week 1."""

from __future__ import annotations

import math

from .run import current, record


class ClaimError(AssertionError):
    """A number in the text is not what the text says."""


def shown(value: float) -> str:
    """A measured number as readers see it: counts whole, everything else with four digits."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e12 else f"{value:.4g}"


def _bounds(value: float, at_least, at_most, close_to, within) -> tuple[bool, str]:
    said, holds = [], math.isfinite(value)
    if at_least is not None:
        said.append(f"at least {at_least:.4g}")
        holds &= value >= at_least
    if at_most is not None:
        said.append(f"at most {at_most:.4g}")
        holds &= value <= at_most
    if close_to is not None:
        exact = within == 0
        said.append(f"exactly {close_to:.10g}" if exact else f"{close_to:.6g} ± {within:.2g}")
        holds &= abs(value - close_to) <= within
    return holds, ", ".join(said)


def claim(name, value, *, at_least=None, at_most=None, close_to=None, within=None, trained=False, timed=False) -> None:
    """State that a measured number lies where the text says, print it, and record it.

    Args:
        name: What the number is, in words; unique within a notebook.
        value: The measured number (anything that ``float`` accepts).
        at_least: Lower bound, inclusive.
        at_most: Upper bound, inclusive.
        close_to: The expected number; needs ``within``.
        within: Largest absolute difference from ``close_to``; 0 for an exact number.
        trained: The number depends on training or on the amount of data, so the smoke profile, which trains
            for seconds, records it without judging it.
        timed: The number comes from a clock: it differs between equal runs, and the smoke profile does not judge it.

    Raises:
        ClaimError: The number is out of bounds (NaN and infinity always are).
        TypeError: No bound was given, or only one of ``close_to`` and ``within``.
    """
    if (close_to is None) != (within is None):
        raise TypeError(f"claim {name!r}: close_to and within belong together")
    if at_least is None and at_most is None and close_to is None:
        raise TypeError(f"claim {name!r}: give at_least, at_most or close_to with within")
    value = float(value.item() if hasattr(value, "item") else value)
    holds, bound = _bounds(value, at_least, at_most, close_to, within)
    judged = not ((trained or timed) and current() is not None and current().profile == "smoke")
    record("claim", name=name, value=value, bound=bound, judged=judged, holds=holds, timed=timed)
    if judged and not holds:
        raise ClaimError(f"{name} = {value:.6g}, but the text says {bound}")
    mark, note = ("✓", "") if judged else ("·", "; not judged in the smoke profile")
    print(f"{mark} {name} = {shown(value)} ({bound}{note})")
