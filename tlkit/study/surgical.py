"""The experiment of ``tlkit.study.surgery`` over many draws: measured, kept, read and drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlkit import checks
from tlkit.course import COURSE
from tlkit.disk.cards import read_card
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import ink, styled
from tlkit.intervals import Interval, accuracy_interval, if_enough, mean_interval
from tlkit.nets.backbones import WEIGHTS
from tlkit.nets.devices import pick_device
from tlkit.study import surgery
from tlkit.study.ledger import Ledger, facts, machine_here
from tlkit.study.places import STOPS
from tlkit.study.surgery import COLUMNS, PARTS, SHIFTS, recompute_tuning
from tlkit.study.tasks import at_once
from tlkit.world import WORLD

__all__ = ["Surgical", "load_surgical", "plot_surgical", "run_surgical"]

SHIPPED = COURSE / "datasets" / "surgical.csv"
_WHAT = "Test accuracy after a shift, where one part of a network learned from a few pictures, as in Lee et al. (2023)"
DATASET = "flowers"
TUNED = tuple(part for part in PARTS if part != "nothing")

# ------------------------------------------------------------------------------------ the survey


def run_surgical(
    out: str | Path = SHIPPED.name,
    datasets: Sequence[str] = (DATASET,),
    seeds: int = 5,
    jobs: int = 1,
    device: str = "auto",
) -> "Surgical":
    """Measure every part under every shift, and write a CSV file with a card beside it.

    The file is written after every result, so an interrupt loses only what was being trained: the
    same call goes on from there. A larger ``seeds`` adds draws to a file that is there.

    Parameters
    ----------
    out : path of the CSV file; by default in the current folder
    datasets : drawn targets
    seeds : how many draws of each
    jobs : results at once, each on one core; with 1, one after another on all cores or the GPU
    device : "auto" or a torch device

    Raises
    ------
    ValueError
        For an unknown name or a number out of range; or if ``out`` was made with other pictures,
        weights or settings, or is being written by another run.
    """
    for name in datasets:
        checks.choose("target dataset", name, STOPS)
    checks.count("seeds", seeds, 1)
    checks.count("jobs", jobs, 1)
    device = str(pick_device(device))
    crew = at_once(jobs)

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        return crew(partial(_measure, *cell, device) for cell in missing)

    command = f"python -m tlkit surgical --datasets {' '.join(datasets)} --seeds {seeds} --jobs {jobs}"
    about = facts(_WHAT, command, machine_here(f"computed on {device}, {jobs} at once"))
    # Seed by seed, so that draws get whole.
    cells = ((seed, *rest) for seed, *rest in product(range(seeds), datasets, SHIFTS, PARTS))
    return Surgical(_ledger_at(checks.path("out", out)).fill(cells, run, _made_from(), about))


def _measure(seed: int, dataset: str, shift: str, part: str, device: str) -> list[dict]:
    return [recompute_tuning(dataset, shift, part, seed, device)]


def _ledger_at(path: Path) -> Ledger:
    kinds = dict(zip(COLUMNS, (str, str, str, int, float, float, float)))
    shifts, parts = list(SHIFTS), list(PARTS)

    def order(row: dict) -> tuple:
        return row["dataset"], shifts.index(row["shift"]), parts.index(row["part"]), row["seed"]

    cell = ("seed", "dataset", "shift", "part")
    return Ledger(path, kinds, cell, order, "table of surgical fine-tuning", "python -m tlkit surgical")


def _made_from() -> dict[str, str | int | float | list]:
    """What a row depends on besides its cell: rows with different ones do not belong into one file."""
    return {
        "world": WORLD,
        "weights": read_card(WEIGHTS / "minivgg.toml")["sha256"],
        "per_class": surgery.PER_CLASS,
        "epochs": surgery.EPOCHS,
        "learning_rate": surgery.RATE,
        "batch_size": surgery.BATCH,
        "few": surgery.FEW,
        "steps": surgery.STEPS,
        "rates": list(surgery.RATES),
    }


# ------------------------------------------------------------------------------------ what was measured


@dataclass
class Surgical:
    """What was measured: one row for each dataset, shift, part and seed."""

    rows: list[dict]

    @property
    def datasets(self) -> list[str]:
        """The targets, in the order of the file."""
        return list(dict.fromkeys(row["dataset"] for row in self.rows))

    def values(self, shift: str, part: str, dataset: str = DATASET, column: str = "accuracy") -> np.ndarray:
        """One value a seed, in the order of the seeds; the part ``"nothing"`` is the network as it was."""
        checks.choose("target dataset", dataset, self.datasets)
        checks.choose("shift", shift, SHIFTS)
        checks.choose("part", part, PARTS)
        rows = [r for r in self.rows if (r["dataset"], r["shift"], r["part"]) == (dataset, shift, part)]
        return np.array([row[column] for row in sorted(rows, key=lambda row: row["seed"])])

    def accuracy(self, shift: str, part: str, dataset: str = DATASET) -> Interval:
        """Mean test accuracy after the shift, over the draws."""
        return if_enough(accuracy_interval, self.values(shift, part, dataset))

    def difference(
        self, shift: str, first: str, second: str = "all", dataset: str = DATASET, looks: int = 1
    ) -> Interval:
        """Mean test accuracy where one part learned minus that where another did, paired by seed.

        ``looks`` is for who looks at several and names the best: see ``tlkit.mean_interval``.
        """
        pair = (self.values(shift, part, dataset) for part in (first, second))
        return if_enough(mean_interval, np.subtract(*pair), looks=looks)


def load_surgical(path: str | Path = SHIPPED) -> Surgical:
    """Read what ships with the course, or what ``run_surgical`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    return Surgical(_ledger_at(checks.path("path", path)).read())


# How a part compares with tuning all, draw by draw: a colour, and a mark that tells it too.
_LOOKS = {
    "clearly better than all": (COLOURS[2], "^"),
    "no clear difference": (COLOURS[0], "o"),
    "clearly worse than all": (COLOURS[1], "v"),
}
_TITLES = {"input": "input: dusk and grain", "features": "features: other species", "labels": "labels: names swapped"}


@styled
def plot_surgical(measured: Surgical, title: str = "", dataset: str = DATASET) -> Axes:
    """Test accuracy by the part that learned: a panel for each shift, dots with intervals over the draws.

    The mark of a part says whether it is clearly better or worse than tuning all: by the difference, paired by
    draw, and corrected for the four parts that one looks at.
    """
    figure, panels = plt.subplots(1, len(SHIFTS), figsize=(11.4, 4.2), layout="constrained", sharey=True)
    plt.close(figure)
    said = []
    for axes, shift in zip(panels, SHIFTS):
        found = {part: measured.accuracy(shift, part, dataset) for part in PARTS}
        before = 100 * found["nothing"].mean
        axes.axhline(before, color=ink(), linestyle=(0, (1, 1)), linewidth=1.8, label="before")
        for k, part in enumerate(TUNED):
            colour, mark = _look_of(measured, shift, part, dataset)
            middle, low, high = (100 * value for value in (found[part].mean, found[part].low, found[part].high))
            ends = [[middle - low], [high - middle]]
            axes.errorbar(k, middle, ends, color=colour, marker=mark, markersize=8, capsize=4)
        axes.set_xticks(range(len(TUNED)), TUNED)
        axes.set_xlim(-0.5, len(TUNED) - 0.5)
        axes.set_xlabel("what learned")
        axes.set_title(_TITLES[shift], fontsize=12)
        means = ", ".join(f"{part} {found[part].mean:.1%}" for part in TUNED)
        said.append(f"{_TITLES[shift]}, before {before:.1f}%, then {means}")
    panels[0].set_ylabel("test accuracy after the shift (%)")
    lines = [panels[0].get_lines()[0]]
    for label, (colour, mark) in _LOOKS.items():
        lines.append(Line2D([], [], color=colour, marker=mark, linestyle="", label=label))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    figure.alt_text = f"{title or 'Surgical fine-tuning'}, test accuracy by what learned: {'; '.join(said)}."
    return panels[0]


def _look_of(measured: Surgical, shift: str, part: str, dataset: str) -> tuple[str, str]:
    """Colour and mark of a part; those of "all" itself are a diamond."""
    if part == "all":
        return ink(), "D"
    gap = measured.difference(shift, part, "all", dataset, looks=len(TUNED) - 1)
    how = "better" if gap.mean > 0 else "worse"
    return _LOOKS[f"clearly {how} than all" if gap.clear else "no clear difference"]
