"""The map and a comparison as tasks that know nothing of each other: here, in other processes, on a Dask cluster.

A cluster that loses its workers in the middle: ``tests/faults``."""

import re
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial

import joblib
import pytest
import torch
from joblib.parallel import get_active_backend

import tlkit
from tlkit import cli
from tlkit.study import tasks
from tlkit.study.tasks import dask_cluster


def timeless(row):
    return {column: value for column, value in row.items() if column != "seconds"}


@contextmanager
def one_thread():
    """The workers have one core each; with more the last digits of a feature could differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# ------------------------------------------------------- a small cluster in this process, for the rest


def small_cluster(workers=1, threads=1):
    distributed = pytest.importorskip("distributed")
    settings = dict(processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0")
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=threads, **settings)


@pytest.fixture
def one_threaded():
    with small_cluster() as cluster:
        yield cluster


def surroundings(_):
    backend = type(get_active_backend()[0]).__name__
    return [threading.current_thread() is threading.main_thread(), backend, torch.get_num_threads()]


def test_the_only_thread_of_a_cluster_does_the_work_on_one_core(one_threaded):
    with dask_cluster(one_threaded.scheduler_address) as run:
        told = list(run([partial(surroundings, 0)] * 2))
    assert told == [[False, "SequentialBackend", 1]] * 2


class Unreadable:
    """Can be sent, but not read where it arrives: as if a module were not there."""

    def __reduce__(self):
        return __import__, ("a_module_that_is_nowhere",)


@pytest.mark.parametrize(
    ("task", "error"),
    [(partial(divmod, 1, 0), ZeroDivisionError), (partial(surroundings, Unreadable()), Exception)],
)
def test_an_error_in_a_task_ends_the_run_with_its_reason(one_threaded, task, error):
    told = pytest.raises(error, match="division|a_module_that_is_nowhere|deserializ")
    with told, dask_cluster(one_threaded.scheduler_address) as run:
        list(run([task]))


def test_an_interrupt_takes_the_rest_back_from_the_cluster(one_threaded):
    with pytest.raises(KeyboardInterrupt), dask_cluster(one_threaded.scheduler_address) as run:
        for _ in run([partial(time.sleep, 0.2)] * 50):
            assert len(one_threaded.scheduler.tasks) > 40
            raise KeyboardInterrupt
    deadline = time.monotonic() + 9  # less than what 45 tasks would take
    while one_threaded.scheduler.tasks and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not one_threaded.scheduler.tasks


# ------------------------------------------------------------------------ refused before work starts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "dsk"], r"no joblib backend called 'dsk'. Did you mean 'dask'\? There are: dask, loky"),
        (["--backend", "multiprocessing"], "There are: dask, loky, sequential, threading"),
        (["--backend", "dask"], "needs the address of a scheduler, for example tcp://"),
        (["--backend", "dask", "--scheduler", "somewhere"], r"No Dask scheduler answers at 'somewhere' \(missing port"),
        (["--backend", "dask", "--scheduler", "tcp://127.0.0.1:1"], "No Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        (["--scheduler", "tcp://127.0.0.1:1"], "A scheduler is for the backend 'dask'"),
    ],
)
def test_what_cannot_compute_is_refused_in_two_lines(tmp_path, monkeypatch, capsys, options, message):
    pytest.importorskip("distributed")
    monkeypatch.setattr(tasks, "ANSWER", 0.5)
    assert cli.main(["map", "--out", str(tmp_path / "map.csv"), "--device", "cpu", *options]) == 1
    said = capsys.readouterr().err
    assert re.search(message, said) and said.count("\n") <= 2
    assert not list(tmp_path.iterdir())


def test_without_the_package_dask_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = pytest.raises(ValueError, match="needs the package distributed, here and .*: pip install distributed")
    with told, dask_cluster("tcp://127.0.0.1:8786"):
        raise AssertionError("it cannot be there")


def test_a_cluster_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr(tasks, "WORKERS", 1)
    told = pytest.raises(ValueError, match="The cluster has no workers yet. Start some .dask worker")
    with small_cluster(workers=0) as empty, told, dask_cluster(empty.scheduler_address):
        raise AssertionError("nothing could compute")


# ------------------------------------------------------------------------------------ a comparison


drawn, threads_at_work = [], set()


def plates(seed):
    drawn.append(seed)
    return tlkit.load_dataset("plates", 5, seed, image_size=32)


def trained(split, seed, device):
    threads_at_work.add(threading.current_thread().name)
    return tlkit.pretrained_start(split, seed=seed, epochs=1, device=device)


# One that reads frozen features, and one that trains; a function without a name can go out too.
WAYS = {"frozen": lambda split, seed, device: tlkit.linear_probe(split, seed=seed, device=device), "trained": trained}


@pytest.fixture(scope="module")
def one_after_another():
    with one_thread():
        rows = tlkit.compare(WAYS, plates, seeds=range(2), device="cpu").rows
    assert drawn == [0, 1], "each split is drawn once for all ways"
    return [timeless(row) for row in rows]


def test_jobs_of_a_comparison_find_what_one_finds(one_after_another):
    split = plates(1)  # goes out whole for seed 1, and as the function that draws it for seed 0
    rows = tlkit.compare(WAYS, split, seeds=range(2), jobs=2, device="cpu").rows
    assert [timeless(row) for row in rows] == one_after_another
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        tlkit.compare(WAYS, plates, jobs=0)


@pytest.mark.parametrize("backend", ["threading", "dask"])
def test_a_comparison_runs_where_the_configuration_around_it_says(one_after_another, backend):
    threads, settings = torch.get_num_threads(), {"n_jobs": 2}
    with ExitStack() as stack:
        if backend == "dask":
            settings["client"] = stack.enter_context(small_cluster(threads=2)).get_client()
        threads_at_work.clear()
        with joblib.parallel_config(backend=backend, **settings):
            rows = tlkit.compare(WAYS, plates, seeds=range(2), device="cpu").rows
    assert [timeless(row) for row in rows] == one_after_another
    assert threads_at_work and threading.main_thread().name not in threads_at_work
    assert torch.get_num_threads() == threads, "what the tasks set is set back"
