"""What week 10 writes by hand, against PyTorch, torchvision, peft and closed forms."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from deepweeks import models


def generator(seed):
    return torch.Generator().manual_seed(seed)


# D: patches, tokens, positions


def patches(x, p):
    """Exercise 10.1."""
    n, c, h, w = x.shape
    cut = x.reshape(n, c, h // p, p, w // p, p)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, (h // p) * (w // p), c * p * p)


def resize_positions(positions, side):
    """Exercise 10.3."""
    cls, places = positions[:, :1], positions[:, 1:]
    grid = math.isqrt(places.shape[1])
    larger = F.interpolate(places.mT.unflatten(2, (grid, grid)), size=(side, side), mode="bicubic", align_corners=True)
    return torch.cat([cls, larger.flatten(2).mT], 1)


@pytest.mark.parametrize(
    ("shape", "p"), [((2, 3, 32, 48), 16), ((1, 1, 28, 28), 7), ((3, 2, 6, 4), 2), ((2, 1, 3, 3), 1)]
)
def test_patches_are_an_unfold_and_fold_back(shape, p):
    x = torch.randn(shape, generator=generator(1))
    cut = patches(x, p)
    assert torch.equal(cut, F.unfold(x, p, stride=p).mT)
    assert torch.equal(F.fold(cut.mT, shape[2:], p, stride=p), x)


@pytest.mark.parametrize("channels", [1, 3])
def test_projection_of_patches_is_a_strided_convolution(channels):
    conv = nn.Conv2d(channels, 5, 4, stride=4).double()
    x = torch.randn(2, channels, 8, 12, dtype=torch.float64, generator=generator(2))
    linear = F.linear(patches(x, 4), conv.weight.flatten(1), conv.bias)
    assert torch.allclose(linear, conv(x).flatten(2).mT, atol=1e-12)


@pytest.mark.parametrize(("grid", "side"), [(2, 5), (4, 6), (14, 24), (6, 3)])
def test_resized_positions_are_torchvisions(grid, side):
    table = torch.randn(1, 1 + grid**2, 8, generator=generator(3))
    state = torchvision.models.vision_transformer.interpolate_embeddings(
        16 * side, 16, {"encoder.pos_embedding": table.clone()}
    )
    assert torch.allclose(resize_positions(table, side), state["encoder.pos_embedding"], atol=1e-5)


def encoder_without_positions(net):
    net.positions.data.zero_()
    return net.eval()


def test_without_positions_the_order_of_patches_is_lost():
    torch.manual_seed(4)
    net = encoder_without_positions(models.VisionTransformer(layers=2, feedforward=128))
    x = torch.rand(3, 1, 28, 28, generator=generator(4))
    order = torch.randperm(16, generator=generator(5))
    mixed = F.fold(F.unfold(x, 7, stride=7)[:, :, order], 28, 7, stride=7)
    assert torch.allclose(net(x), net(mixed), atol=1e-5)
    net.positions.data = torch.randn(net.positions.shape, generator=generator(6))
    assert not torch.allclose(net(x), net(mixed), atol=1e-2)


def test_a_fixed_jigsaw_is_a_relabelling_of_the_weights():
    """For any fixed order of patches, and of pixels inside them, there is a network that answers alike: the
    same weights, in another order. So a jigsaw cannot be harder."""
    torch.manual_seed(7)
    net, other = (models.VisionTransformer(layers=2, feedforward=128).eval() for _ in range(2))
    order, inside = torch.randperm(16, generator=generator(8)), torch.randperm(49, generator=generator(9))
    x = torch.rand(3, 1, 28, 28, generator=generator(10))
    jigsaw = F.fold(F.unfold(x, 7, stride=7)[:, inside][:, :, order], 28, 7, stride=7)
    other.load_state_dict(net.state_dict())
    other.patches.weight.data = net.patches.weight.data.flatten(1)[:, inside].view(64, 1, 7, 7)
    other.positions.data[:, 1:] = net.positions.data[:, 1:][:, order]
    assert torch.allclose(other(jigsaw), net(x), atol=1e-5)


def test_scores_of_pixels_and_of_patches():
    assert (224 * 224, (224 * 224) ** 2, 4 * (224 * 224) ** 2) == (50_176, 2_517_630_976, 10_070_523_904)
    assert (14 * 14 + 1) ** 2 == 38_809


# E: fine-tuning


class Adapter(nn.Module):
    """Exercise 10.4."""

    def __init__(self, layer, width, bottleneck):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *inputs, **options):
        y = self.layer(*inputs, **options)
        return y + self.up(F.gelu(self.down(y)))


class LoRA(nn.Module):
    """Exercise 10.5."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        bound = linear.in_features**-0.5
        self.A = nn.Parameter(torch.empty(rank, linear.in_features).uniform_(-bound, bound))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.A.T @ self.B.T)

    @torch.no_grad()
    def merge(self):
        linear = copy.deepcopy(self.linear)
        linear.weight += self.scale * self.B @ self.A
        return linear


def replace(model, wanted, make):
    """Exercise 10.6."""
    names, made = [], {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        inside = any(name.startswith(done + ".") for done in names)
        if name and not inside and wanted(name, module):
            if module not in made:
                made[module] = make(module)
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, made[module])
            names.append(name)
    return names


def small_vit(seed=0):
    torch.manual_seed(seed)
    return models.VisionTransformer(width=32, heads=4, layers=2, feedforward=64).eval()


def with_lora(model, rank, targets, alpha=8):
    model = copy.deepcopy(model).requires_grad_(False)
    replace(model, lambda name, m: name.split(".")[-1] in targets, lambda linear: LoRA(linear, rank, alpha))
    return model


