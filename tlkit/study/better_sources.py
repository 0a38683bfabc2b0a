"""Does a better source network transfer better? The table of the networks of ``tlkit.study.source_networks``."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.course import COURSE
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import styled
from tlkit.intervals import Interval, accuracy_interval, if_enough, mean_interval
from tlkit.study.ledger import Ledger
from tlkit.study.source_networks import STAGES, TARGETS

__all__ = ["BetterSources", "load_better_sources", "plot_better_sources"]

SHIPPED = COURSE / "datasets" / "better_sources.csv"

def ledger_at(path: Path) -> Ledger:
    """The table at a path; its rows come by seed, then from the shortest training to the smoothed one."""
    kinds = dict(seed=int, epochs=int, smoothing=float, source=float, separation=float, target=str)
    kinds |= {column: float for column in STAGES}
    place = {name: k for k, name in enumerate(TARGETS)}

    def order(row: dict) -> tuple:
        return row["seed"], row["smoothing"], row["epochs"], place[row["target"]]

    cell = ("seed", "epochs", "smoothing")
    return Ledger(path, kinds, cell, order, "table of better sources", "python -m tools sources")
