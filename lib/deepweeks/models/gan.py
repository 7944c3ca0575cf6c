"""The networks of week 12: a generator maps z to pictures in [-1, 1], a discriminator pictures to logits."""

from __future__ import annotations

from torch import nn

from .mlp import Chain


class DCGANGenerator(Chain):
    """A linear layer to a small map of many channels, then doublings of its side, each with half the channels.

    With transposed convolutions (4x4, stride 2) this is DCGAN's generator: the last doubling makes the picture. With
    ``upsample="nearest"`` or ``"bilinear"`` a doubling is a resize and a 3x3 convolution, and one more 3x3 convolution
    makes the picture. Batch normalisation and ReLU follow every layer but the last, which has tanh.

    Args:
        latent: Size of z.
        size: Side of the pictures: 4 or 7 times a power of two.
        channels: Channels of the pictures.
        width: Channels of the widest map that has the side of the picture (resize) or half of it (transposed).
        upsample: "transposed", "nearest" or "bilinear".
        batch_norm: Normalise; without it every layer has a bias.

    Raises:
        ValueError: Another ``upsample``, or a ``size`` that no number of doublings reaches.

    Shapes: input (N, latent), output (N, channels, size, size) in [-1, 1]. Source: Radford, Metz and Chintala (2016);
    the resize is that of Odena, Dumoulin and Olah (2016).
    """

    def __init__(
        self,
        *,
        latent: int = 100,
        size: int = 64,
        channels: int = 3,
        width: int = 64,
        upsample: str = "transposed",
        batch_norm: bool = True,
    ):
        if upsample not in ("transposed", "nearest", "bilinear"):
            raise ValueError(f'upsample is "transposed", "nearest" or "bilinear"; got {upsample!r}')
        side, doublings = size, 0
        while side % 2 == 0 and side > 4:
            side, doublings = side // 2, doublings + 1
        if side not in (4, 7) or doublings == 0:
            raise ValueError(f"size is 4 or 7 times a power of two, such as 28, 32 or 64; got {size}")
        transposed, free = upsample == "transposed", not batch_norm
        wide = width * 2 ** (doublings - transposed)

        def normal(n):
            return [nn.BatchNorm2d(n), nn.ReLU()] if batch_norm else [nn.ReLU()]

        def double(a, b, bias=free):
            if transposed:
                return [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, bias=bias)]
            return [nn.Upsample(scale_factor=2, mode=upsample), nn.Conv2d(a, b, 3, padding=1, bias=bias)]

        layers = [nn.Linear(latent, wide * side**2, bias=free), nn.Unflatten(1, (wide, side, side)), *normal(wide)]
        for _ in range(doublings - transposed):
            layers += [*double(wide, wide // 2), *normal(wide // 2)]
            wide //= 2
        last = double(wide, channels, bias=True) if transposed else [nn.Conv2d(wide, channels, 3, padding=1)]
        super().__init__(*layers, *last, nn.Tanh())
        if batch_norm:
            small_weights(self)


class DCGANDiscriminator(Chain):
    """Strided convolutions that halve the side and double the channels down to 4x4, then a linear layer.

    Leaky ReLU of slope 0.2 follows every convolution; batch normalisation all but the first.

    Args:
        size: Side of the pictures, at least 8.
        channels: Channels of the pictures.
        width: Channels after the first convolution.
        batch_norm: Normalise; a gradient penalty needs False.

    Shapes: input (N, channels, size, size), output logits (N, 1). Source: Radford, Metz and Chintala (2016).
    """

    def __init__(self, *, size: int = 64, channels: int = 3, width: int = 64, batch_norm: bool = True):
        layers: list[nn.Module] = []
        while size > 4:
            normal = batch_norm and bool(layers)
            kernel = 4 if size % 2 == 0 else 3
            layers.append(nn.Conv2d(channels, width, kernel, stride=2, padding=1, bias=not normal))
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)] if normal else [nn.LeakyReLU(0.2)]
            size, channels, width = (size + 1) // 2, width, 2 * width
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * size**2, 1))
        if batch_norm:
            small_weights(self)


def small_weights(model: nn.Module) -> nn.Module:
    """DCGAN's start, in place: weights from N(0, 0.02^2), biases 0; batch normalisation keeps scale 1 and shift 0.

    Both networks start so when they normalise; without it such weights let next to nothing through, and they start
    as PyTorch does.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model
