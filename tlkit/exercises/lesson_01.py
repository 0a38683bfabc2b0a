"""Examiners of lesson 01: why does transfer work at all?"""

import numpy as np
import torch

from tlkit.exercises import Wrong, _NotFilledIn, as_array, call, exercise


@exercise(
    "01.1",
    "how specific is one channel",
    "Two steps: which pictures does the channel like most, and how often does each class occur among them?",
    "np.argsort(-fires)[:top] are the numbers of the pictures, the strongest first.",
    "np.bincount(...) counts how often each label occurs; .max() is the largest count.",
)
def _commonest(answer: object) -> str:
    random = np.random.default_rng(0)
    for n, classes, top in ((40, 4, 10), (25, 6, 4), (60, 9, 10), (200, 8, 30)):
        labels = random.integers(2, 2 + classes, n)
        fires = random.random(n) + (labels == 3) * random.uniform(0.3, 0.8)
        given = float(as_array(call(answer, fires.copy(), labels.copy(), top), ()))
        order = np.argsort(-fires)
        counts = np.bincount(labels[order[:top]])
        if given == counts.max():
            continue
        if top != 10 and given == np.bincount(labels[order[:10]]).max():
            raise Wrong(f"You always take ten pictures, but here top is {top}.")
        if given == counts.argmax():
            raise Wrong(f"This is the commonest class, number {counts.argmax()}. How many of the {top} are of it?")
        if given == np.bincount(labels[order[-top:]]).max():
            raise Wrong("These are the pictures for which the channel fires least. Turn the order round.")
        if given == np.bincount(labels).max():
            raise Wrong(f"You count among all pictures. Count only among the {top} that the channel likes most.")
        if given == (counts > 0).sum():
            raise Wrong("This is how many classes there are among them. How many pictures are of the commonest?")
        raise Wrong(f"It gives {given:g}, but of the {top} strongest of {n} pictures {counts.max()} share a class.")
    return "Average this over the channels of a stage, and you have the lesson's measure from general to specific."


@exercise(
    "01.2",
    "a head start, in epochs",
    "Go through the scratch curve from the left. Where does it first reach pretrained[0]?",
    "enumerate(scratch, start=1) counts the epochs from 1. If none is high enough, return np.inf.",
)
def _epochs_to_catch_up(answer: object) -> str:
    cases = [
        ([0.50, 0.70, 0.80], [0.10, 0.40, 0.55], 3),
        ([0.30, 0.60, 0.70, 0.75], [0.10, 0.35, 0.32, 0.62], 2),
        ([0.40, 0.50], [0.20, 0.40, 0.50], 2),  # as high is enough
        ([0.30, 0.60, 0.70, 0.75], [0.10, 0.35, 0.25, 0.65], 2),  # a curve may fall again
        ([0.20, 0.90], [0.30, 0.50], 1),
        ([0.60, 0.70, 0.80], [0.10, 0.20, 0.30], np.inf),
    ]
    for pretrained, scratch, expected in cases:
        try:
            given = float(as_array(call(answer, list(pretrained), list(scratch)), ()))
        except _NotFilledIn:
            if expected == np.inf:  # it answered the others
                raise Wrong("Where scratch never gets there, nothing is returned. Return np.inf.") from None
            raise
        if given == expected:
            continue
        message = f"For pretrained {pretrained} and scratch {scratch} it gives {given:g}, but it should be {expected:g}"
        if expected == np.inf:
            raise Wrong(f"{message}: this curve never gets there.")
        if given == expected - 1:
            raise Wrong(f"{message}. Do you count the epochs from 0?")
        higher = [epoch for epoch, value in enumerate(scratch, start=1) if value > pretrained[0]]
        if pretrained[0] in scratch and higher and given == higher[0]:
            raise Wrong(f"{message}: at least as high is enough.")
        if given == sum(value < pretrained[0] for value in scratch) + 1:
            raise Wrong(f"{message}: the first time counts, even if the curve falls again.")
        raise Wrong(f"{message}. Compare with pretrained[0], the end of the first epoch.")
    return "So many epochs came with the weights. Where it is infinite, these epochs were too few to tell how many."


@exercise(
    "01.3",
    "the same numbers, shuffled",
    "Make one long row of the weights, shuffle it, and give it the old shape.",
    "torch.randperm(n, generator=torch.Generator().manual_seed(seed)) is an order of n things.",
    "weights.flatten()[order].reshape(weights.shape)",
)
def _shuffled(answer: object) -> str:
    for shape in ((32, 3, 3, 3), (20, 30), (500,)):
        weights = torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))
        lent = weights.clone()
        with torch.random.fork_rng(devices=[]):  # an answer may seed the one generator that all share
            one, again, other = (call(answer, lent, seed) for seed in (1, 1, 2))
        if not torch.equal(lent, weights):
            raise Wrong("The given weights were changed. Shuffle a copy, and leave them as they are.")
        one, again, other = (as_array(given, shape) for given in (one, again, other))
        before = weights.numpy()
        if not np.allclose(np.sort(one, axis=None), np.sort(before, axis=None), atol=1e-6):
            raise Wrong("These are not the same numbers: each of them should come back exactly once.")
        if not (one == again).all():
            raise Wrong("The same seed gives another order the second time. Let the seed decide.")
        if (one == before).mean() > 0.5:
            raise Wrong("Most of the numbers are still where they were.")
        if (one == other).all():
            raise Wrong("Two seeds give the same order. Use the seed.")
        sums, sums_before = (numbers.reshape(shape[0], -1).sum(1) for numbers in (one, before))
        if len(shape) > 1 and np.allclose(sums, sums_before, atol=1e-4):
            raise Wrong("Each number is still inside its own filter. Shuffle all of them together.")
        if len(shape) > 1 and np.allclose(np.sort(sums), np.sort(sums_before), atol=1e-4):
            raise Wrong("Whole filters have changed places, but inside each one all is as it was. Shuffle the numbers.")
        rank = one.flatten().argsort().argsort()
        if _still_neighbours(rank) > 0.05:
            raise Wrong("The numbers are in order of size. That is an order too: shuffle them.")
        if _still_neighbours(before.flatten().argsort()[rank]) > 0.05:
            raise Wrong(
                "Numbers that stood side by side are still neighbours: they were moved along or turned round together."
            )
    return "Same mean, same spread, same largest weight: what is lost is the arrangement. The suggestion below uses it."


def _still_neighbours(places: np.ndarray) -> float:
    """The share of neighbours that came from neighbouring places; in a shuffle of n about 2 / n."""
    return (np.abs(np.diff(places)) == 1).mean()
