"""Any stages may train and any may be frozen: what stays, what learns, what is computed once, what is refused."""

import copy
import pickle

import pytest
import torch
from torch import nn

import tlkit
from tlkit.nets.devices import autocast
from tlkit.transfer import network_ways, training_run
from tlkit.transfer.feeding import Feed

CHOICES = [["conv1"], ["conv3"], ["fc7"], ["conv1", "fc6"], ["conv2", "conv3"]]
FIRST_TRAINED = [0, 2, 6, 0, 1]


def _network():
    return tlkit.load_backbone(device="cpu").new_head(2)


def _state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _changed(before, module):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("stages", CHOICES)
def test_exactly_the_chosen_stages_and_the_head_learn(small, stages):
    network = tlkit.unfreeze(_network(), stages=stages)
    before = _state(network)
    tlkit.train_network(network, small, small, epochs=2, batch_size=16)
    changed = _changed(before, network)
    assert {name.split(".")[1] for name in changed if name.startswith("stages")} == set(stages)
    assert {"head.weight", "head.bias"} <= changed
    learns = {name for name, tensor in network.named_parameters() if tensor.requires_grad}
    follows = {name for name in before if "running" in name and name.split(".")[1] in stages}
    assert changed >= learns | follows, "all weights of those stages, and their BatchNorm statistics"


@pytest.mark.parametrize(("stages", "first"), list(zip(CHOICES, FIRST_TRAINED)))
def test_only_what_lies_before_the_first_trained_stage_is_computed_once(small, stages, first):
    network = tlkit.unfreeze(_network(), stages=stages)
    assert network.frozen == first and len(network.frozen_stages) == 7 - len(stages)
    ran = []
    for name, stage in network.stages.items():
        stage.register_forward_hook(lambda module, x, y, name=name: ran.append(name))
    feed = Feed(network, small.images, quiet=True)
    assert set(ran) == set(network.stage_names[:first]) and bool(feed.table) == (first > 0)
    ran.clear()
    with autocast(network.device):
        network.rest(feed(torch.arange(4), None))
    assert ran == network.stage_names[first:]


def _by_hand(network, stages):
    """The same in plain PyTorch: no weight learns but the chosen ones, and BatchNorm of the others is not trained."""
    layers = nn.Sequential(*network.stages.values(), network.head)
    layers.requires_grad_(False).eval()
    for part in (*(network.stages[name] for name in stages), network.head):
        part.requires_grad_(True).train()
    return layers


@pytest.mark.parametrize("stages", CHOICES)
def test_gradients_pass_through_frozen_stages_as_in_plain_pytorch(small, stages):
    mine, plain = tlkit.unfreeze(_network(), stages=stages).train(), _network()
    layers = _by_hand(plain, stages)
    for scores in (mine(small.images), layers(plain.normalise(small.images))):
        nn.functional.cross_entropy(scores, small.labels).backward()
    pairs = list(zip(mine.named_parameters(), plain.named_parameters()))
    for (name, one), (_, other) in pairs:
        assert (one.grad is None) == (other.grad is None) == (name.split(".")[1] not in stages and "head" not in name)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
            assert one.grad.abs().max() > 0
    assert [m.training for m in mine.stages.modules()][1:] == [m.training for m in plain.stages.modules()][1:]


def test_frozen_stages_in_the_middle_stay_in_evaluation_mode_whatever_is_called():
    network = tlkit.unfreeze(_network(), stages=["conv1", "fc7"])
    for call in (network.eval, network.train, lambda: network.train(True), lambda: network.new_head(3).train()):
        call()
        assert not any(network.stages[name].training for name in network.frozen_stages)
    assert network.stages["conv1"].training and network.stages["fc7"].training and network.head.training
    assert not any(module.training for module in network.eval().modules())


def test_each_choice_takes_the_place_of_the_one_before():
    network = tlkit.unfreeze(_network(), stages=["conv2"])
    assert network.frozen_stages == ("conv1", "conv3", "conv4", "conv5", "fc6", "fc7") and network.frozen == 1
    assert tlkit.freeze(network, "conv2").frozen_stages == ("conv1", "conv2") and network.frozen == 2
    assert tlkit.unfreeze(network, last=1).frozen_stages == tuple(network.stage_names[:6])
    assert tlkit.unfreeze(network).frozen_stages == () and all(p.requires_grad for p in network.parameters())
    every = tlkit.unfreeze(network, stages=network.stage_names)
    assert every is network and every.frozen == 0
    with pytest.raises(AttributeError):
        network.frozen = 3


@pytest.mark.parametrize("stages", [("fc6", "conv1"), ["conv1", "fc6", "conv1"], {"conv1": 1, "fc6": 2}, None])
def test_order_and_repetition_do_not_matter_and_anything_that_can_be_gone_through_will_do(stages):
    stages = (name for name in ("fc6", "conv1")) if stages is None else stages
    network = tlkit.unfreeze(_network(), stages=stages)
    assert network.frozen_stages == ("conv2", "conv3", "conv4", "conv5", "fc7")


