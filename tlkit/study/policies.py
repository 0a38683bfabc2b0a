"""Which way to recommend before training: the line that ``advise`` goes by, and habits and rules judged beside it.

The line, in three sentences. Cross-validation on your own pictures says how far the best stage lies above the codes.
The maps say, for each way that trains a network, how much it brought above the best stage; that is a straight line
over the logarithm of the images per class. The way with the largest sum of both is recommended, and its interval is as
wide as the lines were wrong about datasets that they had not seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tlkit.study.decision import DecisionMap
from tlkit.study.evidence_table import EvidenceTable
from tlkit.study.places import MAPS, RULE, quadrant, world_of
from tlkit.transfer.ways import WAYS

__all__: list[str] = []

CLUES = ("size", "margin", "codes", "neighbours", "LogME", "H-score", "confidence")
USED = ("size",)  # by ``advise``: with a second clue the lines predict no better, see ``judge_clues``
SHARE = 0.9  # of the places that an interval holds
_FEWEST = 3  # places that a line needs
SWEPT = ("probe", "earlier stage")  # what the stage sweep itself measures
_NEEDED = (*SWEPT, "fine-tuning", "pretrained start")


@dataclass(frozen=True)
class Place:
    """A target at one size with one network: what each way reached, and what was to be seen before.

    Attributes
    ----------
    backbone, dataset : str
    per_class : int
    accuracy, val : dict from way to array (seeds,), of the draws that have every way
    seconds : dict from way to its median
    clues : dict from clue to array (seeds,)
        ``size`` is log2 of the images per class, ``codes`` the accuracy of the codes by cross-validation and ``margin``
        how far the best stage lies above them; the others are scores of ``tlkit.study.evidence``.
    looking : seconds of the features and of the stage sweep
    featuring : of the features alone
    """

    backbone: str
    dataset: str
    per_class: int
    accuracy: dict[str, np.ndarray]
    val: dict[str, np.ndarray]
    seconds: dict[str, float]
    clues: dict[str, np.ndarray]
    looking: float
    featuring: float

    @property
    def world(self) -> str:
        """``"drawn"`` or ``"photos"``."""
        return world_of(self.dataset)

    @property
    def ways(self) -> list[str]:
        """The ways that were measured here."""
        return list(self.accuracy)

    @property
    def winner(self) -> str:
        """The way with the best mean accuracy on test."""
        return max(self.ways, key=lambda way: self.accuracy[way].mean())

    def above(self, way: str, other: str) -> float:
        """Mean test accuracy of one way minus that of another."""
        return float((self.accuracy[way] - self.accuracy[other]).mean())

    def draws(self) -> Iterator[dict[str, float]]:
        """The clues of each draw."""
        for values in zip(*self.clues.values()):
            yield dict(zip(self.clues, map(float, values)))


def places_of(maps: Sequence[DecisionMap], table: EvidenceTable) -> list[Place]:
    """The places that a map and the table of evidence both have; one that lacks a way beside scratch is left out."""
    cells: dict[tuple, dict[str, dict[int, dict]]] = {}
    for row in (row for each in maps for row in each.rows if row["chosen"]):
        ways = cells.setdefault((row["backbone"], row["dataset"], row["per_class"]), {})
        ways.setdefault(row["way"], {})[row["seed"]] = row
    found = []
    for place, ways in cells.items():
        looks = table.at(*place)
        seeds = sorted(set(looks).intersection(*ways.values()))
        if set(_NEEDED) <= set(ways) and seeds:
            found.append(_place(place, {way: ways[way] for way in WAYS if way in ways}, looks, seeds))
    return found


def _place(place: tuple, ways: dict[str, dict[int, dict]], looks: dict[int, dict], seeds: list[int]) -> Place:
    def column(name: str) -> dict[str, np.ndarray]:
        return {way: np.array([rows[seed][name] for seed in seeds]) for way, rows in ways.items()}

    clues = [clues_of(place[2], looks[seed]["stages"], looks[seed]) for seed in seeds]
    return Place(
        *place,
        column("accuracy"),
        column("val_accuracy"),
        {way: float(np.median(values)) for way, values in column("seconds").items()},
        {name: np.array([each[name] for each in clues]) for name in CLUES},
        float(np.median([looks[seed]["looking"] for seed in seeds])),
        float(np.median([looks[seed]["featuring"] for seed in seeds])),
    )


def clues_of(per_class: int, stages: Mapping[str, float], scores: Mapping[str, float]) -> dict[str, float]:
    """What was seen of one draw as numbers; a score that is not there is left out."""
    *_, codes = stages.values()
    found = {"size": float(np.log2(per_class)), "margin": max(stages.values()) - codes, "codes": codes}
    return found | {name: scores[name] for name in CLUES if name in scores}


# ------------------------------------------------------------------------------------ the lines


class Lines:
    """For each way that trains a network, a straight line from clues to what it brings above the best stage.

    Parameters
    ----------
    places : what it is fitted to, by least squares: one mean a place
    clues : what the lines go over
    """

    def __init__(self, places: Sequence[Place], clues: Sequence[str] = USED):
        self.clues, self.weights = list(clues), {}
        for way in (way for way in WAYS if way not in SWEPT):
            here = [place for place in places if way in place.ways]
            if len(here) >= _FEWEST:
                X = np.array([[1.0, *(place.clues[name].mean() for name in clues)] for place in here])
                y = np.array([place.above(way, "earlier stage") for place in here])
                self.weights[way] = np.linalg.lstsq(X, y, rcond=None)[0]

    def gains(self, seen: Mapping[str, float]) -> dict[str, float]:
        """Expected gain of each way over the probe, from the clues of one draw."""
        x = np.array([1.0, *(seen[name] for name in self.clues)])
        trained = {way: seen["margin"] + float(weights @ x) for way, weights in self.weights.items()}
        return {"probe": 0.0, "earlier stage": seen["margin"], **trained}


def best_of(gains: Mapping[str, float], beside: Sequence[str] = ()) -> str:
    """The way with the largest gain, beside others; the cheaper of equals. Scratch is a baseline, not advice."""
    return max((way for way in WAYS if way in gains and way not in ("scratch", *beside)), key=gains.get)


def others(places: Sequence[Place], world: str, dataset: str) -> list[Place]:
    """The places of the same map that show another dataset."""
    return [place for place in places if place.world == world and place.dataset != dataset]


def errors(places: Sequence[Place], clues: Sequence[str] = USED) -> list[dict[str, float]]:
    """What the lines expected of a dataset that they had not seen, minus what came: one dict a draw."""
    found = []
    for place in places:
        lines = Lines(others(places, place.world, place.dataset), clues)
        for k, seen in enumerate(place.draws()):
            gains = lines.gains(seen)
            came = {way: place.accuracy[way][k] - place.accuracy["probe"][k] for way in place.ways}
            found.append({way: float(gains[way] - came[way]) for way in gains if way in came})
    return found


def half_width(found: Sequence[Mapping[str, float]], way: str, other: str = "probe") -> float:
    """Half of the interval of one way's gain over another: nine of ten errors lie within it. NaN where none is."""
    apart = [abs(each[way] - each[other]) for each in found if way in each and other in each]
    return float(np.quantile(apart, SHARE)) if apart else np.nan


