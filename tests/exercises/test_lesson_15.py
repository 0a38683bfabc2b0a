"""Answers to the exercises of lesson 15, for ``test_answers.py``."""

import numpy as np
import torch

import tlkit


def smooth(labels, classes, share):
    return (1 - share) * np.eye(classes)[labels] + share / classes


def smooth_row_by_row(labels, classes, share):
    rows = torch.full((len(labels), classes), share / classes, dtype=torch.float64)
    for row, label in zip(rows, labels):
        row[label] += 1 - share
    return rows


def separation(features, labels):
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = 1 - rows @ rows.T
    return 1 - distances[labels[:, None] == labels].mean() / distances.mean()


def against_other_classes(features, labels):
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances, same = 1 - rows @ rows.T, labels[:, None] == labels
    return 1 - distances[same].mean() / distances[~same].mean()


def with_lengths(features, labels):
    distances = 1 - features @ features.T
    return 1 - distances[labels[:, None] == labels].mean() / distances.mean()


def price(source, probe):
    return [max(column) - column[np.argmax(source)] for column in probe.T]


RIGHT = {"15.1": smooth, "15.2": separation, "15.3": price}
WRONG = [
    ("15.1", lambda labels, classes, share: np.eye(classes)[labels], "nothing is smoothed"),
    (
        "15.1",
        lambda labels, classes, share: np.where(np.eye(classes)[labels] > 0, 1 - share, share / (classes - 1)),
        "over the wrong classes alone",
    ),
    ("15.1", lambda labels, classes, share: np.eye(classes)[labels] + share / classes, "add up to 1"),
    ("15.1", lambda labels, classes, share: smooth(labels, classes, share / 2), "the right class should have"),
    ("15.1", lambda labels, classes, share: labels, "shape should be"),
    ("15.2", lambda features, labels: 1 - separation(features, labels), "ratio of the two distances"),
    ("15.2", against_other_classes, "any two pictures"),
    ("15.2", with_lengths, "still have their lengths"),
    ("15.2", lambda features, labels: separation(features, labels) + 0.1, "but yours is"),
    ("15.3", lambda source, probe: probe[source.argmax()] - probe.max(axis=0), "turned round"),
    ("15.3", lambda source, probe: probe[source.argmax()], "what they reach"),
    ("15.3", lambda source, probe: probe.max(axis=0) - probe.mean(axis=0), "mean of all networks"),
    ("15.3", lambda source, probe: probe.max(axis=0) - probe[source.argmin()], "worst on the source"),
    ("15.3", lambda source, probe: np.zeros(probe.shape[1]), "best network of each target"),
    ("15.3", lambda source, probe: probe.max(axis=0), "On the first target"),
    ("15.3", lambda source, probe: 0.3, "shape should be"),
]
LAZY = [lambda *_: 0.5, lambda *_: []]


def test_another_right_way_to_smooth():
    assert tlkit.check("15.1", smooth_row_by_row)
