"""How good advice is: judged on datasets that it has not seen, beside the literature's rule and single habits.

``print(as_text(judge()))`` is the table of policies, ``print(as_text(judge_clues()))`` that of the scores. Agostinelli
et al. (2022) tried 715 thousand set-ups of such scores: which is best depends on the set-up, and none is everywhere.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from tlkit import text_tables
from tlkit.language import said
from tlkit.study.lines import CLUES, USED, Lines, Place, best_of, others, shipped_places
from tlkit.study.places import MAPS, RULE, quadrant
from tlkit.transfer.ways import CHOICES

__all__ = ["Verdict", "as_text", "judge"]


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


def judge(places: Sequence[Place] | None = None) -> list[Verdict]:
    """Advice by the lines beside the literature's rule, each single habit, and trying all ways to take val's best.

    The lines never see a place of the dataset that they are judged on. By default on the maps that ship.
    """
    places = shipped_places() if places is None else places
    policies: dict[str, tuple[Policy, Callable[[Place], float]]] = {
        "advice": (advised(places, USED), partial(_looking, USED)),
        "the rule": (lambda place, k, seen: RULE[quadrant(place.dataset, place.per_class)], lambda place: 0.0),
    }
    for way in CHOICES:
        policies[f"always {way}"] = (lambda place, k, seen, way=way: way, lambda place: 0.0)
    policies["best on val"] = (
        lambda place, k, seen: max(place.ways, key=lambda way: place.val[way][k]),
        lambda place: sum(place.seconds.values()),
    )
    every = (_verdict(name, world, places, *policy) for world in MAPS for name, policy in policies.items())
    return [verdict for verdict in every if verdict.places]


def judge_clues(places: Sequence[Place] | None = None) -> list[Verdict]:
    """The same for lines over each clue alone, and over the size with it: how well it tells which way wins."""
    places = shipped_places() if places is None else places
    sets = [(name,) for name in CLUES] + [("size", name) for name in CLUES if name != "size"]
    return [
        _verdict(" + ".join(clues), world, places, advised(places, clues), partial(_looking, clues))
        for world in MAPS
        for clues in sets
        if any(place.world == world for place in places)
    ]


def _looking(clues: Sequence[str], place: Place) -> float:
    """Seconds of the features, of the sweep, which every line needs, and of the other scores."""
    return sum(place.spent[name] for name in ("features", "stage sweep", *clues) if name in place.spent)


def advised(places: Sequence[Place], clues: Sequence[str]) -> Policy:
    """The policy that goes by lines over these clues."""
    fitted = {
        (place.backbone, place.dataset): Lines(others(places, place.world, place.dataset, place.backbone), clues)
        for place in places
    }

    def recommend(place: Place, k: int, seen: dict[str, float]) -> str:
        return best_of(fitted[place.backbone, place.dataset].gains(seen))

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


def as_text(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as a table to print, losses in points."""
    head = ["map", "policy", "places", "mean loss", "worst loss", "names the winner", "s to decide", "s in all"]
    rows = [
        [said(each.world), said(each.policy), f"{each.places}", f"{100 * each.mean:.1f}", f"{100 * each.worst:.1f}"]
        + [f"{each.right:.0%}", f"{each.deciding:.1f}", f"{each.total:.1f}"]
        for each in verdicts
    ]
    return text_tables.as_text([head, *rows])
