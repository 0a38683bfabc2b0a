"""Zip files: read like their folders, names and all, once; and never anything outside of them."""

import io
import zipfile

import pytest
import torch
from folder_makers import classes, flat, is_short, load, pets, rows_of, table, zipped
from PIL import Image

from tlkit.folders import given

pytestmark = pytest.mark.filterwarnings("error")


def _zip(path, root, prefix=""):
    with zipfile.ZipFile(path, "w") as file:
        for one in sorted(root.rglob("*")):
            file.write(one, prefix + one.relative_to(root).as_posix())
        file.writestr("__MACOSX/._x", b"\0")
    return path


@pytest.mark.parametrize("prefix", ["", "pets/", "a/b/"])
@pytest.mark.parametrize("labelled", [False, True])
def test_a_zip_is_read_like_its_folder(empty_cache, tmp_path, prefix, labelled):
    root = pets(tmp_path / "pets")
    if labelled:  # of files that all lie beside it
        table(root / "labels.csv", "file,label", *(row.replace("/", "-", 1) for row in rows_of(root)))
        for one in list(root.glob("*/*.png")):
            one.rename(root / f"{one.parent.name}-{one.name}")
        (root / "cat").rmdir()
        (root / "dog").rmdir()
    plain = load(root)
    packed = load(_zip(tmp_path / "upload.zip", root, prefix))
    assert packed.report.read == {"cat": 8, "dog": 16} and packed.report.left_out == {}
    assert torch.equal(packed.train.images, plain.train.images)


def test_a_zip_is_unpacked_once_until_it_changes(empty_cache, tmp_path, monkeypatch):
    path = _zip(tmp_path / "upload.zip", pets(tmp_path / "pets"))
    load(path)
    with monkeypatch.context() as patch:
        patch.setattr(given.archives, "unpack", lambda *_: pytest.fail("unpacked again"))
        assert load(path, seed=1).report.read == {"cat": 8, "dog": 16}
    flat(tmp_path / "pets" / "cat" / "new.png", 0, 99, 0)
    _zip(path, tmp_path / "pets")
    assert load(path).report.read == {"cat": 9, "dog": 16}


@pytest.mark.parametrize("name", ["../evil.txt", "cat/../../evil.txt", "/tmp/evil.txt", "..\\evil.txt"])
def test_a_zip_that_would_write_outside_is_refused(empty_cache, tmp_path, name):
    path = _zip(tmp_path / "upload.zip", pets(tmp_path / "pets"))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "evil")
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        load(path)
    assert is_short(caught)
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
    path = _zip(tmp_path / "upload.zip", pets(tmp_path / "pets"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="upload.zip is damaged, or is no zip") as caught:
        load(path)
    assert is_short(caught) and not list((empty_cache / "uploads").glob("*"))


# --- Names


def _zip_of(tmp_path, names, encoding, sep="/"):
    files = {}
    for k, name in enumerate(names):
        for number in range(3):
            content = io.BytesIO()
            Image.new("RGB", (16, 16), (40 * k, number, 0)).save(content, "PNG")
            files[f"{name}{sep}{number}.png".encode(encoding)] = content.getvalue()
    return zipped(tmp_path / "set.zip", files)


ZIPS = {
    "utf-8": (("玫瑰", "Übung"), "UTF-8"),
    "gbk": (("玫瑰", "郁金香"), "GBK"),
    "cp1252": (("Löwenzahn", "Gänseblümchen", "café"), "Windows-1252"),
    "cp437": (("Löwenzahn", "Gänseblümchen", "café"), "those of DOS"),
    "ascii": (("ash", "birch"), ""),
}


@pytest.mark.parametrize("encoding", ZIPS)
def test_names_in_a_zip_come_out_right(empty_cache, tmp_path, encoding):
    names, said = ZIPS[encoding]
    path = _zip_of(tmp_path, names, encoding)
    for _ in range(2):  # unpacked, and then found unpacked
        report = load(path).report
        assert report.read == dict.fromkeys(sorted(names), 3)
        assert (f"they were read as {said}." in str(report)) == bool(said)


def test_a_zip_with_backslashes(empty_cache, tmp_path):
    assert load(_zip_of(tmp_path, ("ash", "birch"), "ascii", "\\")).report.read == {"ash": 3, "birch": 3}


def test_names_of_a_zip_that_are_marked_stay(empty_cache, tmp_path):
    root = classes(tmp_path / "set", names=("猫", "Ä"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in root.glob("*/*.png"):
            archive.write(path, path.relative_to(root).as_posix())
    report = load(tmp_path / "set.zip").report
    assert report.read == {"Ä": 4, "猫": 4} and "how they are written" not in str(report)


# --- Tables in a zip


@pytest.mark.parametrize(
    "cell", ["../outside.png", "/etc/passwd", "C:\\secret.png", "ash/../../outside.png", "..\\x.png"]
)
def test_a_table_in_a_zip_that_names_files_outside_is_refused(empty_cache, tmp_path, cell):
    root = classes(tmp_path / "set")
    flat(tmp_path / "outside.png", 99)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in root.glob("*/*.png"):
            archive.write(path, path.relative_to(root).as_posix())
        archive.writestr("labels.csv", "\n".join(["file,label", *rows_of(root), f"{cell},ash"]))
    with pytest.raises(ValueError, match="names a file outside of its folder") as caught:
        load(tmp_path / "set.zip")
    assert len(str(caught.value).splitlines()) <= 3
