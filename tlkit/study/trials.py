"""Several ways, run on the same splits and seeds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from joblib import Parallel, effective_n_jobs

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.data.splits import Split
from tlkit.study.comparison import Comparison
from tlkit.study.places import RANK
from tlkit.study.tasks import MOST_JOBS, run_tasks
from tlkit.transfer.results import NetworkResult, Result
from tlkit.transfer.ways import WAYS

__all__ = ["compare"]


def result_rows(result: Result) -> list[dict]:
    """A result as rows of the tidy table: one, or one for each stage that was tried. Opens the test set."""
    result.open_test()
    common = {
        "backbone": result.backbone,
        "dataset": result.split.name,
        "similarity": RANK.get(result.split.name, ""),
        "per_class": result.split.per_class,
        "way": result.way,
        "seed": result.seed,
        "seconds": round(result.seconds, 3),
        "epochs": result.epochs if isinstance(result, NetworkResult) else 0,
        "trained_parameters": result.trained_parameters,
    }
    if isinstance(result, NetworkResult):
        curve = " ".join(f"{value:.4f}" for value in result.history.val_accuracy)
        scores = {"val_accuracy": round(result.val_accuracy, 4), "accuracy": round(result.test_accuracy, 4)}
        return [common | {"stage": "", "chosen": 1} | scores | {"val_curve": curve}]
    return [
        common
        | {"stage": stage, "chosen": int(stage == result.stage), "val_curve": ""}
        | {"val_accuracy": round(val, 4), "accuracy": round(result.test_by_stage[stage], 4)}
        for stage, val in result.val_by_stage.items()
    ]


def compare(
    ways: Sequence[str] | Mapping[str, Callable[..., Result]],
    split: Split | Callable[[int], Split],
    seeds: Iterable[int] = range(3),
    jobs: int | None = None,
    **settings,
) -> Comparison:
    """Run several ways on the same splits and seeds.

    Parameters
    ----------
    ways : names from ``WAYS``, or a dict from any name to a function ``(split, seed=..., **settings)``
        The second form compares settings of one way: ``{"gentle": partial(two_phase, ...)}``.
    split : Split, or function from seed to Split
        A split that was loaded is drawn, or dealt, again for each seed, and intervals are over these
        draws: it takes three. One of your own making (``split.draw`` is None) stays as it is. Then
        the seeds differ in the luck of training alone, and intervals are over the test pictures.
    seeds : int, one or more
    jobs : int, optional
        Ways computed at once, each on one core. By default one after another on all cores, or what
        ``joblib.parallel_config(backend=..., n_jobs=...)`` says around the call. Where several are
        computed at once each draws its own split, so for other computers give a function
        (``partial(tlkit.load_dataset, "flowers", 20)``): then no pictures travel.
    settings : passed on to every way

    Raises
    ------
    ValueError
        For an unknown way, before any work starts.
    """
    if not isinstance(ways, Mapping):
        ways = {checks.choose("way", way, WAYS): WAYS[way] for way in checks.several("ways", ways, "names", fewest=0)}
    for way in checks.mapping("ways", ways, "a function", fewest=0).values():
        checks.function("a way", way)
    if not callable(split):
        checks.instance("split", split, Split)
    seeds = [checks.seed(seed) for seed in checks.several("seeds", seeds, "whole numbers", fewest=0)]
    if not ways or not seeds:
        raise ValueError("compare needs at least one way and one seed.")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds={seeds} names a seed twice: the same draw again says nothing new. Give others.")
    alone = effective_n_jobs(jobs if jobs is None else checks.count("jobs", jobs, 1, MOST_JOBS)) == 1
    one_cut = isinstance(split, Split) and split.draw is None
    rows, correct = [], {}
    with tqdm(total=len(ways) * len(seeds), desc="comparing", leave=False) as bar:
        workers = Parallel(n_jobs=jobs, batch_size=1, return_as="generator")
        for new in run_tasks(workers, _tasks(ways, split, seeds, settings, bar if alone else None), alone):
            for found, right in new:
                rows += found
                correct[found[0]["way"], found[0]["seed"]] = right
            bar.update()
    groups = split.test.groups.numpy() if one_cut and split.test.groups is not None else None
    return Comparison(rows, correct, one_cut, groups)


def _tasks(
    ways: Mapping[str, Callable[..., Result]],
    split: Split | Callable[[int], Split],
    seeds: Iterable[int],
    settings: dict,
    bar: tqdm | None,
) -> Iterator[Callable[[], list[tuple[list[dict], np.ndarray]]]]:
    """Every way with every seed; with a ``bar`` in this process, one after another, on a split drawn once."""
    for seed in seeds:
        source = _source(split, seed)
        if bar is not None:
            source = _drawn(source, seed)
        for name, way in ways.items():
            if bar is not None:
                bar.set_postfix_str(name)
            yield partial(_rows, name, way, source, seed, settings)


def _rows(
    name: str, way: Callable[..., Result], source: Split | Callable[[int], Split], seed: int, settings: dict
) -> list[tuple[list[dict], np.ndarray]]:
    """The rows of one result, and which test pictures it named rightly."""
    with torch.random.fork_rng(devices=[]):  # dropout draws from the one stream of the process
        torch.manual_seed(seed)
        result = way(_drawn(source, seed), seed=seed, **settings)
    rows = [row | {"way": name, "seed": seed} for row in result_rows(result)]
    return [(rows, result.test_answers == result.split.test.labels.numpy())]


def _source(split: Split | Callable[[int], Split], seed: int) -> Split | Callable[[int], Split]:
    """The split of this seed, or the function that draws it."""
    return split.draw if isinstance(split, Split) and split.draw and split.seed != seed else split


def _drawn(source: Split | Callable[[int], Split], seed: int) -> Split:
    return source if isinstance(source, Split) else checks.instance("what split(seed) gives", source(seed), Split)
