"""Examiners of lesson 07: which way is yours?"""

import numpy as np

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.intervals import mean_interval
from tlkit.study.places import RULE, SMALL


@exercise(
    "07.1",
    "the rule as a function",
    "Two questions, each with two answers. Ask for the size first.",
    "if images_per_class <= 20: here are the two ways of the upper row of the table.",
)
def _rule(answer: object) -> str:
    for count in (5, 300, 1, 100, SMALL + 1, SMALL):
        for similar in (True, False):
            given = call(answer, count, similar)
            size, likeness = "small" if count <= SMALL else "large", "similar" if similar else "different"
            expected = RULE[size, likeness]
            if given == expected:
                continue
            asked = f"For {count} images per class, {'similar' if similar else 'very different'},"
            if given not in RULE.values():
                raise Wrong(f"{asked} it gives {given!r}. The ways are: {', '.join(map(repr, RULE.values()))}.")
            if given == RULE[size, "different" if similar else "similar"]:
                raise Wrong(f"{asked} it gives {given!r}. Similar and different are exchanged, or not asked for.")
            if count in (SMALL, SMALL + 1):
                raise Wrong(f"{asked} it gives {given!r}. Up to {SMALL} are few, {SMALL} included; above, many.")
            raise Wrong(f"{asked} it gives {given!r}, but the table says {expected!r}.")
    return "That is all that most courses say about the matter, and you know where it loses."


@exercise(
    "07.2",
    "a difference within the same draws",
    "First one difference for each seed, then the mean of these differences.",
    "A seed that only one of them has cannot be paired. Leave it out.",
    "tlkit.mean_interval takes a list of numbers, one a seed, and returns mean, low and high.",
)
def _paired(answer: object) -> str:
    random = np.random.default_rng(7)
    for first_seeds, second_seeds in (
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4)),
        ((0, 1, 2), (0, 1, 2)),
        ((0, 1, 2, 3), (3, 0, 2, 1)),
        ((1, 2, 4, 5, 6), (0, 1, 2, 3, 4, 6)),
    ):
        luck = random.normal(0, 0.05, 7)  # of the draw: both ways share it
        first = {seed: 0.7 + luck[seed] + random.normal(0, 0.01) for seed in first_seeds}
        second = {seed: 0.6 + luck[seed] + random.normal(0, 0.01) for seed in second_seeds}
        _compare_interval(as_array(call(answer, dict(first), dict(second)), (3,), "(mean, low, high)"), first, second)
    return "The luck of the draw, which both ways share, is gone from it. That is why the interval is so narrow."


def _compare_interval(given: np.ndarray, first: dict[int, float], second: dict[int, float]) -> None:
    differences = np.array([first[seed] - second[seed] for seed in first if seed in second])
    mean, low, high = mean_interval(differences)
    if np.allclose(given, (mean, low, high), atol=1e-6):
        return
    if np.allclose(given, (-mean, -high, -low), atol=1e-6) or np.allclose(given, (-mean, -low, -high), atol=1e-6):
        raise Wrong("The sign is turned round: first minus second was asked for.")
    if np.allclose(given, (mean, high, low), atol=1e-6):
        raise Wrong("The order is mean, low, high.")
    in_line = [one - other for one, other in zip(first.values(), second.values())]
    if np.allclose(given, mean_interval(in_line), atol=1e-6):
        raise Wrong("You subtract in the order of the dicts. The same place is not the same seed: look the seed up.")
    if not np.isclose(given[0], mean, atol=1e-6):
        raise Wrong(f"The mean is {given[0]:.4f}, but should be {mean:.4f}. First has {first}, second has {second}.")
    half, spread = (given[2] - given[1]) / 2, differences.std(ddof=1)
    if any(np.isclose(half, factor * spread, rtol=0.01) for factor in (1, 1.96, 2)):
        raise Wrong("The mean is right. The interval shows the spread of single seeds; that of a mean is narrower.")
    if any(np.isclose(half, factor * spread / np.sqrt(len(differences)), rtol=0.01) for factor in (1, 1.96, 2)):
        raise Wrong("The mean is right, the interval too narrow: with so few seeds it takes Student's t.")
    if half > 1.2 * (high - low) / 2:
        raise Wrong("The mean is right, the interval too wide: take the interval of the differences.")
    raise Wrong(
        f"The mean is right. The interval should be {low:.4f} to {high:.4f}, not {given[1]:.4f} to {given[2]:.4f}."
    )


