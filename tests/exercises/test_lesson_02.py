"""Answers to the exercises of lesson 02, for ``test_answers.py``."""

import numpy as np
import pytest
import torch
from scipy.stats import ttest_rel
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from torch import nn

import tlkit


def cut(stages, x, name, further=0):
    last = list(stages).index(name) + 1 + further
    return nn.Sequential(*list(stages.values())[:last])(x)


def drift(network, pictures, others, modes=(False, True, False), size=torch.abs):
    network.train(modes[0])
    before = network(pictures)
    network.train(modes[1])
    network(others)
    network.train(modes[2])
    return size(network(pictures) - before).max()


def apart(first, second):
    (_, low, high), (_, other_low, other_high) = tlkit.mean_interval(first), tlkit.mean_interval(second)
    return low > other_high or high < other_low


def centres(codes, labels):
    return NearestCentroid().fit(codes, labels).centroids_


def by_t_test(first, second):
    return ttest_rel(first, second).pvalue < 0.05


def beyond_the_spread(first, second):
    gap = np.subtract(first, second)
    return abs(gap.mean()) > 2 * gap.std(ddof=1)


def one_sign(first, second):
    gap = np.subtract(first, second)
    return bool((gap > 0).all() or (gap < 0).all())


RIGHT = {
    "02.1": cut,
    "02.2": lambda codes, labels, new: NearestCentroid().fit(codes, labels).predict(new),
    "02.3": by_t_test,
    "02.4": drift,
}
WRONG = [
    ("02.1", lambda stages, x, name: cut(stages, x, name, -1), "one stage too early"),
    ("02.1", lambda stages, x, name: cut(stages, x, "fourth"), "goes on to the last stage"),
    ("02.1", lambda stages, x, name: cut(stages, x, name) + 1, "not the activations"),
    ("02.1", lambda stages, x, name: cut(stages, x, name)[:1], "shape should be"),
    ("02.2", lambda codes, labels, new: KNeighborsClassifier(1).fit(codes, labels).predict(new), "nearest single"),
    ("02.2", lambda codes, labels, new: (new @ centres(codes, labels).T).argmax(1), "largest product"),
    (
        "02.2",
        lambda codes, labels, new: torch.cdist(*map(torch.as_tensor, (new, centres(codes, labels)))).argmax(1),
        "farthest",
    ),
    ("02.2", lambda codes, labels, new: 1 + NearestCentroid().fit(codes, labels).predict(new), "should be labels"),
    ("02.2", lambda codes, labels, new: np.zeros(len(new)), "of the new codes get the label"),
    ("02.3", apart, "though the intervals of the two overlap"),
    ("02.3", lambda first, second: tlkit.mean_interval(np.subtract(first, second)).low > 0, "that counts too"),
    ("02.3", lambda first, second: bool(np.mean(first) != np.mean(second)), "Zero is inside"),
    ("02.3", lambda first, second: tlkit.mean_interval(np.subtract(first, second)), "True or False"),
    ("02.3", beyond_the_spread, "+1.5 points (+0.3 to +2.7): clear"),
    ("02.3", one_sign, "With 3 draws"),
    ("02.4", lambda *given: drift(*given, modes=(False, False, False)), "finds no change"),
    ("02.4", lambda *given: drift(*given, modes=(False, True, True)), "Go back to eval()"),
    ("02.4", lambda network, *given: drift(network, *given, modes=(network.training, True, False)), "came in train()"),
    ("02.4", lambda network, pictures, others: drift(network, pictures, pictures), "look at the others"),
    ("02.4", lambda *given: drift(*given, size=torch.neg), "one way only"),
    ("02.4", lambda *given: drift(*given, size=torch.Tensor.clone), "one way only"),
    ("02.4", lambda *given: drift(*given) + 0.5, "the largest change of any number"),
]
LAZY = [lambda *_: True, lambda *_: False, lambda *_: "fc7"]


@pytest.mark.parametrize("kind", [bool, np.bool_, np.array, torch.tensor])
def test_yes_and_no_may_be_of_any_kind(kind):
    assert tlkit.check("02.3", lambda *given: kind(by_t_test(*given)))


def test_checks_leave_the_shared_random_state_alone():
    before = torch.get_rng_state()
    for name, answer in RIGHT.items():
        tlkit.check(name, answer)
    assert torch.equal(torch.get_rng_state(), before)
