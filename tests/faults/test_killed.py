"""Workers, runs and kernels that are killed: nothing is lost, and nothing of them harms what comes after."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
import torch

import tlkit
from tlkit import cli, course
from tlkit.disk.cache import cache_folder
from tools import notebooks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are halted and killed otherwise there")

MAP = dict(datasets=["tissue"], per_class=[5, 8], ways=["probe", "earlier stage"], seeds=2, device="cpu")
ARGUMENTS = ["--datasets", "tissue", "--per-class", "5", "8", "--ways", "probe", "earlier stage", "--seeds", "2"]


# ------------------------------------------------------------------------------ workers of a cluster


def without_seconds(path):
    with path.open(newline="") as file:
        return [{column: value for column, value in row.items() if column != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The rows that one process finds, one after another."""
    folder = tmp_path_factory.mktemp("serial")
    (folder / "cache").mkdir()
    (cache_folder() / "pictures").mkdir(exist_ok=True)
    (folder / "cache" / "pictures").symlink_to(cache_folder() / "pictures")  # drawn once; features anew
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLKIT_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)  # as the workers have; with more the last digits of a feature could differ
        tlkit.run_map(folder / "map.csv", **MAP)
    torch.set_num_threads(threads)
    return without_seconds(folder / "map.csv")


@pytest.fixture
def dask_processes(tmp_path):
    """The scheduler's file. There are three workers of one thread; a nanny starts the first again when it dies."""
    pytest.importorskip("distributed")
    file, running = tmp_path / "scheduler.json", []

    def start(*arguments):
        command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(file), "--no-dashboard"]
        environment = os.environ | {"TLKIT_CACHE": str(tmp_path / "cache of the workers")}
        with (tmp_path / f"{len(running)}.log").open("w") as log:
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))

    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    for name, nanny in {"guarded": "--nanny", "alone": "--no-nanny", "last": "--no-nanny"}.items():
        limits = ["--nthreads", "1", "--memory-limit", "0", "--local-directory", str(tmp_path)]
        start("worker", "--name", name, nanny, "--host", "127.0.0.1", *limits)
    yield file
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)  # a nanny with its worker
        process.wait()


def kill_in_the_middle(client, pids, out, ended):
    """Once there is a row, kill workers that are computing; how many tasks each of them had in hand."""
    while not out.exists() and not ended.wait(0.02):
        pass
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)  # who is halted finishes nothing more, ...
    time.sleep(0.3)
    in_hand = client.processing()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)  # ... so what the scheduler counts on is lost
    return [len(in_hand[address]) for address in pids]


def test_a_map_whose_workers_are_killed_is_the_serial_one_but_for_seconds(
    tmp_path, dask_processes, serial, monkeypatch
):
    from distributed import Client

    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "cache of the client"))
    out = tmp_path / "map.csv"
    with Client(scheduler_file=str(dask_processes), set_as_default=False) as client, ThreadPoolExecutor(1) as thread:
        client.wait_for_workers(3, timeout=120)
        names = {worker["name"]: address for address, worker in client.scheduler_info()["workers"].items()}
        pids = {address: pid for address, pid in client.run(os.getpid).items() if address != names["last"]}
        killer = thread.submit(kill_in_the_middle, client, pids, out, ended := threading.Event())
        command = ["map", "--out", str(out), "--backend", "dask", "--scheduler", client.scheduler.address]
        code = cli.main([*command, "--device", "cpu", *ARGUMENTS])
        ended.set()
        assert code == 0
        assert min(killer.result()) > 0, "both were computing when they were killed"
        assert names["alone"] not in client.scheduler_info()["workers"]
    assert without_seconds(out) == serial
    assert "Dask cluster" in out.with_suffix(".toml").read_text()
    assert not (tmp_path / "cache of the client").exists(), "the workers drew the pictures"


# ------------------------------------------------------------------------------ runs


def test_ctrl_c_in_the_middle_of_the_map_loses_nothing(tmp_path):
    out = tmp_path / "map.csv"
    arguments = ["map", "--out", str(out), "--datasets", "plates", "--per-class", "5", "--ways", "probe"]
    arguments += ["--seeds", "5", "--device", "cpu"]
    command = [sys.executable, "-m", "tlkit", *arguments, "--jobs", "2"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=course.COURSE)
    while not out.exists() and run.poll() is None:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, said = run.communicate(timeout=120)
    assert run.returncode == 130 and "Run the same command again to go on." in said
    kept = out.read_text().splitlines()
    assert 2 <= len(kept) < 6
    assert cli.main(arguments) == 0  # the rest in this process, which has loaded everything
    whole = out.read_text().splitlines()
    assert len(whole) == 6 and set(kept) <= set(whole)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3])
def test_a_map_that_is_killed_goes_on_without_a_torn_file_or_a_lost_row(tmp_path, seconds):
    out = tmp_path / "map.csv"
    arguments = ["map", "--out", str(out), "--datasets", "plates", "--per-class", "5", "--ways", "probe"]
    arguments += ["--seeds", "6", "--device", "cpu"]
    run = subprocess.Popen([sys.executable, "-m", "tlkit", *arguments], stderr=subprocess.DEVNULL, cwd=course.COURSE)
    while not out.exists() and run.poll() is None:
        time.sleep(0.005)
    time.sleep(seconds)
    run.kill()
    run.wait()
    kept = tlkit.load_map(out).rows
    assert kept and cli.main(arguments) == 0
    whole = tlkit.load_map(out).rows
    assert len(whole) == 6 and all(row in whole for row in kept)


# ------------------------------------------------------------------------------ kernels


def _notebook(path, kernel, code):
    cells = [nbformat.v4.new_code_cell(code)]
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def test_kernels_that_died_harm_no_later_one(tmp_path, monkeypatch, trials):
    (tmp_path / "kernels" / "dies").mkdir(parents=True)
    (tmp_path / "kernels" / "dies" / "kernel.json").write_text(
        f'{{"argv": ["{Path(sys.executable).as_posix()}", "-c", "pass"], "display_name": "dies", "language": "python"}}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    dies = _notebook(tmp_path / "dies.ipynb", "dies", "x = 1")
    killed = _notebook(tmp_path / "killed.ipynb", "python3", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    lives = _notebook(tmp_path / "lives.ipynb", "python3", "print(6 * 7)")
    for _ in range(max(2, trials // 3)):
        with pytest.raises(notebooks.LessonError, match="Kernel died"):
            notebooks.execute(dies)
        with pytest.raises(notebooks.LessonError, match="in cell .*\nDeadKernelError"):
            notebooks.execute(killed)
        ran, _ = notebooks.execute(lives)
        assert ran.cells[0].outputs[0].text == "42\n"
