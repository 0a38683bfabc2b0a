"""The decision map: what the literature's rule says for a size and a similarity, and what was measured there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlkit import checks
from tlkit.course import COURSE
from tlkit.intervals import Interval, points
from tlkit.study.comparison import Comparison
from tlkit.study.ledger import Ledger
from tlkit.study.places import RULE, quadrant
from tlkit.transfer.ways import WAYS

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
    """

    dataset: str
    per_class: int
    rule: str
    winner: str
    rival: str
    margin: Interval
    accuracy: dict[str, Interval]
    seconds: dict[str, float]

    @property
    def rule_holds(self) -> bool:
        """Whether the way that val chose does not beat the rule's by more than the noise."""
        return self.winner == self.rule or not self.margin.low > 0  # NaN: no interval

    def __str__(self) -> str:
        size, likeness = quadrant(self.dataset, self.per_class)
        how = f"{'few' if size == 'small' else 'many'} and {likeness}"
        cost = f"{self.winner} {self.seconds[self.winner]:.1f} s, {self.rival} {self.seconds[self.rival]:.1f} s"
        found = f"{self.winner} is best on val; on test {points(self.margin)}, against {self.rival} ({cost})."
        verdict = (
            "The rule holds."
            if self.winner == self.rule
            else "Whether the rule holds, these draws do not say."
            if not self.margin.known
            else "The rule holds within the noise."
            if self.rule_holds
            else "Here the rule loses."
        )
        return (
            f"{self.dataset}, {self.per_class} images per class ({how}).\n"
            f"Rule of the literature: {self.rule}.\nMeasured: {found}\n{verdict}"
        )


@dataclass
class DecisionMap:
    """The measured map: every way at every size and similarity, several seeds."""

    rows: list[dict]

    @property
    def sizes(self) -> list[int]:
        """The images per class that were measured."""
        return sorted({row["per_class"] for row in self.rows})

    def at(self, dataset: str, per_class: int) -> Comparison:
        """The ways at one place of the map."""
        checks.choose("target dataset", dataset, dict.fromkeys(row["dataset"] for row in self.rows))
        rows = [row for row in self.rows if (row["dataset"], row["per_class"]) == (dataset, per_class)]
        if not rows:
            raise ValueError(f"The map has no {per_class} images per class. It has: {', '.join(map(str, self.sizes))}.")
        return Comparison(rows)

    def recommend(self, dataset: str, per_class: int) -> Recommendation:
        """The rule, the winner, the margin between them and what each costs.

        The margin needs no correction for the ways that were tried: val chose the winner, and on
        test there is one look, at that one difference.
        """
        here = self.at(dataset, per_class)
        rule = RULE[quadrant(dataset, per_class)]
        ranked = sorted(here.ways, key=lambda way: -here.values(way, "val_accuracy").mean())
        winner = ranked[0]
        rival = rule if rule != winner else ranked[1]
        return Recommendation(
            dataset,
            per_class,
            rule,
            winner,
            rival,
            here.difference(winner, rival),
            {way: here.accuracy(way) for way in here.ways},
            {way: float(np.median(here.values(way, "seconds"))) for way in here.ways},
        )

    def stage_sweep(self, dataset: str, per_class: int) -> dict[str, np.ndarray]:
        """Test accuracy of a linear SVM on each stage, from early to late, one value a seed."""
        here = self.at(dataset, per_class)
        stages = dict.fromkeys(row["stage"] for row in here.rows if row["way"] == "earlier stage")
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
    return DecisionMap(ledger_at(Path(SHIPPED.get(path, path))).read())
