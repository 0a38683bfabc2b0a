"""Between fine-tuning and a pretrained start: the one axis of how fast the pretrained stages may move."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.course import COURSE
from tlkit.data.photos import copy_of
from tlkit.data.splits import load_dataset, painter_version
from tlkit.disk.cache import digest
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import styled
from tlkit.intervals import accuracy_interval, if_enough
from tlkit.language import said
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.settings import settings_of
from tlkit.study.ledger import Ledger, facts, machine_here
from tlkit.study.tasks import at_once
from tlkit.transfer.network_ways import two_phase
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["RateSweep", "load_rate_sweep", "plot_rate_sweep", "run_rate_sweep"]

SHIPPED = {world: COURSE / "datasets" / f"rate_sweep{end}.csv" for world, end in (("drawn", ""), ("photos", "_photos"))}
_WHAT = "Test accuracy of fine-tuning by the rate of the stages, as a share of the head's"
FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0)
COLUMNS = {
    "dataset": str,
    "per_class": int,
    "factor": float,
    "seed": int,
    "val_accuracy": float,
    "accuracy": float,
    "seconds": float,
}


def run_rate_sweep(
    out: str | Path = SHIPPED["drawn"].name,
    backbone: str = "minivgg",
    datasets: Sequence[str] = ("flowers", "tissue"),
    per_class: Sequence[int] = (5, 20),
    factors: Sequence[float] = FACTORS,
    seeds: int = 3,
    image_size: int | None = None,
    weights: str | Path | None = None,
    jobs: int = 1,
    device: str = "auto",
) -> "RateSweep":
    """Fine-tune with the stages at 0.01 to 1 of the head's rate, all else alike, and write a CSV file with a card.

    With 1 there is one rate for every weight, as in a pretrained start, but under a head that was trained first and
    for as long as in fine-tuning. Li et al. (2020) found that the best rate depends on how similar source and target
    are. The file is written after every network: after an interrupt the same call goes on from there.

    Parameters
    ----------
    out : path of the CSV file, by default in the current folder; a file belongs to one backbone and one image size
    backbone : str
    datasets, per_class, factors : what to measure
    seeds : how many draws of each
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
    for factor in factors:
        checks.rate("factors", factor)
    checks.count("seeds", seeds, 1)
    checks.count("jobs", jobs, 1)
    device = str(pick_device(device))
    crew = at_once(jobs)

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        tasks = (partial(_measure, *cell, backbone, image_size, weights, device) for cell in missing)
        return crew(tasks)

    cells = [
        (dataset, count, factor, seed)
        for seed, dataset, count, factor in product(range(seeds), datasets, per_class, map(float, factors))
    ]
    sizes = " ".join(map(str, per_class))
    asked = f"--backbone {backbone} --datasets {' '.join(datasets)} --per-class {sizes} --seeds {seeds}"
    asked += f" --image-size {image_size}" * (image_size is not None) + " --weights FILE" * (weights is not None)
    about = facts(_WHAT, f"python -m tlkit rate-sweep {asked}", machine_here(f"computed on {device}, {jobs} at once"))
    made_from = _made_from(backbone, datasets, image_size, weights)
    return RateSweep(_ledger_at(checks.path("out", out)).fill(cells, run, made_from, about))


def _measure(
    dataset: str,
    per_class: int,
    factor: float,
    seed: int,
    backbone: str,
    image_size: int | None,
    weights: str | Path | None,
    device: str,
) -> list[dict]:
    split = load_dataset(dataset, per_class, seed, image_size)
    network = load_backbone(backbone, device=device, weights=weights)
    result = two_phase(split, network, seed, backbone_factor=factor, device=device)
    values = round(result.val_accuracy, 4), round(result.open_test(), 4), round(result.seconds, 3)
    return [dict(zip(COLUMNS, (dataset, per_class, factor, seed, *values)))]


def _ledger_at(path: Path) -> Ledger:
    def order(row: dict) -> tuple:
        drawn = OFFLINE_DATASETS.get(row["dataset"])
        return (drawn.similarity if drawn else 0), row["dataset"], row["per_class"], row["factor"], row["seed"]

    cell = ("dataset", "per_class", "factor", "seed")
    return Ledger(path, COLUMNS, cell, order, "sweep of rates", "python -m tlkit rate-sweep")


