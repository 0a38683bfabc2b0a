"""Answers to the exercises of lesson 01, for ``test_answers.py``."""

from collections import Counter

import numpy as np
import torch

import tlkit


def by_global_seed(weights, seed):
    torch.manual_seed(seed)
    return weights.reshape(-1)[torch.randperm(weights.numel())].view_as(weights)


def in_place(weights, seed):
    order = torch.randperm(weights.numel(), generator=torch.Generator().manual_seed(seed))
    weights.copy_(weights.flatten()[order].view_as(weights))
    return weights


def whole_filters(weights, seed):
    return weights[torch.randperm(len(weights), generator=torch.Generator().manual_seed(seed))]


def inside_each_filter(weights, seed):
    order = torch.randperm(weights[0].numel(), generator=torch.Generator().manual_seed(seed))
    return weights.flatten(1)[:, order].view_as(weights) if weights.ndim > 1 else by_global_seed(weights, seed)


def in_order(weights, seed):
    return weights.flatten().sort(descending=bool(seed % 2)).values.view_as(weights)


def catch_up(pretrained, scratch):
    reached = np.asarray(scratch) >= pretrained[0]
    return int(reached.argmax()) + 1 if reached.any() else float("inf")


def first(where, otherwise=np.inf):
    return next(iter(where), otherwise)


RIGHT = {
    "01.1": lambda fires, labels, top: Counter(labels[np.argsort(fires)[::-1][:top]]).most_common(1)[0][1],
    "01.2": catch_up,
    "01.3": by_global_seed,
}
WRONG = [
    (
        "01.1",
        lambda fires, labels, top: np.bincount(labels[np.argsort(-fires)[:top]]).argmax(),
        "commonest class, number",
    ),
    ("01.1", lambda fires, labels, top: np.bincount(labels[np.argsort(fires)[:top]]).max(), "fires least"),
    ("01.1", lambda fires, labels, top: np.bincount(labels).max(), "among all pictures"),
    ("01.1", lambda fires, labels, top: len(set(labels[np.argsort(-fires)[:top]])), "how many classes"),
    ("01.1", lambda fires, labels, top: np.bincount(labels[np.argsort(-fires)[:10]]).max(), "always take ten"),
    ("01.1", lambda fires, labels, top: np.bincount(labels[np.argsort(-fires)[:top]]), "shape should be"),
    ("01.2", lambda p, s: catch_up(p, s) - 1, "epochs from 0"),
    ("01.2", lambda p, s: first(e for e, v in enumerate(s, 1) if v > p[0]), "at least as high is enough"),
    ("01.2", lambda p, s: first(e for e, v in enumerate(s, 1) if v >= p[-1]), "pretrained[0]"),
    ("01.2", lambda p, s: 1 + sum(v < p[0] for v in s), "even if the curve falls again"),
    ("01.2", lambda p, s: first((e for e, v in enumerate(s, 1) if v >= p[0]), len(s)), "never gets there"),
    ("01.2", lambda p, s: first((e for e, v in enumerate(s, 1) if v >= p[0]), None), "Return np.inf"),
    ("01.3", in_place, "were changed"),
    ("01.3", lambda weights, seed: weights, "still where they were"),
    ("01.3", lambda weights, seed: torch.randn_like(weights), "not the same numbers"),
    ("01.3", lambda weights, seed: by_global_seed(weights, 0), "Use the seed"),
    ("01.3", lambda weights, seed: weights.flatten()[torch.randperm(weights.numel())].view_as(weights), "second time"),
    ("01.3", whole_filters, "Whole filters"),
    ("01.3", inside_each_filter, "inside its own filter"),
    ("01.3", lambda weights, seed: weights.roll(seed), "are still neighbours"),
    ("01.3", lambda weights, seed: weights.flatten().flip(0).roll(seed).view_as(weights), "are still neighbours"),
    ("01.3", in_order, "in order of size"),
    ("01.3", lambda weights, seed: in_order(weights, 0).roll(seed), "in order of size"),
    ("01.3", lambda weights, seed: by_global_seed(weights, seed).flatten(), "shape should be"),
]
LAZY = [lambda *_: 3, lambda *_: "conv1"]


def test_an_answer_that_seeds_torch_leaves_no_trace():
    before = torch.get_rng_state()
    tlkit.check("01.3", by_global_seed)
    assert torch.equal(torch.get_rng_state(), before)
