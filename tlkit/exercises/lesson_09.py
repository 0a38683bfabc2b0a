"""Examiners of lesson 09: can you do the same without tlkit?"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from tlkit.exercises import Wrong, as_array, call, exercise, names_in
from tlkit.exercises.tiny import own_luck


@exercise(
    "09.1",
    "a new head for any network",
    "network.named_modules() gives every layer with its name, such as classifier.6. Which is the last nn.Linear?",
    "classifier.6 is the child 6 of network.get_submodule('classifier'); rpartition('.') cuts a name at its last dot.",
    "setattr(parent, child, nn.Linear(width, classes)) puts the new one there; the old one's in_features is the width.",
)
def _new_head(answer: object) -> str:
    for kind, classes in (("fc", 4), ("classifier.2", 2), ("heads.last.head", 7), ("1", 5)):
        network = _network_with(kind)
        old, rest = network.get_submodule(kind), _tensors(network, without=kind)
        given = call(answer, network, classes)
        if given is not network:
            raise Wrong("It should return the network that it was given, with another head inside.")
        _judge_head(network, kind, old, classes)
        if any(not torch.equal(tensor, rest.get(name, tensor)) for name, tensor in network.state_dict().items()):
            raise Wrong(f"Where the head is called {kind}, a layer below it changed too. Keep those.")
    return "The name of the head is all that differs from network to network. Look at one with print(network)."


def _network_with(head: str) -> nn.Module:
    """A small network on rows of six numbers whose head, for nine classes, has this name."""
    with own_luck(9):
        before = [nn.Linear(6, 8), nn.ReLU()]
        if head == "fc":
            return nn.Sequential(OrderedDict(stem=nn.Sequential(*before), fc=nn.Linear(8, 9)))
        if head == "classifier.2":
            after = nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 9))
            return nn.Sequential(OrderedDict(features=nn.Sequential(*before), classifier=after))
        if head == "1":  # and something without weights behind it
            return nn.Sequential(nn.Sequential(*before), nn.Linear(8, 9), nn.Identity())
        last = nn.Sequential(OrderedDict(last=nn.Sequential(OrderedDict(head=nn.Linear(8, 9)))))
        return nn.Sequential(OrderedDict(encoder=nn.Sequential(*before), heads=last))


def _tensors(network: nn.Module, without: str) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in network.state_dict().items() if not name.startswith(f"{without}.")}


def _judge_head(network: nn.Module, kind: str, old: nn.Linear, classes: int) -> None:
    try:
        scores = network(torch.ones(2, 6))
    except RuntimeError as error:
        raise Wrong(f"Where the head is called {kind}, the network no longer runs: the sizes do not fit.") from error
    if scores.shape != (2, classes):
        raise Wrong(
            f"Where the head is called {kind}, the network gives {scores.shape[1]} scores a picture, "
            f"but {classes} were asked for. The old head had 9."
        )
    head = network.get_submodule(kind)
    if head is old or not isinstance(head, nn.Linear) or not head.weight.requires_grad:
        raise Wrong(f"Where the head is called {kind}, a fresh nn.Linear should stand in the place of the old one.")


@exercise(
    "09.2",
    "take what fits",
    "network.state_dict() has the name and the shape of everything that the network could take.",
    "A dictionary of what fits: of each name in state that the network has, too, with a tensor of the same shape.",
    "network.load_state_dict(fits, strict=False) fills in what it finds, and leaves the rest.",
)
def _take_what_fits(answer: object) -> str:
    for theirs in ({"classes": 9}, {"classes": 3, "more": True}, {"classes": 3, "less": True}, {"classes": 3}):
        network, state = _reader(3, seed=1), _reader(**theirs, seed=2).state_dict()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        fits = {name for name, tensor in before.items() if name in state and state[name].shape == tensor.shape}
        given = names_in(call(answer, network, dict(state)))
        if network.fc.out_features != 3 or network.state_dict().keys() != before.keys():
            raise Wrong("The network has other layers now. It should keep its own, and only be filled.")
        for name, tensor in network.state_dict().items():
            _judge_tensor(name, tensor, state[name] if name in fits else before[name], name in fits)
        _judge_names(given, set(before), fits)
    return "With strict=False alone a head of another size would still stop it. And read the names: they did not move."


def _reader(classes: int, seed: int, more: bool = False, less: bool = False) -> nn.Module:
    """A small network with BatchNorm; with a layer more, or without one."""
    with own_luck(seed):
        layers = OrderedDict(conv=nn.Linear(6, 8), bn=nn.BatchNorm1d(8))
        if not less:
            layers["middle"] = nn.Linear(8, 8)
        if more:
            layers["aux"] = nn.Linear(8, 2)
        network = nn.Sequential(layers | {"fc": nn.Linear(8, classes)})
        nn.init.uniform_(network.bn.running_mean, -1, 1)
        nn.init.uniform_(network.bn.weight, 0.5, 2)
        network.bn.num_batches_tracked.fill_(seed)
    return network


def _judge_tensor(name: str, found: Tensor, wanted: Tensor, fits: bool) -> None:
    if torch.equal(found, wanted):
        return
    if not fits:
        raise Wrong(f"{name} does not fit, or is not in state, so it should stay as it was. It changed.")
    if "running" in name or "tracked" in name:
        raise Wrong(f"{name} was not taken. The record of BatchNorm belongs to the weights: a state_dict has both.")
    raise Wrong(f"{name} fits, by name and by shape, but was not taken.")


def _judge_names(given: set[str], all_names: set[str], fits: set[str]) -> None:
    missing = all_names - fits
    if given == missing:
        return
    if given == fits:
        raise Wrong("These are the names that were filled. Asked for were those that were not.")
    strange = sorted(given - all_names)
    if strange:
        raise Wrong(f"{strange[0]} is no tensor of the network. Name those of its state_dict that were not filled.")
    raise Wrong(f"Not filled were {sorted(missing)}, but it says {sorted(given)}.")


@exercise(
    "09.3",
    "a folder that lacks a class",
    "A target is a place in theirs. Which name stands there, and where does that name stand in mine?",
    "A dictionary from each name in mine to its number; .get(name, -1) where it may be missing.",
)
def _renumber(answer: object) -> str:
    for targets, theirs, mine in (
        ([0, 1, 1, 0], ["bee", "wasp"], ["ant", "bee", "wasp"]),
        ([2, 0, 1], ["ant", "bee", "wasp"], ["ant", "bee", "wasp"]),
        ([0, 2, 1, 2], ["ant", "hornet", "wasp"], ["ant", "bee", "wasp"]),
        ([1, 0, 2], ["10", "2", "3"], ["2", "3", "10"]),
    ):
        expected = [mine.index(theirs[k]) if theirs[k] in mine else -1 for k in targets]
        given = as_array(call(answer, list(targets), list(theirs), list(mine)), (len(targets),)).tolist()
        if given == expected:
            continue
        case = f"With {theirs} in the folder and {mine} in the network, {targets}"
        if given == targets:
            raise Wrong(f"{case} came back unchanged. The same number is another class in the other list.")
        if [k for k, want in zip(given, expected) if want >= 0] == [k for k in expected if k >= 0]:
            raise Wrong(f"{case} has a class that the network does not know: its number should be -1.")
        if given == [theirs.index(mine[k]) if mine[k] in theirs else -1 for k in targets]:
            raise Wrong(f"{case} went the wrong way: from the network's numbers to the folder's.")
        raise Wrong(f"{case} should become {expected}, but it became {[int(k) for k in given]}.")
    return "Better still, ask at once: assert test.classes == train.classes."
