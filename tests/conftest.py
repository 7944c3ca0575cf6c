"""What every test needs: one thread, no window for figures, and slow tests only when they are asked for."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes many minutes; runs only with `-m slow`")


def pytest_collection_modifyitems(config, items):
    if config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
