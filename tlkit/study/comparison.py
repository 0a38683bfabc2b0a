"""Several ways on the same splits and seeds: a tidy table, paired differences, a figure."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from joblib import Parallel, effective_n_jobs
from matplotlib.axes import Axes

from tlkit import checks, text_tables
from tlkit.bars import tqdm
from tlkit.data.splits import Split
from tlkit.figures import plots
from tlkit.intervals import (
    Interval,
    accuracy_interval,
    if_enough,
    mean_interval,
    picture_difference,
    picture_interval,
    points,
    within,
)
from tlkit.study.places import RANK
from tlkit.study.tasks import MOST_JOBS, run_tasks
from tlkit.transfer.results import NetworkResult, Result
from tlkit.transfer.ways import WAYS

__all__ = ["Comparison", "compare"]


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


@dataclass(repr=False)
class Comparison:
    """Ways that were run on the same splits with the same seeds.

    Attributes
    ----------
    rows : list of dict
        One for each way, seed and stage that was tried, with the columns of
        ``datasets/decision_map.csv``. Where several stages were tried, ``chosen`` marks the one
        that val chose.
    correct : dict from (way, seed) to bool array (n,)
        Which test pictures were named rightly; empty for a map that was read from a file.
    one_cut : bool
        Whether all seeds share one train, val and test. Then seeds differ in the luck of training
        alone, which says nothing about other pictures: intervals are over the test pictures.
    """

    rows: list[dict]
    correct: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    one_cut: bool = False

    @property
    def ways(self) -> list[str]:
        """The ways in the order of ``WAYS``, then any others."""
        found = dict.fromkeys(row["way"] for row in self.rows)
        return [way for way in WAYS if way in found] + [way for way in found if way not in WAYS]

    def values(self, way: str, column: str = "accuracy", stage: str | None = None) -> np.ndarray:
        """One value a seed, in the order of the seeds, of what val chose or of a certain ``stage``."""
        return np.array(list(self._by_seed(way, column, stage).values()))

    def _by_seed(self, way: str, column: str, stage: str | None = None) -> dict[int, float | str]:
        checks.choose("way", way, self.ways)
        rows = [r for r in self.rows if r["way"] == way and (r["stage"] == stage if stage else r["chosen"])]
        if not rows:
            raise ValueError(f"{way!r} was not tried on stage {stage!r}.")
        return {row["seed"]: row[column] for row in sorted(rows, key=lambda row: row["seed"])}

    def accuracy(self, way: str) -> Interval:
        """Mean test accuracy over the seeds with its 95 % interval, over draws or (``one_cut``) over test pictures."""
        values = self._by_seed(way, "accuracy")
        if self.one_cut:
            return picture_interval(self._share_right(way, values))
        pictures = sum(len(self.correct.get((way, seed), ())) for seed in values) or None
        return if_enough(accuracy_interval, list(values.values()), pictures=pictures)

    def difference(self, first: str, second: str, looks: int = 1) -> Interval:
        """Mean test accuracy of ``first`` minus that of ``second`` with its 95 % interval, which pairs what both have.

        Paired are the seeds, or with ``one_cut`` the test pictures. Below three draws the ends are NaN.

        Parameters
        ----------
        first, second : ways
        looks : int
            How many differences you look at before you name the best of them: see ``mean_interval``.
        """
        one, other = self._by_seed(first, "accuracy"), self._by_seed(second, "accuracy")
        both = [seed for seed in one if seed in other]
        if not both:
            raise ValueError(f"{first!r} and {second!r} have no seed in common, so there is nothing to pair.")
        checks.count("looks", looks, 1)
        if self.one_cut:
            return picture_difference(self._share_right(first, both), self._share_right(second, both), looks)
        return within(if_enough(mean_interval, [one[seed] - other[seed] for seed in both], looks=looks))

    def verdict(self, first: str, second: str, looks: int = 1) -> str:
        """The paired difference in points, and whether it is clear of the noise; ``looks`` as for ``difference``."""
        over = f" (one cut: interval over {self._pictures:,} test pictures)" if self.one_cut else ""
        return f"{first} minus {second}: {points(self.difference(first, second, looks), looks)}{over}"

    def _share_right(self, way: str, seeds: Iterable[int]) -> np.ndarray:
        return np.mean([self.correct[way, seed] for seed in seeds], axis=0)

    @property
    def _pictures(self) -> int:
        return len(next(iter(self.correct.values())))

    def _table(self) -> list[tuple[str, ...]]:
        over = f" over {self._pictures:,} test pictures of one cut" if self.one_cut else ""
        lines = [("way", f"test accuracy (95 % interval{over})", "seconds", "trained weights")]
        for way in self.ways:
            seconds = f"{np.median(self.values(way, 'seconds')):,.1f}"
            weights = f"{int(np.median(self.values(way, 'trained_parameters'))):,}"
            lines.append((way, str(self.accuracy(way)), seconds, weights))
        return lines

    def __str__(self) -> str:
        return text_tables.as_text(self._table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return text_tables.as_table(self._table())

    def plot(self, title: str = "") -> Axes:
        """A bar for each way, with its interval, its seeds and its seconds."""
        bars = {}
        for way in self.ways:
            seconds = np.median(self.values(way, "seconds"))
            bars[f"{textwrap.fill(way, 12)}\n{seconds:.{0 if seconds >= 10 else 1}f} s"] = self.values(way)
        over = f"\n95 % over {self._pictures:,} pictures of one cut" if self.one_cut else ""
        return plots.plot_bars(bars, f"test accuracy (%){over}", title, [self.accuracy(way) for way in self.ways])


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
    return Comparison(rows, correct, one_cut)


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
