"""The decision map: what the literature's rule says for a size and a similarity, and what was measured there."""

import csv
import datetime
import io
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from tlkit import checks
from tlkit.backbones import WEIGHTS, pick_device
from tlkit.cache import write_atomically
from tlkit.cards import read_card, write_card
from tlkit.comparison import Comparison, points, result_rows
from tlkit.data import load_dataset, recipe
from tlkit.intervals import Interval, mean_interval
from tlkit.results import Result
from tlkit.ways import WAYS
from tlkit.world import OFFLINE_DATASETS

__all__ = ["RULE", "DecisionMap", "Recommendation", "load_map", "quadrant", "recompute", "run_map"]

SHIPPED = Path(__file__).parents[1] / "datasets" / "decision_map.csv"
STOPS = tuple(name for name, world in OFFLINE_DATASETS.items() if world.similarity)
PER_CLASS = (5, 20, 100, 300)
SMALL, SIMILAR = 20, 2  # at most so many images a class are few; stops up to here are similar

# Which way the CS231n notes, and many courses after them, advise in each quadrant.
RULE = {
    ("small", "similar"): "probe",
    ("small", "different"): "earlier stage",
    ("large", "similar"): "fine-tuning",
    ("large", "different"): "pretrained start",
}
_TEXT = ("dataset", "way", "stage", "val_curve")
_REAL = ("val_accuracy", "accuracy", "seconds")
COLUMNS = (
    "dataset",
    "similarity",
    "per_class",
    "way",
    "stage",
    "seed",
    "chosen",
    "val_accuracy",
    "accuracy",
    "seconds",
    "epochs",
    "trained_parameters",
    "val_curve",
)


def quadrant(dataset: str, per_class: int) -> tuple[str, str]:
    """``("small" or "large", "similar" or "different")``: where a target stands on the map."""
    checks.choose("target dataset", dataset, STOPS)
    size = "small" if checks.count("per_class", per_class, 1) <= SMALL else "large"
    return size, "similar" if OFFLINE_DATASETS[dataset].similarity <= SIMILAR else "different"


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
        return self.winner == self.rule or self.margin.low <= 0

    def __str__(self) -> str:
        size, likeness = quadrant(self.dataset, self.per_class)
        how = f"{'few' if size == 'small' else 'many'} and {likeness}"
        cost = f"{self.winner} {self.seconds[self.winner]:.1f} s, {self.rival} {self.seconds[self.rival]:.1f} s"
        found = f"{self.winner} is best on val; on test {points(self.margin)}, against {self.rival} ({cost})."
        verdict = (
            "The rule holds."
            if self.winner == self.rule
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
        """The rule, the winner, the margin between them and what each costs."""
        here = self.at(dataset, per_class)
        rule = RULE[quadrant(dataset, per_class)]
        # Val chooses the winner, so that its margin on test is an honest one.
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
            {way: mean_interval(here.values(way)) for way in here.ways},
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


def load_map(path: str | Path = SHIPPED) -> DecisionMap:
    """Read a map: the one that ships with the course, or one that ``run_map`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not a map.
    """
    return DecisionMap([dict(row) for row in _read_rows(Path(path))])


@cache
def _parse(text: str) -> list[dict]:
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        kinds = {c: str if c in _TEXT else float if c in _REAL else int for c in COLUMNS}
        rows.append({column: kind(row[column]) for column, kind in kinds.items()})
    return rows


def _read_rows(path: Path) -> list[dict]:
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"There is no map at {path}. Make one: python -m tlkit map --out {path}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a decision map: {error}. Its columns are: {', '.join(COLUMNS)}.") from error


# ---------------------------------------------------------------------------- measuring it


def recompute(dataset: str, per_class: int, way: str, seed: int = 0, device: str = "auto", **settings) -> Result:
    """Run one cell of the map again, now and here; ``watch`` in ``settings`` follows its training."""
    checks.choose("target dataset", dataset, STOPS)
    checks.choose("way", way, WAYS)
    return WAYS[way](load_dataset(dataset, per_class, seed), seed=seed, device=device, **settings)


