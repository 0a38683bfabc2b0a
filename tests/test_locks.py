"""Locks, and file systems that have none."""

import errno
import threading
import time

import pytest
import torch

import tlkit
from tlkit.disk import tables
from tlkit.disk.cache import cached
from tlkit.disk.locks import locked, only_writer
from tlkit.exercises import progress

fcntl = pytest.importorskip("fcntl", reason="on Windows every file system has locks")


@pytest.fixture(params=["ENOLCK", "ENOTSUP", "ENOSYS", "EIO"])
def lockless(request, monkeypatch, empty_cache):
    """As on some network file systems: asked for a lock, they say one of these."""

    def refuse(file, operation):
        raise OSError(getattr(errno, request.param), "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    return request.param


def test_the_cache_works_without_locks(lockless, empty_cache):
    made = []
    for _ in range(2):
        assert cached("kind", "key", lambda: (made.append(1), {"x": torch.arange(5)})[1])["x"].equal(torch.arange(5))
    assert made == [1] and sorted(path.suffix for path in (empty_cache / "kind").iterdir()) == [".safetensors"]


def test_two_writers_of_a_table_take_turns_without_locks(lockless, empty_cache):
    rows, made = 2 * tables.CHUNK, []

    def make(start, stop, done):
        made.append(start)
        time.sleep(0.1)
        return {"x": torch.arange(start, stop)}

    def fill():
        found.append(tables.table("kind", "key", rows, make, "test")[0]["x"])

    found: list[torch.Tensor] = []
    writers = [threading.Thread(target=fill) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert made == [0, tables.CHUNK] and all(x.equal(torch.arange(rows)) for x in found) and len(found) == 2


def test_progress_is_kept_without_locks(lockless, tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_PROGRESS", str(tmp_path / "done.json"))
    progress.note("03.1")
    progress.note("03.2")
    assert progress.done() == {"03.1", "03.2"}


def test_the_environment_check_says_what_to_do(lockless, capsys, empty_cache):
    assert not tlkit.check_environment()
    told = capsys.readouterr().out
    assert f"To mend: The file system of {empty_cache} has no locks." in told and "set TLKIT_CACHE to a folder" in told


def test_one_run_at_a_time_writes_a_file(tmp_path):
    out = tmp_path / "map.csv"
    refused = pytest.raises(ValueError, match="Another run is writing to .*map.csv. Wait for it")
    with only_writer(out), refused as caught, only_writer(out):
        pytest.fail("two at once")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(TimeoutError, match="of the work itself"), only_writer(out):
        raise TimeoutError("of the work itself")


def test_one_run_at_a_time_writes_a_file_without_locks(lockless, tmp_path):
    out = tmp_path / "map.csv"
    with only_writer(out), pytest.raises(ValueError, match="If there is none, delete .*map.held"), only_writer(out):
        pytest.fail("two at once")
    with only_writer(out):
        pass
    assert not list(tmp_path.glob("map.*"))


def test_who_waits_for_a_file_that_nobody_holds_is_told_which(lockless, tmp_path, monkeypatch):
    monkeypatch.setattr("tlkit.disk.locks.PATIENCE", 0.1)
    (tmp_path / "key.held").write_text("left by a machine that is no more")
    timer = threading.Timer(0.5, (tmp_path / "key.held").unlink)
    timer.start()
    told = pytest.warns(UserWarning, match="holds .*key.held.\nIf none is at work there, delete that file")
    with told, locked(tmp_path / "key.lock"):
        pass
    timer.join()
