"""What killed runs left: found by its exact name, a day old, of no living process; and nothing else is touched."""

import os
import subprocess
import sys
import time

import pytest
import torch
from fake_server import leave_free

import tlkit
from tlkit.disk import leavings
from tlkit.disk.cache import DiskFull, cache_folder, cached, find, place_for, write_atomically
from tlkit.exercises import progress, report

DEAD, HEX = 2**22 + 1, "0123456789abcdef" * 2  # above the greatest number that Linux gives a process


@pytest.fixture
def left(tmp_path, monkeypatch):
    """A function that puts a file or a folder of that name there, as many days old."""
    monkeypatch.setattr(leavings, "_swept", set())

    def leave(name, days=2.0, folder=False):
        path = tmp_path / name
        if folder:
            (path / "inside").mkdir(parents=True)
        else:
            path.write_bytes(b"half")
        then = time.time() - days * 24 * 3600
        os.utime(path, (then, then))
        return path

    return leave


OURS = {
    f"run.pt.{DEAD}-{HEX}.part": False,
    f"state.json.{HEX}.part": False,
    f".model.{DEAD}-{HEX}.part": True,
    f".pets-{HEX}-2-ab_9z1cd": True,
    "..flowers17-unpacked-abcdefgh": True,
}
OTHERS = {
    "flowers17.tgz.part": False,
    f"{HEX}.part": False,
    "notes.part": False,
    f"run.pt.{DEAD}-{HEX}.part.bak": False,
    f".model.{DEAD}-{HEX}.before": True,
    f"model.{DEAD}-{HEX}.part": True,
    ".git": True,
    ".pets-abcdefgh": True,
    f".run.pt.{HEX}.part": True,
    "run.pt": False,
}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.skipif(sys.platform == "win32", reason="nobody can be asked there whether a process lives")
def test_what_a_dead_process_left_goes_after_a_day(left, tmp_path, name):
    path = left(name, folder=OURS[name])
    write_atomically(tmp_path / "new", lambda part: part.write_text("x"))
    assert not path.exists() and [each.name for each in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("name", OURS)
def test_what_is_younger_stays(left, name):
    path = left(name, 0.9, OURS[name])
    leavings.sweep(path.parent)
    assert path.exists()


@pytest.mark.parametrize("name", [name for name in OURS if str(DEAD) in name])
@pytest.mark.skipif(sys.platform == "win32", reason="nobody can be asked there whether a process lives")
def test_what_a_living_process_writes_stays(left, name):
    path = left(name.replace(str(DEAD), str(os.getppid())), 9, OURS[name])
    leavings.sweep(path.parent)
    assert path.exists()


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_ours_stays(left, name):
    path = left(name, 999, OTHERS[name])
    leavings.sweep(path.parent)
    assert path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
def test_a_link_is_not_followed(left, tmp_path):
    path = left("mine", folder=True)
    (tmp_path / f".model.{DEAD}-{HEX}.part").symlink_to(path, target_is_directory=True)
    leavings.sweep(tmp_path)
    assert (path / "inside").exists()


def test_a_folder_is_swept_once_a_session_and_one_that_is_not_there_is_no_error(left, tmp_path):
    leavings.sweep(tmp_path / "nowhere")
    leavings.sweep(tmp_path)
    path = left(f"run.pt.{DEAD}-{HEX}.part")
    leavings.sweep(tmp_path)
    assert path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_what_a_killed_process_leaves_has_such_a_name(tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from tlkit.disk import leavings
room = Path({str(tmp_path)!r})
leavings.part_of(room / ("x" * 250)).touch()
with leavings.temporary_folder(room / ("y" * 250)):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.Popen([sys.executable, "-c", program])
    assert killed.wait() == -9
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 2 and all(str(killed.pid) in name for name in names)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    leavings.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- No room


@pytest.mark.parametrize("number", [28, 27, 122])  # no room, too large for this disk, over the quota
@pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")
def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path, number):
    (tmp_path / "file").write_text("before")

    def full(part):
        part.write_text("half")
        raise OSError(number, os.strerror(number))

    with pytest.raises(DiskFull, match=f"^The disk of {tmp_path} is full. file could not be written, and is as it was"):
        write_atomically(tmp_path / "file", full)
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "before"


def test_too_little_room_for_a_model_is_known_before_anything_is_written(tiny_split, tmp_path, monkeypatch):
    result = tlkit.linear_probe(tiny_split, device="cpu")
    leave_free(monkeypatch, 10)
    with pytest.raises(
        DiskFull, match="^The model mine needs .* MB, but 0.0 MB are free in .*\nMake room there, or give"
    ):
        tlkit.save_model(result, tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_a_file_for_results_must_have_a_place(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"The map .*m.csv cannot be written .a file lies in the way."):
        place_for(tmp_path / "file" / "m.csv", "map")
    with pytest.raises(ValueError, match="is a folder. Name a file in it"):
        place_for(tmp_path, "map")


# --- A cache that may only be read


def test_a_filled_cache_that_may_only_be_read_is_read(empty_cache, monkeypatch, recwarn):
    cached("kind", "key", lambda: {"x": torch.arange(5)})
    (empty_cache / "photo-sets" / "pets").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("tlkit.disk.cache.cache_problem", lambda: "It cannot be written.")
    assert cached("kind", "key", pytest.fail)["x"].tolist() == [0, 1, 2, 3, 4]
    assert find("photo-sets", "pets").is_dir() and not find("photo-sets", "others").exists()
    assert not [each for each in recwarn if "cannot be written" in str(each.message)]
    with pytest.warns(UserWarning, match="It cannot be written"):
        cached("kind", "other", lambda: {"x": torch.arange(3)})
    assert cached("kind", "other", pytest.fail)["x"].tolist() == [0, 1, 2]  # for this session
    assert sorted(path.stem for path in (empty_cache / "kind").glob("*.safetensors")) == ["key"]


NOBODY = "~nobody-of-that-name/x"


def test_a_variable_that_can_be_no_path_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TLKIT_CACHE", NOBODY)
    with pytest.raises(ValueError, match="TLKIT_CACHE is .*no such user"):
        cache_folder()
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("TLKIT_SHARED_CACHE", NOBODY)
    with pytest.raises(ValueError, match="TLKIT_SHARED_CACHE is .*no such user"):
        cached("kind", "key", pytest.fail)
    monkeypatch.setenv("TLKIT_PROGRESS", NOBODY)
    with pytest.warns(UserWarning, match="TLKIT_PROGRESS is .*no such user.*; going on without"):
        progress.note("03.1")


@pytest.mark.parametrize("options", [{"report": [NOBODY]}, {"report": ["."], "out": NOBODY}, {"export": NOBODY}])
def test_so_is_a_path_of_the_progress_command(options):
    with pytest.raises(ValueError, match="no such user"):
        report.run_progress(**options)
