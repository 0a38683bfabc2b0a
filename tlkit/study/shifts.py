"""Who stands a shift? The same trainings on the usual test set and on shifted ones: measured, kept and read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from tlkit import checks
from tlkit.course import COURSE
from tlkit.data.photos import copy_of
from tlkit.data.shifts import SHIFTS, shifted, shifts_of
from tlkit.data.splits import Split, load_dataset, painter_version
from tlkit.disk.cache import digest
from tlkit.intervals import Interval, accuracy_interval, if_enough, mean_interval
from tlkit.nets.averaging import average_weights
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.freezing import parameter_groups, unfreeze
from tlkit.nets.settings import BATCH, settings_of
from tlkit.study.ledger import Ledger, Row, facts, machine_here
from tlkit.study.tasks import at_once
from tlkit.transfer.network_ways import default_epochs, pretrained_start, two_phase
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.starts import network_for
from tlkit.transfer.training import train_network
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["ShiftTable", "load_shifts", "run_shifts"]

SHIPPED = COURSE / "datasets" / "shifts.csv"
_WHAT = "Accuracy of networks trained on the usual pictures, on val, on the usual test set and on shifted ones"
NETWORKS = ("head alone", "all at once", "at once, small steps", "head first")
BEFORE, AFTER = "head alone", "head first"  # of these two there are averages
SHARES = (0.25, 0.5, 0.75)  # of the second; 0 and 1 are the two themselves
PARTS = ("val", "usual", *SHIFTS)
COLUMNS = {
    "backbone": str,
    "dataset": str,
    "seed": int,
    "network": str,
    "share": float,
    "part": str,
    "accuracy": float,
}


# ------------------------------------------------------------------------------------ one draw


def train_networks(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> dict[str, Backbone]:
    """The four networks of a draw.

    The head alone is what the first phase of fine-tuning leaves: the backbone is as it was. All at once is a
    pretrained start: a new head, and large steps for every weight. Head first is fine-tuning in two phases, with small
    steps for the stages. It differs from all at once in two things, so the fourth has small steps, and no first phase.
    """
    fine_tuned = partial(two_phase, split, backbone, split.seed, device=device)
    found = (
        fine_tuned(unfreeze_last=0).network,
        pretrained_start(split, backbone, split.seed, device=device).network,
        _at_once_in_small_steps(split, backbone, device),
        fine_tuned().network,
    )
    return dict(zip(NETWORKS, found))


def _at_once_in_small_steps(split: Split, backbone: str | Backbone, device: str) -> Backbone:
    """The second phase of fine-tuning, under a head that had no first one."""
    network = unfreeze(network_for(backbone, device))
    card, epochs = settings_of(network.name), default_epochs(split.per_class)
    network.fixed_statistics = card.fixed_statistics
    network.new_head(len(split.class_names), None if card.zero_head else split.seed)
    train_network(
        network,
        split.train,
        None,
        epochs,
        groups=parameter_groups(network, card.head_rate, card.backbone_factor),
        batch_size=BATCH,
        seed=split.seed,
        passes=card.passes(len(split.train), epochs),
    )
    return network


def measure_draw(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> list[Row]:
    """Every network of a draw, and the averages of their weights, on every part: rows of the table.

    Nothing is chosen here: val is kept so that a reader can choose by it.
    """
    networks = train_networks(split, backbone, device)
    scored = {(name, 1.0): network for name, network in networks.items()}
    for share in SHARES:
        scored["average", share] = average_weights(networks[BEFORE], networks[AFTER], share)
    parts = {"val": split.val, "usual": split.test} | {name: shifted(split, name) for name in shifts_of(split)}
    about = (networks[BEFORE].name, split.name, split.seed)
    return [
        dict(zip(COLUMNS, (*about, *key, part, round(accuracy(network, pictures), 4))))
        for key, network in scored.items()
        for part, pictures in parts.items()
    ]


# ------------------------------------------------------------------------------------ the survey


def run_shifts(
    out: str | Path = SHIPPED.name,
    backbone: str = "minivgg",
    datasets: Sequence[str] = ("flowers", "herbarium"),
    per_class: int = 20,
    seeds: int = 5,
    image_size: int | None = None,
    weights: str | Path | None = None,
    jobs: int = 1,
    device: str = "auto",
) -> "ShiftTable":
    """Train on the usual pictures, score on the usual test set and on shifted ones, and write a CSV file with a card.

    The file is written after every draw: after an interrupt the same call goes on from there. Several backbones, and
    drawn pictures and photos, go into one file.

    Parameters
    ----------
    out : path of the CSV file, by default in the current folder
    backbone : str
    datasets : what to measure, drawn or fetched
    per_class, seeds : images of each class, and how many draws
    image_size : int, optional
    weights : path of a file of weights, in place of the usual ones: see ``load_backbone``
    jobs : draws at once, each on one core; with 1, one after another on all cores or the GPU
    device : "auto" or a torch device

    Raises
    ------
    ValueError
        For an unknown name or a number out of range; or if ``out`` was made with other pictures, weights or settings,
        or is being written by another run.
    """
    checks.count("seeds", seeds, 1)
    checks.count("jobs", jobs, 1)
    device = str(pick_device(device))
    made_from = _made_from(backbone, datasets, per_class, image_size, weights)
    crew = at_once(jobs)

    def run(missing: list[tuple]) -> Iterator[list[Row]]:
        tasks = (partial(_measure, *cell, per_class, image_size, weights, device) for cell in missing)
        return crew(tasks)

    cells = [(backbone, dataset, seed) for seed, dataset in product(range(seeds), datasets)]
    command = "python -m tlkit shifts, with --backbone, --datasets and --image-size for photos"
    about = facts(_WHAT, command, machine_here(f"computed on {device}, {jobs} at once"))
    return ShiftTable(_ledger_at(checks.path("out", out)).fill(cells, run, made_from, about))


def _measure(
    backbone: str,
    dataset: str,
    seed: int,
    per_class: int,
    image_size: int | None,
    weights: str | Path | None,
    device: str,
) -> list[Row]:
    network = load_backbone(backbone, device=device, weights=weights)
    return measure_draw(load_dataset(dataset, per_class, seed, image_size), network, device)


def _ledger_at(path: Path) -> Ledger:
    networks = (*NETWORKS, "average")

    def order(row: Row) -> tuple:
        drawn = OFFLINE_DATASETS.get(row["dataset"])
        place = networks.index(row["network"]), row["share"], PARTS.index(row["part"])
        return row["backbone"], (drawn.similarity if drawn else 0), row["dataset"], row["seed"], *place

    cell = ("backbone", "dataset", "seed")
    joins = ("weights_", "settings_", "pictures_", "image_size_")
    return Ledger(path, COLUMNS, cell, order, "table of shifts", "python -m tlkit shifts", joins)


def _made_from(
    backbone: str, datasets: Sequence[str], per_class: int, image_size: int | None, weights: str | Path | None
) -> dict[str, str | int]:
    """What a row depends on besides its cell."""
    state = load_backbone(backbone, device="cpu", weights=weights).state_dict()
    about: dict[str, str | int] = {"per_class": checks.count("per_class", per_class, 1)}
    about |= {f"weights_{backbone}": digest(*state.values()), f"settings_{backbone}": str(settings_of(backbone))}
    for name in datasets:
        drawn = name in OFFLINE_DATASETS
        about[f"image_size_{name}"] = image_size or 0
        about[f"pictures_{name}"] = painter_version(name) if drawn else copy_of(name)["blake2b"]
    return about


# ------------------------------------------------------------------------------------ what was measured


@dataclass
class ShiftTable:
    """What was measured: one row for each draw, network, share of an average, and part."""

    rows: list[Row]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Backbone and dataset, in the order of the file."""
        return list(dict.fromkeys((row["backbone"], row["dataset"]) for row in self.rows))

    def shifts(self, dataset: str) -> list[str]:
        """The shifts that were measured on a dataset, in the order of ``SHIFTS``."""
        found = {row["part"] for row in self.rows if row["dataset"] == dataset}
        return [name for name in SHIFTS if name in found]

    def values(self, dataset: str, network: str, part: str, share: float = 1.0) -> np.ndarray:
        """Accuracy, one value a seed, in the order of the seeds.

        ``share`` is for the average: 0 is the head alone, 1 the network after fine-tuning. ``part`` is
        ``"val"``, ``"usual"``, a shift, or ``"shifted"``, the mean of all shifts of the dataset.
        """
        checks.choose("dataset", dataset, [name for _, name in self.places])
        checks.choose("network", network, (*NETWORKS, "average"))
        if part == "shifted":
            return np.mean([self.values(dataset, network, each, share) for each in self.shifts(dataset)], axis=0)
        checks.choose("part", part, ["val", "usual", "shifted", *self.shifts(dataset)])
        if network == "average" and share in (0, 1):
            network, share = (AFTER if share else BEFORE), 1.0
        key = (dataset, network, part, share)
        rows = [r for r in self.rows if (r["dataset"], r["network"], r["part"], r["share"]) == key]
        if not rows:
            raise ValueError(f"{network} with a share of {share} was not measured. Of the average: {(0, *SHARES, 1)}.")
        return np.array([row["accuracy"] for row in sorted(rows, key=lambda row: row["seed"])])

    def accuracy(self, dataset: str, network: str, part: str, share: float = 1.0) -> Interval:
        """The mean over the draws."""
        return if_enough(accuracy_interval, self.values(dataset, network, part, share))

    def difference(self, dataset: str, first: str, second: str, part: str) -> Interval:
        """Mean accuracy of one network minus that of another, paired by seed."""
        return if_enough(mean_interval, self.values(dataset, first, part) - self.values(dataset, second, part))


def load_shifts(path: str | Path = SHIPPED) -> ShiftTable:
    """Read what ships with the course, or what ``run_shifts`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    return ShiftTable(_ledger_at(checks.path("path", path)).read())
