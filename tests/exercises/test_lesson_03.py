"""Answers to the exercises of lesson 03, for ``test_answers.py``."""

import numpy as np


def longest(coef, share):
    worth = np.linalg.norm(coef, axis=0)
    return worth.argsort()[::-1][: max(1, round(share * worth.size))]


RIGHT = {
    "03.1": lambda grid: grid.flatten(2).mean(2),
    "03.2": lambda val: sorted(val, key=lambda stage: (val[stage], list(val).index(stage)))[-1],
    "03.3": lambda val, test: max(test.values()) - test[max(val, key=val.get)],
    "03.4": longest,
}
WRONG = [
    ("03.1", lambda grid: grid.mean(1), "shape should be"),
    ("03.1", lambda grid: grid.amax((2, 3)), "largest value"),
    ("03.1", lambda grid: grid.sum((2, 3)), "not the averages"),
    ("03.1", lambda grid: grid.mean((2, 3)).squeeze(), "squeeze() drops"),
    ("03.2", lambda val: max(val, key=lambda stage: (val[stage], stage)), "of two equals the later one"),
    ("03.2", lambda val: max(val, key=val.get), "of two equals the later one"),
    ("03.2", lambda val: max(val.values()), "the highest one on val"),
    ("03.2", lambda val: "fc7", "the highest one on val"),
    ("03.3", lambda val, test: test[max(val, key=val.get)] - max(test.values()), "turned round"),
    ("03.3", lambda val, test: max(test.values()) - max(val.values()), "with a val number"),
    ("03.3", lambda val, test: 0.0, "should give"),
    ("03.4", lambda coef, share: longest(coef, 1.0), "shape should be"),
    ("03.4", lambda coef, share: longest(1 / coef, share), "should give"),
    ("03.4", lambda coef, share: np.linalg.norm(coef, axis=0).argsort()[: len(longest(coef, share))], "worth least"),
    ("03.4", lambda coef, share: np.argsort(-abs(coef.sum(0)))[: len(longest(coef, share))], "cancel out"),
]
LAZY = [lambda *_: "conv3"]
