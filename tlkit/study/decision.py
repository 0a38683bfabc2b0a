"""The decision map: what the literature's rule says for a size and a similarity, and what was measured there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tlkit import checks
from tlkit.course import COURSE
from tlkit.intervals import Interval, points
from tlkit.language import said
from tlkit.study.comparison import Comparison
from tlkit.study.ledger import Ledger
from tlkit.study.places import MAPS, RULE, quadrant, world_of
from tlkit.transfer.ways import CHOICES, WAYS

__all__ = ["DecisionMap", "Recommendation", "load_map"]

SHIPPED = {"drawn": COURSE / "datasets" / "decision_map.csv", "photos": COURSE / "datasets" / "real_map.csv"}
PER_CLASS = (5, 20, 100, 300)
PHOTOS_PER_CLASS = (5, 20, 60)  # or as many as a set reaches
_KINDS = {
    "backbone": str,
    "dataset": str,
    "similarity": int,
    "per_class": int,
    "way": str,
    "stage": str,
    "seed": int,
    "chosen": int,
    "val_accuracy": float,
    "accuracy": float,
    "seconds": float,
    "epochs": int,
    "trained_parameters": int,
    "val_curve": str,
}


def ledger_at(path: Path) -> Ledger:
    """The table of a map."""
    ways = list(WAYS)

    def order(row: dict) -> tuple:
        return row["backbone"], row["similarity"], row["per_class"], ways.index(row["way"]), row["seed"]

    cell = ("backbone", "seed", "dataset", "per_class", "way")
    joins = "pictures_", "weights_", "settings_", "image_size"
    return Ledger(path, _KINDS, cell, order, "decision map", "python -m tlkit map", joins)


@dataclass(frozen=True)
class Recommendation:
    """The rule of the literature and what was measured at one place of the map.

    Attributes
    ----------
    rule : the way that the literature advises
    winner : the way with the best mean accuracy on val
    margin : Interval
        Test accuracy of the winner minus that of the rule, paired over seeds; if they are the
        same way, minus that of the second best on val.
    rival : the way that the margin is measured against
    accuracy, seconds : dict from way to its mean test accuracy, and to its median seconds
    missing : ways that were not measured there yet
    """

    dataset: str
    per_class: int
    rule: str
    winner: str
    rival: str
    margin: Interval
    accuracy: dict[str, Interval]
    seconds: dict[str, float]
    missing: list[str] = field(default_factory=list)

    @property
    def rule_holds(self) -> bool:
        """Whether the way that val chose does not beat the rule's by more than the noise."""
        return self.winner == self.rule or not self.margin.low > 0  # NaN: no interval

    @property
    def rule_unsure(self) -> bool:
        """Whether these draws can not say if the rule holds: another way won, by a margin without an interval."""
        return self.winner != self.rule and not self.margin.known

    def __str__(self) -> str:
        cost = ", ".join(f"{said(way)} {self.seconds[way]:.1f} s" for way in (self.winner, self.rival))
        found = f"Measured: {self.winner} is best on val; on test {points(self.margin)}, against {self.rival} ({cost})."
        verdict = (
            "The rule holds."
            if self.winner == self.rule
            else "Whether the rule holds, these draws do not say."
            if self.rule_unsure
            else "The rule holds within the noise."
            if self.rule_holds
            else "Here the rule loses."
        )
        told = f"{said(found)}{left_out(self.missing)}"
        return f"{rule_in_words(self.dataset, self.per_class)}\n{told}\n{said(verdict)}"


def rule_in_words(dataset: str, per_class: int) -> str:
    """Where a target stands, and what the rule says there."""
    size, likeness = quadrant(dataset, per_class)
    how = f"{'few' if size == 'small' else 'many'} and {likeness}"
    place = said(f"{dataset}, {per_class} images per class ({how}).")
    return f"{place}\n{said(f'Rule of the literature: {RULE[size, likeness]}.')}"


def left_out(missing: list[str]) -> str:
    """What was not measured yet, in words that follow a sentence; nothing if all was."""
    words = f"Not measured yet: {', '.join(missing)}."
    return f" {said(words)}" if missing else ""