def trainable(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("rank", [1, 4, 7])
@pytest.mark.parametrize("targets", [("query", "value"), ("query", "key", "value", "out", "linear1", "linear2")])
def test_lora_by_surgery_is_pefts(rank, targets):
    peft = pytest.importorskip("peft")
    vit, x = small_vit(), torch.rand(3, 1, 28, 28, generator=generator(10))
    inner = [n for n, m in vit.named_modules() if isinstance(m, nn.Linear) and n.split(".")[-1] in targets]
    own = with_lora(vit, rank, targets)
    config = peft.LoraConfig(r=rank, lora_alpha=8, target_modules=inner)
    theirs = peft.get_peft_model(copy.deepcopy(vit), config)
    assert trainable(own) == theirs.get_nb_trainable_parameters()[0]
    assert torch.equal(own(x), vit(x)), "both start at the old network"
    draws = generator(11)
    layers = dict(own.named_modules())
    with torch.no_grad():
        for name, module in theirs.base_model.model.named_modules():
            if hasattr(module, "lora_A"):
                a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
                assert a.shape == layers[name].A.shape and b.shape == layers[name].B.shape
                assert a.abs().sum() > 0 and not b.any(), "A random and B zero there as well"
                b.normal_(0, 0.1, generator=draws)
                layers[name].A.copy_(a)
                layers[name].B.copy_(b)
        want = theirs(x)
        assert torch.allclose(own(x), want, atol=1e-5)
        assert not torch.allclose(own(x), vit(x), atol=1e-2)
        replace(own, lambda name, m: isinstance(m, LoRA), lambda m: m.merge())
        merged = theirs.merge_and_unload()
        for (name, p), (other, q) in zip(own.named_parameters(), merged.named_parameters(), strict=True):
            assert name == other and torch.allclose(p, q, atol=1e-6)
        assert torch.allclose(own(x), want, atol=1e-5)


def test_gradients_of_the_two_factors():
    """Each is the other factor times the gradient for the whole matrix: with both at zero nothing moves."""
    torch.manual_seed(12)
    layer = LoRA(nn.Linear(6, 5).double(), 2, 6).double()
    x = torch.randn(4, 6, dtype=torch.float64)
    for b_is_zero, a_is_zero in ((True, False), (False, False), (True, True)):
        with torch.no_grad():
            layer.A.normal_().mul_(not a_is_zero)
            layer.B.normal_().mul_(not b_is_zero)
        whole = layer.merge().requires_grad_(True)
        for f in (layer, whole):
            f.zero_grad()
            f(x).square().sum().backward()
        g = whole.weight.grad
        assert torch.allclose(layer.B.grad, 3 * g @ layer.A.T) and torch.allclose(layer.A.grad, 3 * layer.B.T @ g)
        assert bool(layer.A.grad.any()) != b_is_zero and bool(layer.B.grad.any()) != a_is_zero


@pytest.mark.parametrize(("width", "bottleneck", "layers"), [(32, 4, 2), (64, 8, 3)])
def test_parameters_of_adapters(width, bottleneck, layers):
    torch.manual_seed(13)
    vit = models.VisionTransformer(width=width, heads=4, layers=layers).eval()
    own, x = copy.deepcopy(vit).requires_grad_(False), torch.rand(2, 1, 28, 28, generator=generator(13))
    names = replace(own, lambda n, m: n.endswith(("self_attn", "linear2")), lambda m: Adapter(m, width, bottleneck))
    assert len(names) == 2 * layers
    assert trainable(own) == 2 * layers * (2 * width * bottleneck + bottleneck + width)
    assert torch.equal(own(x), vit(x))
    assert trainable(models.adapters(copy.deepcopy(vit), bottleneck=bottleneck)) == trainable(own)


def test_a_step_with_frozen_weights_saves_one_product_of_three():
    """The gradient for the activations stays, the gradient for the weights goes."""
    from torch.utils.flop_counter import FlopCounterMode

    torch.manual_seed(14)
    net, x = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(12))), torch.randn(8, 64)

    def flops(model):
        with FlopCounterMode(display=False) as counter:
            model(x).sum().backward()
        return counter.get_total_flops()

    full = flops(net)
    assert full == 2 * 8 * 64 * 64 * (3 * 12 - 1), "the first layer's input needs no gradient"
    net.requires_grad_(False)
    net[0].weight.requires_grad_(True)
    assert flops(net) == 2 * 8 * 64 * 64 * (2 * 12)


@pytest.mark.parametrize("r", [0, 1, 3])
def test_cut_to_a_rank_is_the_best_approximation(r):
    w = torch.randn(6, 9, generator=generator(15), dtype=torch.float64)
    u, s, v = torch.linalg.svd(w, full_matrices=False)
    cut = (u[:, :r] * s[:r]) @ v[:r]
    assert torch.linalg.matrix_rank(cut) == r
    assert torch.allclose((w - cut).square().sum(), s[r:].square().sum())
    for k in range(20):
        g = generator(100 + k)
        other = torch.randn(6, r, generator=g, dtype=torch.float64) @ torch.randn(
            r, 9, generator=g, dtype=torch.float64
        )
        assert (w - other).norm() >= (w - cut).norm() - 1e-12


def test_prompts_are_read_without_order():
    vit = small_vit(16)
    prompted = models.PromptTuning(vit, length=3)
    x = torch.rand(2, 1, 28, 28, generator=generator(16))
    with torch.no_grad():
        prompted.prompt.normal_(generator=generator(17))
        before = prompted(x)
        prompted.prompt.copy_(prompted.prompt.flip(1))
    assert torch.allclose(prompted(x), before, atol=1e-5)
    assert not torch.allclose(before, vit(x), atol=1e-3)
