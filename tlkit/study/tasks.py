"""Tasks that know nothing of each other: on one core each, by joblib here or by Dask on other computers."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

from joblib import Parallel, delayed, parallel_config

__all__: list[str] = []

Task = Callable[[], list]
MOST_JOBS = 1024  # results computed at once on one machine
ANSWER, WORKERS = 5, 10  # seconds until a scheduler has answered, and until a worker is there

# torch draws random numbers from one stream a process. Where a process has several threads for tasks,
# these take turns, so that they find what they find one after another.
_turn = threading.Lock()


def run_tasks(workers: Parallel, tasks: Iterable[Task], alone: bool) -> Iterator[list]:
    """What the tasks return, in the order in which ``workers`` hand it over; ``alone``: one may use all cores."""
    import torch  # not above: who only passes tasks on needs nothing heavy

    threads = torch.get_num_threads()
    calls = (delayed(task)() if alone else delayed(_on_one_core)(task) for task in tasks)
    with closing(workers(calls)) as results:
        try:
            yield from results
        finally:
            torch.set_num_threads(threads)  # where the workers are threads of this process


def at_once(jobs: int, backend: str | None = None) -> Callable[[Iterable[Task]], Iterator[list]]:
    """A function that runs tasks, so many at once, and hands each result over as soon as it is there."""
    settings = {"n_jobs": jobs, "batch_size": 1, "pre_dispatch": jobs, "return_as": "generator_unordered"}
    return lambda tasks: run_tasks(Parallel(backend=backend, **settings), tasks, jobs == 1)


def _on_one_core(task: Task) -> list:
    import torch

    with _turn, parallel_config(backend="sequential"):  # or the fits of a probe would go out as tasks of their own
        torch.set_num_threads(1)
        return task()


@contextmanager
def dask_cluster(scheduler: str | None) -> Iterator[Callable[[Iterable[Task]], Iterator[list]]]:
    """A function that runs tasks on a Dask cluster, by Dask's own client, and hands each result over when it is there.

    A task whose worker dies goes to another one. What Dask gives up, it says why. Leaving takes back
    what was not computed.

    Raises
    ------
    ValueError
        If Dask is not installed, no scheduler answers there, or it has no workers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            "The backend 'dask' needs the package distributed, here and on the cluster: pip install distributed"
        ) from error
    if not scheduler:
        raise ValueError("The backend 'dask' needs the address of a scheduler, for example tcp://10.0.0.5:8786.")
    try:
        client = Client(scheduler, timeout=ANSWER)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"No Dask scheduler answers at {scheduler!r} ({reason}).\n"
            "Start one (dask scheduler) and give the address that it prints, for example tcp://10.0.0.5:8786."
        ) from error

    def run(tasks: Iterable[Task]) -> Iterator[list]:
        futures = [client.submit(_on_one_core, task, pure=False) for task in tasks]
        for done in as_completed(futures):
            yield done.result()
            futures.remove(done)  # the cluster need not keep what was handed over

    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS)
        except TimeoutError as error:
            raise ValueError(
                "The cluster has no workers yet. Start some (dask worker ADDRESS) and try again."
            ) from error
        yield run
