"""The syllabus as data, where the course lies on disk, and the names of every setting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROFILES = ("smoke", "cpu", "gpu")
DEVICES = ("auto", "cpu", "cuda")
DATA = ("auto", "embedded", "real")


class CourseError(ValueError):
    """A mistake of the caller, told in one line with the valid values or the remedy."""


@dataclass(frozen=True)
class Week:
    """One week: its number, file name, title, what its reader will have shown, and the weeks it builds on."""

    number: int
    slug: str
    title: str
    claim: str
    needs: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """``week03``"""
        return f"week{self.number:02d}"

    @property
    def stem(self) -> str:
        """``week03_convolution``: the notebook's file name without its ending."""
        return f"{self.name}_{self.slug}"


# fmt: off
WEEKS = (
    Week(1, "foundations", "Machine learning and PyTorch",
         "One neuron becomes four classical models when only its loss changes."),
    Week(2, "feedforward", "Feed-forward networks",
         "A hidden layer helps only because of the non-linearity behind it.", (1,)),
    Week(3, "convolution", "Convolutional networks",
         "A network that shares weights across the picture beats a larger one that does not.", (2,)),
    Week(4, "optimisation", "Backpropagation and optimisation",
         "Reverse-mode differentiation and eight optimisers fit on a few pages and agree with PyTorch.", (2,)),
    Week(5, "practice", "Training in practice",
         "Thirty layers that learn nothing train well with the right start and normalisation.", (3, 4)),
    Week(6, "deep_vision", "Deep vision, transfer and robustness",
         "Skip connections rescue the training error of deep nets, and small attacks still fool them.", (5,)),
    Week(7, "recurrent", "Recurrent networks",
         "Gates carry a gradient across distances at which a plain recurrent network forgets.", (4,)),
    Week(8, "representation", "Learning representations",
         "Distances that a network learns name unseen letters and order words by meaning.", (3, 5)),
    Week(9, "transformers", "Attention and transformers",
         "Attention translates number words exactly, at a cost that grows with the square of the length.", (7, 8)),
    Week(10, "vision_transformers", "Vision transformers and fine-tuning",
         "How much data a vision transformer needs, and how few weights fine-tuning has to touch.", (6, 9)),
    Week(11, "gans", "Generative adversarial networks",
         "The game of two networks has a known optimum and several measurable ways to miss it.", (3, 8)),
    Week(12, "gan_craft", "Making GANs train",
         "Which losses and stabilisers matter, over seeds and with their spread.", (5, 11)),
    Week(13, "judging_generators", "Judging generators",
         "Every score of generated pictures is blind to some damage that another one sees.", (11,)),
    Week(14, "gan_family", "The GAN family",
         "Conditions, pairs, cycles and styles each buy a control that can be measured.", (12, 13)),
    Week(15, "diffusion", "Diffusion models",
         "Removing noise step by step makes pictures, and the exact answer is known for a mixture.", (8, 13)),
    Week(16, "language_models", "Language models",
         "Predicting the next token is enough to learn a task from examples in the prompt.", (9,)),
    Week(17, "trustworthy", "Trustworthy language models",
         "Retrieval, abstention and voting each remove a different share of the invented answers.", (16,)),
    Week(18, "scaling", "Scaling out, and revision",
         "Several processes compute the gradient of one, at a cost that a model on paper predicts.", (5, 16)),
)
# fmt: on


def root() -> Path:
    """The checkout: the nearest folder above the working directory, else above this file, that holds the course.

    Raises:
        CourseError: Neither lies in a checkout.
    """
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / "_config.yml").is_file() and (folder / "notebooks").is_dir():
                return folder
    raise CourseError("no course here: go to a clone of the repository (it holds _config.yml and notebooks/)")


def notebook(week: Week) -> Path:
    """Where the source of a week lies, written or not."""
    return root() / "notebooks" / f"{week.stem}.ipynb"


def written() -> tuple[Week, ...]:
    """The weeks that have a notebook."""
    return tuple(week for week in WEEKS if notebook(week).is_file())


def one_of(what: str, value, valid) -> None:
    """Raise a :class:`CourseError` that lists the valid values unless ``value`` is among them."""
    if value not in valid:
        raise CourseError(f"unknown {what} {value!r}; valid: {', '.join(map(str, valid))}")


def parse_weeks(texts) -> tuple[Week, ...]:
    """Weeks in course order from ``"3"``, ``"1-3"``, ``"1,3"``, ``"week03"``, a slug or a notebook's path.

    Raises:
        CourseError: Something names no week; the message lists the valid names.
    """
    found = set()
    for text in ",".join(map(str, texts)).split(","):
        numbers = re.fullmatch(r"(?:week)?(\d+)(?:-(?:week)?(\d+))?", text)
        if numbers:
            first, last = int(numbers[1]), int(numbers[2] or numbers[1])
            hits = set(range(first, last + 1))
        else:
            hits = {week.number for week in WEEKS if Path(text).name.removesuffix(".ipynb") in (week.slug, week.stem)}
        if not hits or not hits <= {week.number for week in WEEKS}:
            slugs = ", ".join(week.slug for week in WEEKS)
            raise CourseError(f"unknown week {text!r}; valid: 1 to {len(WEEKS)}, a range such as 1-3, or {slugs}")
        found |= hits
    return tuple(week for week in WEEKS if week.number in found)
