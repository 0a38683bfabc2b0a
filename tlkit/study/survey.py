"""Measuring the decision map: all of it, on this machine or on a cluster, or one cell again."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

from joblib import Parallel, parallel

from tlkit import checks
from tlkit.data.splits import load_dataset
from tlkit.disk.cards import read_card
from tlkit.nets.backbones import WEIGHTS
from tlkit.nets.devices import pick_device
from tlkit.study.comparison import result_rows
from tlkit.study.decision import PER_CLASS, SHIPPED, STOPS, DecisionMap, ledger_at
from tlkit.study.ledger import facts, machine_here
from tlkit.study.tasks import dask_cluster, run_tasks
from tlkit.transfer.results import Result
from tlkit.transfer.ways import WAYS
from tlkit.world.catalogue import OFFLINE_DATASETS, WORLD

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
    with _crew(backend, jobs, scheduler) as run:
        if backend != "dask":
            device = str(pick_device(device))
        cells = product(range(seeds), datasets, per_class, ways)
        rows = ledger_at(Path(out)).fill(
            cells,
            lambda missing: run(partial(_measure, *cell, device, _made_from()) for cell in missing),
            _made_from(),
            _about(_where(backend, device, jobs in (None, 1))),
        )
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
def _crew(
    backend: str, jobs: int | None, scheduler: str | None
) -> Iterator[Callable[[Iterable[Callable[[], list]]], Iterator[list]]]:
    """What hands over every result as soon as it is there."""
    # multiprocessing would keep all results back until the last is there.
    known = {*parallel.BACKENDS, *parallel.EXTERNAL_BACKENDS} - {"multiprocessing"}
    checks.choose("joblib backend", backend, sorted(known))
    if backend == "dask":
        with dask_cluster(scheduler) as run:
            yield run
        return
    if scheduler:
        raise ValueError(f"A scheduler is for the backend 'dask', but the backend is {backend!r}.")
    count = jobs or 1
    settings = {"pre_dispatch": count, "batch_size": 1, "return_as": "generator_unordered"}
    yield lambda tasks: run_tasks(Parallel(n_jobs=count, backend=backend, **settings), tasks, count == 1)


def _measure(seed: int, dataset: str, per_class: int, way: str, device: str, made_from: dict) -> list[dict]:
    if _made_from() != made_from:
        raise ValueError("A worker has another version of the course than this machine. Install the same there.")
    return result_rows(recompute(dataset, per_class, way, seed, device))


def _made_from() -> dict[str, str | int]:
    """What a result depends on besides its cell: results with different ones do not belong into one map."""
    return {"world": WORLD, "weights": read_card(WEIGHTS / "minivgg.toml")["sha256"]}


def _about(machine: str) -> dict[str, str]:
    asked = shlex.join(sys.argv[1:]) if sys.argv[1:2] == ["map"] else ""
    command = f"python -m tlkit {asked}" if asked else "tlkit.run_map(...)"
    return facts("Test accuracy of five ways to transfer, by dataset size and similarity", command, machine)


def _where(backend: str, device: str, alone: bool) -> str:
    if backend == "dask":
        return f"the workers of a Dask cluster; device {device}, one core a result"
    return machine_here(f"computed on {device}, {'all of it for each result' if alone else 'one core a result'}")
