"""Frozen means frozen; the rest learns, each part at its own rate."""

import pytest
import torch

import tlkit
from tlkit.transfer import feeding, network_ways, training_run


def _state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _changed(before, module):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


def _network():
    return tlkit.load_backbone(device="cpu").new_head(2)


@pytest.mark.parametrize("through", ["conv1", "conv4", "fc7", None])
def test_frozen_parameters_and_buffers_stay_byte_identical(small, through):
    network = tlkit.freeze(_network(), through)
    frozen = network.stage_names[: network.frozen]
    assert frozen[-1] == (through or "fc7")
    before = _state(network)
    tlkit.train_network(network, small, small, epochs=2, batch_size=16)
    changed = _changed(before, network)
    assert not [name for name in changed if name.split(".")[1] in frozen]
    assert {"head.weight", "head.bias"} <= changed
    trained = {name.split(".")[1] for name in changed if name.startswith("stages")}
    assert trained == set(network.stage_names[network.frozen :])


def test_freezing_survives_train_mode_where_requires_grad_alone_does_not(small):
    frozen, usual = tlkit.freeze(_network()), _network()
    for parameter in usual.stages.parameters():
        parameter.requires_grad_(False)
    drifted = []
    for network in (frozen, usual):
        before = _state(network)
        network.train()
        assert network.training and network.head.training
        network(small.images)
        drifted.append({name.rsplit(".", 1)[1] for name in _changed(before, network)})
    assert drifted == [set(), {"running_mean", "running_var", "num_batches_tracked"}]


def test_unfreezing_frees_the_last_stages_only():
    network = tlkit.unfreeze(tlkit.freeze(_network()), last=2)
    network.train()
    for name, stage in network.stages.items():
        free = name in ("fc6", "fc7")
        assert stage.training == free and all(p.requires_grad == free for p in stage.parameters())
    assert all(p.requires_grad for p in tlkit.unfreeze(network).parameters()) and network.frozen == 0
    assert tlkit.unfreeze(network, last=0).frozen == 7


def test_more_stages_than_there_are_cannot_be_unfrozen(tiny_split):
    with pytest.raises(ValueError, match="minivgg has 7 stages, so the last 8 cannot be unfrozen. Take 0 to 7: conv1"):
        tlkit.unfreeze(_network(), last=8)
    with pytest.raises(ValueError, match="7 stages, so the last 9"):
        tlkit.two_phase(tiny_split, unfreeze_last=9)
    with pytest.raises(ValueError, match="Did you mean 'conv5'"):
        tlkit.freeze(_network(), "conv55")


def test_groups_cover_every_trained_weight_once_at_the_right_rate():
    network = tlkit.unfreeze(_network(), last=3)
    groups = tlkit.parameter_groups(network, 1e-2, backbone_factor=0.1, stage_decay=0.5)
    assert [group["name"] for group in groups] == ["head", "fc7", "fc6", "conv5"]
    assert [group["lr"] for group in groups] == pytest.approx([1e-2, 1e-3, 5e-4, 2.5e-4])
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("bad", [{"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"backbone_factor": -1.0}])
def test_senseless_rates_are_refused_before_work_starts(tiny_split, bad, monkeypatch):
    monkeypatch.setattr(network_ways, "train_network", lambda *args, **kwargs: pytest.fail("work had started"))
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a number above 0"):
        tlkit.two_phase(tiny_split, **bad)
    with pytest.raises(ValueError, match="stage_decay must be at most 1"):
        tlkit.two_phase(tiny_split, stage_decay=1.5)


def test_the_frozen_prefix_is_computed_once(small, monkeypatch):
    network, seen = tlkit.unfreeze(_network(), last=2), []
    original = network.prefix
    monkeypatch.setattr(network, "prefix", lambda images: (seen.append(len(images)), original(images))[1])
    tlkit.train_network(network, small, small, epochs=5, batch_size=16)
    assert sum(seen) == 2 * 48 + 2, "every picture of train and val once, and one of each to know the size"


def test_a_prefix_too_large_to_keep_trains_to_the_same_weights(small, monkeypatch):
    states = []
    for limit in (2**30, 0):
        monkeypatch.setattr(feeding, "LARGEST_TABLE", limit)
        network = tlkit.unfreeze(_network(), last=2)
        tlkit.train_network(network, small, small, epochs=2, batch_size=16)
        states.append(network.head.weight.detach().clone())
    torch.testing.assert_close(*states, rtol=2e-2, atol=2e-3)


def test_views_of_a_frozen_backbone_are_all_used(small, monkeypatch):
    network, rows = tlkit.freeze(_network()), []
    mirror = tlkit.Augmentation(flip_horizontal=True, views=3)
    original = training_run.step
    monkeypatch.setattr(training_run, "step", lambda n, x, *rest: (rows.append(x.clone()), original(n, x, *rest))[1])
    tlkit.train_network(network, small, None, epochs=8, batch_size=48, augment=mirror)
    assert len(torch.cat(rows).unique(dim=0)) > 48, "more inputs than pictures"


def test_fixed_statistics_stay_while_the_weights_around_them_learn(small):
    changed = {}
    for fixed in (True, False):
        network = _network()
        network.fixed_statistics = fixed
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        tlkit.train_network(network, small, None, 1, batch_size=16)
        after = network.state_dict()
        changed[fixed] = {name for name in before if not before[name].equal(after[name])}
    statistics = {name for name, _ in network.named_buffers() if "running" in name}
    assert statistics and not statistics & changed[True] and statistics <= changed[False]
    assert changed[True] >= {name for name, _ in network.named_parameters()}  # BatchNorm's own weights, too
