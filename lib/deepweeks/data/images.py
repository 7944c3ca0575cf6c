"""Labelled images: handwritten digits, letters, clothes, coloured shapes, photographs. Introduced in week 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from ..course import DATA, one_of
from ..run import record
from . import glyphs, shapes
from .source import CIFAR10, FASHION, MNIST, Unavailable, read, root, shown


@dataclass(frozen=True)
class Images:
    """A training set and a test set of labelled images.

    Attributes:
        name: The name it was loaded by, such as ``"digits"``.
        x: Training images (N, C, H, W), float32, 0 (black) to 1.
        y: Their labels (N,), int64, from 0.
        x_test: Test images, as ``x``.
        y_test: Test labels, as ``y``.
        classes: Names of the classes; label k is ``classes[k]``.
        source: ``"embedded"`` (made by code) or ``"real"``.
        note: One line that says which data these are, and why where that was not asked for.
    """

    name: str
    x: torch.Tensor
    y: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor
    classes: tuple[str, ...]
    source: str
    note: str

    @property
    def train(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The pair (x, y)."""
        return self.x, self.y

    @property
    def test(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The pair (x_test, y_test)."""
        return self.x_test, self.y_test


_KINDS = {  # name -> what the embedded images are, their characters (None: shapes), the published collection
    "digits": ("drawn from fonts", glyphs.DIGITS, MNIST),
    "fashion": ("letters A to J stand in", glyphs.LETTERS[:10], FASHION),
    "cifar10": ("coloured shapes stand in", None, CIFAR10),
    "letters": ("drawn from fonts", glyphs.LETTERS, None),
    "shapes": ("drawn by formulas", None, None),
}


def load(name: str, *, source: str = "auto", train: int = 12000, test: int = 2000, seed: int = 0) -> Images:
    """Labelled images by name; prints one line that says which they are.

    ========= ================== =============================== =======
    name      real               embedded                        size
    ========= ================== =============================== =======
    digits    MNIST              digits drawn from fonts         1x28x28
    fashion   Fashion-MNIST      letters A to J, standing in     1x28x28
    cifar10   CIFAR-10           coloured shapes, standing in    3x32x32
    letters   (none)             26 capitals drawn from fonts    1x28x28
    shapes    (none)             ten coloured shapes             3x32x32
    ========= ================== =============================== =======

    Args:
        name: One of the names above.
        source: ``"embedded"``: made by code, the same on every machine. ``"real"``: the published images, from disk
            or downloaded. ``"auto"``: real where they are there or downloadable within seconds, else embedded.
        train: Number of training images; of real ones the first so many, and no more than there are.
        test: Number of test images, likewise.
        seed: Seed of embedded images, a whole number >= 0. Real ones do not depend on it.

    Returns:
        The images, as :class:`Images`.

    Raises:
        ValueError: An argument has no valid value; the message lists the valid ones.
        RuntimeError: ``source="real"`` and the images cannot be had; the message names the remedy.
    """
    _check(name, source, train, test, seed)
    made, characters, published = _KINDS[name]
    kind, counts = "embedded", (train, test)
    if source != "embedded" and published:
        try:
            parts, classes = _real(published, counts, insist=source == "real")
            kind, made = "real", f"{published.title} in {shown(root())}"
        except Unavailable as error:
            if source == "real":
                raise
            made = f"{made}; {error.reason}"
    if kind == "embedded":
        make, classes = (partial(glyphs.make, characters), characters) if characters else (shapes.make, shapes.CLASSES)
        parts = [make(count, seed=seed, stream=k) for k, count in enumerate(counts)]
    (x, y), (x_test, y_test) = parts
    note = f"{name}: {kind} ({made}), {len(x):,} training and {len(x_test):,} test images"
    print(note)
    record("data", name=name, source=kind, note=note)
    return Images(name, x, y, x_test, y_test, tuple(classes), kind, note)


def _check(name, source, train, test, seed):
    one_of("data set", name, tuple(_KINDS))
    one_of("source", source, DATA)
    if source == "real" and _KINDS[name][-1] is None:
        raise ValueError(f'{name} has no real images, it is made by code; use source="embedded" or "auto"')
    for label, value, least in (("train", train, 1), ("test", test, 1), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            raise ValueError(f"{label} is {value!r}; it must be a whole number of at least {least}")


def _real(published, counts, insist):
    parts, sets = [], read(published, insist=insist)
    for whole, count in zip(sets, counts, strict=True):
        x = torch.as_tensor(whole.data[:count])
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
        parts.append((x.contiguous().float() / 255, torch.as_tensor(whole.targets[:count])))
    # torchvision calls the digits "0 - zero" and so on.
    return parts, [label.split(" - ")[0] for label in sets[0].classes]
