"""Random weights at the scale of pretrained ones, and the way that starts from them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import tlkit
from tlkit.nets.own_backbones import random_copy
from tlkit.nets.scales import rescaled


@pytest.fixture
def network():
    return tlkit.load_backbone("minivgg", device="cpu")


def layers(backbone, kind):
    return [layer for layer in backbone.stages.modules() if isinstance(layer, kind)]


def test_each_tensor_keeps_its_mean_and_spread_and_nothing_else(network):
    before = copy.deepcopy(network)
    assert rescaled(network, 1) is network
    for old, new in zip(layers(before, (nn.Conv2d, nn.Linear)), layers(network, (nn.Conv2d, nn.Linear))):
        one, other = (layer.weight.detach().double().flatten() for layer in (old, new))
        noise = one.std() / len(one) ** 0.5  # of a mean of so many draws
        assert abs(one.mean() - other.mean()) < 4 * noise
        assert abs(one.std() / other.std() - 1) < 4 / (2 * len(one)) ** 0.5
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / len(one) ** 0.5
    for name in ("head.weight", "head.bias"):
        assert network.state_dict()[name].equal(before.state_dict()[name])
    assert network.source_accuracy is None and before.source_accuracy


def test_biases_are_drawn_too_each_at_its_own_scale(network):
    bias = network.stages["fc6"][2].bias
    with torch.no_grad():
        bias.normal_(5, 0.1)
    rescaled(network, 0)
    assert 4.9 < bias.mean() < 5.1 and 0.08 < bias.std() < 0.12


def test_batchnorm_begins_anew_or_keeps_all_that_it_has(network):
    before = copy.deepcopy(network)
    kept, anew = rescaled(copy.deepcopy(network), 1, keep_norms=True), rescaled(network, 1)
    fresh = layers(random_copy(before, 0), nn.BatchNorm2d)
    for old, same, new, random in zip(*(layers(each, nn.BatchNorm2d) for each in (before, kept, anew)), fresh):
        for name, value in old.state_dict().items():
            assert same.state_dict()[name].equal(value)
            assert new.state_dict()[name].equal(random.state_dict()[name])
    # The switch is about BatchNorm alone.
    for one, other in zip(layers(kept, nn.Conv2d), layers(anew, nn.Conv2d)):
        assert one.weight.equal(other.weight)


def test_the_seed_says_what_is_drawn_and_nobody_elses_luck_moves(network):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    made = [rescaled(copy.deepcopy(network), seed).stages["conv3"][0].weight for seed in (1, 1, 2)]
    assert torch.rand(3).equal(expected)
    assert made[0].equal(made[1]) and not made[0].equal(made[2])


def test_tensors_that_do_not_vary_and_other_norms_are_no_trouble():
    stages = {"one": nn.Sequential(nn.Conv2d(3, 1, 1), nn.GroupNorm(1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())}
    backbone = tlkit.Backbone("small", stages, nn.Linear(1, 2), (0.5,) * 3, (0.5,) * 3, 32, 8)
    conv, norm = backbone.stages["one"][:2]
    with torch.no_grad():
        conv.weight.fill_(0.25), norm.weight.fill_(7)
    bias = conv.bias.item()
    rescaled(backbone, 0)
    assert conv.weight.eq(0.25).all() and conv.bias.item() == bias and norm.weight.item() == 1


# ------------------------------------------------------------------------------------ the way


@pytest.fixture(scope="module")
def squeezenet():
    return tlkit.load_backbone("squeezenet1_1", pretrained=False, seed=1, device="cpu")


@pytest.fixture
def trained(monkeypatch):
    """The networks that a way would train, as they are before it."""
    seen = []

    def train(network, *_, epochs, passes, groups=None, learning_rate=None, **__):
        seen.append(dict(network=copy.deepcopy(network), epochs=epochs, passes=passes, rate=learning_rate))
        return tlkit.History(loss=[1.0] * epochs, seconds=[1.0] * epochs)

    monkeypatch.setattr("tlkit.transfer.network_ways.train_network", train)
    return seen


@pytest.mark.parametrize("given", ["minivgg", "a Backbone", "squeezenet1_1", "one of yours"])
def test_the_way_starts_from_the_pretrained_scale_with_the_epochs_of_scratch(given, trained, tiny_split, squeezenet):
    backbone = squeezenet if given == "squeezenet1_1" else tlkit.load_backbone("minivgg", device="cpu")
    backbone.own = given == "one of yours"
    before = copy.deepcopy(backbone.state_dict())
    for way in (tlkit.scaled_start, tlkit.from_scratch):
        way(tiny_split, given if given == "minivgg" else backbone, seed=3, device="cpu")
    scaled, scratch = trained
    assert scaled | {"network": 0} == scratch | {"network": 0}
    expected = rescaled(copy.deepcopy(backbone), 3).stages.state_dict()
    assert all(w.equal(expected[name]) for name, w in scaled["network"].stages.state_dict().items())
    assert all(w.equal(before[name]) for name, w in backbone.state_dict().items())
    assert scaled["network"].head.weight.equal(scratch["network"].head.weight)
    assert not scaled["network"].fixed_statistics and scaled["network"].frozen == 0


def test_it_trains_all_of_it_and_says_its_name(tiny_split):
    result = tlkit.scaled_start(tiny_split, tlkit.freeze(tlkit.load_backbone(device="cpu")), epochs=1, device="cpu")
    assert result.way == "scaled start" and 0 <= result.open_test() <= 1
    assert result.trained_parameters == sum(p.numel() for p in result.network.parameters())


def test_it_refuses_what_every_way_refuses(tiny_split):
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        tlkit.scaled_start(tiny_split, epochs=0)
    with pytest.raises(ValueError, match="no backbone called 'vgg'"):
        tlkit.scaled_start(tiny_split, backbone="vgg")
