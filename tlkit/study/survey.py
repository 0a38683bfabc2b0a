"""Measuring the decision map: all of it, on this machine or on a cluster, or one cell again."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path

import torch
from joblib import parallel

from tlkit import checks
from tlkit.data.photo_sets import PHOTO_SETS, is_here
from tlkit.data.photos import copy_of
from tlkit.data.splits import Split, largest_of, load_dataset
from tlkit.disk.cache import digest
from tlkit.disk.cards import read_card
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import WEIGHTS, check_backbone, load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.settings import settings_of
from tlkit.study.decision import PER_CLASS, PHOTOS_PER_CLASS, SHIPPED, DecisionMap, ledger_at, pixels_of
from tlkit.study.ledger import facts, machine_here
from tlkit.study.places import CLASSES, MAPS, RANK, world_of
from tlkit.study.tasks import MOST_JOBS, at_once, dask_cluster
from tlkit.study.trials import result_rows
from tlkit.transfer.results import Result
from tlkit.transfer.ways import WAYS
from tlkit.world import WORLD
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["recompute", "run_map"]

# Of photos far fewer than an ImageNet network knows, so that the map takes hours and not days.
_PIXELS = {"drawn": 64, "photos": 96}


@dataclass(frozen=True)
class Kit:
    """What every cell of a run has in common: the network, the size of the pictures, where it computes."""

    backbone: str = "minivgg"
    image_size: int | None = None
    weights: str | Path | None = None
    device: str = "auto"

    def split(self, dataset: str, per_class: int, seed: int) -> Split:
        return split_at(dataset, per_class, seed, self.image_size)

    def largest(self, dataset: str) -> int:
        """Training pictures of a class that every draw has."""
        if world_of(dataset) == "drawn":
            return OFFLINE_DATASETS[dataset].largest
        return largest_of(dataset, CLASSES.get(dataset))

    def places(self, datasets: Sequence[str], per_class: Sequence[int]) -> list[tuple[str, int]]:
        """Targets and images per class, at most what a set has; raises ValueError for what cannot be."""
        wanted = [checks.choose("target dataset", dataset, RANK) for dataset in datasets]
        missing = [name for name in wanted if name in PHOTO_SETS and not is_here(name)]
        if missing:
            raise ValueError(
                f"Not here yet: {', '.join(missing)}. Fetch them once, with network, and run the same command again:\n"
                f"python -m tlkit fetch {' '.join(missing)}"
            )
        found = []
        for dataset in wanted:
            most = self.largest(dataset)
            for size in per_class:
                checks.count("per_class", size, 1, most if world_of(dataset) == "drawn" else None)
                found.append((dataset, min(size, most)))
        return list(dict.fromkeys(found))

    def run(self, dataset: str, per_class: int, way: str, seed: int, **settings) -> Result:
        network = self.backbone if self.weights is None else self.network()
        return WAYS[way](self.split(dataset, per_class, seed), network, seed=seed, device=self.device, **settings)

    def network(self) -> Backbone:
        """The pretrained network."""
        return load_backbone(self.backbone, weights=self.weights, device=self.device)

    def made_from(self, datasets: Sequence[str]) -> dict[str, str | int]:
        """What a result depends on besides its cell: results with different ones do not belong into one map."""
        if self.backbone == "minivgg" and self.weights is None:
            about = {"weights": read_card(WEIGHTS / "minivgg.toml")["sha256"]}
        else:
            state = load_backbone(self.backbone, weights=self.weights, device="cpu").state_dict()
            about = {
                f"weights_{self.backbone}": digest(*state.values()),
                f"settings_{self.backbone}": str(settings_of(self.backbone)),
            }
        photos = [name for name in datasets if world_of(name) == "photos"]
        if photos:
            about["image_size"] = self.image_size or _PIXELS["photos"]
        if len(photos) < len(datasets):
            about |= {"world": WORLD, "image_size_drawn": self.image_size or _PIXELS["drawn"]}
        return about | {f"pictures_{name}": _copy(name) for name in photos}


@cache
def _copy(dataset: str) -> str:
    """Which copy of a photo set is here, and what of it is used."""
    found, first = copy_of(dataset), f"first {CLASSES[dataset]} classes of " if dataset in CLASSES else ""
    return f"{first}{found['pictures']:,} of {found['of']:,} pictures, blake2b {found['blake2b']}"


def split_at(dataset: str, per_class: int, seed: int = 0, image_size: int | None = None) -> Split:
    """The pictures of one place of a map, as every way sees them there."""
    return load_dataset(dataset, per_class, seed, image_size or _PIXELS[world_of(dataset)], CLASSES.get(dataset))


def recompute(
    dataset: str,
    per_class: int,
    way: str,
    seed: int = 0,
    device: str = "auto",
    backbone: str = "minivgg",
    image_size: int | None = None,
    **settings,
) -> Result:
    """Run one cell of a map again, now and here; ``on_epoch_end`` in ``settings`` follows its training."""
    checks.choose("target dataset", dataset, RANK)
    checks.choose("way", way, WAYS)
    check_backbone(backbone)
    checks.seed(seed)
    pick_device(device)
    if image_size is not None:
        checks.count("image_size", image_size, 16, 512)
    return Kit(backbone, image_size, device=device).run(dataset, per_class, way, seed, **settings)


def run_map(
    out: str | Path | None = None,
    datasets: Sequence[str] | None = None,
    per_class: Sequence[int] | None = None,
    ways: Sequence[str] = tuple(WAYS),
    seeds: int = 5,
    jobs: int | None = None,
    device: str = "auto",
    backend: str = "loky",
    scheduler: str | None = None,
    backbone: str = "minivgg",
    image_size: int | None = None,
    weights: str | Path | None = None,
) -> DecisionMap:
    """Measure the map and write it as a CSV file with a card beside it.

    The file is written after every result, so an interrupt loses only what was being computed:
    the same call goes on from there. Another call adds other cells to it: another backbone, or other targets.

    On a Dask cluster a task is a few names: every worker draws the pictures itself and keeps them
    in its own cache folder (``TLKIT_CACHE`` there; several workers may share one). A worker
    computes one result at a time, so start one for each core, or for each GPU. Scheduler and
    workers need the course installed as it is here. If a worker dies, another one takes its task.

    Parameters
    ----------
    out : path of the CSV file; by default in the current folder
    datasets, per_class, ways : what to measure
        By default the drawn targets with minivgg, which learned from drawn pictures, and the photo sets with any other
        backbone. Where a photo set has fewer pictures of a class, all it has are taken.
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
    backbone : name of the network
    image_size : pixels, by default 64 of drawn pictures and 96 of photos
    weights : path of a file of weights, in place of the usual ones: see ``load_backbone``

    Raises
    ------
    ValueError
        For an unknown name, a number out of range, photos that are not here, or a cluster that cannot be used; or if
        ``out`` was made with other pictures, weights or settings, or is being written by another run.
    """
    world = "drawn" if check_backbone(backbone) == "minivgg" else "photos"
    sizes = PER_CLASS if world == "drawn" else PHOTOS_PER_CLASS
    datasets = checks.several("datasets", MAPS[world] if datasets is None else datasets, "names")
    per_class = checks.several("per_class", sizes if per_class is None else per_class, "whole numbers")
    if image_size is not None:
        checks.count("image_size", image_size, 16, 512)
    out = checks.path("out", SHIPPED[world].name if out is None else out)
    if weights is not None:
        weights = checks.path("weights", weights)
    kit = Kit(backbone, image_size, weights, device)
    cells = _cells(kit, datasets, per_class, ways, seeds)
    if jobs is not None:
        checks.count("jobs", jobs, 1, MOST_JOBS)
    with _crew(backend, jobs, scheduler) as run:
        if backend != "dask":
            kit = replace(kit, device=str(pick_device(device)))
        made_from = kit.made_from(datasets)
        rows = ledger_at(out).fill(
            cells,
            lambda missing: run(partial(_measure, *cell[1:], kit, made_from) for cell in missing),
            made_from,
            _about(kit.backbone, _where(backend, device if backend == "dask" else kit.device, jobs in (None, 1))),
        )
    return DecisionMap(rows, pixels_of(made_from))


def _cells(
    kit: Kit, datasets: Sequence[str], per_class: Sequence[int], ways: Sequence[str], seeds: int
) -> list[tuple[str, int, str, int, str]]:
    """Every cell that is wanted, seed by seed; raises ValueError for what cannot be."""
    checks.count("seeds", seeds, 1, checks.MANY)
    ways = dict.fromkeys(checks.choose("way", way, WAYS) for way in checks.several("ways", ways, "names"))
    every = product(range(seeds), kit.places(datasets, per_class), ways)
    return [(kit.backbone, seed, dataset, size, way) for seed, (dataset, size), way in every]


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
    if scheduler is not None:
        raise ValueError(f"A scheduler is for the backend 'dask', but the backend is {backend!r}.")
    yield at_once(jobs or 1, backend)


def _measure(seed: int, dataset: str, per_class: int, way: str, kit: Kit, made_from: dict) -> list[dict]:
    here = kit.made_from([dataset])
    if any(made_from.get(name) != value for name, value in here.items()):
        raise ValueError("A worker has other pictures, weights or another version of the course than this machine.")
    # The drawn map keeps the curves of lesson 05. With a larger network a look at val after each of many short epochs
    # would cost more than the training.
    curves = {"val_each_epoch": kit.backbone == "minivgg"} if WAYS[way].trains else {}
    return result_rows(kit.run(dataset, per_class, way, seed, **curves))


def _about(backbone: str, machine: str) -> dict[str, str]:
    asked = shlex.join(sys.argv[1:]) if sys.argv[1:2] == ["map"] else ""
    command = f"python -m tlkit {asked}" if asked else "tlkit.run_map(...)"
    if backbone != "minivgg":  # several networks share a table, each by a call of its own
        command = "python -m tlkit map --backbone NAME, for each network in the table"
    return facts("Test accuracy of each way to transfer, by dataset size and similarity", command, machine)


def _where(backend: str, device: str, alone: bool) -> str:
    if backend == "dask":
        return f"the workers of a Dask cluster; device {device}, one core a result"
    threads = f"{torch.get_num_threads()} threads" if torch.get_num_threads() > 1 else "one core"
    return machine_here(f"computed on {device}, {threads if alone else 'one core'} a result")
