"""Small colour pictures of ten plain figures, drawn by formulas: no file, no network.

Each figure is a signed distance function (negative inside). The picture is the figure's colour where the distance
is negative and the ground's elsewhere, mixed over about one pixel at the outline, with shading and noise on top.
The formulas for polygons and the heart follow Inigo Quilez, "2D distance functions".
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from . import draw

CLASSES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "moon", "arrow", "bolt")

SIZE = 32  # pixels, height and width of a picture


def make(count: int, *, seed: int = 0, stream: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pictures of ten figures. Place, size, angle and colours say nothing about the class. Introduced in week 3.

    Args:
        count: Number of pictures N, at least 1; a shorter draw is a prefix of a longer one.
        seed: A whole number >= 0. Equal arguments give equal pictures.
        stream: 0 for training, 1 for test: independent draws from one seed.

    Returns:
        The pictures (N, 3, 32, 32), float32 in [0, 1], and their labels (N,), int64: indices into ``CLASSES``. Each
        run of 500 pictures holds every class equally often.
    """
    return draw(_draw, count, len(CLASSES), seed=1_000_003 * (2 * seed + stream) + 29)


def _draw(labels, generator):
    n = len(labels)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    radius = uniform(7.0, 12.5)
    angle = uniform(-math.pi, math.pi)
    middle = uniform(-1, 1, 2) * (SIZE / 2 - 1.0 - radius).clamp(min=0)[:, None]
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    places = torch.stack(torch.meshgrid(line, -line, indexing="xy"), -1)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, sin, -sin, cos], 1).view(n, 2, 2)
    points = torch.einsum("nij,nhwj->nhwi", turn, places - middle[:, None, None]) / radius[:, None, None, None]
    distance = torch.empty(n, SIZE, SIZE)
    for index, name in enumerate(CLASSES):
        chosen = labels == index
        distance[chosen] = _figure(name, points[chosen])
    cover = (0.5 - distance * radius[:, None, None]).clamp(0, 1)[:, None]
    figure, ground = _colours(n, generator)
    picture = ground + (figure - ground) * cover
    light = F.interpolate(uniform(-0.12, 0.12, 1, 3, 3), size=(SIZE, SIZE), mode="bicubic", align_corners=True)
    noise = 0.03 * torch.randn(n, 3, SIZE, SIZE, generator=generator)
    return (picture + light + noise).clamp(0, 1)


def _colours(n, generator):
    """Two colours per picture, each (n, 3, 1, 1) in [0, 1], at least 0.25 apart in brightness."""
    # Away from the ends of the range, so that pushing two similar colours apart stays inside it.
    figure, ground = 0.125 + 0.75 * torch.rand(2, n, 3, generator=generator)
    gap = (figure - ground) @ torch.tensor([0.299, 0.587, 0.114])
    push = ((0.25 - gap.abs()).clamp(min=0) / 2 * torch.where(gap < 0, -1.0, 1.0))[:, None]
    return (figure + push)[:, :, None, None], (ground - push)[:, :, None, None]


def _figure(name, points):
    """Signed distances (n, h, w) of the figure `name`, of radius about 1, at `points` (n, h, w, 2)."""
    if name == "circle":
        return points.norm(dim=-1) - 0.9
    if name == "ring":
        return (points.norm(dim=-1) - 0.72).abs() - 0.22
    if name == "moon":
        bite = points - points.new_tensor([0.5, 0.0])
        return torch.maximum(points.norm(dim=-1) - 0.95, 0.75 - bite.norm(dim=-1))
    if name == "heart":
        return _heart(points / 1.5 + points.new_tensor([0.0, 0.55])) * 1.5
    return _polygon(points, _CORNERS[name])


def _heart(points):
    x, y = points[..., 0].abs(), points[..., 1]
    lobe = ((x - 0.25) ** 2 + (y - 0.75) ** 2).sqrt() - math.sqrt(2) / 4
    along = (x + y).clamp(min=0) / 2
    tip = torch.minimum(x**2 + (y - 1) ** 2, (x - along) ** 2 + (y - along) ** 2).sqrt()
    return torch.where(x + y > 1, lobe, tip * torch.where(x > y, 1.0, -1.0))


def _polygon(points, corners):
    """Signed distance to a simple polygon with `corners` (x, y): the nearest edge, and inside by crossing parity."""
    x, y = points.unbind(-1)
    squared = torch.full_like(x, torch.inf)
    inside = torch.zeros_like(x, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey, dx, dy = bx - ax, by - ay, x - ax, y - ay
        share = ((dx * ex + dy * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        squared = torch.minimum(squared, (dx - share * ex) ** 2 + (dy - share * ey) ** 2)
        if ey:
            inside ^= ((y < ay) != (y < by)) & (dx < dy * (ex / ey))
    return torch.where(inside, -1.0, 1.0) * squared.sqrt()


def _regular(corners, radii):
    """Corners of a polygon about the origin, the first at the top, with `radii` taken in turn."""
    turns = [math.pi / 2 + 2 * math.pi * k / corners for k in range(corners)]
    return [(radii[k % len(radii)] * math.cos(t), radii[k % len(radii)] * math.sin(t)) for k, t in enumerate(turns)]


_CORNERS = {
    "square": [(-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)],
    "triangle": _regular(3, [1.0]),
    "star": _regular(10, [1.0, 0.42]),
    "cross": [
        (-0.28, -0.95), (0.28, -0.95), (0.28, -0.28), (0.95, -0.28), (0.95, 0.28), (0.28, 0.28),
        (0.28, 0.95), (-0.28, 0.95), (-0.28, 0.28), (-0.95, 0.28), (-0.95, -0.28), (-0.28, -0.28),
    ],
    "arrow": [(-0.95, -0.25), (0.1, -0.25), (0.1, -0.75), (0.98, 0.0), (0.1, 0.75), (0.1, 0.25), (-0.95, 0.25)],
    "bolt": [(0.25, 1.0), (-0.6, -0.1), (-0.05, -0.1), (-0.25, -1.0), (0.6, 0.15), (0.05, 0.15)],
}  # fmt: skip
