"""Answers to the exercises of lesson 05, for ``test_answers.py``."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import tlkit

HEAD = ["head.bias", "head.weight"]


def by_stages(network, source):
    network.stages.load_state_dict(source.stages.state_dict())
    return HEAD


def parameters_only(network, source):
    for (name, mine), (_, theirs) in zip(network.named_parameters(), source.named_parameters()):
        if not name.startswith("head."):
            mine.data.copy_(theirs.data)
    return HEAD


def what_fits(network, source):
    own = network.state_dict()
    fits = {name: w for name, w in source.state_dict().items() if w.shape == own[name].shape}
    network.load_state_dict(fits, strict=False)
    return HEAD


def wrong_way(network, source):
    source.stages.load_state_dict(network.stages.state_dict())
    return HEAD


def shuffle(order=lambda w, draw: w.flatten()[torch.randperm(w.numel(), generator=draw)], skip=nn.BatchNorm1d):
    """An answer to 05.2 by parts."""

    def answer(network, draw):
        for layer in network.stages.modules():
            for w in layer.parameters(recurse=False):
                if not isinstance(layer, skip):
                    w.data = order(w.data, draw).reshape(w.shape)
        return network

    return answer


def shuffle_the_head_too(network, draw):
    network.head.weight.data = network.head.weight.data.flip(0, 1)
    return shuffle()(network, draw)


def at_seconds(epochs=lambda seconds, budget: sum(s <= budget for s in seconds), read=lambda seen, all: seen[-1]):
    """An answer to 05.3 by parts: how many epochs count, and what is read from them."""

    def answer(pretrained, scratch, budget):
        curves = [(way.val_accuracy, epochs(way.seconds, budget)) for way in (pretrained, scratch)]
        return [read(accuracy[:count], accuracy) for accuracy, count in curves]

    return answer


def at_equal_epochs(pretrained, scratch, budget):
    done = sum(s <= budget for s in pretrained.seconds)
    return pretrained.val_accuracy[done - 1], scratch.val_accuracy[min(done, len(scratch.val_accuracy)) - 1]


def between(pretrained, scratch, budget):
    return [np.interp(budget, way.seconds, way.val_accuracy) for way in (pretrained, scratch)]


def summed(seconds, budget):
    return max(1, sum(s <= budget for s in np.cumsum(seconds)))


def step(kind=torch.optim.AdamW, copy=torch.clone, share=lambda change, before: change / before):
    """An answer to 05.4 by parts."""

    def answer(network, x, labels, rate):
        before = [copy(p.detach()) for p in network.parameters()]
        size = torch.cat([p.abs().flatten() for p in before]).mean()
        cross_entropy(network(x), labels).backward()
        kind(network.parameters(), lr=rate).step()
        change = torch.cat([(p - b).abs().flatten() for p, b in zip(network.parameters(), before)]).mean()
        return share(change.item(), size.item())

    return answer


RIGHT = {
    "05.1": by_stages,
    "05.2": shuffle(),
    "05.3": at_seconds(),
    "05.4": step(),
}
WRONG = [
    ("05.1", lambda network, source: network.load_state_dict(source.state_dict(), strict=False)[0], "no other shape"),
    ("05.1", what_fits, "head was copied too"),
    ("05.1", parameters_only, "BatchNorm statistics"),
    ("05.1", wrong_way, "source has changed"),
    ("05.1", lambda network, source: HEAD, "not those of the source"),
    ("05.1", lambda network, source: by_stages(network, source)[:1], "left out"),
    ("05.1", lambda network, source: by_stages(network, source) and network, "list of names"),
    ("05.2", shuffle(lambda w, draw: w), "as it was"),
    ("05.2", shuffle(lambda w, draw: torch.randn(w.shape, generator=draw) * w.std() + w.mean()), "other numbers"),
    ("05.2", shuffle(lambda w, draw: w[torch.randperm(len(w), generator=draw)]), "stayed together"),
    ("05.2", shuffle(lambda w, draw: w[..., torch.randperm(w.shape[-1], generator=draw)]), "stayed together"),
    ("05.2", shuffle(lambda w, draw: w.flatten()[torch.randperm(w.numel())]), "two different orders"),
    ("05.2", shuffle(skip=()), "BatchNorm should stay"),
    ("05.2", shuffle(lambda w, draw: w.flatten()[:1].expand(w.shape)), "other numbers"),
    ("05.2", shuffle_the_head_too, "head and BatchNorm should stay"),
    ("05.2", lambda network, draw: shuffle()(network, draw).state_dict(), "return the network"),
    ("05.3", at_equal_epochs, "equal epochs"),
    ("05.3", at_seconds(lambda seconds, budget: len(seconds)), "where the curves end"),
    ("05.3", at_seconds(lambda seconds, budget: 1 + sum(s < budget for s in seconds)), "not finished by then"),
    ("05.3", at_seconds(lambda seconds, budget: max(1, sum(s < budget for s in seconds))), "in time too"),
    ("05.3", at_seconds(read=lambda seen, all: max(seen)), "best epoch so far"),
    ("05.3", at_seconds(summed), "since the start"),
    ("05.3", between, "Between two epochs"),
    ("05.3", lambda *given: at_seconds()(*given)[::-1], "exchanged"),
    ("05.3", lambda *given: np.subtract(*at_seconds()(*given)), "shape should be (2,)"),
    ("05.3", lambda *_: (0.5, 0.5), "should give"),
    ("05.4", step(share=lambda change, before: change), "Divide it"),
    ("05.4", step(kind=torch.optim.SGD), "step of SGD"),
    ("05.4", step(kind=torch.optim.Adam), "weight decay"),
    ("05.4", step(kind=lambda p, lr: torch.optim.AdamW(p, lr, weight_decay=0)), "weight decay"),
    ("05.4", step(copy=lambda weights: weights), "nothing moved"),
    ("05.4", lambda network, x, labels, rate: rate, "should give"),
]
LAZY = [lambda *_: True, lambda *_: False, lambda *_: (0.1, 0.1, 0.1), lambda *_: HEAD]


@pytest.mark.parametrize("kind", [tuple, set, frozenset, dict.fromkeys, lambda names: dict.fromkeys(names).keys()])
def test_names_may_come_in_any_collection(kind):
    assert tlkit.check("05.1", lambda network, source: kind(by_stages(network, source)))


def test_a_step_of_a_copy_is_a_step_too():
    assert tlkit.check("05.4", lambda network, *given: step()(copy.deepcopy(network), *given))


def test_a_shuffled_copy_is_shuffled_too():
    assert tlkit.check("05.2", lambda network, draw: shuffle()(copy.deepcopy(network), draw))


def test_one_step_goes_as_far_as_the_check_says():
    pictures = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shares = []
    for rate in (0.004, 0.4):
        network = tlkit.load_backbone("minivgg", device="cpu").new_head(17).train()
        shares.append(step()(network, pictures, torch.arange(8), rate))
    said = tlkit.check("05.4", step()).said
    assert 1 / 16 < shares[0] < 1 / 9 and "a twelfth" in said
    assert 6 < shares[1] < 10 and "eight times" in said


def test_the_checks_leave_chance_alone():
    before = torch.random.get_rng_state()
    for name, answer in RIGHT.items():
        tlkit.check(name, answer)
    assert torch.equal(torch.random.get_rng_state(), before)
