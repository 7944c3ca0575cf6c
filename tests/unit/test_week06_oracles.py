"""The networks of week 6 against torchvision: the same parameters under the same names, and the same logits."""

import pytest
import torch
import torchvision

from deepweeks.models import VGG, Bottleneck, GoogLeNet, Inception, ResNet, resnet18

PAIRS = {
    "resnet18": (resnet18, lambda **k: torchvision.models.resnet18(**k), 64),
    "resnet50": (
        lambda **k: ResNet((3, 4, 6, 3), Bottleneck, **k),
        lambda **k: torchvision.models.resnet50(**k),
        64,
    ),
    "googlenet": (
        GoogLeNet,
        lambda **k: torchvision.models.googlenet(aux_logits=False, init_weights=False, **k),
        64,
    ),
    "vgg11": (lambda **k: VGG(11, **k), lambda **k: torchvision.models.vgg11(init_weights=False, **k), 32),
    "vgg13_bn": (
        lambda **k: VGG(13, batch_norm=True, **k),
        lambda **k: torchvision.models.vgg13_bn(init_weights=False, **k),
        32,
    ),
}


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", PAIRS)
def test_logits_equal_torchvision_with_its_weights(name):
    make, theirs, size = PAIRS[name]
    torch.manual_seed(0)
    oracle = theirs(**({"num_classes": 7}))
    for module in oracle.modules():  # running statistics away from 0 and 1, so that they count
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    with torch.device("meta"):
        ours = make(classes=7)
    ours.load_state_dict(oracle.state_dict(), assign=True)
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(x), oracle.eval()(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: VGG(16), 138_357_544),
        (lambda: VGG(19), 143_667_240),
        (resnet18, 11_689_512),
        (lambda: ResNet((3, 8, 36, 3), Bottleneck), 60_192_808),
        (GoogLeNet, 6_624_904),
        (lambda: GoogLeNet(batch_norm=False, kernel=5), 6_998_552),
    ],
)
def test_parameters_are_as_published(make, parameters):
    with torch.device("meta"):
        assert count(make()) == parameters


def test_without_shortcuts_the_layers_stay_the_same():
    plain, residual = (ResNet((2, 2), width=4, stem="small", channels=1, classes=3, residual=r) for r in (False, True))
    theirs = {k: v.shape for k, v in residual.state_dict().items() if "downsample" not in k}
    assert {k: v.shape for k, v in plain.state_dict().items()} == theirs
    plain.load_state_dict({k: v for k, v in residual.state_dict().items() if k in theirs})
    x = torch.randn(2, 1, 28, 28)
    assert plain(x).shape == residual(x).shape == (2, 3)
    assert not torch.allclose(plain(x), residual(x))


def test_a_block_whose_main_path_is_zero_passes_its_input_on():
    block = ResNet((1,), width=4, stem="small", channels=1, classes=3).layer1[0]
    torch.nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 5, 5)  # not negative, so that the last ReLU changes nothing
    assert torch.equal(block(x), x)


def test_inception_concatenates_and_keeps_the_resolution():
    assert Inception(192, 64, 96, 128, 16, 32, 32)(torch.randn(2, 192, 9, 7)).shape == (2, 256, 9, 7)


def test_unknown_sizes_get_one_line():
    with pytest.raises(ValueError, match="11, 13, 16, 19; got 12"):
        VGG(12)
    with pytest.raises(ValueError, match="'imagenet' or 'small', got 'big'"):
        resnet18(stem="big")
