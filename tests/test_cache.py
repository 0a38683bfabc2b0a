"""The cache: whole files or none, damage noticed, two kernels at once, a folder that refuses, and a shared one."""

import multiprocessing
import os
import re
import sys
from pathlib import Path

import pytest
import torch

import tlkit
from tlkit.disk import tables
from tlkit.disk.cache import cache_folder, cached, digest, shared_folder, write_atomically


def _make(counter):
    def make():
        counter.append(1)
        return {"x": torch.arange(1000)}

    return make


def _file(folder):
    return next(folder.glob("kind/key.safetensors"))


def test_what_is_kept_is_not_made_again(empty_cache):
    made = []
    first, second = (cached("kind", "key", _make(made))["x"] for _ in range(2))
    assert made == [1] and torch.equal(first, second)
    assert [path.suffix for path in (empty_cache / "kind").iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-100],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"",
        lambda content: b"not a safetensors file at all",
        lambda content: content.replace(b"checksums", b"checksumz"),
    ],
)
def test_a_damaged_file_is_noticed_and_made_again(empty_cache, damage):
    made = []
    cached("kind", "key", _make(made))
    path = _file(empty_cache)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="was damaged"):
        assert torch.equal(cached("kind", "key", _make(made))["x"], torch.arange(1000))
    assert made == [1, 1]
    cached("kind", "key", _make(made))
    assert made == [1, 1]


def test_an_interrupt_leaves_nothing_behind(empty_cache):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("kind", "key", interrupted)
    assert not list((empty_cache / "kind").glob("*.safetensors"))

    def half_written(part):
        part.write_bytes(b"half")
        raise KeyboardInterrupt

    target = empty_cache / "file"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, half_written)
    assert target.read_bytes() == b"old" and [p.name for p in empty_cache.glob("file*")] == ["file"]


def _kernel(folder, barrier, answers):
    os.environ["TLKIT_CACHE"] = folder
    made = []

    def slow():
        made.append(1)
        torch.manual_seed(os.getpid())
        return {"x": torch.rand(2_000_000)}

    barrier.wait()
    answers.put((os.getpid(), digest(cached("kind", "key", slow)["x"]), len(made)))


def test_two_kernels_at_once_make_it_once(empty_cache):
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    kernels = [context.Process(target=_kernel, args=(str(empty_cache), barrier, answers)) for _ in range(2)]
    for kernel in kernels:
        kernel.start()
    results = [answers.get(timeout=120) for _ in kernels]
    for kernel in kernels:
        kernel.join()
    assert results[0][1] == results[1][1]
    assert sorted(result[2] for result in results) == [0, 1]


@pytest.fixture(params=["a file in its way", "a file system that refuses"])
def unwritable(request, tmp_path, monkeypatch):
    """A home where nothing can be written, not even by root."""
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "cache" if request.param == "a file in its way" else Path("/proc") / tmp_path.name
    if not folder.parent.exists():
        pytest.skip("Linux alone has such a folder")
    monkeypatch.setenv("TLKIT_CACHE", str(folder))
    return folder


def test_in_a_home_that_cannot_be_written_work_goes_on_with_a_way_out(unwritable):
    made = []
    with pytest.warns(
        UserWarning, match=f"{unwritable} cannot be written .*lost later.\nSet the .* TLKIT_CACHE"
    ) as told:
        for _ in range(2):
            assert cached("kind", "key", _make(made))["x"].equal(torch.arange(1000))
    assert made == [1] and len(told) == 1 and len(str(told[0].message).splitlines()) == 2
    columns, _ = tables.table("kind", "key", 3, lambda start, stop, done: {"x": torch.arange(start, stop)}, "test")
    assert columns["x"].tolist() == [0, 1, 2] and not tlkit.is_here("flowers17")


def test_a_home_that_cannot_be_written_needs_nothing_where_the_class_shares_all(shared, unwritable, recwarn):
    before = _stamps(shared)
    assert cached("kind", "key", pytest.fail)["x"].equal(torch.arange(1000))
    assert _stamps(shared) == before and not [w for w in recwarn if "cannot be written" in str(w.message)]


