"""Examiners of lesson 00: can ten photos teach a computer a flower?"""

from collections.abc import Iterator, Mapping, Set

import numpy as np

from tlkit.exercises import Wrong, as_array, call, exercise


@exercise(
    "00.1",
    "the same units for every number",
    "One mean and one spread for each column. Which part of the data are they measured on?",
    "An array has .mean(axis=0) and .std(axis=0): one value a column.",
    "(rows - mean) / spread, with mean and spread of train_rows.",
)
def _standardise(answer: object) -> str:
    random = np.random.default_rng(0)
    for n, m, d in ((8, 5, 3), (30, 4, 1), (6, 9, 4)):
        units, origin = random.uniform(0.5, 20, (2, d))
        train, rows = random.normal(origin, units, (n, d)), random.normal(origin + units, 2 * units, (m, d))
        given = as_array(call(answer, train.copy(), rows.copy()), (m, d))
        _not_these(
            given,
            [
                (
                    (rows - rows.mean(0)) / rows.std(0),
                    "You measure mean and spread on the rows. Measure them on train.",
                ),
                ((rows - train.mean()) / train.std(), "This is one mean and spread for everything: take one a column."),
                (rows - train.mean(0), "The mean is gone. Now divide by the spread."),
                (rows / train.std(0), "You divide by the spread, but the mean was not subtracted before."),
                (
                    (rows - train.mean(0)) / train.std(0, ddof=1),
                    "You divide by n - 1, torch's default; take n.",
                ),
                ((rows - train.mean(0)) / train.var(0), "You divide by the variance. Its square root is the spread."),
            ],
            expected=(rows - train.mean(0)) / train.std(0),
        )
    return "Only train was measured: a test picture that changes how it is read has been looked at too early."


@exercise(
    "00.2",
    "which species goes wrong",
    "Pick out the flowers whose label is this species. Which share of their answers is right?",
    "labels == label is a mask; answers[labels == label] are the answers to the flowers of this species.",
)
def _right_by_species(answer: object) -> str:
    random = np.random.default_rng(1)
    for classes, n in ((2, 9), (5, 60), (3, 25)):
        labels = random.permutation(np.arange(n) % classes)
        answers = np.where(random.random(n) < 0.6, labels, random.integers(0, classes, n))
        answers[:classes] = np.arange(classes)  # every name is given, so that precision is a number too
        given = call(answer, labels.copy(), answers.copy(), classes)
        if isinstance(given, (Mapping, Set, Iterator)):
            raise Wrong(
                "A list or an array was expected, with one number for each species, "
                f"but a {type(given).__name__} came back."
            )
        if np.ndim(given) == 0:
            raise Wrong("This is one number for all flowers together. There should be one for each species.")
        right = np.bincount(labels[labels == answers], minlength=classes)
        _not_these(
            as_array(given, (classes,)),
            [
                (right, "These are counts. Divide each by the number of flowers of this species."),
                (right / np.bincount(answers), "You divide by how often a name was given. How many are this species?"),
                (right / n, "You divide by the number of all flowers. How many are of this species?"),
                (1 - right / np.bincount(labels), "These are the shares that went wrong. We want those named rightly."),
            ],
            expected=right / np.bincount(labels),
        )
    return "Their mean is the accuracy when every species has as many pictures; the smallest one tells who goes wrong."


@exercise(
    "00.3",
    "let the test set leak",
    "The probe has to learn from all the pictures, and to be asked about those of test.",
    "np.concatenate([x_train, x_test]) puts the rows together. The labels need the same.",
    "probe.fit(all features, all labels), and then probe.score(x_test, y_test).",
)
def _leaky_score(answer: object) -> str:
    from tlkit.transfer.probes import LinearProbe

    # In the last one the score on train and test together lies far from the one on test alone.
    for seed, n, m, d, classes in ((2, 40, 30, 150, 5), (3, 60, 60, 4, 3), (2, 60, 30, 12, 4)):
        random = np.random.default_rng(seed)
        x_train, x_test = random.normal(size=(n, d)), random.normal(size=(m, d))
        y_train, y_test = random.permutation(np.arange(n) % classes), random.permutation(np.arange(m) % classes)
        everything = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
        probes = [LinearProbe("svm", Cs=(1.0,)).fit(*fit) for fit in (everything, (x_train, y_train), (x_test, y_test))]
        both, honest, from_test = (probe.score(x_test, y_test) for probe in probes)
        given = float(as_array(call(answer, *(a.copy() for a in (x_train, y_train, x_test, y_test))), ()))
        if d == 150:
            flattered, blind = both, honest
        if np.isclose(given, both, atol=0.04):  # the solver meets the rows in an order of its own
            continue
        if np.isclose(given, honest, atol=0.02):
            raise Wrong("This is the honest score: the probe did not see test. Here it should, with the labels.")
        if np.isclose(given, from_test, atol=0.02):
            raise Wrong("The probe has learned from test alone. Let it learn from train and test together.")
        if np.isclose(given, probes[0].score(*everything), atol=0.04):
            raise Wrong("This is the score on train and test together. Score it on test alone.")
        raise Wrong(f"It gives {given:.2f}, but a probe fitted on train and test scores {both:.2f} on test.")
    return (
        f"With 150 numbers a picture and labels thrown by dice, the leak scores {flattered:.0%}; an honest test gives "
        f"{blind:.0%}, and a blind guess 20%. Nothing was learned, only remembered."
    )


def _not_these(given: np.ndarray, mistakes: list[tuple[np.ndarray, str]], expected: np.ndarray) -> None:
    """Pass what is expected; what is known as a mistake is named, and of another answer the first number."""
    if np.allclose(given, expected, atol=1e-3):
        return
    for wrong, says in mistakes:
        if np.allclose(given, wrong, atol=1e-3):
            raise Wrong(says)
    first = tuple(np.argwhere(~np.isclose(given, expected, atol=1e-3))[0])
    where = ", ".join(map(str, first))
    raise Wrong(f"The shape is right, but at [{where}] it gives {given[first]:.3f} and not {expected[first]:.3f}.")
