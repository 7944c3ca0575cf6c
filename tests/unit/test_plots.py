import base64
import io
import re

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

from deepweeks import plots

ALT = "a line that rises from left to right"


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(plots, "publish", lambda markup, plain, **more: outputs.append((markup, plain, more)))
    return outputs


def pictures(markup):
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", markup)]


def test_a_figure_is_shown_once_described_and_closed(shown):
    before = dict(matplotlib.rcParams)
    with plots.figure(1, 2, alt=ALT, caption="A <caption>.") as (_, axes):
        axes[0].plot([1, 2])
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []
    ((markup, plain, _),) = shown
    assert f'alt="{ALT}"' in markup
    assert plain == ALT
    assert "A &lt;caption&gt;." in markup
    (picture,) = pictures(markup)
    assert picture.width == pytest.approx(7.2 * plots.DPI, abs=2)
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_alt_may_be_computed_at_the_end_and_is_required(shown):
    seen = []
    with plots.figure(alt=lambda: f"a curve that ends at the value {seen[0]}") as (_, ax):
        seen.append(ax.plot([1, 5])[0].get_ydata()[-1])
    assert "ends at the value 5" in shown[0][1]
    for bad in ("plot", None, ""):
        with pytest.raises(ValueError, match="at least 20 characters"), plots.figure(alt=bad):
            pass
    assert len(shown) == 1
    assert plt.get_fignums() == []


def test_a_heavy_picture_becomes_light_and_keeps_its_colours(shown):
    noise = np.random.default_rng(0).random((300, 400))
    with plots.figure(alt=ALT) as (_, ax):
        ax.imshow(noise, cmap="gray")
        ax.text(5, 5, "x")
    ((markup, _, _),) = shown
    (picture,) = pictures(markup)
    assert picture.mode == "P"
    pixels = np.asarray(picture.convert("L"), dtype=float)[100:300, 200:600]
    assert pixels.std() > 40


def test_an_error_inside_a_figure_closes_it_and_shows_nothing(shown):
    with pytest.raises(ZeroDivisionError), plots.figure(alt=ALT):
        raise ZeroDivisionError
    assert shown == []
    assert plt.get_fignums() == []


def test_the_caption_names_the_source_of_the_data(shown):
    class Data:
        name, source = "digits", "embedded"

    plots.grid(torch.rand(12, 1, 28, 28), list("abcdefghijkl"), cols=6, alt=ALT, data=Data)
    assert "Data: digits, embedded." in shown[0][0]


def test_grid_puts_each_image_in_its_place(shown):
    images = torch.zeros(4, 1, 8, 8)
    images[3] = 1
    plots.grid(images, cols=2, alt=ALT)
    (picture,) = pictures(shown[0][0])
    grey = np.asarray(picture.convert("L"), dtype=float)
    h, w = grey.shape
    quarter = {(r, c): grey[int(h * (r + 0.4) / 2), int(w * (c + 0.4) / 2)] for r in (0, 1) for c in (0, 1)}
    assert quarter[1, 1] == 255
    assert quarter[0, 0] == quarter[0, 1] == quarter[1, 0] == 0


def test_curves_draw_the_data_they_are_given(shown):
    with plots.figure(alt=ALT) as (_, ax):
        plots.curves({"a": torch.tensor([3.0, 1.0]), "b": ([5, 6], [1, 2], [0.1, 0.1])}, xlabel="x", ylabel="y", ax=ax)
        a, b = ax.get_lines()
        assert a.get_ydata().tolist() == [3, 1]
        assert b.get_xdata().tolist() == [5, 6]
        assert a.get_color() != b.get_color()
        assert a.get_linestyle() != b.get_linestyle()
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_boundary_colours_by_the_prediction(shown):
    x = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    with plots.figure(alt=ALT) as (fig, ax):
        plots.boundary(ax, lambda p: (p[:, 0] > 0).long(), x, torch.tensor([0, 1]))
        fig.canvas.draw()
        pixels = np.asarray(fig.canvas.buffer_rgba())

        def colour(point):
            col, row = ax.transData.transform(point).astype(int)
            return tuple(pixels[pixels.shape[0] - row, col, :3])

        assert colour((-0.5, 0.0)) != colour((0.5, 0.0))


