"""Nothing is looked at or decoded twice, and nothing is lost: both go on after an interrupt."""

import errno
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from folder_makers import flat, load, pets
from PIL import Image

from tlkit.data import decoding, photos, pictures
from tlkit.data.depths import Reading
from tlkit.disk import tables
from tlkit.folders import looks

pytestmark = pytest.mark.filterwarnings("error")


def test_decoding_is_done_once_and_nobody_changes_the_file(empty_cache, tmp_path, monkeypatch):
    files = sorted(pets(tmp_path / "pets").glob("*/*.png"))
    keys = [str(path) for path in files]
    first = decoding.decode(files, keys, 32)
    expected = np.stack([pictures.read_picture(path, 32) for path in files])
    assert first.dtype == torch.uint8 and np.array_equal(first.numpy(), expected)
    first.zero_()
    monkeypatch.setattr(pictures, "read_picture", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(decoding.decode(files, keys, 32).numpy(), expected)
    assert len([path for path in (empty_cache / "photos").iterdir() if path.is_dir()]) == 1


def test_an_interrupted_decoding_goes_on(empty_cache, tmp_path, monkeypatch):
    files = sorted(pets(tmp_path / "pets").glob("*/*.png"))
    files = (files * (300 // len(files) + 1))[:300]
    original, read = pictures.read_picture, []

    def interrupted(path, size, reading):
        read.append(path)
        if len(read) == 280:
            raise KeyboardInterrupt
        return original(path, size, reading)

    monkeypatch.setattr(pictures, "read_picture", interrupted)
    keys = [f"{row}" for row in range(300)]
    with pytest.raises(KeyboardInterrupt):
        decoding.decode(files, keys, 32)
    before = len(read)
    table = decoding.decode(files, keys, 32)
    assert len(read) - before == 300 - 256, "a whole chunk is not read again"
    assert all(np.array_equal(table[row].numpy(), original(files[row], 32)) for row in (0, 255, 256, 299))


def test_a_file_that_turned_bad_leaves_no_half_table(empty_cache, tmp_path):
    files = sorted(pets(tmp_path / "pets").glob("*/*.png"))
    files[-1].write_text("no more")
    with pytest.raises(pictures.BadPicture, match="not a picture"):
        decoding.decode(files, [str(path) for path in files], 32)
    assert not [path for path in (empty_cache / "photos").iterdir() if path.suffix != ".lock"]


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that were looked at."""
    names, look = [], pictures.look

    def counting(path, *how):
        names.append(path.name)
        return look(path, *how)

    monkeypatch.setattr(pictures, "look", counting)
    return names


def test_only_new_and_changed_files_are_looked_at(empty_cache, tmp_path, opened):
    root = pets(tmp_path / "pets")
    (root / "cat" / "bad.jpg").write_text("not yet")
    load(root, image_size=16)
    assert len(opened) == 25
    assert load(root, image_size=16, seed=1).report.left_out and len(opened) == 25
    flat(root / "cat" / "bad.jpg", 0, 99, 0)
    flat(root / "dog" / "new.png", 60, 99, 0)
    split = load(root, image_size=16)
    assert opened[25:] == ["bad.jpg", "new.png"] or opened[25:] == ["new.png", "bad.jpg"]
    assert split.report.read == {"cat": 9, "dog": 17} and split.report.left_out == {}


def test_a_damaged_memory_of_the_looks_is_made_again(empty_cache, tmp_path, opened):
    root = pets(tmp_path / "pets")
    load(root, image_size=16)
    (kept,) = (empty_cache / "photos").glob("checked-*.json")
    kept.write_text(kept.read_text()[:100])
    assert load(root, image_size=16).report.read == {"cat": 8, "dog": 16} and len(opened) == 48


def test_an_interrupt_keeps_what_was_looked_at_and_leaves_nothing_else(empty_cache, tmp_path, monkeypatch, opened):
    root = pets(tmp_path / "pets")
    keep = decoding.Squares.keep

    def interrupted(squares, path, shown):
        if path.name == "05.png":
            raise KeyboardInterrupt
        keep(squares, path, shown)

    with monkeypatch.context() as patch:
        patch.setattr(decoding.Squares, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(root, image_size=16)
    (kept,) = (empty_cache / "photos").iterdir()
    assert list(json.loads(kept.read_text())) == [str(root / "cat" / f"0{k}.png") for k in range(5)]
    opened.clear()
    assert load(root, image_size=16).report.read == {"cat": 8, "dog": 16} and len(opened) == 24 - 5


@pytest.mark.parametrize(("size", "fit"), [(48, "crop"), (48, "pad"), (24, "squash")])
def test_each_file_is_opened_once_whatever_is_wanted_of_it(empty_cache, tmp_path, monkeypatch, size, fit):
    root, opened = pets(tmp_path / "pets"), []
    expected = [
        torch.from_numpy(pictures.read_picture(path, size, Reading(fit=fit))) for path in sorted(root.glob("*/*"))
    ]
    read, open_ = Path.read_bytes, Image.open
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or read(path))
    monkeypatch.setattr(Image, "open", lambda file, **how: opened.append(file) or open_(file, **how))
    monkeypatch.setattr(looks, "checksum", lambda *_: pytest.fail("read again"))
    split = load(root, image_size=size, fit=fit)
    assert sorted(file for file in opened if isinstance(file, Path)) == sorted(root.glob("*/*"))
    found = torch.cat([split.train.images, split.val.images, split.test.images])
    assert sorted(image.flatten().tolist() for image in found) == sorted(image.flatten().tolist() for image in expected)


@pytest.mark.parametrize("why", ["no room", "full", "cut short"])
def test_where_the_disk_has_no_room_for_more_files_are_read_again(empty_cache, tmp_path, monkeypatch, why):
    root, read, original = pets(tmp_path / "pets"), [], pictures.read_picture
    usual = load(root)
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(
        pictures, "read_picture", lambda path, *_, **how: read.append(path) or original(path, *_, **how)
    )
    squares = decoding.Squares
    if why == "no room":
        monkeypatch.setattr(decoding.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 24 * 3 * 16**2 - 1))
        monkeypatch.setattr(tables, "check_room", lambda *_: None)
    else:
        monkeypatch.setattr(decoding, "tempfile", SimpleNamespace(TemporaryFile=lambda **_: _Full(why)))
    with squares([(16, "crop")], 24) as kept:
        assert kept.wanted == (() if why == "no room" else ((16, "crop"),))
    again = load(root)
    assert len(read) >= 14 and torch.equal(again.train.images, usual.train.images)
    assert torch.equal(again.test.images, usual.test.images) and again.report.read == usual.report.read


class _Full(io.BytesIO):
    """A file on a disk with room for ten pictures."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def write(self, data):
        if self.tell() < 10 * 5 * 3 * 16**2:
            return super().write(data)
        if self.how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:100])


def test_one_damaged_file_among_many_costs_no_other_and_the_order_is_that_of_the_names(
    empty_cache, tmp_path, monkeypatch
):
    root = pets(tmp_path / "pets", cat=30, dog=40)
    (root / "cat" / "17.png").write_bytes((root / "cat" / "17.png").read_bytes()[:60])
    splits = []
    for threads in (1, 7):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / f"{threads}"))
        splits.append(load(root))
    one, seven = splits
    assert one.report == seven.report and list(one.report.left_out) == [os.path.join("cat", "17.png")]
    assert all(torch.equal(getattr(one, part).images, getattr(seven, part).images) for part in ("train", "val", "test"))


