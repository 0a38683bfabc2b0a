"""Examiners of lesson 12: can ten photos tell two hundred people apart?"""

import numpy as np

from tlkit.exercises import Wrong, as_array, call, exercise


def _people(seed: int, people: int, each: int, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Codes of some people: not negative, of different lengths, shuffled; and whose they are."""
    random = np.random.default_rng(seed)
    middles = random.uniform(0.0, 1.0, (people, width)) ** 3
    labels = random.permutation(np.repeat(np.arange(people), each))
    codes = (middles[labels] + 0.05 * random.uniform(0.0, 1.0, (len(labels), width))).clip(0.0)
    return codes * random.uniform(0.3, 3.0, (len(labels), 1)), labels


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------ 12.1


@exercise(
    "12.1",
    "somebody new, without training",
    "Divide each of the new codes by its length before you take the mean, and the mean by its own length after.",
    "np.vstack([means, row]) puts one more row below the others.",
)
def _newcomer(answer: object) -> str:
    for seed, (people, photos) in enumerate([(4, 3), (2, 1), (6, 5)]):
        codes, labels = _people(seed, people, 4)
        means = _unit(np.stack([_unit(codes[labels == k]).mean(0) for k in range(people)]))
        new = _people(seed + 50, 1, photos)[0]
        before, asked = means.copy(), new.copy()
        given = as_array(call(answer, means, new), (people + 1, means.shape[1]), "one row more than before")
        if not (np.array_equal(means, before) and np.array_equal(new, asked)):
            raise Wrong("It changes what it was given. The others must stay as they are: return a new array.")
        _judge_newcomer(given, before, asked)
    return "No training, no old photos: that is what near-zero cost means (Mensink et al. 2013)."


def _judge_newcomer(given: np.ndarray, before: np.ndarray, new: np.ndarray) -> None:
    expected = _unit(_unit(new).mean(0, keepdims=True))
    if np.allclose(given[1:], before) and not np.allclose(given[:-1], before):
        raise Wrong("The newcomer stands first, so everybody else has another number now. Put the row last.")
    if not np.allclose(given[:-1], before):
        raise Wrong("The rows of the others have changed. Nothing about them is new.")
    row = given[-1:]
    if np.allclose(row, expected):
        return
    if np.allclose(_unit(row), expected):
        raise Wrong(f"The direction is right, but the row has the length {np.linalg.norm(row):.2f}, and not 1.")
    if np.allclose(_unit(row), _unit(new.mean(0, keepdims=True))):
        raise Wrong(
            "The mean is one of codes of different lengths: a long one counts more. Make each of length 1 first."
        )
    raise Wrong("The last row is not the mean of the new codes, each of length 1.")


# ------------------------------------------------------------------------------------------ 12.2


@exercise(
    "12.2",
    "a threshold for one false accept in a hundred",
    "Only pairs of different people can be accepted falsely: take their scores, scores[~same].",
    "Sort them from high to low. How many of them may lie at or above the threshold? int(rate * how many), at most.",
    "Just above the first score that may not be accepted: np.nextafter(score, np.inf).",
)
def _threshold(answer: object) -> str:
    random = np.random.default_rng(7)
    for same_count, other_count, rate in (
        (40, 200, 0.05),
        (300, 1000, 0.01),
        (10, 30, 0.10),
        (50, 40, 0.0),
        (9, 7, 0.3),
    ):
        same = random.permutation(np.r_[np.ones(same_count, bool), np.zeros(other_count, bool)])
        scores = np.where(same, random.normal(0.7, 0.15, len(same)), random.normal(0.4, 0.15, len(same)))
        given = float(as_array(call(answer, same.copy(), scores.copy(), rate), ()))
        _judge_threshold(given, same, scores, rate)
    return "Chosen on some people, it has to stand on others: that is what the lesson looks at."


def _judge_threshold(given: float, same: np.ndarray, scores: np.ndarray, rate: float) -> None:
    allowed = int(rate * (~same).sum() + 1e-9)
    reached = int((scores[~same] >= given).sum())
    if reached != allowed:
        said = f"At {given:.3f}, {reached} of {(~same).sum()} pairs of different people are accepted; {allowed} may be."
        if abs(int((scores >= given).sum()) - int(rate * len(scores) + 1e-9)) <= 1:
            raise Wrong(f"{said} It seems that all pairs were counted: those of one person are no false accepts.")
        if abs((scores[same] < given).mean() - rate) <= 1.5 / same.sum():
            raise Wrong(f"{said} It seems to be set by how many true pairs are refused.")
        raise Wrong(f"{said} A lower one would refuse fewer true pairs." if reached < allowed else said)
    just_refused = np.sort(scores[~same])[::-1][allowed] if allowed < (~same).sum() else -np.inf
    lost = ((scores[same] > just_refused) & (scores[same] < given)).sum()
    if lost:
        raise Wrong(f"As many false accepts as may be, but {lost} true pairs are refused that need not be. Go lower.")


# ------------------------------------------------------------------------------------------ 12.3


@exercise(
    "12.3",
    "strangers in a search",
    "asked @ gallery.T holds the similarity of each stranger with everybody, if all codes have length 1.",
    "A stranger is named when the best of these similarities reaches the threshold. axis=1.",
)
def _strangers(answer: object) -> str:
    for seed, (known, strangers, threshold) in enumerate([(3, 7, 0.885), (20, 13, 0.90), (40, 30, 0.93), (5, 4, 0.2)]):
        gallery, asked = _people(seed + 10, known, 1)[0], _people(seed + 90, strangers, 1)[0]
        given = float(as_array(call(answer, gallery.copy(), asked.copy(), threshold), ()))
        alike = _unit(asked) @ _unit(gallery).T
        expected = (alike.max(1) >= threshold).mean()
        if np.isclose(given, expected):
            continue
        if np.isclose(given, (alike >= threshold).mean()):
            raise Wrong(
                "That is the share of pairs. One pair is enough to name a stranger: look for the best in each row."
            )
        if np.isclose(given, (alike.max(0) >= threshold).mean()):
            raise Wrong("That is the share of the known people who are named for somebody. Count strangers.")
        if np.isclose(given, 1 - expected):
            raise Wrong("These are the strangers that nobody is named for. We want the others.")
        if np.isclose(given, ((asked @ gallery.T).max(1) >= threshold).mean()):
            raise Wrong("These are products of codes of any length. Divide each code by its length first.")
        if np.isclose(given, expected * strangers):
            raise Wrong("That is how many. The share was asked for: divide by the number of strangers.")
        raise Wrong(
            f"For {known} known people and {strangers} strangers it gives {given:.3f}, but {expected:.3f} is right."
        )
    return "Each new face in the gallery is one more chance to be taken for somebody else."
