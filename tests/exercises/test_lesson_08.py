"""Answers to the exercises of lesson 08, for ``test_answers.py``."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

import tlkit


def deal(labels, share, seed):
    random, test = np.random.default_rng(seed), []
    for name in sorted(set(labels)):
        rows = np.flatnonzero(np.array(labels) == name)
        test += list(random.permutation(rows)[: round(share * len(rows))])
    return np.setdiff1d(np.arange(len(labels)), test), test


def deal_blindly(labels, share, seed):
    return train_test_split(range(len(labels)), test_size=share, random_state=seed)


def deal_without_luck(labels, share, seed):
    return deal(labels, share, 0)


def deal_labels(labels, share, seed):
    return train_test_split(labels, test_size=share, stratify=labels, random_state=seed)


def deal_with_a_leak(labels, share, seed):
    return range(len(labels)), deal(labels, share, seed)[1]


def deal_some(labels, share, seed):
    train, test = deal(labels, share, seed)
    return train[1:], test


def seen(train, test):
    return [any(torch.equal(picture, known) for known in train) for picture in test]


def seen_at_the_same_place(train, test):
    return [k < len(train) and torch.equal(train[k], picture) for k, picture in enumerate(test)]


def seen_by_sum(train, test):
    return torch.isin(test.flatten(1).sum(1), train.flatten(1).sum(1))


def seen_pixels(train, test):
    return (test[:, None] == train).any(1).flatten(1).all(1)


RIGHT = {"08.1": deal, "08.2": seen, "08.3": lambda path: path.split("_")[1]}
WRONG = [
    ("08.1", deal_blindly, "in the test part"),
    ("08.1", lambda labels, share, seed: deal(labels, share, seed)[::-1], "exchanged"),
    ("08.1", deal_without_luck, "one and the same deal"),
    ("08.1", lambda labels, share, seed: deal(labels, share, None), "Nobody could repeat"),
    ("08.1", deal_labels, "row numbers"),
    ("08.1", deal_with_a_leak, "That is a leak"),
    ("08.1", deal_some, "Every row"),
    ("08.1", lambda labels, share, seed: deal(labels, share, seed)[1], "Two lists"),
    ("08.2", seen_at_the_same_place, "need not be at the same place"),
    ("08.2", seen_by_sum, "the same sum"),
    ("08.2", lambda train, test: (test[:, None] == train).flatten(2).any(2).any(1), "every pixel"),
    ("08.2", seen_pixels, "one and the same picture"),
    ("08.2", lambda train, test: ~torch.tensor(seen(train, test)), "exchanged"),
    ("08.2", lambda train, test: sum(seen(train, test)), "shape should be"),
    ("08.2", lambda train, test: torch.ones(len(test)), "is right"),
    ("08.3", lambda path: path, "show one plant, but are in two groups"),
    ("08.3", lambda path: path.split("/")[1].split("_")[0], "3 groups are too few"),
    ("08.3", lambda path: path.split("/")[0], "6 groups are too few"),
]
LAZY = [lambda *_: ([0], [1]), lambda *_: [False] * 6]


@pytest.mark.parametrize("kind", [set, tuple, np.array, torch.tensor])
def test_rows_may_come_in_any_collection(kind):
    assert tlkit.check("08.1", lambda *given: tuple(kind([int(row) for row in part]) for part in deal(*given)))


def test_our_own_splits_do_not_leak(flowers):
    assert not any(seen(flowers.train.images, flowers.test.images))
