"""Tasks that know nothing of each other, over joblib: on one core each, on whatever computer."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

import torch
from joblib import Parallel, delayed, parallel, parallel_config

from tlkit import checks

__all__: list[str] = []

# torch and liblinear draw random numbers from one stream a process. Where a process has several
# threads for tasks, these take turns, so that they find what they find one after another.
_turn = threading.Lock()


@contextmanager
def crew(backend: str, jobs: int | None, scheduler: str | None) -> Iterator[Parallel]:
    """A joblib ``Parallel`` that hands over every result as soon as it is there.

    Parameters
    ----------
    backend : a name that joblib knows
    jobs : how many tasks at once; None: one, or on a Dask cluster as many as it has workers
    scheduler : the address of a Dask scheduler, for the backend ``"dask"``

    Raises
    ------
    ValueError
        If the backend is unknown, or no cluster answers, or it has no workers.
    """
    # multiprocessing would keep all results back until the last is there.
    known = {*parallel.BACKENDS, *parallel.EXTERNAL_BACKENDS} - {"multiprocessing"}
    checks.choose("joblib backend", backend, sorted(known))
    settings = {"pre_dispatch": jobs or "all", "batch_size": 1, "return_as": "generator_unordered"}
    if backend != "dask":
        if scheduler:
            raise ValueError(f"A scheduler is for the backend 'dask', but the backend is {backend!r}.")
        yield Parallel(n_jobs=jobs or 1, backend=backend, **settings)
        return
    from tlkit.cluster import connect  # Dask is large and seldom wanted

    with connect(scheduler) as cluster:
        yield Parallel(backend=cluster, **settings)


def run_tasks(workers: Parallel, tasks: Iterable[Callable[[], list]], alone: bool) -> Iterator[list]:
    """What the tasks return, in the order in which ``workers`` hand it over; ``alone``: one may use all cores."""
    threads = torch.get_num_threads()
    with closing(workers(delayed(_call if alone else _call_on_one_core)(task) for task in tasks)) as results:
        try:
            yield from results
        finally:
            torch.set_num_threads(threads)  # where the workers are threads of this process


def _call(task: Callable[[], list]) -> list:
    return task()


def _call_on_one_core(task: Callable[[], list]) -> list:
    with _turn, parallel_config(backend="sequential"):  # or the fits of a probe would go out as tasks of their own
        torch.set_num_threads(1)
        return task()
