"""The embedded images: what load() promises, and that what is drawn depends on the seed alone."""

import hashlib
import json
import time

import pytest
import torch

from deepweeks.data import CHUNK, glyphs, images, shapes, source

SHAPES = {"digits": (1, 28, 28), "letters": (1, 28, 28), "shapes": (3, 32, 32)}


def digest(x):
    return hashlib.sha256(x.numpy().tobytes()).hexdigest()


def each(x):
    return {digest(image) for image in x}


@pytest.fixture(scope="module")
def loaded():
    return {name: images.load(name, source="embedded", train=600, test=300) for name in SHAPES}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_types_and_ranges(loaded, name):
    data = loaded[name]
    assert data.x.shape == (600, *SHAPES[name]) and data.x_test.shape == (300, *SHAPES[name])
    assert data.y.shape == (600,) and data.y_test.shape == (300,)
    for x in (data.x, data.x_test):
        assert x.dtype == torch.float32 and x.isfinite().all()
        assert 0 <= x.min() < 0.01 and 0.99 < x.max() <= 1
    for y in (data.y, data.y_test):
        assert y.dtype == torch.int64 and y.min() == 0 and y.max() == len(data.classes) - 1
    assert data.source == "embedded" and data.name == name
    assert data.train == (data.x, data.y) and data.test == (data.x_test, data.y_test)


@pytest.mark.parametrize("name", SHAPES)
def test_classes_are_balanced_and_no_image_comes_twice(loaded, name):
    data = loaded[name]
    counts = data.y[:CHUNK].bincount(minlength=len(data.classes))
    assert counts.max() - counts.min() <= 1
    # The order tells nothing: neighbours have the same label no more often than by chance.
    assert (data.y[1:] == data.y[:-1]).float().mean() < 0.2
    assert len(each(torch.cat([data.x, data.x_test]))) == 900


def test_runs_of_500_share_out_what_does_not_divide():
    y = glyphs.make(glyphs.LETTERS, 1500)[1]
    assert y.bincount().max() - y.bincount().min() <= 1


@pytest.mark.parametrize("name", SHAPES)
def test_the_seed_decides_and_a_shorter_set_is_a_prefix(loaded, name):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    again = images.load(name, source="embedded", train=510, test=3)
    assert torch.equal(again.x, loaded[name].x[:510]) and torch.equal(again.y, loaded[name].y[:510])
    assert torch.equal(again.x_test, loaded[name].x_test[:3])
    other = images.load(name, source="embedded", train=100, test=1, seed=1)
    assert not each(other.x) & (each(again.x) | each(loaded[name].x_test))
    # Drawing leaves the global generator and the number of threads alone.
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


FIRST = {  # labels of the first images, and the standard deviation of the first 600
    "digits": ([9, 4, 1, 6, 6, 4, 2, 9], 0.272741),
    "letters": ([7, 18, 11, 20, 4, 2, 8, 11], 0.249760),
    "shapes": ([5, 9, 0, 0, 4, 1, 4, 5], 0.233054),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_images_in_every_process(loaded, name):
    """The bounds of the notebooks rest on them: whoever changes these numbers runs every notebook again."""
    labels, spread = FIRST[name]
    assert loaded[name].y[:8].tolist() == labels
    assert loaded[name].x.std().item() == pytest.approx(spread, abs=1e-4)


def test_what_draws_and_parses_is_imported_when_it_is_needed():
    held = [value for module in (images, glyphs, shapes, source) for value in vars(module).values()]
    names = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in held}
    assert not {name.split(".")[0] for name in names} & {"torchvision", "PIL", "matplotlib", "scipy"}


