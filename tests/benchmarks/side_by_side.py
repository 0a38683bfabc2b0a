"""What every benchmark shares: contestants run in turn on the same work, and their table."""

import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm.auto import tqdm

import tlkit
from tlkit.nets.devices import cpu_make

# What ``finetune`` compares with: the name on the command line, and that in the table.
PEERS = {"tutorial": "PyTorch's tutorial", "fastai": "fastai", "keras": "Keras"}


@dataclass
class Options:
    """What the command line says.

    Attributes
    ----------
    runs : how often each contestant runs
    seeds : how many draws, where accuracy is compared
    photos : a folder of JPEGs, one subfolder a class; None draws one
    weights : from the name of a torchvision backbone to a file of its weights; without one it has random weights
    device : as everywhere in tlkit
    networks, peers : of ``finetune``, those that run; all where empty
    quick : tiny work, to see that a benchmark runs at all
    """

    runs: int = 3
    seeds: int = 3
    photos: Path | None = None
    weights: dict[str, Path] = field(default_factory=dict)
    device: str = "auto"
    networks: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    quick: bool = False


@dataclass
class Row:
    """One line of a table: a contestant, what it took, and how that compares with the yardstick.

    Attributes
    ----------
    benchmark, contestant : str
    value : the median of the runs; None if it was skipped
    unit : for example "s", "img/s" or "MB"
    ratio : how many times better than ``against``; None without one
    against : the contestant that the ratio is measured against
    spread : the smallest and the largest run
    note : settings, accuracy, or why it was skipped
    on : the make of the CPU
    """

    benchmark: str
    contestant: str
    value: float | None
    unit: str = "s"
    ratio: float | None = None
    against: str = ""
    spread: tuple[float, float] | None = None
    note: str = ""
    on: str = field(default_factory=cpu_make)


def in_turn(contestants: Mapping[str, Callable[[], object]], runs: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of every run. The contestants take turns, so that a busy moment of the machine meets them all."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in tqdm(range(warm_up + runs), desc="turns", leave=False):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def plain_environment() -> dict[str, str]:
    """That of a person who has no tlkit, which says how PyTorch's threads wait: for a contestant's own process."""
    return {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}


def rows_of(
    benchmark: str, seconds: Mapping[str, list[float]], against: str, amount: float | None = None, unit: str = "s"
) -> list[Row]:
    """A row for each contestant; with ``amount`` of work the value is work a second, else seconds."""
    values = {name: [amount / s for s in each] if amount else each for name, each in seconds.items()}
    middle = {name: statistics.median(each) for name, each in values.items()}
    ratio = {name: value / middle[against] if amount else middle[against] / value for name, value in middle.items()}
    return [
        Row(
            benchmark,
            name,
            middle[name],
            unit,
            None if name == against else ratio[name],
            "" if name == against else against,
            (min(each), max(each)),
        )
        for name, each in values.items()
    ]


def skipped(benchmark: str, contestant: str, why: str) -> Row:
    """A row for what could not run here."""
    return Row(benchmark, contestant, None, note=f"skipped: {why}")


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| benchmark | contestant | median | lowest to highest | ratio | CPU | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        value = "–" if row.value is None else f"{_short(row.value)} {row.unit}"
        spread = "" if row.spread is None else f"{_short(row.spread[0])} to {_short(row.spread[1])}"
        ratio = "" if row.ratio is None else f"{_short(row.ratio)} x {row.against}"
        lines.append(f"| {row.benchmark} | {row.contestant} | {value} | {spread} | {ratio} | {row.on} | {row.note} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 0.1 else 4}f}"


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tlkit": tlkit.__version__,
    }


def _processor() -> str:
    about, name = Path("/proc/cpuinfo"), platform.processor() or platform.machine()
    if about.exists():
        lines = [line.split(":", 1) for line in about.read_text().splitlines() if ":" in line]
        name = {key.strip(): value.strip() for key, value in lines}.get("model name", name)
    return f"{name}, {cpu_make()}"


def write(path: Path, rows: list[Row]) -> None:
    """Keep the rows with the machine they were measured on; rows there with the same title go."""
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    new = {row.benchmark for row in rows}
    every = [row for row in kept if row["benchmark"] not in new] + [vars(row) for row in rows]
    path.write_text(json.dumps({"machine": machine(), "rows": every}, indent=1) + "\n", encoding="utf-8")
