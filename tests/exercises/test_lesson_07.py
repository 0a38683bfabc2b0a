"""Answers to the exercises of lesson 07, for ``test_answers.py``."""

import numpy as np
from scipy.stats import sem
from scipy.stats import t as student

import tlkit


def rule(count, similar, few=20):
    ways = {(0, 0): "pretrained start", (0, 1): "fine-tuning", (1, 0): "earlier stage", (1, 1): "probe"}
    return ways[count <= few, similar]


def differences(first, second):
    return np.array([first[seed] - second[seed] for seed in sorted(set(first) & set(second))])


def around(values, half):
    return values.mean(), values.mean() - half, values.mean() + half


def paired(first, second):
    found = differences(first, second)
    return around(found, student.ppf(0.975, len(found) - 1) * sem(found))


def paired_by_place(first, second):
    return tlkit.mean_interval([one - other for one, other in zip(first.values(), second.values())])


def not_paired(first, second):
    one, other = tlkit.mean_interval(list(first.values())), tlkit.mean_interval(list(second.values()))
    return one.mean - other.mean, one.low - other.high, one.high - other.low


def spread(first, second):
    found = differences(first, second)
    return around(found, found.std(ddof=1))


def normal(first, second):
    found = differences(first, second)
    return around(found, 1.96 * found.std(ddof=1) / len(found) ** 0.5)


def take(low, high, first_seconds, second_seconds):
    if low > 0 or high < 0:
        return "first" if low > 0 else "second"
    return ["first", "second"][np.argmin([first_seconds, second_seconds])]


def misled(accuracy):
    ranked = sorted(accuracy.tolist(), key=sum)
    return sum(column[-1] < max(column) for column in zip(*ranked)) / len(ranked[0])


def against(best):
    """An answer to 07.4 that takes another way than the one of the highest mean for the best."""
    return lambda accuracy: (accuracy.argmax(0) != best(accuracy)).mean()


RIGHT = {"07.1": rule, "07.2": paired, "07.3": take, "07.4": misled}
WRONG = [
    ("07.1", lambda count, similar: rule(count, not similar), "exchanged"),
    ("07.1", lambda count, similar: rule(count, True), "exchanged"),
    ("07.1", lambda count, similar: rule(count, similar, few=19), "Up to 20 are few"),
    ("07.1", lambda count, similar: rule(count, similar, few=25), "Up to 20 are few"),
    ("07.1", lambda count, similar: rule(-count, similar, few=-20), "the table says"),
    ("07.1", lambda count, similar: rule(count, similar).upper(), "The ways are"),
    ("07.2", lambda first, second: paired(second, first), "turned round"),
    ("07.2", paired_by_place, "look the seed up"),
    ("07.2", not_paired, "too wide"),
    ("07.2", spread, "spread of single seeds"),
    ("07.2", normal, "Student's t"),
    ("07.2", lambda first, second: (0.1, 0.0, 0.2), "should be"),
    ("07.2", lambda first, second: paired(first, second)[0], "shape should be"),
    ("07.2", lambda first, second: np.array(paired(first, second))[[0, 2, 1]], "mean, low, high"),
    ("07.3", lambda low, high, one, other: "first" if low + high > 0 else "second", "inside the noise"),
    ("07.3", lambda low, high, one, other: "first" if one < other else "second", "clear of the noise"),
    ("07.3", lambda low, high, one, other: take(low or 1, high, one, other), "touches zero"),
    ("07.3", lambda low, high, one, other: take(low, high or -1, one, other), "touches zero"),
    ("07.3", lambda low, high, one, other: low > 0, 'should give "first" or "second"'),
    ("07.4", lambda accuracy: misled(accuracy) * accuracy.shape[1], "how many seeds mislead"),
    ("07.4", lambda accuracy: 1 - misled(accuracy), "name the right way"),
    ("07.4", lambda accuracy: misled(accuracy.T), "exchanged"),
    ("07.4", against(lambda accuracy: np.median(accuracy, axis=1).argmax()), "highest mean"),
    ("07.4", against(lambda accuracy: np.bincount(accuracy.argmax(0)).argmax()), "highest mean"),
    ("07.4", against(lambda accuracy: accuracy.max(1).argmax()), "highest single number"),
    ("07.4", lambda accuracy: 0.0, "mislead"),
]
LAZY = [lambda *_: "probe", lambda *_: "first"]


def test_the_rule_of_the_exercise_is_that_of_the_map():
    for found in (tlkit.load_map().recommend(name, size) for name in ("flowers", "tissue") for size in (20, 100)):
        similar = tlkit.quadrant(found.dataset, found.per_class)[1] == "similar"
        assert rule(found.per_class, similar) == found.rule
