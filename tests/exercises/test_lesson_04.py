"""Answers to the exercises of lesson 04, for ``test_answers.py``."""

import copy

import torch
from torch import nn

import tlkit


def usual(rate, factor, decay, k):
    return rate * factor * decay**k


def groups(head=lambda rate, factor: rate, stage=usual, skip=0, twice=False):
    """An answer to 04.1 by two formulas; ``k`` is 0 for the last stage."""

    def answer(network, rate, factor, decay):
        made = [{"params": list(network.head.parameters()), "lr": head(rate, factor)}]
        for k, module in enumerate(list(network.stages.values())[::-1]):
            made.append({"params": list(module.parameters())[skip:], "lr": stage(rate, factor, decay, k)})
        return made + made[:1] if twice else made

    return answer


def repeated(network, rate, factor, decay):
    made = groups()(network, rate, factor, decay)
    made[0]["params"] *= 2
    return made


def by_stage(network, rate, factor, decay):
    """From early to late, one group a parameter."""
    rates = [rate * factor * decay**k for k in (2, 1, 0)]
    pairs = [(p, lr) for stage, lr in zip(network.stages.values(), rates) for p in stage.parameters()]
    return [{"params": p, "lr": lr} for p, lr in pairs] + [{"params": network.head.parameters(), "lr": rate}]


def set_modes(chosen, begin=True, after=lambda network: None):
    """An answer to 04.2 that calls eval() on the layers that ``chosen`` picks."""

    def answer(network):
        if begin:
            network.train()
        for layer in network.modules():
            if chosen(layer):
                layer.eval()
        after(network)
        return network

    return answer


def is_norm(layer):
    return isinstance(layer, nn.modules.batchnorm._BatchNorm)


def wake_dropout(network):
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()


def shallow(network):
    network.train()
    for part in network:
        for layer in part:
            if is_norm(layer):
                layer.eval()
    return network


def by_autograd(network, x):
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    if not named:
        return []
    found = torch.autograd.grad(network(x).sum(), [p for _, p in named], allow_unused=True)
    return tuple(name for (name, _), gradient in zip(named, found) if gradient is not None)


def careless(network, x):
    network(x).sum().backward()
    return [name for name, p in network.named_parameters() if p.grad is not None]


def after_the_last_frozen(network, x):
    """Believes that no gradient passes through a frozen layer."""
    kept = []
    for name, p in reversed(by_name := list(network.named_parameters())):
        if not p.requires_grad:
            break
        kept.append(name)
    return kept if len(kept) < len(by_name) else careless(network, x)


def asked(ready, pick=lambda scores: scores[0], size=lambda change: change.abs().max()):
    """An answer to 04.4 that asks what ``ready`` makes of the network."""

    def answer(network, one, some, others):
        network = ready(network)
        with torch.no_grad():
            first, second = (pick(network(torch.cat([one, rest]))) for rest in (some, others))
        return size(first - second)

    return answer


def in_training_mode(network):
    return copy.deepcopy(network).train()


def put_back(network, *batches):
    """Asks the network itself, and puts everything back."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    change = asked(lambda network: network.train())(network, *batches)
    network.load_state_dict(before)
    network.eval()
    return change


RIGHT = {
    "04.1": by_stage,
    "04.2": set_modes(is_norm),
    "04.3": by_autograd,
    "04.4": put_back,
}
WRONG = [
    ("04.1", groups(stage=lambda rate, factor, decay, k: rate), "fc3 has the rate 0.01, but should have 0.001"),
    ("04.1", groups(stage=lambda rate, factor, decay, k: rate * factor * decay ** (2 - k)), "moves least"),
    ("04.1", groups(stage=lambda rate, factor, decay, k: rate * factor * decay ** (k + 1)), "fc3 has the rate"),
    ("04.1", groups(stage=lambda rate, factor, decay, k: rate * factor), "conv2 has the rate"),
    ("04.1", groups(head=lambda rate, factor: rate * factor), "head has the rate"),
    ("04.1", groups(skip=1), "in no group"),
    ("04.1", groups(twice=True), "in two groups"),
    ("04.1", repeated, "twice in one group"),
    ("04.1", lambda network, rate, factor, decay: [{"params": network.parameters()}], '"params" and "lr"'),
    ("04.1", lambda network, rate, factor, decay: [{"params": network.parameters(), "lr": rate}], "fc3 has the rate"),
    ("04.1", lambda network, *_: network.parameters(), "list of dictionaries"),
    ("04.2", lambda network: network.train(), "BatchNorm2d is still in training mode"),
    ("04.2", lambda network: network.eval(), "so does dropout"),
    ("04.2", shallow, "BatchNorm2d is still in training mode"),
    ("04.2", set_modes(lambda layer: isinstance(layer, nn.BatchNorm2d)), "BatchNorm1d is still in training mode"),
    ("04.2", set_modes(is_norm, begin=False), "so does dropout"),
    ("04.2", set_modes(lambda layer: is_norm(layer) or isinstance(layer, nn.Dropout)), "dropout layer"),
    ("04.2", set_modes(is_norm, after=lambda network: network.requires_grad_(False)), "are frozen now"),
    ("04.2", set_modes(lambda layer: True, after=wake_dropout), "A Sequential is in evaluation mode"),
    ("04.2", set_modes(lambda layer: is_norm(layer) or isinstance(layer, nn.Linear)), "A Linear is in evaluation"),
    ("04.2", lambda network: nn.Sequential(network), "that it was given"),
    ("04.3", careless, "stops with a RuntimeError"),
    ("04.3", lambda network, x: [n for n, p in network.named_parameters() if p.requires_grad], "no gradient reaches"),
    ("04.3", after_the_last_frozen, "passes the gradient on"),
    ("04.3", lambda network, x: [p for p in network.parameters()], "list of names"),
    ("04.3", lambda network, x: [], "a gradient reaches"),
    ("04.4", asked(lambda network: network), "forgotten on purpose"),
    ("04.4", asked(lambda network: network.train()), "Asking has changed the network"),
    ("04.4", asked(in_training_mode, pick=lambda scores: scores), "the whole batch"),
    ("04.4", asked(in_training_mode, size=lambda change: change.abs().mean()), "should give"),
    ("04.4", asked(in_training_mode, size=lambda change: change), "shape should be ()"),
]
LAZY = [lambda *_: "conv3", lambda *_: [], lambda first, *_: first]


def test_tlkit_does_what_the_exercise_asks():
    assert tlkit.check("04.1", tlkit.parameter_groups)


def test_the_checks_leave_chance_alone():
    before = torch.random.get_rng_state()
    for name, answer in RIGHT.items():
        tlkit.check(name, answer)
    assert torch.equal(torch.random.get_rng_state(), before)
