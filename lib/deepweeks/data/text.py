"""English that is on every machine with this course: the documentation of Python and its libraries. From week 8."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass

from ..course import DATA, one_of
from ..run import record

MODULES = """
argparse asyncio collections csv datetime decimal email functools http.client io itertools json logging math os pathlib
random re sqlite3 statistics string subprocess threading unittest urllib.parse
matplotlib.axes matplotlib.figure matplotlib.pyplot numpy numpy.fft numpy.linalg numpy.random
torch torch.nn torch.nn.functional torch.optim"""


@dataclass(frozen=True)
class Text:
    """Documents of running text.

    Attributes:
        name: The name it was loaded by.
        documents: One string each, no two alike.
        source: ``"embedded"``.
        note: One line that says which text this is.
    """

    name: str
    documents: tuple[str, ...]
    source: str
    note: str


def load(name: str = "docs", *, source: str = "auto") -> Text:
    """Text by name; prints one line that says which it is.

    Args:
        name: ``"docs"``: Python's help topics and the docstrings of its standard library, numpy, matplotlib and torch.
            What they hold depends on the installed versions.
        source: ``"auto"`` or ``"embedded"``; there is no real text to download.

    Returns:
        The documents, as :class:`Text`.

    Raises:
        ValueError: An argument has no valid value; the message lists the valid ones.
    """
    one_of("text", name, ("docs",))
    one_of("source", source, DATA)
    documents = tuple(sorted(set(_documents())))  # repeated docstrings would count a word's neighbours many times
    size = sum(map(len, documents))
    note = f"{name}: embedded (documentation of Python, numpy, matplotlib and torch), {len(documents):,} documents"
    note += f", {size / 1e6:.1f} million characters"
    print(note)
    record("data", name=name, source="embedded", note=note)
    return Text(name, documents, "embedded", note)


def words(document: str) -> list[str]:
    """The words of a document in lower case; numbers and signs are left out."""
    return re.findall(r"[a-z]+(?:_[a-z]+)*", document.lower())


def _documents():
    from pydoc_data.topics import topics

    yield from topics.values()
    for module in map(importlib.import_module, MODULES.split()):
        # No submodules and nothing private: those depend on what else has been imported and on where figures go.
        public = [member for name, member in vars(module).items() if name[0] != "_" and callable(member)]
        for member in (module, *public):
            yield from _docstrings(member)


def _docstrings(member):
    inside = [f for key, f in vars(member).items() if key[0] != "_"] if inspect.isclass(member) else []
    for thing in (member, *inside):
        found = getattr(thing, "__doc__", None)
        if isinstance(found, str) and len(found) > 60:
            yield inspect.cleandoc(found)