# ------------------------------------------------------------------------------------ judged


class Verdict(NamedTuple):
    """What a policy loses on one map, against the best way of each place.

    Attributes
    ----------
    policy, world : str
    places : int
        Where it could be judged.
    mean, worst : float
        Test accuracy lost, 0 to 1: mean over a place's draws, then mean and worst over the places.
    right : float
        Share of the draws in which it names the place's best way.
    deciding, total : float
        Seconds a place, before the way is known, and with that way's own.
    """

    policy: str
    world: str
    places: int
    mean: float
    worst: float
    right: float
    deciding: float
    total: float


Policy = Callable[[Place, int, dict[str, float]], str]


def judge(places: Sequence[Place]) -> list[Verdict]:
    """Advice by the lines beside the literature's rule, each single habit, and trying all ways to take val's best.

    The lines never see a place of the dataset that they are judged on.
    """
    policies: dict[str, tuple[Policy, Callable[[Place], float]]] = {
        "advice": (advised(places, USED), lambda place: place.looking),
        "the rule": (lambda place, k, seen: RULE[quadrant(place.dataset, place.per_class)], lambda place: 0.0),
    }
    for way in WAYS:
        policies[f"always {way}"] = (lambda place, k, seen, way=way: way, lambda place: 0.0)
    policies["best on val"] = (
        lambda place, k, seen: max(place.ways, key=lambda way: place.val[way][k]),
        lambda place: sum(place.seconds.values()),
    )
    every = (_verdict(name, world, places, *policy) for world in MAPS for name, policy in policies.items())
    return [verdict for verdict in every if verdict.places]


def judge_clues(places: Sequence[Place]) -> list[Verdict]:
    """The same for lines over each clue alone, and over the size with it: how well it tells which way wins."""
    sets = [(name,) for name in CLUES] + [("size", name) for name in CLUES if name != "size"]
    return [
        _verdict(" + ".join(clues), world, places, advised(places, clues), lambda place: place.looking)
        for world in MAPS
        for clues in sets
        if any(place.world == world for place in places)
    ]


def advised(places: Sequence[Place], clues: Sequence[str]) -> Policy:
    """The policy that goes by lines over these clues."""
    fitted = {place.dataset: Lines(others(places, place.world, place.dataset), clues) for place in places}

    def recommend(place: Place, k: int, seen: dict[str, float]) -> str:
        return best_of(fitted[place.dataset].gains(seen))

    return recommend


def _verdict(
    name: str, world: str, places: Sequence[Place], policy: Policy, deciding: Callable[[Place], float]
) -> Verdict:
    losses, right, spent, total = [], [], [], []
    for place in (place for place in places if place.world == world):
        chosen = [policy(place, k, seen) for k, seen in enumerate(place.draws())]
        if not set(chosen) <= set(place.ways):
            continue
        best = place.accuracy[place.winner]
        losses.append(float(np.mean([best[k] - place.accuracy[way][k] for k, way in enumerate(chosen)])))
        right += [way == place.winner for way in chosen]
        spent.append(deciding(place))
        trained = 0.0 if name == "best on val" else float(np.mean([place.seconds[way] for way in chosen]))
        total.append(spent[-1] + trained)
    if not losses:
        return Verdict(name, world, 0, *[np.nan] * 5)
    means = (float(np.mean(values)) for values in (right, spent, total))
    return Verdict(name, world, len(losses), float(np.mean(losses)), max(losses), *means)


def table_of(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Verdicts as rows of text, the head first: losses in points."""
    head = ["map", "policy", "places", "mean loss", "worst loss", "names the winner", "s to decide", "s in all"]
    return [head] + [
        [each.world, each.policy, f"{each.places}", f"{100 * each.mean:.1f}", f"{100 * each.worst:.1f}"]
        + [f"{each.right:.0%}", f"{each.deciding:.1f}", f"{each.total:.1f}"]
        for each in verdicts
    ]
