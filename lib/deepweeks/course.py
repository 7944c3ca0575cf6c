"""The syllabus as data, where the course lies on disk, and the names of every setting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
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
    needs: tuple[int, ...]

    @property
    def name(self) -> str:
        """``week03``"""
        return f"week{self.number:02d}"

    @property
    def stem(self) -> str:
        """``week03_convolution``: the notebook's file name without its ending."""
        return f"{self.name}_{self.slug}"


@cache
def weeks() -> tuple[Week, ...]:
    """Every week of the syllabus, read from ``course.yml``."""
    import yaml  # not above: notebooks need only the names of the settings

    rows = yaml.safe_load(Path(__file__).with_name("course.yml").read_text("utf-8"))
    return tuple(Week(number, **row | {"needs": tuple(row["needs"])}) for number, row in enumerate(rows, 1))


def root() -> Path:
    """The checkout: the nearest folder above the working directory, else above this file, that holds the course.

    Raises:
        CourseError: Neither lies in a checkout.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (folder / "_config.yml").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise CourseError("no course here: go to a clone of the repository (it holds _config.yml and notebooks/)")


def notebook(week: Week) -> Path:
    """Where the source of a week lies, written or not."""
    return root() / "notebooks" / f"{week.stem}.ipynb"


def written() -> tuple[Week, ...]:
    """The weeks that have a notebook."""
    return tuple(week for week in weeks() if notebook(week).is_file())


def one_of(what: str, value, valid) -> None:
    """Raise a :class:`CourseError` that lists the valid values unless ``value`` is among them."""
    if value not in valid:
        raise CourseError(f"unknown {what} {value!r}; valid: {', '.join(map(str, valid))}")


def check_settings(profile, device, seed, data) -> None:
    """Raise a :class:`CourseError` unless a notebook can be run with these four parameters."""
    one_of("profile", profile, PROFILES)
    one_of("device", device, DEVICES)
    one_of("data", data, DATA)
    if type(seed) is not int or not 0 <= seed < 2**32:  # True is an int, but no seed
        raise CourseError(f"seed is {seed!r}; it must be a whole number from 0 to 2**32 - 1")


def parse_weeks(texts) -> tuple[Week, ...]:
    """Weeks in course order from ``"3"``, ``"1-3"``, ``"1,3"``, ``"week03"`` or ``"convolution"``.

    Raises:
        CourseError: Something names no week; the message lists the valid names.
    """
    numbers = {name: week.number for week in weeks() for name in (str(week.number), week.name, week.slug)}
    found = set()
    for text in ",".join(texts).split(","):
        ends = [numbers.get(name) for name in text.split("-")]
        if None in ends or len(ends) > 2 or ends[0] > ends[-1]:
            slugs = ", ".join(week.slug for week in weeks())
            raise CourseError(f"unknown week {text!r}; valid: 1 to {len(weeks())}, a range such as 1-3, or {slugs}")
        found |= set(range(ends[0], ends[-1] + 1))
    return tuple(week for week in weeks() if week.number in found)
