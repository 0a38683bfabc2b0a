"""The average of two networks: weight by weight on the line between them, and nothing shared with either."""

import numpy as np
import pytest
import torch

import tlkit


@pytest.fixture(scope="module")
def pair():
    """A network and another one with every number moved, statistics too."""
    before = tlkit.load_backbone("minivgg", device="cpu").new_head(3, seed=1)
    after = tlkit.load_backbone("minivgg", device="cpu").new_head(3, seed=2)
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in after.state_dict().values():
            value.add_(torch.rand(value.shape, generator=random) if value.is_floating_point() else 5)
    return before, after


def numbers(network):
    return {name: value.double().numpy().copy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_every_number_lies_on_the_line_statistics_too(pair, share):
    first, second = map(numbers, pair)
    for name, found in numbers(tlkit.average_weights(*pair, share)).items():
        if name.endswith("num_batches_tracked"):
            assert found == second[name]
        else:
            np.testing.assert_allclose(found, (1 - share) * first[name] + share * second[name], rtol=1e-5, atol=1e-6)


def test_the_ends_are_the_networks_themselves(pair):
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    for share, network in zip((0, 1), pair):
        assert torch.equal(tlkit.average_weights(*pair, share)(images), network.eval()(images))


def test_neither_is_changed_and_nothing_is_shared(pair):
    was = [numbers(network) for network in pair]
    found = tlkit.average_weights(*pair)
    assert not found.training
    with torch.no_grad():
        for value in found.state_dict().values():
            value.add_(1)
    for network, before in zip(pair, was):
        assert all(np.array_equal(now, before[name]) for name, now in numbers(network).items())


def test_the_average_can_be_trained_and_its_parts_named(pair):
    tlkit.freeze(pair[1], "conv2")
    try:
        assert tlkit.average_weights(*pair).frozen == 2, "what is frozen is that of the second"
    finally:
        tlkit.unfreeze(pair[1])


def test_networks_that_do_not_match_are_refused(pair):
    with pytest.raises(ValueError, match="cannot be averaged: head.weight does not match.\nTake a network before"):
        tlkit.average_weights(pair[0], tlkit.load_backbone("minivgg", device="cpu").new_head(4))
    with pytest.raises(ValueError, match="share must be a number from 0 to 1"):
        tlkit.average_weights(*pair, 1.5)
    with pytest.raises(TypeError, match="after must be a Backbone"):
        tlkit.average_weights(pair[0], pair[1].state_dict())
