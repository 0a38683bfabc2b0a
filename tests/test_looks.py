"""Nothing is looked at or decoded twice, and nothing is lost: both go on after an interrupt."""

import json

import numpy as np
import pytest
import torch
from folder_makers import flat, load, pets

from tlkit.data import photos, pictures
from tlkit.folders import looks

pytestmark = pytest.mark.filterwarnings("error")


def test_decoding_is_done_once_and_nobody_changes_the_file(empty_cache, tmp_path, monkeypatch):
    files = sorted(pets(tmp_path / "pets").glob("*/*.png"))
    keys = [str(path) for path in files]
    first = pictures.decode(files, keys, 32)
    expected = np.stack([pictures.read_picture(path, 32) for path in files])
    assert first.dtype == torch.uint8 and np.array_equal(first.numpy(), expected)
    first.zero_()
    monkeypatch.setattr(pictures, "read_picture", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(pictures.decode(files, keys, 32).numpy(), expected)
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
        pictures.decode(files, keys, 32)
    before = len(read)
    table = pictures.decode(files, keys, 32)
    assert len(read) - before == 300 - 256, "a whole chunk is not read again"
    assert all(np.array_equal(table[row].numpy(), original(files[row], 32)) for row in (0, 255, 256, 299))


def test_a_file_that_turned_bad_leaves_no_half_table(empty_cache, tmp_path):
    files = sorted(pets(tmp_path / "pets").glob("*/*.png"))
    files[-1].write_text("no more")
    with pytest.raises(pictures.BadPicture, match="not a picture"):
        pictures.decode(files, [str(path) for path in files], 32)
    assert not [path for path in (empty_cache / "photos").iterdir() if path.suffix != ".lock"]


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that were looked at."""
    names, look = [], pictures.look

    def counting(path):
        names.append(path.name)
        return look(path)

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


@pytest.mark.filterwarnings("default")  # joblib says which looks were given up
def test_an_interrupt_keeps_what_was_looked_at(empty_cache, tmp_path, monkeypatch, opened):
    root = pets(tmp_path / "pets")
    look = looks._look

    def interrupted(path):
        if path.name == "05.png":
            raise KeyboardInterrupt
        return look(path)

    with monkeypatch.context() as patch:
        patch.setattr(looks, "_look", interrupted)
        patch.setattr(looks.os, "cpu_count", lambda: 1)  # no threads: an interrupt comes to the main one
        with pytest.raises(KeyboardInterrupt):
            load(root, image_size=16)
    (kept,) = (empty_cache / "photos").glob("checked-*.json")
    assert len(json.loads(kept.read_text())) == 5
    assert load(root, image_size=16).report.read == {"cat": 8, "dog": 16} and len(opened) == 24


def test_a_large_collection_gives_the_same_split_from_one_table(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets")
    usual = load(root, per_class=3)
    monkeypatch.setattr(photos, "IN_MEMORY", 0)
    large = load(root, per_class=3)
    parts = [(getattr(usual, part), getattr(large, part)) for part in ("train", "val", "test")]
    for one, other in parts:
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        assert other.images.is_contiguous()
    assert len({other.images.untyped_storage().data_ptr() for _, other in parts}) == 1
    assert len({one.images.untyped_storage().data_ptr() for one, _ in parts}) == 3
    # Only what the split needs is decoded, not the whole folder.
    assert large.train.images.untyped_storage().nbytes() == (6 + 3 + 9) * 3 * 16 * 16
