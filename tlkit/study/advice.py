"""Advice before any training: what the rule says, what your pictures say, which way first, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlkit.data.splits import Split
from tlkit.intervals import Interval, points
from tlkit.language import said
from tlkit.nets.backbone import Backbone
from tlkit.nets.settings import settings_of
from tlkit.study.evidence import Evidence, gather, network_of, similarity
from tlkit.study.lines import (
    SWEPT,
    Lines,
    Place,
    best_of,
    clues_of,
    distances,
    effort,
    errors,
    half_width,
    others,
    shipped_places,
    unlike_all,
)
from tlkit.study.places import RULE, SMALL
from tlkit.transfer.ways import CHOICES

__all__ = ["Advice", "advise"]

_SHOWN = 3


@dataclass(frozen=True)
class Advice:
    """What is known about a target before training, and which way to try first.

    Attributes
    ----------
    dataset, backbone : str
    per_class : int
        The mean.
    fewest : int
        Of the smallest class.
    similarity : float or None
        See ``tlkit.similarity``; None for a backbone of your own that does not say how good its head is.
    size : "small" or "large"
    likeness : "similar", "different" or None
    rule : one of ``tlkit.WAYS``, or None
        What the literature's rule of thumb says there.
    evidence : Evidence
        What cross-validation and nearest neighbours found on the training pictures.
    like : list of Place
        The places of the maps most like it, the nearest first; none shows the same dataset.
    gains : dict from way to Interval
        Expected test accuracy minus that of the probe, -1 to 1, the largest first. The interval, of 90 %, is one over
        datasets: from how wrong such expectations were about each dataset of the map that they had not seen.
    seconds : dict from way to about what it takes here
    way : one of ``tlkit.WAYS``
        What is recommended: the largest expected gain.
    rival : the runner-up
    doubts : list of str
        What makes this unsure; empty if nothing does.
    own : bool
        Whether the backbone is one of your own, which no name loads.
    """

    dataset: str
    backbone: str
    per_class: int
    fewest: int
    similarity: float | None
    size: str
    likeness: str | None
    rule: str | None
    evidence: Evidence
    like: list[Place]
    gains: dict[str, Interval]
    seconds: dict[str, float]
    way: str
    rival: str
    doubts: list[str]
    own: bool = False

    @property
    def sure(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.doubts

    def __str__(self) -> str:
        backbone = "backbone" if self.own else f'"{self.backbone}"'
        here = f"{self.dataset}: {self.per_class} images per class, with {self.backbone}."
        if self.fewest < self.per_class:
            here = (
                f"{self.dataset}: {self.per_class} images per class (the smallest class has {self.fewest}), "
                f"with {self.backbone}."
            )
        width = max(len(said(way)) for way in self.gains)
        gains = [
            f"  {said(way):{width}}  {said(_gain_in_words(gain))}, {said(_about(self.seconds[way]))}"
            for way, gain in self.gains.items()
        ]
        sure = "Fairly sure." if self.sure else f"Not sure: {'; '.join(map(said, self.doubts))}."
        proof = "Proof, with your split and backbone:" if self.own else "Proof, with your split:"
        return "\n".join(
            [
                said(here),
                said(f"The rule of the literature: {self._rule_in_words()}."),
                said(f"Your {self.evidence.pictures} pictures, cross-validated: {self._evidence_in_words()}."),
                said(f"Most like them on the maps: {', '.join(said(_in_words(place)) for place in self.like)}."),
                said("Expected over the probe (90 % interval, over datasets that are not in the map):"),
                *gains,
                f"{said(f'Try first: {self.way}.')} {said(sure)}",
                f'{said(proof)} tlkit.compare(["{self.way}", "{self.rival}"], split, backbone={backbone})',
            ]
        )

    __repr__ = __str__

    def _rule_in_words(self) -> str:
        few = "few" if self.size == "small" else "many"
        if self.likeness is None:
            return f"{few}; how similar, this head can not say (no source_accuracy), so neither can the rule"
        found = f"similarity {self.similarity:.2f}"
        if _near_border(self.similarity, self.backbone, self.own):
            found = f"similarity {self.similarity:.2f}, near the border"
        if self.likeness == "similar":
            return f"{few}, and similar to what it knows ({found}): {self.rule}"
        return f"{few}, and different from what it knows ({found}): {self.rule}"

    def _evidence_in_words(self) -> str:
        stages = [f"{stage} {accuracy:.0%}" for stage, accuracy in self.evidence.stages.items()]
        return f"{', '.join(stages)}; nearest neighbours on the codes {self.evidence.neighbours:.0%}"


def advise(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> Advice:
    """Say which way to try first on a split, before anything is trained; ``compare`` tests it (lesson 08).

    Two things are added. Cross-validation on your training pictures says how far the best stage lies above the codes.
    The maps say how much each way that trains a network brought above the best stage at about so many images a class:
    the drawn map for ``minivgg``, that of the photos for any other backbone. The literature's rule, with its few or
    many (up to 20 images a class are few) and similar or different, is said beside it.

    How good this is was judged on datasets that it had not seen: ``tlkit.study.judgement``. It can not know what
    a set of another kind needs; where your pictures or your backbone are unlike the maps', it says so.

    Parameters
    ----------
    split : Split
        Up to 1,000 training pictures are looked at. Val and test stay closed.
    backbone : str or Backbone
        Pretrained. One of your own may say in ``source_accuracy`` how often its head is right.
    device : str

    Raises
    ------
    ValueError
        For an unknown backbone, one with random weights or a new head, pictures that it can not take, or fewer than
        two classes with two training pictures.
    """
    network = network_of(backbone, split, device)
    name, own = network.name, network.own
    evidence = gather(split, network)
    seen = clues_of(split.per_class, evidence.stages, {"neighbours": evidence.neighbours})
    # What was measured of this very dataset is left out, so that the advice is what another set would get.
    world = "drawn" if name.startswith("minivgg") and not own else "photos"
    places = others(shipped_places(), world, split.name, "" if own else name)
    expected, wrong = Lines(places).gains(seen), errors(places)
    way = best_of(expected)
    one_thing = SWEPT if seen["margin"] == 0 else ()  # where no stage beats the codes, both ways of a probe are one
    rival = best_of(expected, one_thing if way in one_thing else [way])
    doubts = _about_pair(way, rival, expected[way] - expected[rival], half_width(wrong, way, rival))
    doubts += _about_pictures(split, places, seen) + _about_backbone(name, own, places)
    ranked = sorted(expected, key=lambda each: (-expected[each], list(CHOICES).index(each)))
    return Advice(
        split.name,
        name,
        split.per_class,
        split.fewest,
        *_rule(split, network, device),
        evidence,
        [places[k] for k in distances(places, seen).argsort(kind="stable")[:_SHOWN]],
        {each: _interval(expected[each], half_width(wrong, each), seen["codes"]) for each in ranked},
        {each: evidence.seconds["features"] * effort(places, each, seen["size"]) for each in ranked},
        way,
        rival,
        doubts,
        own,
    )


def _rule(split: Split, network: Backbone, device: str) -> tuple[float | None, str, str | None, str | None]:
    """The similarity, few or many, similar or different, and what the literature's rule says there."""
    size = "small" if split.per_class <= SMALL else "large"
    if network.own and network.source_accuracy is None:
        return None, size, None, None
    found = similarity(split, network, device)
    likeness = "similar" if found >= settings_of(network.name).similarity_border else "different"
    return found, size, likeness, RULE[size, likeness]


