"""The cache: whole files or none, damage noticed, two kernels at once, a folder that refuses."""

import multiprocessing
import os

import pytest
import torch

from tlkit.cache import cache_folder, cached, digest, write_atomically


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


def test_a_folder_that_cannot_be_written_is_refused_with_a_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match="Set the environment variable TLKIT_CACHE") as caught:
        cache_folder()
    assert len(str(caught.value).splitlines()) <= 3


def test_a_full_disk_costs_the_cache_and_not_the_result(empty_cache, monkeypatch):
    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlkit.cache.write_atomically", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert len(cached("kind", "key", _make([]))["x"]) == 1000


def test_the_fingerprint_sees_shape_type_and_content():
    x = torch.arange(6)
    others = [x.view(2, 3), x.int(), x.float(), x + 1, x[:5]]
    assert len({digest(t) for t in (x, *others)}) == 6
    assert digest(x) == digest(x.clone())
