"""What files from anywhere may take: refused before the work, in a line or two, and what is refused leaves nothing."""

import io
import os
import tarfile
import zipfile
from functools import partial

import numpy as np
import pytest
from fake_server import tar_of, zip_of
from folder_makers import flat, is_short, load, pets, rows_of, table
from PIL import Image

from tlkit.data import pictures
from tlkit.disk import archives, limits
from tlkit.disk.cards import read_card
from tlkit.exercises.hand_ins import hand_ins
from tlkit.folders import file_tables
from tlkit.widgets.upload import FolderUpload

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")


def test_a_limit_is_raised_by_one_variable(monkeypatch):
    assert limits.needed(100, 100) == 0 and limits.needed(101, 100) == 2 and limits.needed(1001, 100) == 11
    with pytest.raises(
        ValueError, match=r"^Too much.\nIf you trust it, .*TLKIT_LIMITS=11 .in a notebook: %env"
    ) as caught:
        limits.check(1001, 100, "Too much.")
    assert is_short(caught)
    monkeypatch.setenv("TLKIT_LIMITS", "11")
    limits.check(1001, 100, "Too much.")
    for said in ("many", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("TLKIT_LIMITS", said)
        with pytest.raises(ValueError, match="TLKIT_LIMITS must be a number above 0"):
            limits.factor()


# --- Archives

ZEROS = {"cat/big.png": bytes(2 * 10**6)}
BOMBS = {"zip": zip_of(ZEROS, zipfile.ZIP_DEFLATED), "tar.gz": tar_of(ZEROS, "w:gz")}


@pytest.mark.parametrize("kind", BOMBS)
def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(empty_cache, tmp_path, monkeypatch, kind):
    path = tmp_path / f"x.{kind}"
    path.write_bytes(BOMBS[kind])
    assert len(BOMBS[kind]) < 5000
    archives.unpack(path, tmp_path / "fine")  # so little harms nobody
    monkeypatch.setattr(archives, "SMALL", 10**6)
    with pytest.raises(ValueError, match="unpacks to 2 MB: that may be a trap.\n.*TLKIT_LIMITS=2 ") as caught:
        load(path)
    assert is_short(caught) and not list((empty_cache / "uploads").iterdir())
    monkeypatch.setenv("TLKIT_LIMITS", "2")
    with pytest.raises(ValueError, match="too few classes"):  # unpacked, and read
        load(path)


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("bars", ["shown", "off"])
def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch, kind, bars):
    if bars == "off":  # as TQDM_DISABLE=1 has it: such a bar counts nothing
        monkeypatch.setattr(archives, "tqdm", partial(archives.tqdm, disable=True))
    files = {f"{number}.png": b"" for number in range(4)}
    (tmp_path / f"x.{kind}").write_bytes(zip_of(files) if kind == "zip" else tar_of(files, "w:gz"))
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    with pytest.raises(ValueError, match=r"holds 4 files, more than 3.\n.*TLKIT_LIMITS=2"):
        archives.unpack(tmp_path / f"x.{kind}", tmp_path / "in" / "folder")
    assert not list((tmp_path / "in").iterdir())


LONG = "n" * 300
NAMES = {"a name": f"cat/{LONG}.png", "a folder": f"{LONG}/1.png", "a file in a file": "cat/00.png/1.png"}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("case", NAMES)
def test_names_that_no_disk_takes_are_said(tmp_path, kind, case):
    files = {"cat/00.png": b"a picture", NAMES[case]: b"another"}
    (tmp_path / f"x.{kind}").write_bytes(zip_of(files) if kind == "zip" else tar_of(files, "w:gz"))
    with pytest.raises(ValueError, match="holds a name that is .*. Nothing was unpacked.") as caught:
        archives.unpack(tmp_path / f"x.{kind}", tmp_path / "in" / "folder")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200 and not list((tmp_path / "in").iterdir())