def test_without_a_temporary_folder_too_it_is_refused(unwritable, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.warns(UserWarning), pytest.raises(OSError, match="Set the environment variable TLKIT_CACHE") as caught:
        cache_folder()
    assert len(str(caught.value).splitlines()) == 2


def test_a_full_disk_costs_the_cache_and_not_the_result(empty_cache, monkeypatch):
    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlkit.disk.cache.write_atomically", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert len(cached("kind", "key", _make([]))["x"]) == 1000


def test_the_fingerprint_sees_shape_type_and_content():
    x = torch.arange(6)
    others = [x.view(2, 3), x.int(), x.float(), x + 1, x[:5]]
    assert len({digest(t) for t in (x, *others)}) == 6
    assert digest(x) == digest(x.clone())


# What is read, and by whom


@pytest.mark.skipif(sys.platform != "linux", reason="where it is told how much memory is private")
def test_what_is_read_is_mapped_and_the_file_stays_as_it_is(empty_cache):
    def make():
        return {"x": torch.arange(2**23)}

    def private():
        return int(re.search(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024

    before = cached("kind", "key", make)["x"].nbytes  # made, and let go again
    cached("kind", "key", pytest.fail)
    start = private()
    x = cached("kind", "key", pytest.fail)["x"]
    assert x.nbytes == before and private() - start < x.nbytes / 4
    x[:5] = -1
    assert cached("kind", "key", pytest.fail)["x"].equal(torch.arange(2**23))


@pytest.mark.skipif(sys.platform == "win32", reason="rights are others there")
@pytest.mark.parametrize(("mask", "rights"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_a_file_if_its_owner_lets_them_read_all_others(empty_cache, mask, rights):
    before = os.umask(mask)
    try:
        cached("kind", "key", _make([]))
    finally:
        os.umask(before)
    assert _file(empty_cache).stat().st_mode & 0o777 == rights


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A cache that somebody filled with one file, as the shared one; the own one is not there yet."""
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "shared"))
    cached("kind", "key", _make([]))
    for path in (tmp_path / "shared").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setenv("TLKIT_SHARED_CACHE", str(tmp_path / "shared"))
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "own"))
    yield tmp_path / "shared"
    (tmp_path / "shared" / "kind").chmod(0o755)  # so that it can be deleted


def _stamps(folder):
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_what_the_class_shares_is_read_and_neither_written_nor_locked(shared, tmp_path, monkeypatch):
    before, made = _stamps(shared), []
    monkeypatch.setattr("tlkit.disk.cache.locked", lambda path: pytest.fail(f"{path} was locked"))
    assert cached("kind", "key", _make(made))["x"].equal(torch.arange(1000))
    assert made == [] and _stamps(shared) == before and not (tmp_path / "own").exists()


def test_what_the_class_does_not_have_goes_into_the_own_cache(shared, tmp_path):
    before, made = _stamps(shared), []
    for key in ("other", "other"):
        assert cached("kind", key, _make(made))["x"].equal(torch.arange(1000))
    assert made == [1] and _stamps(shared) == before and (tmp_path / "own/kind/other.safetensors").exists()


def test_a_damaged_file_of_the_class_is_told_and_replaced_by_an_own_one(shared, tmp_path):
    path, made = _file(shared), []
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])
    for _ in range(2):
        with pytest.warns(UserWarning, match="was damaged .*; going on with your own cache"):
            assert cached("kind", "key", _make(made))["x"].equal(torch.arange(1000))
    assert made == [1] and (tmp_path / "own/kind/key.safetensors").exists()


def test_a_shared_folder_that_cannot_be_read_is_refused(shared, tmp_path, monkeypatch):
    assert shared_folder() == shared
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(OSError, match="may not read"):
        shared_folder()
    for name, words in (("nowhere", "does not exist"), ("file", "is no folder")):
        (tmp_path / "file").touch()
        monkeypatch.setenv("TLKIT_SHARED_CACHE", str(tmp_path / name))
        with pytest.raises(OSError, match=f"TLKIT_SHARED_CACHE names .*{name}, .*{words}") as caught:
            cached("kind", "key", pytest.fail)
        assert len(str(caught.value).splitlines()) == 2
    monkeypatch.setenv("TLKIT_SHARED_CACHE", "")
    assert shared_folder() is None