def test_threads_make_little_ahead_and_hand_over_what_fails():
    begun = []
    results = decoding.in_threads(lambda item: begun.append(item) or 1 / (item - 500), range(1000))
    assert [next(results) for _ in range(3)] == [1 / (k - 500) for k in range(3)]
    assert len(begun) <= 8 * (2 * os.cpu_count() + 1)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert max(begun) < 999


def test_a_split_that_is_too_large_for_memory_is_mapped(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets")
    usual = load(root)
    monkeypatch.setattr(photos, "IN_MEMORY", 0)
    mapped = load(root)
    for part in ("train", "val", "test"):
        one, other = getattr(usual, part), getattr(mapped, part)
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
    mapped.train.images[0] = 0  # of one's own: the next split knows nothing of it
    assert torch.equal(load(root).train.images, usual.train.images)
    assert not any((empty_cache / "rows").iterdir()), "a file without a name"


def test_a_large_collection_gives_the_same_split_from_one_table(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets")
    usual = load(root, per_class=3)
    monkeypatch.setattr(photos, "WHOLE", 0)
    large = load(root, per_class=3)
    parts = [(getattr(usual, part), getattr(large, part)) for part in ("train", "val", "test")]
    for one, other in parts:
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        assert other.images.is_contiguous()
    assert len({other.images.untyped_storage().data_ptr() for _, other in parts}) == 1
    assert len({one.images.untyped_storage().data_ptr() for one, _ in parts}) == 3
    # Only what the split needs is decoded, not the whole folder.
    assert large.train.images.untyped_storage().nbytes() == (6 + 3 + 9) * 3 * 16 * 16