@dataclass
class DecisionMap:
    """The measured map: every way at every size and similarity, several seeds.

    It may hold several networks, but a place is of one: ``of`` picks it.

    Attributes
    ----------
    rows : list of dict, one for each result and each stage that was tried
    image_size : height and width of the pictures, where the map's card says it
    """

    rows: list[dict]
    image_size: int | None = None
    _made_by = "tlkit.load_map() and tlkit.run_map() give one."

    @property
    def networks(self) -> list[str]:
        """The backbones that were measured."""
        return list(dict.fromkeys(row["backbone"] for row in self.rows))

    def of(self, backbone: str) -> "DecisionMap":
        """The part of the map that one backbone has."""
        checks.choose("network of this map", backbone, self.networks)
        return replace(self, rows=[row for row in self.rows if row["backbone"] == backbone])

    @property
    def datasets(self) -> list[str]:
        """The targets that were measured, from similar to very different."""
        found = {row["dataset"] for row in self.rows}
        return [name for stops in MAPS.values() for name in stops if name in found]

    @property
    def sizes(self) -> list[int]:
        """The images per class that were measured, of any target."""
        return sorted({row["per_class"] for row in self.rows})

    def sizes_of(self, dataset: str) -> list[int]:
        """The images per class that were measured of one target: a photo set has only so many."""
        return sorted({row["per_class"] for row in self.rows if row["dataset"] == dataset})

    def at(self, dataset: str, per_class: int) -> Comparison:
        """The ways at one place of the map.

        Raises
        ------
        ValueError
            If there is no such place, or the map holds several networks.
        """
        if len(self.networks) > 1:
            known = ", ".join(self.networks)
            raise ValueError(
                f"This map holds {len(self.networks)} networks ({known}), and a place is of one.\n"
                f"Choose it first: measured.of({self.networks[0]!r}).at(...)"
            )
        checks.choose("target dataset", dataset, dict.fromkeys(row["dataset"] for row in self.rows))
        checks.count("per_class", per_class, 1)
        rows = [row for row in self.rows if (row["dataset"], row["per_class"]) == (dataset, per_class)]
        if not rows:
            known = ", ".join(map(str, self.sizes_of(dataset)))
            raise ValueError(f"The map has no {per_class} images per class. It has: {known} of {dataset}.")
        return Comparison(rows)

    def missing(self, dataset: str, per_class: int) -> list[str]:
        """The ways that were not measured at this place yet."""
        found = self.at(dataset, per_class).ways
        return [way for way in CHOICES if way not in found]

    def ranking(self, dataset: str, per_class: int) -> list[str]:
        """The ways by their mean accuracy on val, the best first, over the draws that all of them have."""
        here = self.at(dataset, per_class)
        ways = [way for way in here.ways if way in CHOICES]
        chosen = [row for row in here.rows if row["chosen"]]
        shared = set.intersection(*({row["seed"] for row in chosen if row["way"] == way} for way in ways))

        def on_val(way: str) -> float:
            return float(np.mean([r["val_accuracy"] for r in chosen if r["way"] == way and r["seed"] in shared]))

        if not shared:
            raise ValueError(f"No draw of {dataset}, {per_class} images per class, has all ways that are there.")
        return sorted(ways, key=on_val, reverse=True)

    def recommend(self, dataset: str, per_class: int) -> Recommendation:
        """The rule, the winner, the margin between them and what each costs.

        The margin needs no correction for the ways that were tried: val chose the winner, and on
        test there is one look, at that one difference.

        Raises
        ------
        ValueError
            If there is no such place, or the rule's way, or any other to hold against it, was not measured there yet.
        """
        here, missing = self.at(dataset, per_class), self.missing(dataset, per_class)
        rule = RULE[quadrant(dataset, per_class)]
        if rule in missing or len(here.ways) < 2:
            raise ValueError(f"{rule_in_words(dataset, per_class)}{left_out(missing)}")
        winner, second, *_ = self.ranking(dataset, per_class)
        rival = rule if rule != winner else second
        return Recommendation(
            dataset,
            per_class,
            rule,
            winner,
            rival,
            here.difference(winner, rival),
            {way: here.accuracy(way) for way in here.ways},
            {way: float(np.median(here.values(way, "seconds"))) for way in here.ways},
            missing,
        )

    def stage_sweep(self, dataset: str, per_class: int) -> dict[str, np.ndarray]:
        """Test accuracy of a linear SVM on each stage, from early to late, one value a seed."""
        here = self.at(dataset, per_class)
        stages = dict.fromkeys(
            row["stage"] for row in here.rows if row["way"] == "earlier stage"
        )  # none: not measured yet
        return {stage: here.values("earlier stage", stage=stage) for stage in stages}

    def val_curves(self, dataset: str, per_class: int, way: str) -> np.ndarray:
        """Accuracy on val after each epoch, ``(seeds, epochs)``, of a way that trains a network."""
        curves = self.at(dataset, per_class).values(way, "val_curve")
        return np.array([[float(value) for value in curve.split()] for curve in curves])


def load_map(path: str | Path = "drawn") -> DecisionMap:
    """Read a map: ``"drawn"`` or ``"photos"``, which ship with the course, or a file that ``run_map`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not a map.
    """
    shipped = isinstance(path, str) and path in SHIPPED
    ledger = ledger_at(SHIPPED[path] if shipped else checks.path("path", path))
    return DecisionMap(ledger.read(), pixels_of(ledger.card()))


def pixels_of(card: Mapping[str, object]) -> int | None:
    """How wide the pictures of a map were, where its card says it."""
    return card.get("image_size", card.get("image_size_drawn"))


def boards_of(maps: Iterable[DecisionMap] | None = None) -> dict[tuple[str, str], DecisionMap]:
    """Maps as they are shown, one world and one network at a time: a dict from ``("photos", network)``.

    Without ``maps`` those that ship with the course.
    """
    if maps is None:
        maps = [load_map(world) for world, path in SHIPPED.items() if path.exists()]
    boards = {}
    for measured in checks.several("measured", maps, "maps"):
        checks.instance("a map (measured)", measured, DecisionMap)
        for network in measured.networks:
            rows = measured.of(network).rows
            for world in MAPS:
                if part := [row for row in rows if world_of(row["dataset"]) == world]:
                    boards[world, network] = replace(measured, rows=part)
    return boards
