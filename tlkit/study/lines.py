"""What each way is expected to gain before any training: a straight line for each, over the places of the maps.

In three sentences. Cross-validation on your own pictures says how far the best stage lies above the codes.
The maps say, for each way that trains a network, how much it brought above the best stage; that is a straight line
over the logarithm of the images per class. The way with the largest sum of both is recommended, and its interval comes
from how wrong the lines were about datasets that they had not seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from tlkit.intervals import student
from tlkit.study.decision import DecisionMap, load_map
from tlkit.study.evidence_table import EvidenceTable, load_evidence
from tlkit.study.places import MAPS, world_of
from tlkit.transfer.ways import CHOICES

__all__: list[str] = []

CLUES = ("size", "margin", "codes", "neighbours", "LogME", "H-score", "confidence")
USED = ("size",)  # by ``advise``: with a second clue the lines predict no better, see ``tlkit.study.judgement``
_LIKE = ("size", "margin", "codes")  # what places are compared by
_COVERS = 0.9  # of new datasets an interval should hold
_FEWEST = 3  # places that a line needs, and datasets that an interval needs
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
    spent : dict from ``"features"``, ``"stage sweep"`` and each score to its median seconds
    """

    backbone: str
    dataset: str
    per_class: int
    accuracy: dict[str, np.ndarray]
    val: dict[str, np.ndarray]
    seconds: dict[str, float]
    clues: dict[str, np.ndarray]
    spent: dict[str, float]

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

    @cached_property
    def seen(self) -> dict[str, float]:
        """The mean of each clue."""
        return {name: float(values.mean()) for name, values in self.clues.items()}

    def draws(self) -> Iterator[dict[str, float]]:
        """The clues of each draw."""
        for values in zip(*self.clues.values()):
            yield dict(zip(self.clues, map(float, values)))


def places_of(maps: Sequence[DecisionMap], table: EvidenceTable) -> list[Place]:
    """The places that a map and the table of evidence both have; one that lacks a way beside scratch is left out."""
    cells: dict[tuple, dict[str, dict[int, dict]]] = {}
    for row in (row for each in maps for row in each.rows if row["chosen"] and row["way"] in CHOICES):
        ways = cells.setdefault((row["backbone"], row["dataset"], row["per_class"]), {})
        ways.setdefault(row["way"], {})[row["seed"]] = row
    found = []
    for place, ways in cells.items():
        looks = table.at(*place)
        seeds = sorted(set(looks).intersection(*ways.values()))
        if set(_NEEDED) <= set(ways) and seeds:
            found.append(_place(place, {way: ways[way] for way in CHOICES if way in ways}, looks, seeds))
    return found


@cache
def shipped_places() -> list[Place]:
    """The places of the maps that ship with the course."""
    return places_of([load_map(world) for world in MAPS], load_evidence())


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
        {name: float(np.median([looks[seed]["spent"][name] for seed in seeds])) for name in looks[seeds[0]]["spent"]},
    )


def clues_of(per_class: int, stages: Mapping[str, float], scores: Mapping[str, float]) -> dict[str, float]:
    """What was seen of one draw as numbers; a score that is not there is left out."""
    *_, codes = stages.values()
    found = {"size": float(np.log2(max(per_class, 1))), "margin": max(stages.values()) - codes, "codes": codes}
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
        for way in (way for way in CHOICES if way not in SWEPT):
            here = [place for place in places if way in place.ways]
            if len(here) >= _FEWEST:
                X = np.array([[1.0, *(place.seen[name] for name in clues)] for place in here])
                y = np.array([place.above(way, "earlier stage") for place in here])
                self.weights[way] = np.linalg.lstsq(X, y, rcond=None)[0]

    def gains(self, seen: Mapping[str, float]) -> dict[str, float]:
        """Expected gain of each way over the probe, from the clues of one draw."""
        x = np.array([1.0, *(seen[name] for name in self.clues)])
        trained = {way: seen["margin"] + float(weights @ x) for way, weights in self.weights.items()}
        return {"probe": 0.0, "earlier stage": seen["margin"], **trained}


def best_of(gains: Mapping[str, float], beside: Sequence[str] = ()) -> str:
    """The way with the largest gain, beside others; the cheaper of equals. What begins at random is no advice."""
    known = (name for name, way in CHOICES.items() if way.pretrained and name in gains)
    return max((way for way in known if way not in beside), key=gains.get)


def others(places: Sequence[Place], world: str, dataset: str, backbone: str) -> list[Place]:
    """The places of the same map that show another dataset.

    Of the same backbone alone, if it was measured on every one of these datasets; else of all.
    """
    rest = [place for place in places if place.world == world and place.dataset != dataset]
    same = [place for place in rest if place.backbone == backbone]
    return same if {place.dataset for place in same} == {place.dataset for place in rest} else rest


def errors(places: Sequence[Place], clues: Sequence[str] = USED) -> list[tuple[str, dict[str, float]]]:
    """What the lines expected of a dataset that they had not seen, minus what came: its name and the ways, a draw."""
    found = []
    for place in places:
        lines = Lines(others(places, place.world, place.dataset, place.backbone), clues)
        for k, seen in enumerate(place.draws()):
            gains = lines.gains(seen)
            came = {way: place.accuracy[way][k] - place.accuracy["probe"][k] for way in place.ways}
            found.append((place.dataset, {way: float(gains[way] - came[way]) for way in gains if way in came}))
    return found


def half_width(found: Sequence[tuple[str, Mapping[str, float]]], way: str, other: str = "probe") -> float:
    """Half of the 90 % interval of one way's gain over another, for a dataset that the lines have not seen.

    By Student's t of the errors' root mean square. Draws of one dataset err alike, so there are only as many degrees
    of freedom as datasets, less one. NaN of fewer than three.
    """
    apart = [(name, each[way] - each[other]) for name, each in found if way in each and other in each]
    datasets = len({name for name, _ in apart})
    if datasets < _FEWEST:
        return np.nan
    return float(student((1 + _COVERS) / 2, datasets - 1) * np.sqrt(np.mean([error**2 for _, error in apart])))


def distances(places: Sequence[Place], seen: Mapping[str, float]) -> np.ndarray:
    """How far pictures are from each place in what is known before training: each clue by its spread over the map."""
    table = np.array([[place.seen[name] for name in _LIKE] for place in places])
    spread = np.where(table.std(0) > 0, table.std(0), 1.0)
    return np.sqrt((((table - [seen[name] for name in _LIKE]) / spread) ** 2).sum(1))


def unlike_all(places: Sequence[Place], seen: Mapping[str, float]) -> bool:
    """Whether pictures lie farther from every place than any place does from the nearest of another dataset."""
    names = np.array([place.dataset for place in places])
    alone = [distances(places, place.seen)[names != place.dataset].min() for place in places]
    return bool(distances(places, seen).min() > max(alone))


def effort(places: Sequence[Place], way: str, size: float) -> float:
    """Seconds of a way for each second of the features, median over the places with about so many images a class."""
    having = [place for place in places if way in place.ways]
    nearest = min(abs(place.seen["size"] - size) for place in having)
    close = [place for place in having if abs(place.seen["size"] - size) <= nearest + 1e-9]
    return float(np.median([place.seconds[way] / max(place.spent["features"], 0.01) for place in close]))