def draw(value):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, value])
    return fig


def said(value):
    return f"a line that ends at height {value}"


def test_slider_holds_one_described_picture_per_stop(shown):
    plots.slider(draw, [1, 2, 3], name="height", alt=said)
    markup = shown[0][0]
    assert [said(v) in markup for v in (1, 2, 3)] == [True] * 3
    assert markup.count(" hidden") == 2
    assert 'type="range"' in markup
    assert 'max="2"' in markup
    raw = [p.tobytes() for p in pictures(markup)]
    assert len(set(raw)) == 3
    key = re.search(r'<input id="(\w+)"', markup)[1]
    assert f'<label for="{key}">' in markup
    plots.slider(draw, [1, 2, 3], name="height", alt=said)
    assert shown[1][0] == markup
    assert plt.get_fignums() == []


@pytest.mark.parametrize("values", [[1], range(13)])
def test_slider_refuses_too_few_or_too_many_stops(values, shown):
    with pytest.raises(ValueError, match="2 to 12 values"):
        plots.slider(draw, values, name="height", alt=said)


def test_live_offers_a_widget_and_the_slider_in_one_output(shown):
    plots.live(draw, [1, 2], name="height", alt=said, more=[1, 2, 3, 4])
    ((markup, _, more),) = shown
    assert 'class="dw-slider"' in markup
    assert list(more) == ["application/vnd.jupyter.widget-view+json"]


def test_the_live_widget_redraws(monkeypatch, shown):
    import ipywidgets

    made = []
    box = ipywidgets.VBox
    monkeypatch.setattr(ipywidgets, "VBox", lambda children: made.append(children) or box(children))
    plots.live(draw, [1, 2], name="height", alt=said, more=[1, 2, 3])
    picture, control = made[0]
    before = picture.value
    control.value = 3
    assert said(3) in picture.value
    assert picture.value != before


def test_publish_prints_the_description_outside_of_a_notebook(capsys):
    plots.publish("<p>x</p>", "what is seen")
    assert capsys.readouterr().out == "what is seen\n"


def test_markers_tell_lines_apart(shown):
    fig, ax = plt.subplots()
    plots.curves({"a": [1, 2], "b": [2, 1]}, xlabel="x", ylabel="y", markers=True, ax=ax)
    assert [line.get_marker() for line in ax.lines] == plots.MARKERS[:2]
    plt.close(fig)


def test_spread_shows_every_run_and_the_mean(shown):
    fig, ax = plt.subplots()
    plots.spread({"with": [1.0, 2.0, 6.0], "without": torch.tensor([0.0, 1.0])}, xlabel="accuracy", ax=ax)
    dots, bar = ax.lines[0], ax.lines[1]
    assert list(dots.get_xdata()) == [1, 2, 6]
    assert list(bar.get_xdata()) == [3, 3]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["with", "without"]
    assert ax.yaxis_inverted()
    plt.close(fig)
    plots.spread({"with": [1.0]}, xlabel="accuracy", alt=ALT)
    assert len(shown) == 1


@pytest.mark.parametrize("log", [False, True])
def test_contours_follow_the_function(log):
    fig, ax = plt.subplots()
    plots.contours(ax, lambda p: (p[:, 0] - 1) ** 2 + p[:, 1] ** 2, x=(-1, 3), y=(-2, 2), log=log)
    lowest = ax.collections[-1].get_paths()
    rings = [path.vertices for path in lowest if len(path.vertices)]
    assert np.allclose(rings[0].mean(0), (1, 0), atol=0.1)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 3), (-2, 2))
    plt.close(fig)