@pytest.mark.parametrize(
    ("stages", "error", "message"),
    [
        (["conv9"], ValueError, "no stage called 'conv9'. Did you mean"),
        (["conv1", "head"], ValueError, "no stage called 'head'"),
        ([], ValueError, "stages names no stage. For the head alone write (last|unfreeze_last)=0; else: conv1, "),
        ("conv1", TypeError, "stages must be a list of texts, not 'conv1'"),
        ([1], TypeError, "but it holds 1"),
        (3, TypeError, "not 3"),
    ],
)
def test_what_names_no_stages_is_refused_and_nothing_is_changed(tiny_split, stages, error, message, monkeypatch):
    network = tlkit.freeze(_network(), "conv2")
    with pytest.raises(error, match=message):
        tlkit.unfreeze(network, stages=stages)
    assert network.frozen_stages == ("conv1", "conv2")
    monkeypatch.setattr(network_ways, "train_network", lambda *args, **kwargs: pytest.fail("work had started"))
    with pytest.raises(error, match=message):
        tlkit.two_phase(tiny_split, stages=stages, device="cpu")


def test_a_number_and_names_together_are_refused(tiny_split):
    with pytest.raises(ValueError, match="Give last or stages, not both: last=2 is the two stages before the head"):
        tlkit.unfreeze(_network(), last=0, stages=["conv1"])
    with pytest.raises(ValueError, match="Give unfreeze_last or stages, not both"):
        tlkit.two_phase(tiny_split, unfreeze_last=1, stages=["conv1"], device="cpu")


def test_groups_are_those_of_what_trains_and_a_rate_goes_by_the_place_of_its_stage():
    network = tlkit.unfreeze(_network(), stages=["conv5", "fc7"])
    groups = tlkit.parameter_groups(network, 1e-2, stage_decay=0.5)
    assert [group["name"] for group in groups] == ["head", "fc7", "conv5"]
    assert [group["lr"] for group in groups] == pytest.approx([1e-2, 1e-3, 2.5e-4])
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in network.parameters() if p.requires_grad)


def test_two_phases_may_train_one_stage_and_its_settings_give_the_same_again(tiny_split, backbone):
    result = tlkit.two_phase(tiny_split, epochs=2, head_epochs=1, stages=("fc6", "conv2", "fc6"), device="cpu")
    shipped = backbone.stages.state_dict()
    now = result.network.stages.state_dict()
    changed = {name.split(".")[0] for name, tensor in now.items() if not tensor.equal(shipped[name])}
    assert changed == {"conv2", "fc6"} and result.way == "fine-tuning" and result.epochs == 3
    assert result.settings["stages"] == ["conv2", "fc6"] and result.settings["unfreeze_last"] is None
    trained = sum(p.numel() for name in changed for p in backbone.stages[name].parameters())
    assert result.trained_parameters == trained + 2 * 513
    again = tlkit.two_phase(tiny_split, device="cpu", **result.settings)
    assert again.network.head.weight.equal(result.network.head.weight)
    assert tlkit.two_phase(tiny_split, epochs=1, device="cpu").settings["stages"] is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_is_frozen_where_the_original_is(copied):
    network = tlkit.unfreeze(_network(), stages=["conv3"])
    other = copied(network).train()
    assert other.frozen_stages == network.frozen_stages and other.frozen == 2
    assert [p.requires_grad for p in other.parameters()] == [p.requires_grad for p in network.parameters()]
    assert [m.training for m in other.stages.values()] == [name == "conv3" for name in network.stage_names]


def test_what_is_kept_to_go_back_to_is_what_can_change():
    network = tlkit.unfreeze(_network(), stages=["conv1", "fc7"])
    kept = {name.split(".")[1] for name in training_run._copy(network) if name.startswith("stages")}
    assert kept == {"conv1", "fc7"}


def test_an_explosion_leaves_the_network_as_it_was(small):
    network = tlkit.unfreeze(_network(), stages=["conv1"])
    before = _state(network)
    with pytest.warns(UserWarning, match="no longer a number"):
        tlkit.train_network(network, small, None, epochs=2, learning_rate=1e30, batch_size=4)
    assert not _changed(before, network)


def test_an_interrupted_training_of_one_stage_goes_on_to_the_same_weights(small, tmp_path):
    def train(epochs_until_cut=None):
        network = tlkit.unfreeze(_network(), stages=["conv2"])

        def cut(history):
            if len(history.loss) == epochs_until_cut:
                raise KeyboardInterrupt

        tlkit.train_network(network, small, None, 3, checkpoint=tmp_path / "one.pt", on_epoch_end=cut)
        return network

    whole = _state(train())
    with pytest.raises(KeyboardInterrupt):
        train(2)
    again = train()
    assert all(torch.equal(whole[name], tensor) for name, tensor in again.state_dict().items())