def test_an_archive_with_a_long_name_is_read(empty_cache, tmp_path):
    root, path = pets(tmp_path / "pets", cat=3, dog=3), tmp_path / ("x" * 250 + ".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for one in root.glob("*/*.png"):
            archive.write(one, one.relative_to(root).as_posix())
    assert load(path).report.read == {"cat": 3, "dog": 3}


# --- Pictures and tables


def test_a_picture_of_too_many_pixels_is_left_out_until_it_is_allowed(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets")
    flat(root / "cat" / "large.png", 9, 9, 9, size=64)
    monkeypatch.setattr(pictures, "LARGEST", 64 * 63)
    (why,) = load(root).report.left_out.values()
    assert why.startswith("64 x 64 pixels: more than") and why.endswith("set TLKIT_LIMITS=2")
    monkeypatch.setenv("TLKIT_LIMITS", "2")
    assert load(root).report.read == {"cat": 9, "dog": 16}


def test_what_decoding_takes_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 64 * 63)
    values = np.zeros((64, 64, 3), np.uint8)
    Image.fromarray(values).save(tmp_path / "scaled.jpg")  # on the way, so it may have twice as many
    pictures.read_picture(tmp_path / "scaled.jpg", 16)
    Image.fromarray(values[:50, :50, 0].astype(np.uint16)).save(tmp_path / "deep.png")  # and one of 16 bits half
    with pytest.raises(pictures.BadPicture, match="50 x 50 pixels: .*TLKIT_LIMITS=2"):
        pictures.read_picture(tmp_path / "deep.png", 16)


def test_a_transparent_picture_is_the_same_in_bands(tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 256, (50, 40, 4), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "x.png")
    whole = pictures.read_picture(tmp_path / "x.png", 16)
    monkeypatch.setattr(pictures, "_BAND", 7)
    assert (pictures.read_picture(tmp_path / "x.png", 16) == whole).all()


def test_a_file_far_too_large_for_a_picture_is_not_read(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets")
    with open(root / "cat" / "holes.png", "wb") as file:
        file.truncate(5000)
    monkeypatch.setattr(pictures, "LARGEST_FILE", 4000)
    assert "too large for a picture; if it is one, set TLKIT_LIMITS=2" in str(load(root).report)


def test_a_table_is_judged_by_its_head_and_read_up_to_a_limit(empty_cache, tmp_path, monkeypatch):
    root = pets(tmp_path / "pets", cat=4, dog=4)
    path = table(root / "labels.csv", "file,label", *rows_of(root), f"{LONG}.png,cat", f"{LONG}/{LONG},dog")
    split = load(root)
    assert split.report.read == {"cat": 4, "dog": 4} and len(split.report.left_out) == 2
    monkeypatch.setattr(file_tables, "_HEAD", 60)
    assert load(root).report.read == {"cat": 4, "dog": 4}
    monkeypatch.setattr(file_tables, "LARGEST", 100)
    with pytest.raises(ValueError, match="labels.csv has 0.0 MB, too much for such a file") as caught:
        load(path)
    assert is_short(caught)


def test_brackets_without_end_make_no_table(empty_cache, tmp_path):
    root = pets(tmp_path / "pets")
    (root / "x.jsonl").write_text('{"file_name": ' + "[" * 200_000 + "}\n")
    assert load(root).report.read == {"cat": 8, "dog": 16}


# --- What is no file


@needs_pipes
@pytest.mark.parametrize("name", ["x.zip", "x.csv", "x.tar", "x"])
def test_a_pipe_in_place_of_a_set_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name} is a pipe, a socket or a device, and no file"):
        load(tmp_path / name)


@needs_pipes
def test_a_pipe_in_place_of_a_card_or_a_hand_in_is_refused(tmp_path):
    os.mkfifo(tmp_path / "x.toml")
    with pytest.raises(ValueError, match="The card .*x.toml is a pipe"):
        read_card(tmp_path / "x.toml")
    with pytest.raises(ValueError, match="x.toml is a pipe"):
        list(hand_ins([tmp_path / "x.toml"]))


def test_a_file_in_place_of_a_folder_says_what_is_wanted(empty_cache, tmp_path):
    flat(tmp_path / "x.png", 1)
    with pytest.raises(
        ValueError, match="is no zip or tar archive; nor is it a folder.*\nGive a folder with"
    ) as caught:
        load(tmp_path / "x.png")
    assert is_short(caught)
    empty_cache.mkdir()
    (empty_cache / "photos").touch()
    with pytest.raises(OSError, match="photos is a file, but the cache needs a folder there"):
        load(pets(tmp_path / "pets"))


def test_a_hand_in_that_is_a_bomb_is_named(tmp_path, monkeypatch):
    (tmp_path / "x.zip").write_bytes(zip_of({f"{k}.json": bytes(10**6) for k in range(3)}, zipfile.ZIP_DEFLATED))
    monkeypatch.setattr(archives, "SMALL", 10**6)
    (found,) = hand_ins([tmp_path / "x.zip"])
    assert "was not read" in found.problem and "that may be a trap" in found.problem


def test_an_upload_with_a_long_name_or_on_a_full_disk_is_said(empty_cache, monkeypatch):
    widget, content = FolderUpload(16), io.BytesIO()
    with tarfile.open(fileobj=content, mode="w"):
        pass
    widget._on_upload({"new": {LONG + ".zip": {"content": content.getvalue()}}})
    assert "Not read" in widget._said.value and "File name too long" not in widget._said.value

    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlkit.widgets.upload.write_atomically", full)
    widget._on_upload({"new": {"a.zip": {"content": b""}}})
    assert "No space left on device" in widget._said.value
