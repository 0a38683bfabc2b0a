"""The table of evidence: every score at every place and seed of the maps, measured, kept and read."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path

from tlkit import checks
from tlkit.course import COURSE
from tlkit.nets.backbones import check_backbone
from tlkit.nets.devices import pick_device
from tlkit.study.decision import PER_CLASS, PHOTOS_PER_CLASS
from tlkit.study.evidence import h_score, logme, looked_at, nearest_neighbours, similarity, stage_sweep
from tlkit.study.ledger import Ledger, facts, machine_here
from tlkit.study.places import MAPS, RANK
from tlkit.study.survey import Kit
from tlkit.study.tasks import at_once
from tlkit.transfer.features import FEATURES

__all__ = ["EvidenceTable", "run_evidence"]

SHIPPED = COURSE / "datasets" / "evidence.csv"
_WHAT = "Scores of frozen features, measured before any training at every place of the maps"
_COLUMNS = {
    "backbone": str,
    "dataset": str,
    "per_class": int,
    "seed": int,
    "score": str,
    "stage": str,
    "value": float,
    "seconds": float,
}
SCORES = ("stage sweep", "neighbours", "LogME", "H-score", "confidence")
_OF_CODES: dict[str, Callable] = {"neighbours": nearest_neighbours, "LogME": logme, "H-score": h_score}


def run_evidence(
    out: str | Path = SHIPPED.name,
    backbone: str = "minivgg",
    datasets: Sequence[str] | None = None,
    per_class: Sequence[int] | None = None,
    seeds: int = 5,
    weights: str | Path | None = None,
    jobs: int = 1,
    device: str = "auto",
) -> "EvidenceTable":
    """Measure the scores of ``tlkit.study.evidence`` where the maps were measured; write a CSV file with a card.

    The file is written after every place and seed: after an interrupt the same call goes on. Another backbone adds
    its rows to the same file. The pictures have the maps' own sizes. The parameters, and what is raised, are those
    of ``run_map``.
    """
    world = "drawn" if backbone == "minivgg" else "photos"
    datasets = MAPS[world] if datasets is None else datasets
    per_class = (PER_CLASS if world == "drawn" else PHOTOS_PER_CLASS) if per_class is None else per_class
    check_backbone(backbone)
    checks.count("jobs", jobs, 1)
    kit = Kit(backbone, None, weights, str(pick_device(device)))
    places = kit.places(datasets, per_class)
    cells = [(backbone, *place, seed) for seed, place in product(range(checks.count("seeds", seeds, 1)), places)]
    crew = at_once(jobs)

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        return crew(partial(_measure, *cell[1:], kit) for cell in missing)

    # How networks are trained changes no feature.
    made_from = {name: told for name, told in kit.made_from(datasets).items() if not name.startswith("settings_")}
    command = "python -m tlkit evidence --backbone NAME, for each network in the table"
    about = facts(_WHAT, command, machine_here(f"computed on {kit.device}, {jobs} at once"))
    ledger = _ledger_at(checks.path("out", out))
    return EvidenceTable(ledger.fill(cells, run, made_from | {"features": FEATURES}, about))


def _measure(dataset: str, per_class: int, seed: int, kit: Kit) -> list[dict]:
    """The rows of one place and seed; the features count towards every stage of the sweep."""
    split, network = kit.split(dataset, per_class, seed), kit.network()
    features, y, groups, spent = looked_at(split, network)
    codes = features[network.code_stage]
    found: list[tuple[str, str, float, float]] = [("features", "", len(y), spent)]
    for stage, rows in features.items():
        swept, seconds = _timed(stage_sweep, {stage: rows}, y, groups)
        found.append(("stage sweep", stage, swept[stage], seconds))
    for name, score in _OF_CODES.items():
        apart = {"groups": groups} if score is nearest_neighbours else {}
        found.append((name, network.code_stage, *_timed(partial(score, **apart), codes, y)))
    found.append(("confidence", "", *_timed(similarity, split, network, kit.device)))
    place = (kit.backbone, dataset, per_class, seed)
    return [
        dict(zip(_COLUMNS, (*place, name, stage, round(value, 5), round(seconds, 3))))
        for name, stage, value, seconds in found
    ]


def _timed(score: Callable, *arguments: object) -> tuple:
    start = time.perf_counter()
    return score(*arguments), time.perf_counter() - start


def _ledger_at(path: Path) -> Ledger:
    scores = ("features", *SCORES)

    def order(row: dict) -> tuple:
        place = row["backbone"], RANK[row["dataset"]], row["dataset"], row["per_class"], row["seed"]
        return *place, scores.index(row["score"])  # stages stay as they came, from early to late

    joins = ("pictures_", "weights", "image_size", "world")
    cell = ("backbone", "dataset", "per_class", "seed")
    return Ledger(path, _COLUMNS, cell, order, "table of evidence", "python -m tlkit evidence", joins)


@dataclass
class EvidenceTable:
    """What was measured: a row for each score, and for each stage of the sweep, at each place and seed."""

    rows: list[dict]

    def at(self, backbone: str, dataset: str, per_class: int) -> dict[int, dict]:
        """What was seen at one place, by seed: ``"stages"`` (stage to accuracy, from early to late) and each score.

        ``"spent"`` has the seconds of each, and of the features. Empty for a place that was not measured.
        """
        found: dict[int, dict] = {}
        for row in self._by_place.get((backbone, dataset, per_class), ()):
            seen = found.setdefault(row["seed"], {"stages": {}, "spent": {}})
            if row["score"] == "stage sweep":
                seen["stages"][row["stage"]] = row["value"]
            else:
                seen[row["score"]] = row["value"]
            seen["spent"][row["score"]] = seen["spent"].get(row["score"], 0.0) + row["seconds"]
        return found

    @cached_property
    def _by_place(self) -> dict[tuple, list[dict]]:
        places: dict[tuple, list[dict]] = {}
        for row in self.rows:
            places.setdefault((row["backbone"], row["dataset"], row["per_class"]), []).append(row)
        return places


def load_evidence(path: str | Path = SHIPPED) -> EvidenceTable:
    """Read what ships with the course, or what ``run_evidence`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    return EvidenceTable(_ledger_at(checks.path("path", path)).read())
