"""Answers to the exercises of lesson 12, for ``test_answers.py``."""

import numpy as np


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _newcomer(means, codes):
    return np.concatenate([means, _unit(_unit(codes).sum(0, keepdims=True))])


def _in_place(means, codes):
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    return np.vstack([means, _unit(codes.mean(0))])


def _threshold(same, scores, rate):
    others = np.sort(scores[~same])[::-1]
    return np.nextafter(others[int(rate * len(others) + 1e-9)], np.inf)


def _among(scores, rate):
    return np.nextafter(np.sort(scores)[::-1][int(rate * len(scores))], np.inf)


def _strangers(gallery, asked, threshold):
    return np.mean((_unit(asked) @ _unit(gallery).T >= threshold).any(1))


RIGHT = {"12.1": _newcomer, "12.2": _threshold, "12.3": _strangers}
WRONG = [
    ("12.1", lambda means, codes: means, "one row more than before"),
    ("12.1", lambda means, codes: np.vstack([means, _unit(codes).mean(0)]), "and not 1"),
    ("12.1", lambda means, codes: np.vstack([means, _unit(codes.mean(0))]), "a long one counts more"),
    ("12.1", lambda means, codes: np.vstack([_newcomer(means, codes)[-1:], means]), "Put the row last"),
    ("12.1", lambda means, codes: np.vstack([0.5 * means, _unit(_unit(codes).mean(0))]), "rows of the others"),
    ("12.1", lambda means, codes: np.vstack([means, _unit(codes[0]) - 0.5]), "not the mean"),
    ("12.1", _in_place, "changes what it was given"),
    ("12.2", lambda same, scores, rate: _among(scores, rate), "all pairs were counted"),
    ("12.2", lambda same, scores, rate: np.quantile(scores[same], rate), "true pairs are refused"),
    ("12.2", lambda same, scores, rate: scores[~same].max() + 1.0, "A lower one"),
    ("12.2", lambda same, scores, rate: 0.0, "pairs of different people are accepted"),
    (
        "12.2",
        lambda same, scores, rate: np.sort(scores[~same])[::-1][max(int(rate * (~same).sum()) - 1, 0)],
        "need not be",
    ),
    ("12.3", lambda gallery, asked, limit: np.mean(_unit(asked) @ _unit(gallery).T >= limit), "share of pairs"),
    ("12.3", lambda gallery, asked, limit: 1 - _strangers(gallery, asked, limit), "nobody is named for"),
    ("12.3", lambda gallery, asked, limit: _strangers(asked, gallery, limit), "known people"),
    ("12.3", lambda gallery, asked, limit: np.mean((asked @ gallery.T >= limit).any(1)), "codes of any length"),
    ("12.3", lambda gallery, asked, limit: _strangers(gallery, asked, limit) * len(asked), "how many"),
    ("12.3", lambda gallery, asked, limit: 0.123, "is right"),
]
LAZY = [lambda *given: given[0], lambda *_: 1.0, lambda *_: 0.5]
