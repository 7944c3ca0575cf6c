"""deepweeks: the thin library under a deep-learning course of eighteen weekly notebooks.

Importing it prints nothing, writes nothing, opens no connection and seeds nothing. Submodules are loaded when they
are first used; so are ``start`` and ``claim``, so that the command line need not wait for PyTorch.
"""

import importlib

__all__ = ["Run", "claim", "start"]
__version__ = "0.1.0"

_NAMES = {"Run": "run", "start": "run", "claim": "claims"}
_SUBMODULES = {"attacks", "course", "data", "exercises", "execute", "metrics"}
_SUBMODULES |= {"losses", "models", "plots", "quiz", "runner", "train"}


def __getattr__(name):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_NAMES, *_SUBMODULES])
