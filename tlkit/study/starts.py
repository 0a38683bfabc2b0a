"""Is it the features, or only their scale? Networks that differ in nothing but their start (lesson 05).

==========================  ==========================================================================
``pretrained``              the weights of the source
``scaled``                  random, with the mean and spread of each tensor of the source; BatchNorm anew
``scaled with BatchNorm``   the same, but scale, bias and statistics of BatchNorm are the source's
``random``                  random, as in training from scratch
==========================  ==========================================================================

The second is the *Mean Var init* of Raghu et al. (2019), *stats transfer* in Matsoukas et al. (2022). All get the
same pictures in the same order, the same random head, as many epochs and one rate. What is trained may be all of it,
the head alone, or the head with the scale and bias of BatchNorm (Frankle et al. 2021; lesson 04).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from torch import nn

from tlkit import checks
from tlkit.course import COURSE
from tlkit.data.photos import copy_of
from tlkit.data.splits import load_dataset, painter_version
from tlkit.disk.cache import digest
from tlkit.intervals import Interval, student
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.freezing import freeze
from tlkit.nets.scales import rescaled
from tlkit.nets.settings import BATCH, settings_of
from tlkit.study.ledger import Ledger, facts, machine_here
from tlkit.study.places import STOPS
from tlkit.study.tasks import at_once
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.training import train_network
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["STARTS", "Starts", "load_starts", "run_starts", "share_of_gain"]

SHIPPED = {name: COURSE / "datasets" / f"{name}.csv" for name in ("starts", "starts_norms", "starts_photos")}
STARTS = ("pretrained", "scaled", "scaled with BatchNorm", "random")
TRAINED = ("all", "BatchNorm", "head")
NORM_RATE = 0.03  # of BatchNorm's scale and bias; chosen on val of flowers at 20 a class, minivgg, seeds 100 to 102
_WHAT = "Accuracy of networks that were trained alike from four starts, as in Raghu et al. (2019)"
COLUMNS = {
    "dataset": str,
    "per_class": int,
    "start": str,
    "trained": str,
    "seed": int,
    "accuracy": float,
    "val_curve": str,
}


def start_network(start: str, backbone: Backbone, classes: int, seed: int = 0) -> Backbone:
    """A new network of one of ``STARTS``, by its name, under a random head; ``backbone`` stays as it is."""
    checks.choose("start", start, STARTS)
    network = load_backbone(backbone.name, pretrained=False, seed=seed, device=str(backbone.device))
    if start != "random":
        network.stages.load_state_dict(backbone.stages.state_dict())
    if start.startswith("scaled"):
        rescaled(network, seed, keep_norms=start != "scaled")
    return network.new_head(classes, seed)


def trained_groups(network: Backbone, trained: str, rate: float, head_rate: float) -> list[dict]:
    """Freeze what is not one of ``TRAINED``; returns parameter groups of the rest, as an optimizer takes them."""
    head = {"params": list(network.head.parameters()), "lr": head_rate}
    if checks.choose("part to train", trained, TRAINED) == "all":
        return [{"params": list(network.parameters()), "lr": rate}]
    if trained == "head":
        freeze(network)
        return [head]
    network.stages.requires_grad_(False)
    norms = [p for layer in network.modules() if isinstance(layer, nn.BatchNorm2d) for p in layer.parameters()]
    for parameter in norms:
        parameter.requires_grad_(True)
    return [head, {"params": norms, "lr": NORM_RATE}]


# ------------------------------------------------------------------------------------ the survey


def run_starts(
    out: str | Path = SHIPPED["starts"].name,
    backbone: str = "minivgg",
    datasets: Sequence[str] = tuple(STOPS),
    per_class: Sequence[int] = (20,),
    trained: Sequence[str] = ("all",),
    seeds: int = 3,
    epochs: int = 8,
    image_size: int | None = None,
    weights: str | Path | None = None,
    jobs: int = 1,
    device: str = "auto",
) -> "Starts":
    """Train the same network from every start, all else alike, and write a CSV file with a card.

    The rates are the family's. A small set goes through an epoch as often as its card wants for so many epochs.
    A backbone without BatchNorm has three starts. After an interrupt the same call goes on.

    Parameters
    ----------
    out : path of the CSV file, by default in the current folder; a file belongs to one backbone and one image size
    backbone : str
    datasets, per_class : what to measure
    trained : some of ``TRAINED``; what is less than all is trained from pretrained and from random weights
    seeds : how many draws of each
    epochs : of every training
    image_size : int, optional
    weights : path of a file of weights, in place of the usual ones: see ``load_backbone``
    jobs : networks trained at once, each on one core; with 1, one after another on all cores or the GPU
    device : "auto" or a torch device

    Raises
    ------
    ValueError
        For an unknown name or a number out of range; or if ``out`` was made with other pictures, weights or settings,
        or is being written by another run.
    """
    for name, value in {"seeds": seeds, "jobs": jobs, "epochs": epochs}.items():
        checks.count(name, value, 1)
    for part in trained:
        checks.choose("part to train", part, TRAINED)
    device = str(pick_device(device))
    crew = at_once(jobs)
    source = load_backbone(backbone, device="cpu", weights=weights)

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        tasks = (partial(_measure, *cell, backbone, epochs, image_size, weights, device) for cell in missing)
        return crew(tasks)

    has_norms = any(isinstance(layer, nn.BatchNorm2d) for layer in source.modules())
    starts = [start for start in STARTS if has_norms or "BatchNorm" not in start]
    cells = [
        (dataset, count, start, part, seed)
        for seed, count, dataset, part, start in product(range(seeds), per_class, datasets, trained, starts)
        if part == "all" or not start.startswith("scaled")
    ]
    asked = f"--backbone {backbone} --datasets {' '.join(datasets)} --per-class {' '.join(map(str, per_class))}"
    asked += f" --trained {' '.join(trained)} --seeds {seeds} --epochs {epochs}"
    asked += f" --image-size {image_size}" * (image_size is not None) + " --weights FILE" * (weights is not None)
    about = facts(_WHAT, f"python -m tlkit starts {asked}", machine_here(f"computed on {device}, {jobs} at once"))
    made_from = _made_from(source, datasets, epochs, image_size)
    return Starts(_ledger_at(checks.path("out", out)).fill(cells, run, made_from, about))


def _measure(
    dataset: str,
    per_class: int,
    start: str,
    trained: str,
    seed: int,
    backbone: str,
    epochs: int,
    image_size: int | None,
    weights: str | Path | None,
    device: str,
) -> list[dict]:
    """One training; nothing is chosen, so val is only watched, and test is opened once."""
    split, card = load_dataset(dataset, per_class, seed, image_size), settings_of(backbone)
    source = load_backbone(backbone, device=device, weights=weights)
    network = start_network(start, source, len(split.class_names), seed)
    passes = card.passes(len(split.train), epochs)
    groups = trained_groups(network, trained, card.full_rate, card.head_rate)
    common = dict(batch_size=BATCH, seed=seed, passes=passes, groups=groups, desc=f"{dataset}, {start}, {trained}")
    history = train_network(network, split.train, split.val, epochs, **common)
    curve = " ".join(f"{value:.4f}" for value in history.val_accuracy)
    values = dataset, per_class, start, trained, seed, round(accuracy(network, split.test), 4), curve
    return [dict(zip(COLUMNS, values))]


def _ledger_at(path: Path) -> Ledger:
    def order(row: dict) -> tuple:
        drawn = OFFLINE_DATASETS.get(row["dataset"])
        similarity = drawn.similarity if drawn else 0
        place = TRAINED.index(row["trained"]), STARTS.index(row["start"])
        return similarity, row["dataset"], row["per_class"], *place, row["seed"]

    cell = ("dataset", "per_class", "start", "trained", "seed")
    return Ledger(path, COLUMNS, cell, order, "table of starts", "python -m tlkit starts")


def _made_from(
    source: Backbone, datasets: Sequence[str], epochs: int, image_size: int | None
) -> dict[str, str | int | float]:
    """What a row depends on besides its cell."""
    card = settings_of(source.name)
    pictures = {
        f"pictures_{name}": painter_version(name) if name in OFFLINE_DATASETS else copy_of(name)["blake2b"]
        for name in datasets
    }
    made = {"backbone": source.name, "weights": digest(*source.state_dict().values()), "image_size": image_size or 0}
    rates = {"full_rate": card.full_rate, "head_rate": card.head_rate, "norm_rate": NORM_RATE}
    settings = {"epochs": epochs, "least_steps": card.least_steps, **rates}
    return {**made, **pictures, **settings}


# ------------------------------------------------------------------------------------ what was measured


@dataclass
class Starts:
    """What was measured: one row for each target, size, start and seed."""

    rows: list[dict]

    @property
    def places(self) -> list[tuple[str, int]]:
        """Targets and images per class, in the order of the file: drawn ones from similar to very different."""
        return list(dict.fromkeys((row["dataset"], row["per_class"]) for row in self.rows))

    def accuracies(self, dataset: str, start: str, trained: str = "all", per_class: int = 20) -> np.ndarray:
        """Accuracy on test, ``(seeds,)``."""
        return np.array([row["accuracy"] for row in self._of(dataset, start, trained, per_class)])

    def curves(self, dataset: str, start: str, trained: str = "all", per_class: int = 20) -> np.ndarray:
        """Accuracy on val after each epoch, ``(seeds, epochs)``."""
        rows = self._of(dataset, start, trained, per_class)
        return np.array([[float(value) for value in row["val_curve"].split()] for row in rows])

    def _of(self, dataset: str, start: str, trained: str, per_class: int) -> list[dict]:
        checks.choose("start", start, STARTS)
        wanted = dataset, per_class, start, checks.choose("part to train", trained, TRAINED)
        names = "dataset", "per_class", "start", "trained"
        rows = [row for row in self.rows if tuple(row[name] for name in names) == wanted]
        if not rows:
            places = ", ".join(f"{name} at {count}" for name, count in self.places)
            raise ValueError(f"{start}, {trained}: {dataset} at {per_class} was not measured. What was: {places}.")
        return sorted(rows, key=lambda row: row["seed"])


def share_of_gain(part: Sequence[float], whole: Sequence[float]) -> Interval:
    """The mean of one difference as a share of the mean of another, paired by draw, with its 95 % interval.

    The interval of a ratio by Fieller (1954): every share for which ``part - share * whole`` is inside the noise.
    Where the whole is not clear of the noise itself, no share can be said: ``low`` and ``high`` are NaN.
    """
    part, whole = checks.numbers("part", part), checks.numbers("whole", whole)
    checks.same_length("part", len(part), "whole", len(whole))
    cov = np.cov(part, whole) / len(part) * student(0.975, len(part) - 1) ** 2
    a, b, c = whole.mean() ** 2 - cov[1, 1], part.mean() * whole.mean() - cov[0, 1], part.mean() ** 2 - cov[0, 0]
    mean = float(part.mean() / whole.mean()) if whole.mean() else float("nan")
    if a <= 0:
        return Interval(mean, float("nan"), float("nan"))
    half = float(np.sqrt(max(0.0, b * b - a * c)))
    return Interval(mean, float(b - half) / float(a), float(b + half) / float(a))


def load_starts(path: str | Path = "starts") -> Starts:
    """Read a table: one of those that ship with the course, or a file that ``run_starts`` wrote.

    ``"starts"`` has the drawn targets, ``"starts_norms"`` two of them with only BatchNorm or only the head trained,
    ``"starts_photos"`` real targets with a network that has no BatchNorm.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    shipped = isinstance(path, str) and path in SHIPPED
    return Starts(_ledger_at(SHIPPED[path] if shipped else checks.path("path", path)).read())
