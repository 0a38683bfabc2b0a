"""Pictures of one's own: every kind is read, what can not be used is left out and named, nothing is looked at twice."""

import os
import re
import shutil
import struct
import zlib

import numpy as np
import pytest
import torch
from folder_makers import flat, ids, is_short, load, pets
from PIL import Image

pytestmark = pytest.mark.filterwarnings("error")
needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make links")


def _header_of_a_huge_png(side):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


# --- A good folder


def test_a_split_is_stratified_and_shares_no_picture(empty_cache, tmp_path):
    split = load(pets(tmp_path / "pets", cat=8, dog=16, emu=3))
    parts = {part: getattr(split, part) for part in ("train", "val", "test")}
    assert split.name == "pets" and split.class_names == ["cat", "dog", "emu"]
    counts = {name: part.labels.bincount(minlength=3).tolist() for name, part in parts.items()}
    assert counts == {"train": [4, 8, 1], "val": [1, 2, 1], "test": [3, 6, 1]}
    everything = [one for part in parts.values() for one in ids(part.images)]
    assert len(everything) == len(set(everything)) == 27
    for part in parts.values():
        assert part.images.dtype == torch.uint8 and part.images.shape[1:] == (3, 16, 16)
        assert [red // 60 for red, _ in ids(part.images)] == part.labels.tolist()
    assert split.report.read == {"cat": 8, "dog": 16, "emu": 3} and split.report.left_out == {}


def test_a_seed_decides_the_split(empty_cache, tmp_path):
    pets(tmp_path / "pets")
    first, again, other = (load(tmp_path / "pets", seed=seed) for seed in (1, 1, 2))
    assert ids(first.train.images) == ids(again.train.images)
    assert set(ids(first.test.images)) != set(ids(other.test.images))
    drawn = load(tmp_path / "pets", per_class=3, seed=1).draw(2)
    assert ids(drawn.train.images) == ids(other.train.first(3).images)
    assert (drawn.seed, drawn.per_class, drawn.report.read) == (2, 3, first.report.read)


def test_few_per_class_are_the_beginning_of_more(empty_cache, tmp_path):
    pets(tmp_path / "pets", cat=16, dog=32, emu=7)
    few, all_of_them = load(tmp_path / "pets", per_class=5), load(tmp_path / "pets")
    assert few.train.labels.bincount().tolist() == [5, 5, 4]  # emus are fewer than five
    assert ids(few.train.images) == ids(all_of_them.train.images)[: len(few.train)]
    assert torch.equal(few.test.images, all_of_them.test.images)


def test_the_report_is_printed_unless_quiet(empty_cache, tmp_path, capsys):
    pets(tmp_path / "pets")
    (tmp_path / "pets" / "notes.txt").write_text("mine")
    load(tmp_path / "pets", quiet=False)
    said = capsys.readouterr().out
    assert "Read 24 pictures of 2 classes: cat 8, dog 16." in said and "notes.txt: it lies in no class" in said
    load(tmp_path / "pets")
    assert capsys.readouterr().out == ""


def test_subfolders_belong_to_their_class(empty_cache, tmp_path):
    pets(tmp_path / "pets")
    flat(tmp_path / "pets" / "cat" / "at home" / "asleep" / "1.png", 0, 99, 0)
    assert load(tmp_path / "pets").report.read == {"cat": 9, "dog": 16}


def test_names_may_have_spaces_and_any_letters(empty_cache, tmp_path):
    names = ["my cat", "🐶", "Übermäßig", "猫", "кот"]
    for k, name in enumerate(names):
        for number in range(3):
            flat(tmp_path / "pets" / name / f"{name} {number}.png", k, number, 0)
    split = load(tmp_path / "pets", quiet=False)
    assert split.class_names == sorted(names) and split.report.left_out == {}


@needs_links
def test_links_that_loop_end_and_count_once(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    (root / "cat" / "deeper").mkdir()
    (root / "cat" / "deeper" / "up").symlink_to(root / "cat", target_is_directory=True)
    (root / "cat" / "everything").symlink_to(root, target_is_directory=True)
    report = load(root).report
    assert report.read == {"cat": 8, "dog": 16} and report.left_out == {}


@needs_links
def test_a_folder_of_nothing_but_a_loop_is_refused(empty_cache, tmp_path):
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "cat").symlink_to(tmp_path / "pets", target_is_directory=True)
    with pytest.raises(ValueError, match="too few classes") as caught:
        load(tmp_path / "pets")
    assert is_short(caught)


@needs_links
def test_a_class_linked_into_another_is_in_both(empty_cache, tmp_path):
    root = pets(tmp_path / "pets", cat=4, dog=4, emu=4)
    (root / "cat" / "also").symlink_to(root / "emu", target_is_directory=True)
    report = load(root).report
    assert report.read == {"cat": 4, "dog": 4}
    assert report.left_out["emu/00.png"] == "the same picture is in cat and emu"


# --- What is left out


def _noise(path, size=64):
    values = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(values).save(path, "JPEG", quality=95)
    return path.read_bytes()


BAD_FILES = {
    "truncated JPEG": (lambda path: path.write_bytes(_noise(path)[:3000]), "damaged.*truncated"),
    "garbled PNG": (lambda path: path.write_bytes(_header_of_a_huge_png(40)), "damaged"),
    "zero bytes": (lambda path: path.write_bytes(b""), "empty .0 bytes."),
    "text": (lambda path: path.write_text("A cat, in words."), "not a picture"),
    "one pixel": (lambda path: Image.new("RGB", (1, 1)).save(path, "PNG"), "1 x 1 pixels: too small"),
    "bomb": (lambda path: path.write_bytes(_header_of_a_huge_png(30_000)), "far too many pixels"),
    "huge": (lambda path: path.write_bytes(_header_of_a_huge_png(10_000)), "10000 x 10000 pixels: .*too many"),
}


@pytest.mark.parametrize("make, reason", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_left_out_and_the_rest_kept(empty_cache, tmp_path, make, reason):
    make(pets(tmp_path / "pets") / "cat" / "bad.jpg")
    for _ in range(2):  # the second time it is remembered
        report = load(tmp_path / "pets").report
        assert report.read == {"cat": 8, "dog": 16} and list(report.left_out) == [os.path.join("cat", "bad.jpg")]
        assert re.search(reason, *report.left_out.values())


@needs_links
def test_a_link_to_nothing_is_left_out_until_there_is_something(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    (root / "cat" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (why,) = load(root).report.left_out.values()
    assert why == "it cannot be opened (No such file or directory)"
    flat(tmp_path / "elsewhere.png", 0, 99, 0)
    assert load(root).report.read == {"cat": 9, "dog": 16}


def test_stray_files_and_small_classes_are_left_out(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    flat(root / "stray.png", 1, 2, 3)
    (root / "empty").mkdir()
    flat(root / "lonely" / "1.png", 200, 1, 0)
    report = load(root).report
    assert report.read == {"cat": 8, "dog": 16} and list(report.left_out) == ["empty", "stray.png", "lonely"]
    assert report.left_out["empty"] == "a class without a file"
    assert report.left_out["stray.png"] == "it lies in no class's subfolder"
    assert report.left_out["lonely"].startswith("a class of 1; it takes 3")


def test_the_same_picture_twice_is_kept_once_and_in_two_classes_not_at_all(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    shutil.copy(root / "cat" / "00.png", root / "cat" / "copy.png")
    shutil.copy(root / "cat" / "01.png", root / "dog" / "or dog.png")
    report = load(root).report
    assert report.read == {"cat": 7, "dog": 16}
    assert {name.replace("\\", "/"): why.replace("\\", "/") for name, why in report.left_out.items()} == {
        "cat/copy.png": "the same picture as cat/00.png",
        "cat/01.png": "the same picture is in cat and dog",
        "dog/or dog.png": "the same picture is in cat and dog",
    }


def test_what_systems_leave_behind_is_passed_over(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    for name in (".DS_Store", "Thumbs.db", "cat/.DS_Store", "cat/._00.png", "dog/Thumbs.db", "dog/desktop.ini"):
        (root / name).write_bytes(b"\0")
    for folder in ("__MACOSX/cat", ".git", "cat/.ipynb_checkpoints", "dog/__MACOSX"):
        flat(root / folder / "x.png", 250, 250, 250)
    report = load(root).report
    assert report.read == {"cat": 8, "dog": 16} and report.left_out == {}


# --- What is refused


def test_no_such_path_and_too_few_classes_are_refused(empty_cache, tmp_path):
    with pytest.raises(ValueError, match="no folder or file") as caught:
        load(tmp_path / "nowhere")
    assert is_short(caught)
    (tmp_path / "empty").mkdir()
    for root, found in ((tmp_path / "empty", 0), (pets(tmp_path / "one", cat=5), 1), (tmp_path / "one" / "cat", 0)):
        with pytest.raises(ValueError, match=rf"too few classes.* \({found}\).* needs at least two") as caught:
            load(root)
        assert is_short(caught)


@pytest.mark.parametrize("options", [{"per_class": 0}, {"seed": -1}, {"image_size": 8}, {"image_size": 1000}])
def test_numbers_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        load(tmp_path, **options)