def _made_from(
    backbone: str, datasets: Sequence[str], image_size: int | None, weights: str | Path | None
) -> dict[str, str | int | float]:
    """What a row depends on besides its cell."""
    state = load_backbone(backbone, device="cpu", weights=weights).state_dict()
    used = ("head_rate", "zero_head", "fixed_statistics", "least_steps")
    card = {name: getattr(settings_of(backbone), name) for name in used}
    pictures = {
        f"pictures_{name}": painter_version(name) if name in OFFLINE_DATASETS else copy_of(name)["blake2b"]
        for name in datasets
    }
    return {"backbone": backbone, "weights": digest(*state.values()), "image_size": image_size or 0, **pictures, **card}


# ------------------------------------------------------------------------------------ what was measured


@dataclass
class RateSweep:
    """What was measured: one row for each target, size, factor and seed."""

    rows: list[dict]

    @property
    def places(self) -> list[tuple[str, int]]:
        """Targets and images per class, in the order of the file: drawn ones from similar to very different."""
        return list(dict.fromkeys((row["dataset"], row["per_class"]) for row in self.rows))

    @property
    def factors(self) -> list[float]:
        """From small to large."""
        return sorted({row["factor"] for row in self.rows})

    def values(self, dataset: str, per_class: int, column: str = "accuracy") -> np.ndarray:
        """``(seeds, factors)``: one row a seed that has every factor."""
        here = {
            (row["seed"], row["factor"]): row[column]
            for row in self.rows
            if (row["dataset"], row["per_class"]) == (dataset, per_class)
        }
        if not here:
            places = ", ".join(f"{name} at {count}" for name, count in self.places)
            raise ValueError(f"{dataset} at {per_class} images per class was not measured. What was: {places}.")
        seeds = sorted({seed for seed, _ in here})
        whole = [seed for seed in seeds if all((seed, factor) in here for factor in self.factors)]
        return np.array([[here[seed, factor] for factor in self.factors] for seed in whole])

    def best(self, dataset: str, per_class: int) -> float:
        """The factor that is best on val on average over the seeds; the smallest of equals."""
        return self.factors[int(self.values(dataset, per_class, "val_accuracy").mean(0).argmax())]


def load_rate_sweep(path: str | Path = "drawn") -> RateSweep:
    """Read a sweep: ``"drawn"`` or ``"photos"``, which ship with the course, or a file that ``run_rate_sweep`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    shipped = isinstance(path, str) and path in SHIPPED
    return RateSweep(_ledger_at(SHIPPED[path] if shipped else checks.path("path", path)).read())


@styled
def plot_rate_sweep(measured: RateSweep, title: str = "") -> Axes:
    """Test accuracy against the stages' rate: a line for each place, intervals over seeds, val's choice in a ring."""
    _, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    plt.close(axes.figure)
    told = []
    for k, (name, count) in enumerate(measured.places):
        found = [if_enough(accuracy_interval, column) for column in measured.values(name, count).T]
        middle = np.array([each.mean for each in found])
        ends = np.abs(np.array([(each.low, each.high) for each in found]).T - middle)
        look = dict(color=COLOURS[k % len(COLOURS)], marker="osD^vP"[k % 6], linestyle=("-", "--", ":")[k % 3])
        x = np.array(measured.factors) * 1.04 ** (k - len(measured.places) / 2)
        axes.errorbar(x, 100 * middle, 100 * ends, capsize=2, elinewidth=1.2, label=f"{name}, {count} a class", **look)
        best = measured.factors.index(measured.best(name, count))
        axes.plot(x[best], 100 * middle[best], "o", markersize=15, fillstyle="none", color=look["color"])
        values = ", ".join(f"{factor:g} {each:.1%}" for factor, each in zip(measured.factors, middle))
        told.append(said(f"{name} at {count} images per class: {values}; val chose {measured.factors[best]:g}"))
    axes.set_xscale("log")
    axes.set_xticks(measured.factors, [f"{factor:g}" for factor in measured.factors])
    axes.set_xlabel("rate of the stages, as a share of the head's")
    axes.set_ylabel("test accuracy (%)")
    axes.legend(fontsize=10)
    axes.set_title(title)
    axes.figure.alt_text = f"{title or 'Sweep of rates'}, test accuracy by rate of the stages. {'; '.join(told)}."
    return axes
