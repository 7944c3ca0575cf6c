"""Figures in one house style, each with a description for readers who do not see it. Used from week 1 on.

A figure is shown as plain HTML that carries its own picture: it looks the same in JupyterLab, in Colab and in
the page, loads nothing from another host, and its ``alt`` text goes wherever the picture goes.
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import cycler
from PIL import Image

from .page import key, macros, publish

# Okabe and Ito (2008): distinguishable with every common colour-vision deficiency; yellow is left out.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<", ">"]
LIGHT = 60_000  # bytes
DPI = 144  # pixels per inch in the file; shown at 96, so that it stays sharp on dense screens


def style():
    """The house style as a context manager; nothing changes outside of it."""
    lines = {"axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=LINES), "savefig.dpi": DPI}
    return plt.style.context([Path(__file__).with_name("house.mplstyle"), lines])


@contextmanager
def figure(rows: int = 1, cols: int = 1, *, alt, size=None, caption=None, data=None, **subplots):
    """Draw inside this context; at its end the figure is shown once and closed.

    Args:
        rows: Rows of axes.
        cols: Columns of axes.
        alt: What is seen, in at least 20 characters; or a function of no arguments that returns it, called at
            the end.
        size: Width and height in inches; by default 3.6 x 2.9 for each pair of axes, 5.6 x 3.2 for a single one.
        caption: A line below the picture.
        data: An object with ``name`` and ``source``, such as :class:`deepweeks.data.images.Images`; the caption
            then says where the data come from.
        **subplots: Passed to :func:`matplotlib.pyplot.subplots`.

    Yields:
        The figure and its axes, as from :func:`matplotlib.pyplot.subplots`.

    Raises:
        ValueError: The description is missing or too short.
    """
    size = size or ((5.6, 3.2) if rows * cols == 1 else (3.6 * cols, 2.9 * rows))
    with style():
        fig, axes = plt.subplots(rows, cols, figsize=size, **subplots)
        try:
            yield fig, axes
            said, source = _described(alt), data and f"Data: {data.name}, {data.source}."
            publish(macros.figure(_picture(fig, said), " ".join(filter(None, (caption, source)))), said)
        finally:
            plt.close(fig)


def _described(alt) -> str:
    alt = alt() if callable(alt) else alt
    if not isinstance(alt, str) or len(alt) < 20:
        raise ValueError(f"alt must say what is seen, in at least 20 characters; got {alt!r}")
    return alt


def _picture(fig, alt: str, hidden: bool = False) -> str:
    raw = io.BytesIO()
    fig.savefig(raw, format="png", metadata={"Software": None})
    if raw.tell() > LIGHT:  # a palette of 256 colours makes a heavy picture three times lighter
        heavy, raw = raw, io.BytesIO()
        Image.open(heavy).convert("RGB").quantize(256).save(raw, "PNG", optimize=True)
    return macros.picture(base64.b64encode(raw.getvalue()).decode(), alt, round(fig.get_figwidth() * 96), hidden)


def _numpy(values) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def curves(series, *, xlabel, ylabel, title=None, logx=False, logy=False, markers=False, ax=None, **shown) -> None:
    """Draw labelled lines, each with its own colour and dash.

    Args:
        series: A mapping from label to y of shape (n,), or (x, y), or (x, mean, spread); a spread becomes a band.
        xlabel: Horizontal axis, with its unit.
        ylabel: Vertical axis, with its unit.
        title: Title of the axes.
        logx: Logarithmic horizontal axis.
        logy: Logarithmic vertical axis.
        markers: Mark the points too, with another sign for each line; for few points.
        ax: Draw into these axes; without them, into a new figure.
        **shown: For the new figure, as for :func:`figure`; ``alt`` is required.
    """
    signs = itertools.cycle(MARKERS if markers else [None])
    with nullcontext((None, ax)) if ax else figure(**shown) as (_, ax):
        for (label, values), sign in zip(series.items(), signs, strict=False):
            parts = [_numpy(v) for v in values] if isinstance(values, tuple) else [_numpy(values)]
            x, y = (np.arange(len(parts[0])), parts[0]) if len(parts) == 1 else parts[:2]
            (line,) = ax.plot(x, y, label=label, marker=sign, markersize=5)
            if len(parts) == 3:
                ax.fill_between(x, y - parts[2], y + parts[2], color=line.get_color(), alpha=0.18, linewidth=0)
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "", xscale="log" if logx else "linear")
        ax.set_yscale("log" if logy else "linear")
        if len(series) > 1:
            ax.legend()


def spread(groups, *, xlabel, title=None, ax=None, **shown) -> None:
    """Draw every run of an experiment that was repeated: a dot for each seed, a bar at the mean of each group.

    Args:
        groups: A mapping from label to the values of its runs.
        xlabel: What was measured, with its unit.
        title: Title of the axes.
        ax: Draw into these axes; without them, into a new figure.
        **shown: For the new figure, as for :func:`figure`; ``alt`` is required.
    """
    shown = {"size": (6.4, 0.9 + 0.34 * len(groups)), **shown}
    with nullcontext((None, ax)) if ax else figure(**shown) as (_, ax):
        for row, values in enumerate(map(_numpy, groups.values())):
            ax.plot(values, np.full(len(values), row), "o", color=COLOURS[row % len(COLOURS)], markersize=5, alpha=0.7)
            ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], "-", color="black", linewidth=2)
        ax.set_yticks(range(len(groups)), list(groups))
        ax.set(xlabel=xlabel, title=title or "", ylim=(len(groups) - 0.5, -0.5))


def _plane(f, x, y, steps):
    """Coordinates (steps, steps) over two ranges, and what a function of points (M, 2) says there."""
    gx, gy = np.meshgrid(np.linspace(*x, steps), np.linspace(*y, steps))
    points = torch.tensor(np.stack([gx.ravel(), gy.ravel()], 1), dtype=torch.float32)
    with torch.no_grad():
        return gx, gy, _numpy(f(points))


def contours(ax, f: Callable, *, x=(-2, 2), y=(-2, 2), levels: int = 20, log: bool = False) -> None:
    """Draw the level lines of a function of two variables.

    Args:
        ax: Axes to draw into.
        f: Maps points (M, 2) to values (M,).
        x: Horizontal range.
        y: Vertical range.
        levels: About how many lines.
        log: Space the levels by the logarithm of the height above the lowest point shown.
    """
    gx, gy, height = _plane(f, x, y, 160)
    height = height.reshape(gx.shape)
    if log:
        height = np.log10(height - height.min() + 1e-3 * np.ptp(height) + 1e-12)
    ax.contourf(gx, gy, height, levels=levels, cmap="Blues_r", alpha=0.55)
    ax.contour(gx, gy, height, levels=levels, colors="#555555", linewidths=0.5, linestyles="-")
    ax.set(xlim=x, ylim=y)
    ax.grid(False)


def grid(images, titles=None, *, cols=10, scale=1.0, cmap="gray", limits=(0, 1), **shown) -> None:
    """Show images side by side.

    Args:
        images: Shape (N, 1, H, W), (N, 3, H, W) or (N, H, W).
        titles: One short text above each image.
        cols: Images per row.
        scale: 1.0 makes the whole grid 7 inches wide when it has ten columns.
        cmap: Colour map of images with one channel.
        limits: The values shown as black and white; None scales to the values that occur.
        **shown: As for :func:`figure`; ``alt`` is required.
    """
    images = _numpy(images)
    images = images[:, None] if images.ndim == 3 else images
    n, channels, height, width = images.shape
    cols, gap = min(cols, n), max(1, width // 14)
    rows, top = -(-n // cols), 0 if titles is None else max(5, height // 4)
    low, high = limits or (images.min(), images.max())
    canvas = np.full((rows * (height + gap + top), cols * (width + gap), channels), high, dtype=np.float32)
    corners = [((i // cols) * (height + gap + top) + top, (i % cols) * (width + gap)) for i in range(n)]
    for image, (r, c) in zip(images, corners, strict=True):
        canvas[r : r + height, c : c + width] = image.transpose(1, 2, 0)
    inches = 0.7 * cols * scale
    with figure(size=(inches, inches * canvas.shape[0] / canvas.shape[1]), **shown) as (_, ax):
        ax.imshow(canvas.squeeze() if channels == 1 else canvas.clip(0, 1), cmap=cmap, vmin=low, vmax=high)
        for text, (r, c) in zip(titles or [], corners, strict=False):
            ax.text(c + width / 2, r - 1, text, ha="center", va="bottom", fontsize=8)
        ax.axis("off")


def boundary(ax, predict: Callable, x, y, *, resolution: int = 200) -> None:
    """Colour the plane by what a classifier says, and draw the points with one marker per class.

    Args:
        ax: Axes to draw into.
        predict: Maps points (M, 2) to class indices (M,) or to logits (M, K).
        x: Points of shape (N, 2).
        y: Class indices of shape (N,).
        resolution: Grid points along each axis.
    """
    x, y = _numpy(x), _numpy(y).astype(int)
    low, high, margin = x.min(0), x.max(0), 0.12 * np.ptp(x, axis=0)
    gx, gy, found = _plane(predict, *zip(low - margin, high + margin, strict=True), resolution)
    found = (found.argmax(1) if found.ndim == 2 else found).reshape(gx.shape)
    classes = int(max(y.max(), found.max())) + 1
    levels = np.arange(classes + 1) - 0.5
    ax.contourf(gx, gy, found, levels=levels, colors=COLOURS[:classes], alpha=0.18)
    ax.contour(gx, gy, found, levels=levels[1:-1], colors="#333333", linewidths=1, linestyles="-")
    for k in range(int(y.max()) + 1):
        ax.scatter(*x[y == k].T, s=18, color=COLOURS[k], marker=MARKERS[k], edgecolor="white", linewidth=0.4)
    ax.grid(False)


def matrix(ax, values, rows=None, cols=None, *, fmt: str = "{:.2f}", cmap: str = "Blues") -> None:
    """Draw a heat map with its numbers written in.

    Args:
        ax: Axes to draw into.
        values: Shape (R, C).
        rows: R labels.
        cols: C labels.
        fmt: Format of a number.
        cmap: Colour map.
    """
    values = _numpy(values)
    shown = ax.imshow(values, cmap=cmap, aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        dark = np.dot(shown.cmap(shown.norm(value))[:3], (0.3, 0.59, 0.11)) < 0.5
        ax.text(c, r, fmt.format(value), ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ax.set_xticks(range(values.shape[1]), cols if cols is not None else range(values.shape[1]))
    ax.set_yticks(range(values.shape[0]), rows if rows is not None else range(values.shape[0]))
    ax.grid(False)


def _frame(draw: Callable, value, alt: Callable, hidden: bool = False) -> str:
    with style():
        fig = draw(value)
        try:
            return _picture(fig, _described(alt(value)), hidden)
        finally:
            plt.close(fig)


def _still(draw: Callable, values: list, name: str, alt: Callable) -> str:
    if not 2 <= len(values) <= 12:
        raise ValueError(f"a slider needs 2 to 12 values, got {len(values)}")
    pictures = [_frame(draw, value, alt, i > 0) for i, value in enumerate(values)]
    return macros.slider(key("".join(pictures)), pictures, [str(value) for value in values], name)


def slider(draw: Callable, values: Iterable, *, name: str, alt: Callable) -> None:
    """Show one picture per value, with a slider that needs no kernel and can be driven from the keyboard.

    Args:
        draw: Called with a value; returns a Matplotlib figure.
        values: 2 to 12 stops.
        name: What the slider changes.
        alt: Called with a value; returns what is seen at it.

    Raises:
        ValueError: Fewer than 2 or more than 12 values, or a description that is too short.
    """
    values = list(values)
    publish(_still(draw, values, name, alt), alt(values[0]))


def live(draw: Callable, values: Iterable, *, name: str, alt: Callable, more: Iterable | None = None) -> None:
    """A control that redraws in a kernel; in the page, and where ipywidgets is missing, :func:`slider`.

    Args:
        draw: As for :func:`slider`.
        values: As for :func:`slider`.
        name: As for :func:`slider`.
        alt: As for :func:`slider`.
        more: More stops for the kernel, where a picture is drawn only when it is asked for.
    """
    values, bundle = list(values), {}
    still = _still(draw, values, name, alt)
    with suppress(ImportError):
        import ipywidgets

        stops = list(more) if more is not None else values
        look = {"style": {"description_width": "initial"}, "layout": {"width": "30em"}}
        control = ipywidgets.SelectionSlider(options=stops, description=name, continuous_update=False, **look)
        picture = ipywidgets.HTML()
        ipywidgets.dlink((control, "value"), (picture, "value"), lambda value: _frame(draw, value, alt))
        bundle = ipywidgets.VBox([picture, control])._repr_mimebundle_() or {}
        bundle.pop("text/plain", None)
    publish(still, alt(values[0]), **bundle)
