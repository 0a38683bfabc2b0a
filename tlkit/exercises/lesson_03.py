"""Examiners of lesson 03: which stage should the SVM read?"""

import numpy as np
import torch

from tlkit.exercises import Wrong, as_array, call, exercise


@exercise(
    "03.1",
    "from a grid to a row",
    "A stage gives (pictures, channels, height, width). Which two of these should be gone?",
    "grid.mean(dim=...) takes a tuple of dimensions, counted from 0.",
)
def _grid_to_row(answer: object) -> str:
    for shape in ((2, 3, 4, 5), (1, 6, 1, 1), (4, 2, 8, 3)):
        grid = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))
        given = call(answer, grid)
        if shape[0] == 1 and np.shape(given) == shape[1:2]:
            raise Wrong(
                f"One picture, (1, {shape[1]}), became {np.shape(given)}. squeeze() drops every dimension of length 1, "
                "that of the pictures too: name the two that should go."
            )
        row = as_array(given, shape[:2])
        if np.allclose(row, grid.amax(dim=(2, 3))) and shape[2:] != (1, 1):
            raise Wrong("This takes the largest value over the places. We want the average.")
        if not np.allclose(row, grid.mean(dim=(2, 3)), atol=1e-5):
            raise Wrong(f"The shape is right, the numbers are not the averages over the places (a grid of {shape}).")
    return "How much of each thing there is, and no longer where: that is what the SVM reads."


@exercise(
    "03.2",
    "val chooses the stage",
    "max(numbers, key=...) finds the name with the largest number.",
    "max gives the first of equals. reversed(...) turns the order of the names round.",
)
def _choose_stage(answer: object) -> str:
    cases = [
        ({"conv1": 0.2, "conv3": 0.6, "fc7": 0.4}, "conv3", "the highest one on val"),
        ({"conv1": 0.7, "conv3": 0.6, "fc7": 0.4}, "conv1", "the highest one on val"),
        ({"conv1": 0.2, "conv3": 0.6, "fc6": 0.6, "fc7": 0.4}, "fc6", "of two equals the later one"),
        ({"stem": 0.6, "body": 0.6}, "body", "of two equals the later one, in the order of the dict"),
    ]
    for val_by_stage, expected, why in cases:
        given = call(answer, dict(val_by_stage))
        if given != expected:
            raise Wrong(f"For {val_by_stage} it gives {given!r}, but {expected!r} is {why}.")
    return "This is the rule that tlkit.earlier_stage follows, ties included."


@exercise(
    "03.3",
    "what peeking pretends",
    "The honest number is the test accuracy of the stage that is best on val.",
    "The peeking number is the largest test accuracy. Subtract the honest one from it.",
)
def _peeking(answer: object) -> str:
    random = np.random.default_rng(3)
    for _ in range(5):
        stages = [f"stage {k}" for k in range(6)]
        val, test = (dict(zip(stages, random.uniform(0.1, 0.9, 6).round(3))) for _ in range(2))
        given = float(as_array(call(answer, dict(val), dict(test)), ()))
        expected = max(test.values()) - test[max(val, key=val.get)]
        if np.isclose(given, -expected) and expected:
            raise Wrong("The sign is turned round: how much higher is the number of the one who peeks?")
        if np.isclose(given, max(test.values()) - max(val.values())):
            raise Wrong("You compare a test number with a val number. Both must be test accuracies.")
        if not np.isclose(given, expected):
            raise Wrong(f"It gives {given:.3f}, but should give {expected:.3f}, for val {val} and test {test}.")
    return "Never below 0: who peeks looks at least as good, and has learned nothing more."


@exercise(
    "03.4",
    "what a feature is worth",
    "Square the weights and add them up over the classes: coef has a row for each class.",
    "np.argsort sorts upwards: sort minus the lengths, and take the first ones.",
)
def _best_features(answer: object) -> str:
    random = np.random.default_rng(4)
    for classes, features, share in ((3, 8, 0.5), (2, 10, 0.25), (5, 6, 1.0), (4, 9, 0.01)):
        coef = random.normal(size=(classes, features)) * random.uniform(0.1, 2, features)
        worth = np.linalg.norm(coef, axis=0)
        expected = np.argsort(-worth)[: max(1, round(share * features))]
        given = as_array(call(answer, coef.copy(), share), (len(expected),)).astype(int)
        if np.array_equal(given, expected):
            continue
        if np.array_equal(given, np.argsort(worth)[: len(expected)]):
            raise Wrong("These are the shortest columns, which are worth least.")
        if np.array_equal(given, np.argsort(-np.abs(coef.sum(0)))[: len(expected)]):
            raise Wrong("A sum of weights lets plus and minus cancel out. Square them first.")
        raise Wrong(f"For a share of {share:g} of {features} columns it gives {given}, but should give {expected}.")
    return "So all_stages chooses: no feature is asked which stage it comes from."