def run_map(
    out: str | Path = SHIPPED,
    datasets: Sequence[str] = STOPS,
    per_class: Sequence[int] = PER_CLASS,
    ways: Sequence[str] = tuple(WAYS),
    seeds: int = 5,
    jobs: int = 1,
    device: str = "auto",
) -> DecisionMap:
    """Measure the map and write it as a CSV file with a card beside it.

    The file is written after every result, so an interrupt loses only what was being computed:
    the same call goes on from there.

    Parameters
    ----------
    out : path of the CSV file
    datasets, per_class, ways : what to measure
    seeds : how many draws of each
    jobs : int
        Results computed at once, each on one core; 1 uses all cores, or the GPU, for one after
        another.
    device : str

    Raises
    ------
    ValueError
        For an unknown name or a number out of range, or if ``out`` was made with another
        generator or other weights, or is being written by another run.
    """
    for dataset in datasets:
        checks.choose("target dataset", dataset, STOPS)
        for size in per_class:
            checks.count("per_class", size, 1, OFFLINE_DATASETS[dataset].largest)
    for way in ways:
        checks.choose("way", way, WAYS)
    checks.count("seeds", seeds, 1)
    checks.count("jobs", jobs, 1)
    where, out = pick_device(device), Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(out):
        rows = _begin(out, where.type, jobs)
        done = {(row["seed"], row["dataset"], row["per_class"], row["way"]) for row in rows}
        tasks = [
            (seed, name, size, way)
            for seed in range(seeds)
            for name in datasets
            for size in per_class
            for way in ways
            if (seed, name, size, way) not in done
        ]
        if not tasks:
            print(f"All of it is in {out} already. To measure it anew, give another --out.")
        bar = tqdm(total=len(tasks) + len(done), initial=len(done), desc="decision map", unit="result")
        workers = Parallel(n_jobs=jobs, return_as="generator_unordered")
        for new in workers(delayed(_measure)(*task, str(where), jobs) for task in tasks):
            rows = sorted(
                rows + new, key=lambda r: (r["similarity"], r["per_class"], list(WAYS).index(r["way"]), r["seed"])
            )
            write_atomically(out, lambda part, rows=rows: _write_rows(part, rows))
            bar.set_postfix_str("{dataset} {per_class} {way}".format(**new[0]))
            bar.update()
        bar.close()
    return DecisionMap(rows)


def _measure(seed: int, dataset: str, per_class: int, way: str, device: str, jobs: int) -> list[dict]:
    if jobs > 1:
        torch.set_num_threads(1)
    return result_rows(recompute(dataset, per_class, way, seed, device))


def _only_writer(out: Path) -> AbstractContextManager:
    lock = FileLock(out.with_suffix(".lock"))
    try:
        return lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(f"Another run is writing to {out}. Wait for it, or give another --out.") from error


def _begin(out: Path, device: str, jobs: int) -> list[dict]:
    """The rows that are there already; writes the card of a new map, refuses to mix two kinds of map."""
    card_path = out.with_suffix(".toml")
    made_from = {"world": recipe(), "weights": read_card(WEIGHTS / "minivgg.toml")["sha256"]}
    if out.exists():
        card = read_card(card_path)
        if any(card.get(key) != value for key, value in made_from.items()):
            raise ValueError(
                f"{out} was measured on other pictures or other weights. Delete it, or give another --out."
            )
        return list(_read_rows(out))
    cores = f"{os.cpu_count()} CPU cores, {platform.machine()}"
    card = made_from | {
        "what": "Test accuracy of five ways to transfer, by dataset size and similarity",
        "command": "python -m tlkit " + " ".join(sys.argv[1:]) if sys.argv[1:2] == ["map"] else "tlkit.run_map(...)",
        "date": datetime.date.today().isoformat(),
        "machine": f"{cores}; computed on {device}, {'one core a result' if jobs > 1 else 'all of it for each result'}",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}",
        "licence": "CC BY 4.0",
    }
    write_atomically(card_path, lambda part: part.write_text(write_card(card), encoding="utf-8"))
    return []


def _write_rows(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
