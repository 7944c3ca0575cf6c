"""What week 10 puts into the library, against torchvision and peft."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer as Torchvision

from deepweeks import models

peft = pytest.importorskip("peft")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def trained(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def noisy(model):
    """No parameter at a special value, so that equal outputs mean equal arithmetic."""
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


def from_torchvision(state):
    names = (
        ("conv_proj", "patches"),
        ("class_token", "cls"),
        ("encoder.pos_embedding", "positions"),
        ("encoder.layers.encoder_layer_", "encoder.layers."),
        ("encoder.ln.", "encoder.norm."),
        ("heads.head", "head"),
        ("ln_", "norm"),
        ("self_attention", "self_attn"),
        ("mlp.0", "linear1"),
        ("mlp.3", "linear2"),
    )
    renamed = {}
    for key, value in state.items():
        for old, new in names:
            key = key.replace(old, new)
        renamed[key] = value
    return renamed


def test_vision_transformer_takes_torchvisions_weights():
    theirs = Torchvision(28, 7, 3, 4, 32, 64, num_classes=10).double().eval()
    noisy(theirs)
    ours = models.VisionTransformer(
        image=28, patch=7, channels=3, width=32, heads=4, layers=3, feedforward=64, classes=10
    ).double()
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    for norm in (m for m in ours.modules() if isinstance(m, nn.LayerNorm)):
        norm.eps = 1e-6  # torchvision's choice
    x = torch.randn(4, 3, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))
    assert trained(ours) == trained(theirs)


def test_pooling_and_bad_values():
    model = models.VisionTransformer(pool="mean", layers=1)
    x = torch.randn(2, 1, 28, 28)
    z = model.encoder(model.tokens(x))
    torch.testing.assert_close(model(x), model.head(z[:, 1:].mean(1)))
    with pytest.raises(ValueError, match="patches of 6 pixels"):
        models.VisionTransformer(patch=6)
    with pytest.raises(ValueError, match="valid: cls, mean"):
        models.VisionTransformer(pool="max")


@pytest.fixture()
def vit():
    return noisy(models.VisionTransformer(width=32, layers=2))


def test_lora_is_peft(vit):
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=["query", "value"])
    theirs = peft.get_peft_model(copy.deepcopy(vit), config)
    ours = models.lora(copy.deepcopy(vit), rank=3, alpha=6)
    assert trained(ours) == trained(theirs) == 2 * 2 * 3 * (32 + 32)
    state = {k: v for k, v in theirs.named_parameters() if "lora_" in k}
    with torch.no_grad():
        for name, layer in ours.named_modules():
            if isinstance(layer, models.LoRALinear):
                for part in "AB":
                    key = f"base_model.model.{name}.lora_{part}.default.weight"
                    state[key].copy_(torch.randn_like(state[key]))
                    getattr(layer, part).copy_(state[key])
    x = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(ours(x), theirs(x))
    assert not torch.allclose(ours(x), vit(x), atol=1e-3)


def test_lora_starts_at_the_old_layer_trains_a_and_b_only_and_merges():
    linear = nn.Linear(6, 5).double()
    old = copy.deepcopy(linear)
    layer = models.LoRALinear(linear, rank=2, alpha=6)
    x = torch.randn(7, 6, dtype=torch.float64)
    assert torch.equal(layer(x), old(x))
    assert {n for n, p in layer.named_parameters() if p.requires_grad} == {"A", "B"}
    opt = torch.optim.SGD([p for p in layer.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        opt.zero_grad()
        layer(x).square().mean().backward()
        opt.step()
    assert layer.linear.weight.grad is None and torch.equal(layer.linear.weight, old.weight)
    merged = layer.merge()
    torch.testing.assert_close(merged(x), layer(x))
    assert not torch.allclose(merged(x), old(x)) and type(merged) is nn.Linear
    assert torch.linalg.matrix_rank(merged.weight - old.weight) == 2
    with pytest.raises(ValueError, match="got 0"):
        models.LoRALinear(linear, rank=0)


def test_adapters_start_at_the_old_model_and_have_the_stated_size(vit):
    x = torch.randn(3, 1, 28, 28)
    changed = models.adapters(copy.deepcopy(vit), bottleneck=5)
    assert torch.equal(changed(x), vit(x))
    assert trained(changed) == 2 * 2 * (2 * 32 * 5 + 5 + 32)
    changed(x).sum().backward()
    frozen = [p for n, p in changed.named_parameters() if "down" not in n and "up" not in n]
    assert frozen and all(p.grad is None for p in frozen)


def test_prompts_train_alone_and_change_what_the_model_says(vit):
    tuned = models.PromptTuning(copy.deepcopy(vit), length=3)
    x = torch.randn(3, 1, 28, 28)
    assert trained(tuned) == 3 * 32
    assert not torch.allclose(tuned(x), vit(x))
    tuned(x).sum().backward()
    assert tuned.prompt.grad.abs().sum() > 0 and tuned.model.head.weight.grad is None


def test_nothing_to_change_is_said():
    with pytest.raises(ValueError, match="no linear layer is called query or value"):
        models.lora(models.MLP([4, 3]))
    with pytest.raises(ValueError, match="no transformer block"):
        models.adapters(models.MLP([4, 3]))