def test_one_line_says_which_data(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPWEEKS_REPORT", str(tmp_path / "report"))
    data = images.load("letters", train=30, test=20)
    assert capsys.readouterr().out == f"{data.note}\n"
    assert data.note == "letters: embedded (drawn from fonts), 30 training and 20 test images"
    assert json.loads((tmp_path / "report").read_text()) == {
        "kind": "data", "name": "letters", "source": "embedded", "note": data.note,
    }  # fmt: skip


def test_stand_ins_are_named():
    fashion = images.load("fashion", source="embedded", train=20, test=10)
    assert fashion.classes == tuple("ABCDEFGHIJ") and "letters A to J stand in" in fashion.note
    cifar = images.load("cifar10", source="embedded", train=20, test=10)
    assert cifar.classes == shapes.CLASSES and "shapes stand in" in cifar.note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "mnist"}, "unknown data set 'mnist'; valid: digits, fashion, cifar10, letters, shapes"),
        ({"name": "digits", "source": "web"}, "unknown source 'web'; valid: auto, embedded, real"),
        ({"name": "letters", "source": "real"}, 'use source="embedded" or "auto"'),
        ({"name": "shapes", "source": "real"}, 'use source="embedded" or "auto"'),
        ({"name": "digits", "train": 0}, "train is 0; it must be a whole number of at least 1"),
        ({"name": "digits", "test": 2.5}, "test is 2.5; it must be"),
        ({"name": "digits", "test": True}, "test is True; it must be"),
        ({"name": "digits", "seed": -1}, "seed is -1; it must be a whole number of at least 0"),
        ({"name": ["digits"]}, "unknown data set"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError) as error:
        images.load(**arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_every_font_draws_every_character():
    atlas = glyphs._atlas(glyphs.DIGITS)
    assert atlas.shape[1] == len(glyphs.FONTS)
    ink = (atlas < 0).float().mean((2, 3))
    assert ink.min() > 0.02 and ink.max() < 0.5
    # Nothing touches the edge, so nothing is cut off.
    assert atlas[..., 0].min() > 1 and atlas[..., 0, :].min() > 1
    # Two characters of a font never look the same.
    for font in atlas.transpose(0, 1):
        assert torch.pdist(font.flatten(1)).min() > 5


def test_a_missing_font_is_named(monkeypatch):
    monkeypatch.setattr(glyphs, "FONTS", ("NoSuchFont",))
    with pytest.raises(FileNotFoundError, match="NoSuchFont.ttf is missing; reinstall matplotlib"):
        glyphs._atlas("xy")


def test_figures_agree_with_a_count_of_crossings():
    """Signs against matplotlib's own test for points in a polygon; distances against the gradient, of length 1."""
    from matplotlib.path import Path

    points = torch.rand(1, 40, 50, 2, generator=torch.Generator().manual_seed(1)) * 3 - 1.5
    for name, corners in shapes._CORNERS.items():
        inside = torch.from_numpy(Path(corners).contains_points(points.view(-1, 2).numpy())).view(1, 40, 50)
        assert torch.equal(shapes._figure(name, points) < 0, inside), name
    for name in shapes.CLASSES:
        at = points.clone().requires_grad_()
        slope = torch.autograd.grad(shapes._figure(name, at).sum(), at)[0].norm(dim=-1)
        assert (slope - 1).abs().median() < 1e-3, name
        area = (shapes._figure(name, points) < 0).float().mean() * 9
        assert 0.4 < area < 3.2, name


def test_colours_differ_in_brightness_and_stay_in_range():
    figure, ground = shapes._colours(2000, torch.Generator().manual_seed(0))
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    assert ((figure - ground) * weights).sum(1).abs().min() > 0.2
    assert min(figure.min(), ground.min()) >= 0 and max(figure.max(), ground.max()) <= 1


@pytest.mark.parametrize("name", ["digits", "letters"])
def test_glyphs_are_rarely_cut_off(loaded, name):
    x = loaded[name].x
    edge = torch.cat([x[..., 0], x[..., -1], x[..., 0, :], x[..., -1, :]], -1).amax(-1)
    assert (edge > 0.5).float().mean() < 0.03


def test_figures_stay_inside_their_radius():
    """What the placing of figures relies on: it keeps a disc of that radius inside the picture."""
    turns = torch.linspace(0, 6.28, 400)
    circle = 1.06 * torch.stack([turns.cos(), turns.sin()], -1).view(1, 20, 20, 2)
    for name in shapes.CLASSES:
        assert shapes._figure(name, circle).min() > 0, name


def test_a_nearest_mean_tells_digits_apart_but_not_all(loaded):
    """The task is neither trivial nor noise: class means alone get most digits, and far from all."""
    x, y = loaded["digits"].x.flatten(1), loaded["digits"].y
    means = torch.stack([x[y == k].mean(0) for k in range(10)])
    right = (torch.cdist(loaded["digits"].x_test.flatten(1), means).argmin(1) == loaded["digits"].y_test).float().mean()
    assert 0.5 < right < 0.85


def test_drawing_is_quick():
    glyphs.make(glyphs.DIGITS, 1)
    begun = time.process_time()
    glyphs.make(glyphs.DIGITS, 1000)
    assert time.process_time() - begun < 0.5


def test_where_real_data_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("DEEPWEEKS_DATA", raising=False)
    checkout = source.Path(source.__file__).resolve().parents[3]
    assert source.root() == checkout / "data"
    installed = tmp_path / "site-packages" / "deepweeks" / "data" / "source.py"
    monkeypatch.setattr(source, "__file__", str(installed))
    assert source.root() == source.Path("data")
    monkeypatch.setenv("DEEPWEEKS_DATA", "~/pictures")
    assert source.root() == source.Path.home() / "pictures"
    monkeypatch.chdir(tmp_path)
    assert source.shown("data/x") == "./data/x" and source.shown("/elsewhere") == "/elsewhere"
