"""Data of the notebooks: real where they can be had, made by code everywhere, and they say which they are.

``images`` is what notebooks use; ``glyphs`` and ``shapes`` draw the embedded images, ``source`` finds the real ones.
"""

import contextlib

import torch


@contextlib.contextmanager
def one_thread():
    """Run torch on one thread: many small operations gain nothing from more, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