@exercise(
    "07.3",
    "inside the noise",
    "Three cases: all of the interval above zero, all of it below, zero inside.",
    "low <= 0 <= high says that zero is inside. Only then do the seconds decide.",
)
def _take(answer: object) -> str:
    cases = [
        ((0.012, 0.044, 12.7, 1.3), "first", "clear of the noise, above zero: the first is better"),
        ((-0.044, -0.012, 1.3, 12.7), "second", "clear of the noise, below zero: the second is better"),
        ((-0.001, 0.062, 3.5, 0.2), "second", "inside the noise: the faster one"),
        ((-0.053, 0.033, 2.3, 11.6), "first", "inside the noise: the faster one"),
        ((-0.002, 0.09, 1.0, 4.0), "first", "inside the noise: the faster one"),
        ((0.0, 0.02, 5.0, 1.0), "second", "inside the noise, since the interval touches zero: the faster one"),
        ((-0.02, 0.0, 1.0, 5.0), "first", "inside the noise, since the interval touches zero: the faster one"),
        ((0.03, 0.05, 1.0, 9.0), "first", "clear of the noise, above zero: the first is better"),
    ]
    for numbers, expected, why in cases:
        given = call(answer, *numbers)
        if given not in ("first", "second"):
            raise Wrong(f'It should give "first" or "second", but gives {given!r}.')
        if given != expected:
            raise Wrong(f"For take{numbers} it gives {given!r}. This is {why}, so {expected!r}.")
    return "By this, the probe stays the way for flowers with five images each, though its mean is lower."


@exercise(
    "07.4",
    "trust a single seed",
    "First the way that is best on average, then the best way at each seed.",
    "accuracy.mean(axis=1) has one number a way; accuracy.argmax(axis=0) one way a seed.",
    "The mean of (accuracy.argmax(axis=0) != best) is the share.",
)
def _misled(answer: object) -> str:
    random = np.random.default_rng(74)
    cases = []
    for spread, shape in ((0.03, (3, 10)), (0.05, (5, 8)), (0.0001, (4, 6)), (0.04, (2, 9)), (0.03, (3, 20))):
        cases.append(np.linspace(0.6, 0.65, shape[0])[:, None] + random.normal(0, spread, shape))
        random.shuffle(cases[-1])
    # Best by the mean is way 1, by the median and at most seeds way 0, by the highest number way 2.
    rows = [
        [0.60, 0.61, 0.60, 0.60, 0.60, 0.61, 0.60],
        [0.59, 0.60, 0.59, 0.59, 0.90, 0.60, 0.59],
        [0.30, 0.30, 0.95, 0.95, 0.30, 0.30, 0.30],
    ]
    for accuracy in (*cases, np.array(rows)):
        best, best_by_seed = accuracy.mean(axis=1).argmax(), accuracy.argmax(axis=0)
        ways, seeds = accuracy.shape
        misses = int((best_by_seed != best).sum())
        given = float(as_array(call(answer, accuracy.copy()), ()))
        if np.isclose(given, misses / seeds):
            continue
        if np.isclose(given, misses):
            raise Wrong(f"{given:g} is how many seeds mislead. Their share was asked for, 0 to 1.")
        if np.isclose(given, 1 - misses / seeds):
            raise Wrong("This is the share of seeds that name the right way. How many mislead?")
        if np.isclose(given, (accuracy.argmax(axis=1) != accuracy.mean(axis=0).argmax()).mean()):
            raise Wrong("Ways and seeds are exchanged: each row is a way, each column a seed.")
        if np.isclose(given, (best_by_seed != accuracy.max(axis=1).argmax()).mean()):
            raise Wrong("You take the way of the highest single number for the best. Take the one of the highest mean.")
        most = np.bincount(best_by_seed).argmax(), np.median(accuracy, axis=1).argmax()
        if np.isclose(given, [(best_by_seed != way).mean() for way in most]).any():
            raise Wrong(
                "You take the way of the best median, or of most seeds, for the best. Take the one of the highest mean."
            )
        raise Wrong(
            f"For {ways} ways and {seeds} seeds it gives {given:.3f}. Way {best} is best on average, "
            f"and the best by seed are {best_by_seed.tolist()}: {misses} of {seeds} mislead."
        )
    return "Where ways are far apart one seed is enough. You cannot know that from one seed."
