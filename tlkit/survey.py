"""Measuring the decision map: all of it, on this machine or on a cluster, or one cell again."""

import csv
import datetime
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import product
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from joblib import Parallel, parallel
from tqdm.auto import tqdm

from tlkit import checks
from tlkit.backbones import WEIGHTS
from tlkit.cache import write_atomically
from tlkit.cards import read_card, write_card
from tlkit.comparison import result_rows
from tlkit.data import load_dataset
from tlkit.decision import COLUMNS, PER_CLASS, SHIPPED, STOPS, DecisionMap, load_map
from tlkit.devices import pick_device
from tlkit.results import Result
from tlkit.tasks import run_tasks
from tlkit.ways import WAYS
from tlkit.world import OFFLINE_DATASETS, WORLD

__all__ = ["recompute", "run_map"]


def recompute(dataset: str, per_class: int, way: str, seed: int = 0, device: str = "auto", **settings) -> Result:
    """Run one cell of the map again, now and here; ``watch`` in ``settings`` follows its training."""
    checks.choose("target dataset", dataset, STOPS)
    checks.choose("way", way, WAYS)
    return WAYS[way](load_dataset(dataset, per_class, seed), seed=seed, device=device, **settings)


def run_map(
    out: str | Path = SHIPPED.name,
    datasets: Sequence[str] = STOPS,
    per_class: Sequence[int] = PER_CLASS,
    ways: Sequence[str] = tuple(WAYS),
    seeds: int = 5,
    jobs: int | None = None,
    device: str = "auto",
    backend: str = "loky",
    scheduler: str | None = None,
) -> DecisionMap:
    """Measure the map and write it as a CSV file with a card beside it.

    The file is written after every result, so an interrupt loses only what was being computed:
    the same call goes on from there.

    On a Dask cluster a task is a few names: every worker draws the pictures itself and keeps them
    in its own cache folder (``TLKIT_CACHE`` there; several workers may share one). A worker
    computes one result at a time, so start one for each core, or for each GPU. Scheduler and
    workers need the course installed as it is here. If a worker dies, another one takes its task.

    Parameters
    ----------
    out : path of the CSV file; by default in the current folder
    datasets, per_class, ways : what to measure
    seeds : how many draws of each
    jobs : int, optional
        Results computed at once, each on one core. By default one after another, with all cores or
        the GPU for each; on a Dask cluster as many as it has workers.
    device : str
        On a Dask cluster ``"auto"`` is the best that each worker has.
    backend : str
        Of joblib: what computes several at once. ``"dask"`` is a cluster that is there already.
    scheduler : str, optional
        Where that cluster is, for example ``"tcp://10.0.0.5:8786"``.

    Raises
    ------
    ValueError
        For an unknown name, a number out of range, or a cluster that cannot be used; or if ``out``
        was made with another generator or other weights, or is being written by another run.
    """
    _check(datasets, per_class, ways, seeds, jobs)
    out, alone = Path(out), backend != "dask" and jobs in (None, 1)
    with _crew(backend, jobs, scheduler) as workers:
        if backend != "dask":
            device = str(pick_device(device))
        out.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(out):
            rows = _begin(out, _where(backend, device, alone))
            done = {(row["seed"], row["dataset"], row["per_class"], row["way"]) for row in rows}
            cells = [cell for cell in product(range(seeds), datasets, per_class, ways) if cell not in done]
            if not cells:
                print(f"All of it is in {out} already. To measure it anew, give another --out.")
            tasks = (partial(_measure, *cell, device, _made_from()) for cell in cells)
            with tqdm(total=len(cells) + len(done), initial=len(done), desc="decision map", unit="result") as bar:
                for new in run_tasks(workers, tasks, alone):
                    rows = _keep(out, rows + new)
                    bar.set_postfix_str("{dataset} {per_class} {way}".format(**new[0]))
                    bar.update()
    return DecisionMap(rows)


def _check(
    datasets: Sequence[str], per_class: Sequence[int], ways: Sequence[str], seeds: int, jobs: int | None
) -> None:
    for dataset in datasets:
        checks.choose("target dataset", dataset, STOPS)
        for size in per_class:
            checks.count("per_class", size, 1, OFFLINE_DATASETS[dataset].largest)
    for way in ways:
        checks.choose("way", way, WAYS)
    checks.count("seeds", seeds, 1)
    if jobs is not None:
        checks.count("jobs", jobs, 1)


@contextmanager
def _crew(backend: str, jobs: int | None, scheduler: str | None) -> Iterator[Parallel]:
    """What hands over every result as soon as it is there."""
    # multiprocessing would keep all results back until the last is there.
    known = {*parallel.BACKENDS, *parallel.EXTERNAL_BACKENDS} - {"multiprocessing"}
    checks.choose("joblib backend", backend, sorted(known))
    settings = {"pre_dispatch": jobs or "all", "batch_size": 1, "return_as": "generator_unordered"}
    if backend == "dask":
        from tlkit.cluster import connect  # Dask is large and seldom wanted

        with connect(scheduler) as cluster:
            yield Parallel(backend=cluster, **settings)
    elif scheduler:
        raise ValueError(f"A scheduler is for the backend 'dask', but the backend is {backend!r}.")
    else:
        yield Parallel(n_jobs=jobs or 1, backend=backend, **settings)


def _measure(seed: int, dataset: str, per_class: int, way: str, device: str, made_from: dict) -> list[dict]:
    if _made_from() != made_from:
        raise ValueError("A worker has another version of the course than this machine. Install the same there.")
    return result_rows(recompute(dataset, per_class, way, seed, device))


def _made_from() -> dict[str, str | int]:
    """What a result depends on besides its cell: results with different ones do not belong into one map."""
    return {"world": WORLD, "weights": read_card(WEIGHTS / "minivgg.toml")["sha256"]}


def _only_writer(out: Path) -> AbstractContextManager:
    lock = FileLock(out.with_suffix(".lock"))
    try:
        return lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(f"Another run is writing to {out}. Wait for it, or give another --out.") from error


def _begin(out: Path, where: str) -> list[dict]:
    """The rows that are there already; writes the card of a new map, refuses to mix two kinds of map."""
    card_path = out.with_suffix(".toml")
    made_from = _made_from()
    if out.exists():
        card = read_card(card_path)
        if any(card.get(key) != value for key, value in made_from.items()):
            raise ValueError(
                f"{out} was measured on other pictures or other weights. Delete it, or give another --out."
            )
        return load_map(out).rows
    card = made_from | {
        "what": "Test accuracy of five ways to transfer, by dataset size and similarity",
        "command": f"python -m tlkit {shlex.join(sys.argv[1:])}" if sys.argv[1:2] == ["map"] else "tlkit.run_map(...)",
        "date": datetime.date.today().isoformat(),
        "machine": where,
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}",
        "licence": "CC BY 4.0",
    }
    write_atomically(card_path, lambda part: part.write_text(write_card(card), encoding="utf-8"))
    return []


def _where(backend: str, device: str, alone: bool) -> str:
    if backend == "dask":
        return f"the workers of a Dask cluster; device {device}, one core a result"
    cores = f"{os.cpu_count()} CPU cores, {platform.machine()}"
    return f"{cores}; computed on {device}, {'all of it for each result' if alone else 'one core a result'}"


def _keep(out: Path, rows: list[dict]) -> list[dict]:
    """Write the rows, in the order of the map."""
    ways = list(WAYS)
    rows = sorted(rows, key=lambda row: (row["similarity"], row["per_class"], ways.index(row["way"]), row["seed"]))
    write_atomically(out, lambda part: _write_rows(part, rows))
    return rows


def _write_rows(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
