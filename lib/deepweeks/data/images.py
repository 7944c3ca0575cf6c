"""Labelled images: handwritten digits, letters, clothes, coloured shapes, photographs. Introduced in week 1."""

from dataclasses import dataclass, replace

import torch

from deepweeks.data import glyphs, shapes, source
from deepweeks.run import record

SOURCES = ("auto", "embedded", "real")


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
    def train(self):
        """The pair (x, y)."""
        return self.x, self.y

    @property
    def test(self):
        """The pair (x_test, y_test)."""
        return self.x_test, self.y_test

    def to(self, device):
        """A copy with its tensors on `device`."""
        moved = {name: getattr(self, name).to(device) for name in ("x", "y", "x_test", "y_test")}
        return replace(self, **moved)


@dataclass(frozen=True)
class _Entry:
    made: str  # what the embedded images are
    characters: str | None  # of the glyphs; None for shapes
    real: source.Collection | None = None
    classes: tuple[str, ...] | None = None  # of the real images; None: as torchvision names them


_ENTRIES = {
    "digits": _Entry("drawn from fonts", glyphs.DIGITS, source.MNIST, tuple(glyphs.DIGITS)),
    "fashion": _Entry("letters A to J stand in", glyphs.LETTERS[:10], source.FASHION),
    "cifar10": _Entry("coloured shapes stand in", None, source.CIFAR10),
    "letters": _Entry("drawn from fonts", glyphs.LETTERS),
    "shapes": _Entry("drawn by formulas", None),
}


def load(name, source="auto", train=12000, test=2000, seed=0):
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
    entry, why = _ENTRIES[name], ""
    if source != "embedded" and entry.real:
        try:
            return _announce(_real(name, entry, train, test, insist=source == "real"))
        except RuntimeError as error:
            if source == "real":
                raise
            why = f"; {error.reason}"
    characters = entry.characters
    parts = [
        glyphs.make(characters, count, seed=seed, stream=k) if characters else shapes.make(count, seed=seed, stream=k)
        for k, count in enumerate((train, test))
    ]
    note = f"{name}: embedded ({entry.made}{why}), {_counts(train, test)}"
    classes = tuple(characters) if characters else shapes.CLASSES
    return _announce(Images(name, *parts[0], *parts[1], classes, "embedded", note))


def _check(name, source, train, test, seed):
    for label, value, valid in (("data set", name, tuple(_ENTRIES)), ("source", source, SOURCES)):
        if value not in valid:
            raise ValueError(f"unknown {label} {value!r}; valid: {', '.join(valid)}")
    if source == "real" and not _ENTRIES[name].real:
        raise ValueError(f'{name} has no real images, it is made by code; use source="embedded" or "auto"')
    for label, value, least in (("train", train, 1), ("test", test, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{label} is {value!r}; it must be a whole number of at least {least}")


def _real(name, entry, train, test, insist):
    sets = source.read(entry.real, insist=insist)
    pairs = []
    for part, count in zip(sets, (train, test), strict=True):
        x = torch.as_tensor(part.data[:count])
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
        pairs.append((x.contiguous().float() / 255, torch.as_tensor(part.targets[:count])))
    counts = _counts(len(pairs[0][1]), len(pairs[1][1]))
    note = f"{name}: real ({entry.real.title} in {source.shown(source.root())}), {counts}"
    return Images(name, *pairs[0], *pairs[1], entry.classes or tuple(sets[0].classes), "real", note)


def _counts(train, test):
    return f"{train:,} training and {test:,} test images"


def _announce(images):
    print(images.note)
    record("data", name=images.name, source=images.source, note=images.note)
    return images
