"""Tasks that know nothing of each other, over joblib: on one core each, on whatever computer."""

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from joblib import Parallel, delayed, parallel_config, wrap_non_picklable_objects

__all__: list[str] = []

# torch and liblinear draw random numbers from one stream a process. Where a process has several
# threads for tasks, these take turns, so that they find what they find one after another.
_turn = threading.Lock()


def run_tasks(workers: Parallel, tasks: Iterable[Callable[[], list]], alone: bool) -> Iterator[list]:
    """What the tasks return, in the order in which ``workers`` hand it over; ``alone``: one may use all cores."""
    import torch  # not above: who only passes tasks on needs nothing heavy

    threads = torch.get_num_threads()
    calls = (delayed(task)() if alone else delayed(_on_one_core)(_Task(task)) for task in tasks)
    with closing(workers(calls)) as results:
        try:
            yield from results
        finally:
            torch.set_num_threads(threads)  # where the workers are threads of this process


class _Task:
    """A task that is sealed for the journey and opened where it runs.

    So a scheduler on its way loads nothing of it, and what a worker lacks is an error of the task.
    """

    def __init__(self, task: Callable[[], list] | None, sealed: bytes = b""):
        self._task, self._sealed = task, sealed

    def __reduce__(self) -> tuple[type, tuple[None, bytes]]:
        sealed = self._sealed or pickle.dumps(wrap_non_picklable_objects(self._task, keep_wrapper=False))
        return _Task, (None, sealed)

    def __call__(self) -> list:
        return (self._task or pickle.loads(self._sealed))()


def _on_one_core(task: _Task) -> list:
    import torch

    with _turn, parallel_config(backend="sequential"):  # or the fits of a probe would go out as tasks of their own
        torch.set_num_threads(1)
        return task()