# ------------------------------------------------------------------------------------ how sure


def _about_pair(way: str, rival: str, ahead: float, half: float) -> list[str]:
    if ahead > half:
        return []
    return [f"{rival} may do as well ({points(-ahead)} beside {way}, give or take {100 * half:.0f})"]


def _about_pictures(split: Split, places: Sequence[Place], seen: dict[str, float]) -> list[str]:
    doubts = []
    if split.fewest <= SMALL < split.per_class:
        doubts.append(
            f"{split.per_class} images per class are the mean, and the smallest class has {split.fewest}, which are "
            'few (class_weight="balanced" gives every class the same say)'
        )
    if split.fewest < 2:
        doubts.append("classes with fewer than two training pictures could not be looked at")
    sizes = [place.per_class for place in places]
    if not min(sizes) <= split.per_class <= max(sizes):
        doubts.append(f"{split.per_class} images per class lie outside the map ({min(sizes)} to {max(sizes)})")
    if unlike_all(places, seen):
        doubts.append("your pictures are unlike every place of the map")
    return doubts


def _about_backbone(name: str, own: bool, places: Sequence[Place]) -> list[str]:
    known = list(dict.fromkeys(place.backbone for place in places))
    return [f"the map was measured with {' and '.join(known)}"] if own or name not in known else []


def _near_border(found: float, name: str, own: bool) -> bool:
    card = settings_of("" if own else name)
    return card.similarity_border - card.unsure_below < found < card.similarity_border + card.unsure_above


# ------------------------------------------------------------------------------------ numbers


def _interval(gain: float, half: float, codes: float) -> Interval:
    """Within what an accuracy can be: the probe's is about that of the codes."""
    return Interval(*(float(np.clip(value, -codes, 1 - codes)) for value in (gain, gain - half, gain + half)))


def _gain_in_words(gain: Interval) -> str:
    mean, low, high = (points(value).removesuffix(" points") for value in gain)
    return f"{mean} points ({low} to {high})" if high != low else f"{mean} points"


def _about(seconds: float) -> str:
    return "under a second" if seconds < 1 else f"about {seconds:.0f} s"


def _in_words(place: Place) -> str:
    return f"{place.dataset} at {place.per_class} with {place.backbone} ({place.winner} won)"
