"""The experiment of ``tlkit.study.grafting`` at every cut: measured, kept, read and drawn."""

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
from tlkit.disk.cards import read_card
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import ink, styled
from tlkit.intervals import Interval, accuracy_interval, if_enough, mean_interval
from tlkit.nets.backbones import WEIGHTS
from tlkit.nets.devices import pick_device
from tlkit.study.grafting import BATCH, COLUMNS, EPOCHS, PER_CLASS, RATE, TREATMENTS, recompute_cut
from tlkit.study.ledger import Ledger, facts, machine_here
from tlkit.study.places import STOPS
from tlkit.study.tasks import at_once
from tlkit.world import WORLD

__all__ = ["Transferability", "load_transferability", "plot_transferability", "run_transferability"]

SHIPPED = COURSE / "datasets" / "transferability.csv"
_WHAT = "Test accuracy of networks cut at every stage and trained again, as in Yosinski et al. (2014)"
DATASETS = ("flowers", "tissue")  # one that is similar to the source, and one that is very different
CUTS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")


# ------------------------------------------------------------------------------------ the survey


def run_transferability(
    out: str | Path = SHIPPED.name,
    datasets: Sequence[str] = DATASETS,
    cuts: Sequence[str] = CUTS,
    seeds: int = 3,
    per_class: int = PER_CLASS,
    epochs: int = EPOCHS,
    jobs: int = 1,
    device: str = "auto",
) -> "Transferability":
    """Measure every treatment at every cut, and write a CSV file with a card beside it.

    The file is written after every network, so an interrupt loses only what was being trained: the
    same call goes on from there. A larger ``seeds`` adds draws to a file that is there.

    Parameters
    ----------
    out : path of the CSV file; by default in the current folder
    datasets, cuts : what to measure
    seeds : how many draws of each
    per_class, epochs : images of each class, and epochs of every training
    jobs : networks trained at once, each on one core; with 1, one after another on all cores or the GPU
    device : "auto" or a torch device

    Raises
    ------
    ValueError
        For an unknown name or a number out of range; or if ``out`` was made with other pictures,
        weights or settings, or is being written by another run.
    """
    for name in datasets:
        checks.choose("target dataset", name, STOPS)
    for cut in cuts:
        checks.choose("stage", cut, CUTS)
    checks.count("seeds", seeds, 1)
    checks.count("jobs", jobs, 1)
    device = str(pick_device(device))
    crew = at_once(jobs)

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        tasks = (partial(_measure, *cell, per_class, epochs, device) for cell in missing)
        return crew(tasks)

    command = f"python -m tlkit transferability --seeds {seeds} --jobs {jobs}"
    about = facts(_WHAT, command, machine_here(f"computed on {device}, {jobs} at once"))
    cells = _cells(seeds, datasets, cuts)
    return Transferability(_ledger_at(checks.path("out", out)).fill(cells, run, _made_from(per_class, epochs), about))


def _ledger_at(path: Path) -> Ledger:
    kinds = dict(zip(COLUMNS, (str, str, str, int, float, float)))
    place = {name: k for k, name in enumerate((*TREATMENTS, "", *CUTS))}

    def order(row: dict) -> tuple:
        return row["dataset"], place[row["treatment"]], place[row["cut"]], row["seed"]

    cell = ("seed", "dataset", "treatment", "cut")
    return Ledger(path, kinds, cell, order, "table of transferability", "python -m tlkit transferability")


def _cells(seeds: int, datasets: Sequence[str], cuts: Sequence[str]) -> Iterator[tuple[int, str, str, str]]:
    """The bases first, which others need; then what is frozen and quick; seed by seed, so that draws get whole."""
    yield from ((seed, name, "base", "") for seed, name in product(range(seeds), datasets))
    for kind in (("BnB", "AnB"), ("BnB+", "AnB+")):
        for seed, cut, treatment, name in product(range(seeds), cuts, kind, datasets):
            yield seed, name, treatment, cut


def _measure(seed: int, dataset: str, treatment: str, cut: str, per_class: int, epochs: int, device: str) -> list[dict]:
    return [recompute_cut(dataset, treatment, cut, seed, per_class, epochs, device)]


