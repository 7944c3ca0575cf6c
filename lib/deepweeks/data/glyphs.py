"""Grey images of characters, drawn from the fonts that matplotlib ships: no file, no network.

Every character is drawn once per font and kept as a signed distance to its outline. An image is that distance,
looked up through a random affine map and a smooth random displacement (the elastic distortion of Simard,
Steinkraus and Platt, 2003), then turned into ink. Stroke thickness and blur are two numbers of that last step.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import draw

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

SIZE = 28  # pixels, height and width of an image
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta",
    "cmr10", "cmb10", "cmss10", "cmtt10", "cmti10",
)  # fmt: skip
CANVAS = 72  # pixels, height and width of a distance map
DETAIL = 3.0  # pixels of a distance map per pixel of an image, at scale 1


def make(characters: str, count: int, *, seed: int = 0, stream: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw images of characters, light ink on a black ground. Introduced in week 1.

    Args:
        characters: One character per class.
        count: Number of images N, at least 1; a shorter draw is a prefix of a longer one.
        seed: A whole number >= 0. Equal arguments give equal images.
        stream: 0 for training, 1 for test: independent draws from one seed.

    Returns:
        The images (N, 1, 28, 28), float32 in [0, 1], and their labels (N,), int64: indices into ``characters``. Each
        run of 500 images holds every class equally often, within one.

    Raises:
        FileNotFoundError: A font of matplotlib's is missing.
    """
    atlas = _atlas(characters)
    seed = 1_000_003 * (2 * seed + stream) + 17
    return draw(lambda labels, generator: _draw(atlas, labels, generator), count, len(characters), seed=seed)


def _draw(atlas, labels, generator):
    """Images (n, 1, 28, 28) of the classes in `labels` (n,), in fonts and distortions drawn from `generator`."""
    n = len(labels)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    def normal(scale, *shape):
        return scale * torch.randn(n, *shape, generator=generator)

    glyphs = atlas[labels, torch.randint(atlas.shape[1], (n,), generator=generator)]
    # Clipped: a digit turned by a right angle or more would be another digit.
    angle, slant = normal(0.09).clamp(-0.25, 0.25), normal(0.09).clamp(-0.25, 0.25)
    width, height = uniform(0.74, 1.12), uniform(0.8, 1.12)
    cos, sin = angle.cos(), angle.sin()
    # From image to distance map, so this is the inverse of what happens to the glyph.
    turn = torch.stack([cos, sin, -sin, cos], 1).view(n, 2, 2)
    shear = torch.stack([1 / width, slant / width, torch.zeros(n), 1 / height], 1).view(n, 2, 2)
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    bend = F.interpolate(normal(1.0, 2, 5, 5), size=(SIZE, SIZE), mode="bicubic", align_corners=True)
    bend = bend.permute(0, 2, 3, 1) * uniform(0.1, 0.4, 1, 1, 1)
    points = places - normal(1.35, 1, 1, 2).clamp(-2.7, 2.7) + bend
    points = torch.einsum("nij,nhwj->nhwi", shear @ turn, points) * (DETAIL * 2 / CANVAS)
    distance = F.grid_sample(glyphs[:, None], points, padding_mode="border", align_corners=False)
    thickness, blur = uniform(0.0, 0.65, 1, 1, 1), uniform(0.9, 1.9, 1, 1, 1)
    ink = (0.5 - (distance - thickness) / blur).clamp(0, 1)
    return ink * uniform(0.7, 1.0, 1, 1, 1)


@lru_cache(maxsize=4)
def _atlas(characters):
    """Signed distances (characters, fonts, 72, 72), in image pixels, negative inside the glyph."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont
    from scipy.ndimage import distance_transform_edt as depth  # distance from each true pixel to the nearest false one

    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    atlas = torch.empty(len(characters), len(FONTS), CANVAS, CANVAS)
    for j, name in enumerate(FONTS):
        path = folder / f"{name}.ttf"
        if not path.is_file():
            raise FileNotFoundError(f"matplotlib's font {path} is missing; reinstall matplotlib")
        # One size per font: its tallest character is 20 image pixels high. A wide one is squeezed to 20.
        font = ImageFont.truetype(str(path), 100, layout_engine=ImageFont.Layout.BASIC)
        _, top, _, bottom = font.getbbox(characters)
        scale, limit = 20 * DETAIL / (bottom - top), round(20 * DETAIL)
        for i, character in enumerate(characters):
            left, top, right, bottom = font.getbbox(character)
            picture = Image.new("L", (right - left, bottom - top))
            ImageDraw.Draw(picture).text((-left, -top), character, fill=255, font=font)
            width, height = min(limit, round(scale * picture.width)), min(limit, round(scale * picture.height))
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            x, y = (CANVAS - width) // 2, (CANVAS - height) // 2
            inside = np.zeros((CANVAS, CANVAS), dtype=bool)
            inside[y : y + height, x : x + width] = np.asarray(picture) > 127
            atlas[i, j] = torch.from_numpy(depth(~inside) - depth(inside))
    return atlas / DETAIL
