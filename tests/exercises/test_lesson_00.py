"""Answers to the exercises of lesson 00, for ``test_answers.py``."""

import numpy as np
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler

import tlkit


def svm():
    return tlkit.LinearProbe("svm", Cs=(1.0,))


def leaky(score=lambda probe, both, labels, x_test, y_test: probe.score(x_test, y_test)):
    """An answer to 00.3 that fits on everything, and scores as it is told."""

    def answer(x, y, x_test, y_test):
        both, labels = np.vstack([x, x_test]), np.r_[y, y_test]
        return score(svm().fit(both, labels), both, labels, x_test, y_test)

    return answer


RIGHT = {
    "00.1": lambda train, rows: StandardScaler().fit(train).transform(rows),
    "00.2": lambda labels, answers, classes: list(recall_score(labels, answers, average=None)),
    "00.3": lambda x, y, x_test, y_test: svm().fit(np.vstack([x_test, x]), np.r_[y_test, y]).score(x_test, y_test),
}
WRONG = [
    ("00.1", lambda train, rows: (rows - rows.mean(0)) / rows.std(0), "on the rows"),
    ("00.1", lambda train, rows: (rows - train.mean()) / train.std(), "one a column"),
    ("00.1", lambda train, rows: rows - train.mean(0), "divide by the spread"),
    ("00.1", lambda train, rows: rows / train.std(0), "was not subtracted"),
    ("00.1", lambda train, rows: (rows - train.mean(0)) / train.var(0), "variance"),
    ("00.1", lambda train, rows: (rows - train.mean(0)) / train.std(0, ddof=1), "torch's default; take n"),
    ("00.1", lambda train, rows: (train - train.mean(0)) / train.std(0), "shape should be"),
    ("00.1", lambda train, rows: np.zeros_like(rows), "at [0, 0] it gives 0.000"),
    ("00.2", lambda labels, answers, k: (labels == answers).mean(), "one for each"),
    (
        "00.2",
        lambda labels, answers, k: {c: np.mean(answers[labels == c] == c) for c in range(k)},
        "but a dict came back",
    ),
    (
        "00.2",
        lambda labels, answers, k: (np.mean(answers[labels == c] == c) for c in range(k)),
        "but a generator came back",
    ),
    ("00.2", lambda labels, answers, k: np.bincount(labels[labels == answers], minlength=k), "counts"),
    (
        "00.2",
        lambda labels, answers, k: [np.mean(labels[answers == c] == c) for c in range(k)],
        "how often a name was given",
    ),
    (
        "00.2",
        lambda labels, answers, k: [np.mean((answers == labels) & (labels == c)) for c in range(k)],
        "all flowers",
    ),
    ("00.2", lambda labels, answers, k: [np.mean(answers[labels == c] != c) for c in range(k)], "went wrong"),
    ("00.2", lambda labels, answers, k: np.ones(k), "at ["),
    ("00.3", lambda x, y, x_test, y_test: svm().fit(x, y).score(x_test, y_test), "honest score"),
    ("00.3", lambda x, y, x_test, y_test: svm().fit(x_test, y_test).score(x_test, y_test), "from test alone"),
    ("00.3", leaky(lambda probe, both, labels, *test: probe.score(both, labels)), "Score it on test alone"),
    ("00.3", lambda *_: 1.0, "but a probe fitted on train and test"),
]
LAZY = [lambda *_: 1, lambda *_: "petal"]


def test_the_leak_is_told_in_numbers():
    assert "the leak scores 100%" in tlkit.check("00.3", RIGHT["00.3"]).said
