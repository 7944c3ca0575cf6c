"""Check a reader's answers, and go on with theirs or with ours. Introduced in week 1.

An exercise is a stub that raises :class:`NotImplementedError`, a test written with plain asserts, and a
reference. :func:`check` tells the reader where they stand and never raises. :func:`pick` runs the same test on
the reference, so that a notebook whose check is broken stops instead of misleading.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable

import numpy as np
import torch

from .run import record

_log: dict[str, dict[str, str]] = {}


def log() -> dict[str, dict[str, str]]:
    """The exercises of this process: ``{id: {"status", "message", "used"}}``; status is ``"done"``,
    ``"not yet"``, ``"wrong"`` or ``"error"``."""
    return _log


def close(got, want, hint: str, *, atol: float = 1e-5, rtol: float = 1e-5) -> None:
    """Assert that an answer has the shape and the values that are wanted.

    Args:
        got: The reader's result: a number, or a tensor or array of any shape.
        want: The expected one; its type says what is expected.
        hint: The likely mistake; it ends the message.
        atol: Absolute tolerance.
        rtol: Relative tolerance.

    Raises:
        AssertionError: With what was expected, what was got, and the hint.
    """
    if isinstance(want, (str, bool)) or want is None:
        assert got == want, f"expected {want!r}, got {got!r}. {hint}"
        return
    if got is None:
        raise AssertionError(f"expected {_short(want)}, got None: is a return statement missing? {hint}")
    if isinstance(got, str) or not isinstance(got, (numbers.Number, np.ndarray, torch.Tensor, list, tuple)):
        raise AssertionError(f"expected {_short(want)}, got an object of type {type(got).__name__}. {hint}")
    a, b = _array(got), _array(want)
    if a.shape != b.shape:
        raise AssertionError(f"expected shape {tuple(b.shape)}, got shape {tuple(a.shape)}. {hint}")
    if not np.allclose(a, b, atol=atol, rtol=rtol, equal_nan=False):
        raise AssertionError(f"expected {_short(want)}, got {_short(got)}. {hint}")


def _array(value) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
    return np.asarray(value, dtype=np.float64)


def _short(value) -> str:
    a = _array(value)
    if a.ndim == 0:
        return f"{float(a):.6g}"
    text = np.array2string(a, precision=4, suppress_small=True, threshold=8, edgeitems=2, separator=", ")
    return " ".join(text.split()) + (f" (shape {a.shape})" if a.size > 8 else "")


def _judge(attempt, test: Callable) -> tuple[str, str]:
    """Run a test in its own random state, so that the notebook's numbers do not depend on the answers."""
    state = torch.get_rng_state(), np.random.get_state()
    try:
        test(attempt)
    except NotImplementedError:
        return "not yet", "nothing to check yet"
    except AssertionError as error:
        return "wrong", str(error) or "the result is not what was expected"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever an answer does, the notebook goes on
        return "error", f"your code raised {type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
    finally:
        torch.set_rng_state(state[0])
        np.random.set_state(state[1])
    return "done", ""


def check(name: str, attempt, test: Callable) -> None:
    """Print whether the reader's answer is done, not begun, wrong (and why), or crashes. Never raises.

    Args:
        name: The exercise's number, such as ``"3.1"``.
        attempt: The reader's function or class.
        test: Called with it; raises :class:`AssertionError` with the likely mistake.
    """
    status, message = _judge(attempt, test)
    _log.setdefault(name, {}).update(status=status, message=message)
    said = {
        "done": f"✓ Exercise {name}: done.",
        "not yet": f"○ Exercise {name}: not yet. Write your answer in the cell above, run it, then run this cell.",
        "wrong": f"✗ Exercise {name}: not right yet. {message}",
        "error": f"✗ Exercise {name}: {message}",
    }
    print(said[status])


def pick(name: str, attempt, reference, test: Callable):
    """Return the reader's answer if it passes the test, else the reference; say which.

    Raises:
        RuntimeError: The reference itself fails: the course is at fault, not the reader.
    """
    status, message = _judge(reference, test)
    if status != "done":
        raise RuntimeError(f"the course's own answer to exercise {name} fails its check: {message}")
    status, message = _judge(attempt, test)
    used = "yours" if status == "done" else "the course's"
    _log.setdefault(name, {}).update(status=status, message=message, used=used)
    record("exercise", id=name, status=status, used=used)
    print(f"From here on, exercise {name} uses {'your answer' if status == 'done' else 'the solution above'}.")
    return attempt if status == "done" else reference


def report(week: int) -> None:
    """Print where the reader stands with each exercise of a week that this run has met."""
    rows = {name: entry for name, entry in _log.items() if name.split(".")[0] == str(week)}
    done = sum(entry["status"] == "done" for entry in rows.values())
    print(f"Week {week}: {done} of {len(rows)} exercises done")
    for name, entry in rows.items():
        print(f"  {'✓' if entry['status'] == 'done' else '○'} {name}  {entry['status']}")
