"""Answers to the exercises of lesson 09, for ``test_answers.py``."""

import pytest
import torch
import torchvision
from torch import nn

import tlkit


def new_head(network, classes):
    *_, name = (name for name, layer in network.named_modules() if isinstance(layer, nn.Linear))
    *parents, child = name.split(".")
    parent = network
    for each in parents:
        parent = getattr(parent, each)
    parent._modules[child] = nn.Linear(parent._modules[child].in_features, classes)
    return network


def new_first(network, classes):
    name = next(name for name, layer in network.named_modules() if isinstance(layer, nn.Linear))
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Linear(6, classes))
    return network


def new_first_of_its_size(network, classes):
    name = next(name for name, layer in network.named_modules() if isinstance(layer, nn.Linear))
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Linear(6, 8))
    return new_head(network, classes)


def head_on_top(network, classes):
    return nn.Sequential(network, nn.Linear(9, classes))


def head_cut(network, classes):
    head = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    head.weight, head.bias = nn.Parameter(head.weight[:classes]), nn.Parameter(head.bias[:classes])
    return network


def take(network, state):
    left = []
    for name, tensor in network.state_dict().items():
        if name in state and state[name].shape == tensor.shape:
            tensor.copy_(state[name])
        else:
            left.append(name)
    return tuple(left)


def take_only_weights(network, state):
    own = dict(network.named_parameters())
    fits = {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}
    network.load_state_dict(fits, strict=False)
    return [name for name in network.state_dict() if name not in fits]


def take_and_name_theirs(network, state):
    return [*take(network, state), *(state.keys() - network.state_dict().keys())]


def take_what_was_taken(network, state):
    left = take(network, state)
    return [name for name in network.state_dict() if name not in left]


def take_their_head(network, state):
    network.fc = nn.Linear(*reversed(state["fc.weight"].shape))
    return take(network, state)


def renumber(targets, theirs, mine):
    return torch.tensor([mine.index(theirs[k]) if theirs[k] in mine else -1 for k in targets])


def renumber_known(targets, theirs, mine):
    return [mine.index(theirs[k]) if theirs[k] in mine else 0 for k in targets]


def renumber_backwards(targets, theirs, mine):
    return [theirs.index(mine[k]) if mine[k] in theirs else -1 for k in targets]


RIGHT = {"09.1": new_head, "09.2": take, "09.3": renumber}
WRONG = [
    ("09.1", lambda network, classes: network, "The old head had 9"),
    ("09.1", new_first, "the sizes do not fit"),
    ("09.1", new_first_of_its_size, "a layer below it changed too"),
    ("09.1", head_on_top, "return the network that it was given"),
    ("09.1", head_cut, "a fresh nn.Linear"),
    ("09.2", lambda network, state: [], "was not taken"),
    ("09.2", lambda network, state: network.load_state_dict(state) and [], "RuntimeError"),
    ("09.2", take_only_weights, "The record of BatchNorm"),
    ("09.2", take_and_name_theirs, "is no tensor of the network"),
    ("09.2", take_what_was_taken, "Asked for were those that were not"),
    ("09.2", take_their_head, "The network has other layers now"),
    ("09.2", lambda network, state: take(network, state)[:1], "Not filled were"),
    ("09.3", lambda targets, theirs, mine: targets, "came back unchanged"),
    ("09.3", renumber_known, "should be -1"),
    ("09.3", renumber_backwards, "went the wrong way"),
    ("09.3", lambda targets, theirs, mine: [k + 1 for k in targets], "should become"),
]
LAZY = [lambda *_: [], lambda *_: [1, 2, 2, 1]]


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "mobilenet_v3_small", "vit_b_16"])
def test_the_heads_of_torchvision_are_where_the_exercise_says(name):
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None)
    last = [path for path, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]
    assert last == {"resnet18": "fc", "vgg11": "classifier.6", "vit_b_16": "heads.head"}.get(name, "classifier.3")
    assert network.get_submodule(last).out_features == 1000


def test_a_right_answer_may_take_the_record_of_batchnorm_by_load_state_dict():
    def answer(network, state):
        own = network.state_dict()
        fits = {name: state[name] for name in own if name in state and own[name].shape == state[name].shape}
        return network.load_state_dict(fits, strict=False).missing_keys

    assert tlkit.check("09.2", answer)
