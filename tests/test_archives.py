"""Archives that are damaged, mean harm, or do not fit on the disk."""

import zipfile

import pytest
from fake_server import CONTENT, flipped, is_short, leave_free, tar_of, zip_of

from tlkit.disk import archives

FILES = {f"set/{number}.jpg": CONTENT[number * 5000 : number * 5000 + 5000] for number in range(4)}


ARCHIVES = {
    "set.zip": zip_of(FILES),
    "lzma.zip": zip_of(FILES, zipfile.ZIP_LZMA),
    "bzip2.zip": zip_of(FILES, zipfile.ZIP_BZIP2),
    "set.tar": tar_of(FILES, "w"),
    "set.tar.gz": tar_of(FILES, "w:gz"),
    "set.tar.bz2": tar_of(FILES, "w:bz2"),
    "set.tar.xz": tar_of(FILES, "w:xz"),
}


def _unpack(tmp_path, name, content):
    archive = tmp_path / name
    archive.write_bytes(content)
    return archives.unpack(archive, tmp_path / "in" / "folder")


def _nothing_unpacked(tmp_path, name):
    """Nothing beside the archive but the empty folder in which the target was to appear."""
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == sorted([name, "in"])


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_unpacked(tmp_path, name):
    folder = _unpack(tmp_path, name, ARCHIVES[name])
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    assert folder == tmp_path / "in" / "folder" and found == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_an_old_folder_is_replaced_and_not_mixed(tmp_path):
    (tmp_path / "in" / "folder").mkdir(parents=True)
    (tmp_path / "in" / "folder" / "old.jpg").touch()
    assert [path.name for path in _unpack(tmp_path, "set.zip", ARCHIVES["set.zip"]).iterdir()] == ["set"]


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "random": lambda content: CONTENT[:3000],
    "empty": lambda content: b"",
    "flipped": flipped,
}


# A tar file that is not compressed has no checksum of its content: nothing in it tells of a flipped bit.
@pytest.mark.parametrize("name, how", sorted({(a, b) for a in ARCHIVES for b in DAMAGE} - {("set.tar", "flipped")}))
def test_a_damaged_archive_is_refused(tmp_path, name, how):
    with pytest.raises(ValueError, match="is damaged") as caught:
        _unpack(tmp_path, name, DAMAGE[how](ARCHIVES[name]))
    assert is_short(caught.value, name) and _nothing_unpacked(tmp_path, name)


@pytest.mark.parametrize("evil", ["../evil", "set/../../evil", "/tmp/tlkit-evil", "..\\evil", "C:\\evil", "\\evil"])
def test_a_zip_that_would_write_outside_is_refused(tmp_path, evil):
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        _unpack(tmp_path, "evil.zip", zip_of(FILES | {evil: b"evil"}))
    # No cause: nothing failed, the archive was looked through before.
    assert is_short(caught.value, "evil.zip", cause=False) and _nothing_unpacked(tmp_path, "evil.zip")


@pytest.mark.parametrize(
    "files, links",
    [
        ({"../evil": b"evil"}, ()),
        ({"set/../../evil": b"evil"}, ()),
        ({"/tmp/tlkit-evil": b"evil"}, ()),
        ({"way/evil": b"evil"}, [("way", "..")]),
        ({}, [("way", "../../..")]),
        ({}, [("way", "/etc/passwd")]),
    ],
)
def test_a_tar_that_would_write_outside_is_refused(tmp_path, files, links):
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        _unpack(tmp_path, "evil.tar.gz", tar_of(FILES | files, links=links))
    assert is_short(caught.value, "evil.tar.gz") and _nothing_unpacked(tmp_path, "evil.tar.gz")


def test_a_disk_too_full_to_unpack_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    leave_free(monkeypatch, 1000)
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path))
    with pytest.raises(OSError, match="set TLKIT_CACHE") as caught:
        _unpack(tmp_path, "set.zip", ARCHIVES["set.zip"])
    assert str(caught.value).count("\n") == 1 and "set.zip, unpacked, needs" in str(caught.value)
    assert _nothing_unpacked(tmp_path, "set.zip")
