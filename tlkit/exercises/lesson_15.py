"""Examiners of lesson 15: does a better source network transfer better?"""

import numpy as np

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.intervals import points
from tlkit.study.source_networks import class_separation

# ------------------------------------------------------------------------------------------ 15.1


@exercise(
    "15.1",
    "smoothed labels",
    "Every class gets share / classes, the right one too.",
    "The right class gets 1 - share on top of that, so that a row adds up to 1.",
    "np.eye(classes)[labels] is a row for each picture, 1 at its class and 0 elsewhere.",
)
def _smooth(answer: object) -> str:
    random = np.random.default_rng(151)
    for classes, share in ((5, 0.1), (3, 0.3), (10, 0.0)):
        labels = random.integers(0, classes, 12)
        hard = np.eye(classes)[labels]
        right = (1 - share) * hard + share / classes
        given = as_array(call(answer, labels.copy(), classes, share), right.shape, "the smoothed labels")
        if np.allclose(given, right):
            continue
        if share and np.allclose(given, hard):
            raise Wrong("These are the labels as they were: nothing is smoothed.")
        if np.allclose(given, (1 - share) * hard + share / (classes - 1) * (1 - hard)):
            raise Wrong("You spread the share over the wrong classes alone. It goes to all of them, the right one too.")
        if not np.allclose(given.sum(axis=1), 1):
            raise Wrong(f"A row should add up to 1, but the first one adds up to {given[0].sum():.3f}.")
        raise Wrong(
            f"With {classes} classes and a share of {share:g} the right class should have {right.max():.3f}, "
            f"the others {right.min():.3f}; your first row has {given[0].max():.3f} and {given[0].min():.3f}."
        )
    return "And nn.CrossEntropyLoss(label_smoothing=share) does this for you."


# ------------------------------------------------------------------------------------------ 15.2


@exercise(
    "15.2",
    "class separation",
    "Divide each row by its length first; then rows @ rows.T holds the cosines of all pairs.",
    "labels[:, None] == labels is true for pairs of one class. Each picture is also paired with itself: leave it in.",
    "1 - (1 - cosines)[same].mean() / (1 - cosines).mean()",
)
def _separation(answer: object) -> str:
    random = np.random.default_rng(152)
    for classes, each, spread in ((3, 6, 0.5), (4, 5, 1.5), (2, 10, 0.2)):
        labels = np.repeat(np.arange(classes), each)
        features = np.abs(random.normal(0, 1, (classes, 8))[labels] + random.normal(0, spread, (len(labels), 8)))
        features *= random.uniform(0.5, 3, (len(labels), 1))
        given = call(answer, features.copy(), labels.copy())
        given = float(as_array(np.atleast_1d(np.asarray(given)), (1,), "the separation")[0])
        _judge_separation(given, features, labels)
    return "1 for classes that are points, 0 for classes that lie mixed."


def _judge_separation(given: float, features: np.ndarray, labels: np.ndarray) -> None:
    right = class_separation(features, labels)
    if np.isclose(given, right, atol=1e-6):
        return
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    same = labels[:, None] == labels
    apart = 1 - rows @ rows.T
    raw = 1 - features @ features.T
    if np.isclose(given, 1 - right):
        raise Wrong("That is the ratio of the two distances itself. Take it from one, so that 1 means far apart.")
    if np.isclose(given, 1 - apart[same].mean() / apart[~same].mean()):
        raise Wrong("You divide by the distance of two classes. Divide by that of any two pictures, same class or not.")
    if np.isclose(given, 1 - raw[same].mean() / raw.mean()):
        raise Wrong("The rows still have their lengths. A cosine is a product of rows of length 1.")
    raise Wrong(f"The separation of these {len(labels)} rows is {right:.3f}, but yours is {given:.3f}.")


# ------------------------------------------------------------------------------------------ 15.3


@exercise(
    "15.3",
    "the best of the source",
    "source.argmax() is the network that they take, for every target the same one.",
    "The best that there was on each target is probe.max(axis=0): the rows are networks, the columns targets.",
    "The price is never below 0: probe.max(axis=0) - probe[source.argmax()].",
)
def _price(answer: object) -> str:
    random = np.random.default_rng(153)
    for networks, targets in ((5, 4), (4, 5), (8, 3)):
        source = random.uniform(0.1, 0.9, networks)
        probe = random.uniform(0.2, 0.9, (networks, targets))
        probe[:, 0] = np.sort(probe[:, 0])[source.argsort().argsort()]  # one target where they are right
        right = probe.max(axis=0) - probe[source.argmax()]
        given = as_array(call(answer, source.copy(), probe.copy()), right.shape, "the price on each target")
        if np.allclose(given, right):
            continue
        if np.allclose(given, -right):
            raise Wrong("The sign is turned round. What is lost is a number above 0.")
        if np.allclose(given, probe[source.argmax()]):
            raise Wrong("That is what they reach. How much more was there to be had?")
        if np.allclose(given, probe.max(axis=0) - probe.mean(axis=0)):
            raise Wrong("You hold the best against the mean of all networks. They take one: the best on the source.")
        if np.allclose(given, probe.max(axis=0) - probe[source.argmin()]):
            raise Wrong("You take the network that is worst on the source.")
        if np.allclose(given, 0):
            raise Wrong("You take the best network of each target. They look at the source alone.")
        raise Wrong(f"On the first target the price is {points(right[0])}, on the last {points(right[-1])}.")
    return "Where the price is 0, source accuracy was a good guide. Your own val is one everywhere."