def _made_from(per_class: int, epochs: int) -> dict[str, str | int | float]:
    """What a row depends on besides its cell: rows with different ones do not belong into one file."""
    weights = read_card(WEIGHTS / "minivgg.toml")["sha256"]
    settings = {"per_class": per_class, "epochs": epochs, "learning_rate": RATE, "batch_size": BATCH}
    return {"world": WORLD, "weights": weights} | settings


# ------------------------------------------------------------------------------------ what was measured


@dataclass
class Transferability:
    """What was measured: one row for each target, treatment, cut and seed."""

    rows: list[dict]

    @property
    def datasets(self) -> list[str]:
        """The targets, in the order of the file."""
        return list(dict.fromkeys(row["dataset"] for row in self.rows))

    @property
    def cuts(self) -> list[str]:
        """The cuts from early to late."""
        found = {row["cut"] for row in self.rows}
        return [cut for cut in CUTS if cut in found]

    def values(self, dataset: str, treatment: str, cut: str = "", column: str = "accuracy") -> np.ndarray:
        """One value a seed, in the order of the seeds; ``"base"`` has no cut, so any cut gives the same."""
        checks.choose("target dataset", dataset, self.datasets)
        checks.choose("treatment", treatment, TREATMENTS)
        cut = "" if treatment == "base" else checks.choose("cut", cut, self.cuts)
        rows = [r for r in self.rows if (r["dataset"], r["treatment"], r["cut"]) == (dataset, treatment, cut)]
        return np.array([row[column] for row in sorted(rows, key=lambda row: row["seed"])])

    def difference(self, dataset: str, first: str, second: str, cut: str) -> Interval:
        """Mean test accuracy of one treatment minus that of another at a cut, paired by seed."""
        return if_enough(mean_interval, self.values(dataset, first, cut) - self.values(dataset, second, cut))


def load_transferability(path: str | Path = SHIPPED) -> Transferability:
    """Read what ships with the course, or what ``run_transferability`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    return Transferability(_ledger_at(checks.path("path", path)).read())


# Blue for B's own stages, red for A's; full lines with filled marks are frozen.
_LOOKS = {
    "BnB": (COLOURS[0], "o", "-"),
    "BnB+": (COLOURS[5], "^", ":"),
    "AnB": (COLOURS[1], "s", "-"),
    "AnB+": (COLOURS[4], "D", "--"),
}


@styled
def plot_transferability(measured: Transferability, title: str = "") -> Axes:
    """Test accuracy against the cut: a panel for each target, a line for each treatment, intervals over seeds."""
    names, x = measured.datasets, np.arange(len(measured.cuts))
    figure, panels = plt.subplots(
        1, len(names), figsize=(5.7 * len(names), 4.8), layout="constrained", sharey=True, squeeze=False
    )
    plt.close(figure)
    said = []
    for axes, name in zip(panels[0], names):
        base = if_enough(accuracy_interval, measured.values(name, "base"))
        axes.axhline(100 * base.mean, color=ink(), linestyle=(0, (1, 1)), linewidth=1.8, label="base B")
        axes.axhspan(100 * base.low, 100 * base.high, color=ink(), alpha=0.08, linewidth=0)
        said.append(f"{name}, base {base.mean:.1%}")
        for k, (treatment, (colour, mark, line)) in enumerate(_LOOKS.items()):
            found = [if_enough(accuracy_interval, measured.values(name, treatment, cut)) for cut in measured.cuts]
            middle = np.array([each.mean for each in found])
            ends = np.abs(np.array([(each.low, each.high) for each in found]).T - middle)
            axes.errorbar(
                x + 0.09 * (k - 1.5),
                100 * middle,
                100 * ends,
                color=colour,
                marker=mark,
                linestyle=line,
                elinewidth=1.2,
                capsize=2,
                label=treatment,
            )
            said.append(f"{treatment} " + ", ".join(f"{cut} {each:.1%}" for cut, each in zip(measured.cuts, middle)))
        axes.set_xticks(x, measured.cuts, rotation=30)
        axes.set_xlabel("last stage that is kept")
        axes.set_title(f"B = {name}", fontsize=12)
    panels[0, 0].set_ylabel("test accuracy (%)")
    panels[0, 0].legend(fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    figure.alt_text = f"{title or 'Transferability'}, test accuracy by the last stage that is kept: {'; '.join(said)}."
    return panels[0, 0]
