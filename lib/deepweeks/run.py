"""The settings of one run of a notebook: profile, device, seed and source of data. Introduced in week 1."""

from __future__ import annotations

import json
import os
import platform
import random
from dataclasses import dataclass

import numpy as np
import torch

from .course import check_settings


@dataclass(frozen=True)
class Run:
    """What a notebook was asked for; made by :func:`start`.

    Attributes:
        profile: ``"smoke"`` (seconds, proves that the code works), ``"cpu"`` (the published one) or ``"gpu"``.
        device: The device on which models are trained.
        seed: The seed that :func:`start` gave to every generator.
        data: ``"embedded"``, ``"real"`` or ``"auto"``; passed on to the loaders in :mod:`deepweeks.data`.
    """

    profile: str
    device: torch.device
    seed: int
    data: str

    def steps(self, *, smoke: int, cpu: int, gpu: int | None = None) -> int:
        """The number that belongs to this profile (``gpu`` defaults to ``cpu``): steps, images, seeds, ..."""
        return {"smoke": smoke, "cpu": cpu, "gpu": cpu if gpu is None else gpu}[self.profile]

    def generator(self, k: int = 0) -> torch.Generator:
        """A generator on the CPU, seeded from the run's seed and ``k``: an independent stream for each ``k``."""
        state = np.random.SeedSequence([self.seed, k]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(state) >> 1)


_current: Run | None = None


def current() -> Run | None:
    """The run that :func:`start` made last in this process, or None."""
    return _current


def start(profile: str = "cpu", device: str = "auto", seed: int = 0, data: str = "auto") -> Run:
    """Check the four settings, seed Python, NumPy and PyTorch, print one line of versions.

    Args:
        profile: ``"smoke"``, ``"cpu"`` or ``"gpu"``.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"`` (CUDA where there is a GPU).
        seed: A whole number from 0 to 2**32 - 1.
        data: ``"embedded"``, ``"real"`` or ``"auto"`` (real where it can be had).

    Returns:
        The settings, read-only.

    Raises:
        ValueError: A setting has no valid value; the message lists the valid ones.
        RuntimeError: ``device="cuda"`` on a machine where PyTorch sees no GPU.
    """
    global _current
    check_settings(profile, device, seed, data)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError('device="cuda" was asked for, but PyTorch sees no GPU here; use device="auto" or "cpu"')
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    _current = Run(profile, torch.device(device), seed, data)
    print(
        f"profile {profile}, device {device}, seed {seed}, data {data} · Python {platform.python_version()}, "
        f"torch {torch.__version__.split('+')[0]}, numpy {np.__version__}"
    )
    record("run", profile=profile, device=device, seed=seed, data=data)
    return _current


def record(kind: str, **event) -> None:
    """Append one event to the file that the runner named in ``DEEPWEEKS_REPORT``; without it, do nothing."""
    path = os.environ.get("DEEPWEEKS_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **event}) + "\n")
