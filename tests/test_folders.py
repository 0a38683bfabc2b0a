"""Pictures of one's own: every kind is read, what can not be used is left out and named, nothing is looked at twice."""

import json
import os
import re
import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import tlkit
from tlkit import folders, looks, photos, pictures

pytestmark = pytest.mark.filterwarnings("error")
needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make links")


def _flat(path, *colour):
    """A picture of one colour, so that a pixel says which file it came from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), colour).save(path, "PNG")


def _pets(root, **counts):
    """A folder of flat pictures; red says the class and green the number."""
    for k, (name, count) in enumerate((counts or {"cat": 8, "dog": 16}).items()):
        for number in range(count):
            _flat(root / name / f"{number:02}.png", 60 * k, number, 0)
    return root


def _load(path, **options):
    return tlkit.load_folder(path, **{"image_size": 32, "quiet": True} | options)


def _ids(images):
    return [tuple(colour) for colour in images[:, :2, 0, 0].tolist()]


def _is_error_of_few_lines(caught):
    return len(str(caught.value).splitlines()) <= 3


def _header_of_a_huge_png(side):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


# --- A good folder


def test_a_split_is_stratified_and_shares_no_picture(empty_cache, tmp_path):
    split = _load(_pets(tmp_path / "pets", cat=8, dog=16, emu=3))
    parts = {part: getattr(split, part) for part in ("train", "val", "test")}
    assert split.name == "pets" and split.class_names == ["cat", "dog", "emu"]
    counts = {name: part.labels.bincount(minlength=3).tolist() for name, part in parts.items()}
    assert counts == {"train": [4, 8, 1], "val": [1, 2, 1], "test": [3, 6, 1]}
    everything = [one for part in parts.values() for one in _ids(part.images)]
    assert len(everything) == len(set(everything)) == 27
    for part in parts.values():
        assert part.images.dtype == torch.uint8 and part.images.shape[1:] == (3, 32, 32)
        assert [red // 60 for red, _ in _ids(part.images)] == part.labels.tolist()
    assert split.report.read == {"cat": 8, "dog": 16, "emu": 3} and split.report.left_out == {}


def test_a_seed_decides_the_split(empty_cache, tmp_path):
    _pets(tmp_path / "pets")
    first, again, other = (_load(tmp_path / "pets", seed=seed) for seed in (1, 1, 2))
    assert _ids(first.train.images) == _ids(again.train.images)
    assert set(_ids(first.test.images)) != set(_ids(other.test.images))
    drawn = _load(tmp_path / "pets", per_class=3, seed=1).draw(2)
    assert _ids(drawn.train.images) == _ids(other.train.first(3).images)
    assert (drawn.seed, drawn.per_class, drawn.report.read) == (2, 3, first.report.read)


def test_few_per_class_are_the_beginning_of_more(empty_cache, tmp_path):
    _pets(tmp_path / "pets", cat=16, dog=32, emu=7)
    few, all_of_them = _load(tmp_path / "pets", per_class=5), _load(tmp_path / "pets")
    assert few.train.labels.bincount().tolist() == [5, 5, 4]  # emus are fewer than five
    assert _ids(few.train.images) == _ids(all_of_them.train.images)[: len(few.train)]
    assert torch.equal(few.test.images, all_of_them.test.images)


def test_the_report_is_printed_unless_quiet(empty_cache, tmp_path, capsys):
    _pets(tmp_path / "pets")
    (tmp_path / "pets" / "notes.txt").write_text("mine")
    _load(tmp_path / "pets", quiet=False)
    said = capsys.readouterr().out
    assert "Read 24 pictures of 2 classes: cat 8, dog 16." in said and "notes.txt: it lies in no class" in said
    _load(tmp_path / "pets")
    assert capsys.readouterr().out == ""


def test_subfolders_belong_to_their_class(empty_cache, tmp_path):
    _pets(tmp_path / "pets")
    _flat(tmp_path / "pets" / "cat" / "at home" / "asleep" / "1.png", 0, 99, 0)
    assert _load(tmp_path / "pets").report.read == {"cat": 9, "dog": 16}


def test_names_may_have_spaces_and_any_letters(empty_cache, tmp_path):
    names = ["my cat", "🐶", "Übermäßig", "猫", "кот"]
    for k, name in enumerate(names):
        for number in range(3):
            _flat(tmp_path / "pets" / name / f"{name} {number}.png", k, number, 0)
    split = _load(tmp_path / "pets", quiet=False)
    assert split.class_names == sorted(names) and split.report.left_out == {}


@needs_links
def test_links_that_loop_end_and_count_once(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    (root / "cat" / "deeper").mkdir()
    (root / "cat" / "deeper" / "up").symlink_to(root / "cat", target_is_directory=True)
    (root / "cat" / "everything").symlink_to(root, target_is_directory=True)
    report = _load(root).report
    assert report.read == {"cat": 8, "dog": 16} and report.left_out == {}


@needs_links
def test_a_folder_of_nothing_but_a_loop_is_refused(empty_cache, tmp_path):
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "cat").symlink_to(tmp_path / "pets", target_is_directory=True)
    with pytest.raises(ValueError, match="too few classes") as caught:
        _load(tmp_path / "pets")
    assert _is_error_of_few_lines(caught)


@needs_links
def test_a_class_linked_into_another_is_in_both(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets", cat=4, dog=4, emu=4)
    (root / "cat" / "also").symlink_to(root / "emu", target_is_directory=True)
    report = _load(root).report
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
    make(_pets(tmp_path / "pets") / "cat" / "bad.jpg")
    for _ in range(2):  # the second time it is remembered
        report = _load(tmp_path / "pets").report
        assert report.read == {"cat": 8, "dog": 16} and list(report.left_out) == [os.path.join("cat", "bad.jpg")]
        assert re.search(reason, *report.left_out.values())


@needs_links
def test_a_link_to_nothing_is_left_out_until_there_is_something(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    (root / "cat" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (why,) = _load(root).report.left_out.values()
    assert why == "it cannot be opened (No such file or directory)"
    _flat(tmp_path / "elsewhere.png", 0, 99, 0)
    assert _load(root).report.read == {"cat": 9, "dog": 16}


def test_stray_files_and_small_classes_are_left_out(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    _flat(root / "stray.png", 1, 2, 3)
    (root / "empty").mkdir()
    _flat(root / "lonely" / "1.png", 200, 1, 0)
    report = _load(root).report
    assert report.read == {"cat": 8, "dog": 16} and list(report.left_out) == ["empty", "stray.png", "lonely"]
    assert report.left_out["empty"] == "a class without a file"
    assert report.left_out["stray.png"] == "it lies in no class's subfolder"
    assert report.left_out["lonely"].startswith("a class of 1; it takes 3")


def test_the_same_picture_twice_is_kept_once_and_in_two_classes_not_at_all(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    shutil.copy(root / "cat" / "00.png", root / "cat" / "copy.png")
    shutil.copy(root / "cat" / "01.png", root / "dog" / "or dog.png")
    report = _load(root).report
    assert report.read == {"cat": 7, "dog": 16}
    assert {name.replace("\\", "/"): why.replace("\\", "/") for name, why in report.left_out.items()} == {
        "cat/copy.png": "the same picture as cat/00.png",
        "cat/01.png": "the same picture is in cat and dog",
        "dog/or dog.png": "the same picture is in cat and dog",
    }


def test_what_systems_leave_behind_is_passed_over(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    for name in (".DS_Store", "Thumbs.db", "cat/.DS_Store", "cat/._00.png", "dog/Thumbs.db", "dog/desktop.ini"):
        (root / name).write_bytes(b"\0")
    for folder in ("__MACOSX/cat", ".git", "cat/.ipynb_checkpoints", "dog/__MACOSX"):
        _flat(root / folder / "x.png", 250, 250, 250)
    report = _load(root).report
    assert report.read == {"cat": 8, "dog": 16} and report.left_out == {}


# --- Kinds of pictures

RED, WHITE, BLACK, GREY = (255, 0, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128)


def _halves(mode, top, bottom):
    image = Image.new(mode, (40, 40), top)
    image.paste(bottom, (0, 20, 40, 40))
    return image


def _cmyk(path):
    _halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)).save(path, "JPEG", quality=95)


def _palette(path):
    image = _halves("P", 1, 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.save(path, "PNG", transparency=0)


def _grey_of_16_bits(path):
    values = np.full((40, 40), 32_896, dtype=np.uint16)
    values[20:] = 0
    Image.fromarray(values).save(path, "PNG")


def _animated(path):
    _halves("RGB", RED, BLACK).save(path, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40), "blue")])


def _turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the left of what is stored is the top of what was seen
    stored = Image.new("RGB", (60, 40), RED)
    stored.paste(BLACK, (30, 0, 60, 40))
    stored.save(path, "JPEG", quality=95, exif=exif)


def _turned_and_large(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.new("RGB", (900, 600), RED)
    stored.paste(BLACK, (450, 0, 900, 600))
    stored.save(path, "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    "make, top, bottom",
    [
        pytest.param(_cmyk, RED, BLACK, id="CMYK JPEG"),
        pytest.param(_palette, RED, WHITE, id="palette PNG, one colour transparent"),
        pytest.param(_grey_of_16_bits, GREY, BLACK, id="grey PNG of 16 bits"),
        pytest.param(lambda path: _halves("RGBA", (*RED, 255), (0, 0, 0, 0)).save(path, "PNG"), RED, WHITE, id="RGBA"),
        pytest.param(lambda path: _halves("LA", (128, 255), (0, 0)).save(path, "PNG"), GREY, WHITE, id="LA"),
        pytest.param(lambda path: _halves("L", 128, 0).save(path, "PNG"), GREY, BLACK, id="L"),
        pytest.param(lambda path: _halves("1", 1, 0).save(path, "PNG"), WHITE, BLACK, id="1 bit"),
        pytest.param(_animated, RED, BLACK, id="animated GIF"),
        pytest.param(_turned, RED, BLACK, id="turned by EXIF"),
        pytest.param(_turned_and_large, RED, BLACK, id="turned by EXIF, decoded in part"),
        pytest.param(lambda path: _halves("RGB", RED, BLACK).save(path, "WEBP", lossless=True), RED, BLACK, id="WebP"),
        pytest.param(lambda path: _halves("RGB", RED, BLACK).save(path, "TIFF"), RED, BLACK, id="TIFF"),
        pytest.param(lambda path: _halves("F", 7.5, -1.0).save(path, "TIFF"), WHITE, BLACK, id="TIFF of floats"),
    ],
)
def test_every_kind_of_picture_is_read(tmp_path, make, top, bottom):
    path = tmp_path / "picture.jpg"  # a wrong ending does not matter
    make(path)
    read = pictures.read_picture(path, 32)
    assert read.shape == (3, 32, 32) and read.dtype == np.uint8
    for colour, rows in ((top, read[:, :14]), (bottom, read[:, -14:])):
        assert np.abs(rows.astype(int) - np.array(colour)[:, None, None]).max() <= 4


def test_a_long_picture_gives_its_middle(tmp_path):
    image = Image.new("RGB", (120, 40), "blue")
    image.paste(RED, (40, 0, 80, 40))
    image.save(tmp_path / "long.png")
    assert (pictures.read_picture(tmp_path / "long.png", 32) == np.array(RED)[:, None, None]).all()


def test_decoding_is_done_once_and_nobody_changes_the_file(empty_cache, tmp_path, monkeypatch):
    files = sorted(_pets(tmp_path / "pets").glob("*/*.png"))
    keys = [str(path) for path in files]
    first = pictures.decode(files, keys, 32)
    expected = np.stack([pictures.read_picture(path, 32) for path in files])
    assert first.dtype == torch.uint8 and np.array_equal(first.numpy(), expected)
    first.zero_()
    monkeypatch.setattr(pictures, "read_picture", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(pictures.decode(files, keys, 32).numpy(), expected)
    assert len([path for path in (empty_cache / "photos").iterdir() if path.is_dir()]) == 1


def test_an_interrupted_decoding_goes_on(empty_cache, tmp_path, monkeypatch):
    files = sorted(_pets(tmp_path / "pets").glob("*/*.png"))
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
    files = sorted(_pets(tmp_path / "pets").glob("*/*.png"))
    files[-1].write_text("no more")
    with pytest.raises(pictures.BadPicture, match="not a picture"):
        pictures.decode(files, [str(path) for path in files], 32)
    assert not [path for path in (empty_cache / "photos").iterdir() if path.suffix != ".lock"]


# --- CSV files


def _csv(path, lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def _rows(root):
    return [f"{path.relative_to(root).as_posix()},{path.parent.name}" for path in sorted(root.glob("*/*.png"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_names_files_and_labels(empty_cache, tmp_path, encoding):
    root = _pets(tmp_path / "pets")
    (root / "cat").rename(root / "猫")
    lines = ["File, Label", *_rows(root), "gone.png,dog", "dog/00.png,", ""]
    expected = {"dog": 15, "猫": 8}
    _csv(root / "labels.csv", [line for line in lines if line != "dog/00.png,dog"], encoding)
    for path in (root / "labels.csv", root):  # the table, or the folder that it lies in
        report = _load(path).report
        assert report.read == expected
        assert report.left_out == {
            "gone.png": "the CSV names it, but there is no such file",
            "dog/00.png": "the CSV gives it no label",
        }


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_csv_may_part_its_columns_by_other_marks(empty_cache, tmp_path, mark):
    root = _pets(tmp_path / "pets")
    _csv(root / "labels.csv", [line.replace(",", mark) for line in ["file,label", *_rows(root)]])
    assert _load(root).report.read == {"cat": 8, "dog": 16}


def test_a_row_twice_counts_once_and_with_two_labels_not_at_all(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    table = _csv(root / "labels.csv", ["file,label", *_rows(root), "cat/00.png,cat", "cat/01.png,dog"])
    report = _load(table).report
    assert report.read == {"cat": 7, "dog": 16}
    assert report.left_out == {"cat/01.png": "the same picture is in cat and dog"}


def test_a_csv_with_another_header_is_refused(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    with pytest.raises(ValueError, match="columns file and label, but it has: width, height, mode") as caught:
        _load(_csv(root / "labels.csv", ["width,height,mode", "1,2,RGB"]))
    assert _is_error_of_few_lines(caught)


def test_a_csv_in_another_encoding_keeps_what_can_be_read(empty_cache, tmp_path):
    root = _pets(tmp_path / "pets")
    table = _csv(root / "labels.csv", ["file,label", *_rows(root), "kätzchen.png,cat"], "latin-1")
    report = _load(table).report
    assert report.read == {"cat": 8, "dog": 16} and len(report.left_out) == 1


# --- Zip files


def _zip(path, root, prefix=""):
    with zipfile.ZipFile(path, "w") as file:
        for one in sorted(root.rglob("*")):
            file.write(one, prefix + one.relative_to(root).as_posix())
        file.writestr("__MACOSX/._x", b"\0")
    return path


@pytest.mark.parametrize("prefix", ["", "pets/", "a/b/"])
@pytest.mark.parametrize("table", [False, True])
def test_a_zip_is_read_like_its_folder(empty_cache, tmp_path, prefix, table):
    root = _pets(tmp_path / "pets")
    if table:  # of files that all lie beside it
        _csv(root / "labels.csv", ["file,label", *(row.replace("/", "-", 1) for row in _rows(root))])
        for one in list(root.glob("*/*.png")):
            one.rename(root / f"{one.parent.name}-{one.name}")
        (root / "cat").rmdir()
        (root / "dog").rmdir()
    plain = _load(root)
    packed = _load(_zip(tmp_path / "upload.zip", root, prefix))
    assert packed.report.read == {"cat": 8, "dog": 16} and packed.report.left_out == {}
    assert torch.equal(packed.train.images, plain.train.images)


def test_a_zip_is_unpacked_once_until_it_changes(empty_cache, tmp_path, monkeypatch):
    path = _zip(tmp_path / "upload.zip", _pets(tmp_path / "pets"))
    _load(path)
    with monkeypatch.context() as patch:
        patch.setattr(folders.archives, "unpack", lambda *_: pytest.fail("unpacked again"))
        assert _load(path, seed=1).report.read == {"cat": 8, "dog": 16}
    _flat(tmp_path / "pets" / "cat" / "new.png", 0, 99, 0)
    _zip(path, tmp_path / "pets")
    assert _load(path).report.read == {"cat": 9, "dog": 16}


@pytest.mark.parametrize("name", ["../evil.txt", "cat/../../evil.txt", "/tmp/evil.txt", "..\\evil.txt"])
def test_a_zip_that_would_write_outside_is_refused(empty_cache, tmp_path, name):
    path = _zip(tmp_path / "upload.zip", _pets(tmp_path / "pets"))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "evil")
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        _load(path)
    assert _is_error_of_few_lines(caught)
    assert not list(tmp_path.rglob("*evil*")) and not list((empty_cache / "uploads").iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-200], id="cut short"),
        pytest.param(lambda content: content[:45] + b"?" * 20 + content[65:], id="garbled"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"no zip at all" * 100, id="text"),
    ],
)
def test_a_damaged_zip_is_refused(empty_cache, tmp_path, damage):
    path = _zip(tmp_path / "upload.zip", _pets(tmp_path / "pets"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="upload.zip is damaged, or is no zip") as caught:
        _load(path)
    assert _is_error_of_few_lines(caught) and not list((empty_cache / "uploads").iterdir())


# --- What is refused


def test_no_such_path_and_too_few_classes_are_refused(empty_cache, tmp_path):
    with pytest.raises(ValueError, match="no folder or file") as caught:
        _load(tmp_path / "nowhere")
    assert _is_error_of_few_lines(caught)
    (tmp_path / "empty").mkdir()
    for root, found in ((tmp_path / "empty", 0), (_pets(tmp_path / "one", cat=5), 1), (tmp_path / "one" / "cat", 0)):
        with pytest.raises(ValueError, match=rf"too few classes.* \({found}\).* needs at least two") as caught:
            _load(root)
        assert _is_error_of_few_lines(caught)


@pytest.mark.parametrize("options", [{"per_class": 0}, {"seed": -1}, {"image_size": 8}, {"image_size": 1000}])
def test_numbers_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        _load(tmp_path, **options)


# --- Nothing is done twice, nothing is lost


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
    root = _pets(tmp_path / "pets")
    (root / "cat" / "bad.jpg").write_text("not yet")
    _load(root, image_size=16)
    assert len(opened) == 25
    assert _load(root, image_size=16, seed=1).report.left_out and len(opened) == 25
    _flat(root / "cat" / "bad.jpg", 0, 99, 0)
    _flat(root / "dog" / "new.png", 60, 99, 0)
    split = _load(root, image_size=16)
    assert opened[25:] == ["bad.jpg", "new.png"] or opened[25:] == ["new.png", "bad.jpg"]
    assert split.report.read == {"cat": 9, "dog": 17} and split.report.left_out == {}


def test_a_damaged_memory_of_the_looks_is_made_again(empty_cache, tmp_path, opened):
    root = _pets(tmp_path / "pets")
    _load(root, image_size=16)
    (kept,) = (empty_cache / "photos").glob("checked-*.json")
    kept.write_text(kept.read_text()[:100])
    assert _load(root, image_size=16).report.read == {"cat": 8, "dog": 16} and len(opened) == 48


@pytest.mark.filterwarnings("default")  # joblib says which looks were given up
def test_an_interrupt_keeps_what_was_looked_at(empty_cache, tmp_path, monkeypatch, opened):
    root = _pets(tmp_path / "pets")
    look = looks._look

    def interrupted(path):
        if path.name == "05.png":
            raise KeyboardInterrupt
        return look(path)

    with monkeypatch.context() as patch:
        patch.setattr(looks, "_look", interrupted)
        patch.setattr(looks.os, "cpu_count", lambda: 1)  # no threads: an interrupt comes to the main one
        with pytest.raises(KeyboardInterrupt):
            _load(root, image_size=16)
    (kept,) = (empty_cache / "photos").glob("checked-*.json")
    assert len(json.loads(kept.read_text())) == 5
    assert _load(root, image_size=16).report.read == {"cat": 8, "dog": 16} and len(opened) == 24


def test_a_large_collection_gives_the_same_split_from_one_table(empty_cache, tmp_path, monkeypatch):
    root = _pets(tmp_path / "pets")
    usual = _load(root, per_class=3)
    monkeypatch.setattr(photos, "_IN_MEMORY", 0)
    large = _load(root, per_class=3)
    parts = [(getattr(usual, part), getattr(large, part)) for part in ("train", "val", "test")]
    for one, other in parts:
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        assert other.images.is_contiguous()
    assert len({other.images.untyped_storage().data_ptr() for _, other in parts}) == 1
    assert len({one.images.untyped_storage().data_ptr() for one, _ in parts}) == 3
    # Only what the split needs is decoded, not the whole folder.
    assert large.train.images.untyped_storage().nbytes() == (6 + 3 + 9) * 3 * 32 * 32
