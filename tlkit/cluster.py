"""A Dask cluster as a backend of joblib: found or refused at once, and honest when it gives up a task."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec

from joblib._dask import DaskDistributedBackend

__all__: list[str] = []

_ANSWER, _WORKERS = 5, 10  # seconds until a scheduler has answered, and until a worker is there


@contextmanager
def connect(scheduler: str | None) -> Iterator["Cluster"]:
    """The cluster at this address. Leaving it takes back what it has not computed.

    Raises
    ------
    ValueError
        If Dask is not installed, nothing answers there, or there are no workers that have the course.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            "The backend 'dask' needs the package distributed, here and on the cluster: pip install distributed"
        ) from error
    if not scheduler:
        raise ValueError("The backend 'dask' needs the address of a scheduler, for example tcp://10.0.0.5:8786.")
    _greet(scheduler)
    with Client(scheduler, timeout=_ANSWER, set_as_default=False) as client:
        cluster = Cluster(client=client, wait_for_workers_timeout=_WORKERS)
        cluster.inspect()
        yield cluster


def _greet(scheduler: str) -> None:
    """Refuse an address at which no scheduler answers; ``Client`` itself would wait for ever at some of them."""
    from distributed import Security
    from distributed.comm import connect

    async def greet() -> None:
        security = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(scheduler, timeout=_ANSWER, **security), _ANSWER)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as pool:  # in a notebook this thread has a loop already
            pool.submit(asyncio.run, greet()).result()
    except Exception as error:  # a server of another kind may answer anything
        reason = str(error) or f"nothing in {_ANSWER} seconds"
        raise ValueError(
            f"No Dask scheduler answers at {scheduler!r} ({reason}).\n"
            "Start one (dask scheduler) and give the address that it prints, for example tcp://10.0.0.5:8786."
        ) from error


class Cluster(DaskDistributedBackend):
    """joblib's own backend, mended in two places.

    On a cluster of one thread joblib computes in this process instead. And it waits for ever for a
    task that the cluster itself gave up: because a worker cannot load it, because its workers were
    killed again and again, or because the scheduler is gone.
    """

    def inspect(self) -> None:
        """Refuse a cluster without workers, or with some that could compute nothing."""
        try:
            self.effective_n_jobs(-1)
        except TimeoutError as error:
            raise ValueError(
                "The cluster has no workers yet. Start some (dask worker ADDRESS) and try again."
            ) from error
        # A lambda travels whole. A worker without the course would die of its first task, without a word.
        has_course = self.client.run(lambda: find_spec("tlkit") is not None)
        if without := [worker for worker, has in has_course.items() if not has]:
            raise ValueError(f"tlkit is not installed on the workers {', '.join(without)}. Install it there as here.")
        if max(self.client.nthreads().values()) > 1:
            print("A worker computes one result at a time: start several workers (--nworkers 4 --nthreads 1).")

    def effective_n_jobs(self, n_jobs: int) -> int:
        return max(2, super().effective_n_jobs(n_jobs))  # 1 means "here" to joblib

    def submit(self, func: Callable, callback: Callable | None = None) -> Future:
        def tell(done: Future) -> None:
            if done.exception():
                callback(_given_up(done.exception()))

        future = super().submit(func, callback)
        future.add_done_callback(tell)
        return future

    def retrieve_result_callback(self, out: object) -> object:
        if isinstance(out, asyncio.CancelledError):  # what is left of a task whose scheduler is gone
            raise _given_up(out)
        return super().retrieve_result_callback(out)


def _given_up(error: BaseException) -> ConnectionError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return ConnectionError(
        f"The cluster gave up a task ({reason}).\nScheduler and workers need the same tlkit and packages "
        "as this machine; their logs say more. What was finished is kept: the same call goes on."
    )
