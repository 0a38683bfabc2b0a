"""Random damage to archives, and processes killed while they write: nothing torn, nothing bare, nothing left."""

import os
import random
import signal
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tlkit.disk import archives, leavings

TRIALS = 300
MODES = {"zip": zipfile.ZIP_DEFLATED, "tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}


def _archive(path, kind, chance):
    source = path.with_name("source")
    source.mkdir(exist_ok=True)
    files = [source / f"{number}.png" for number in range(5)]
    for file in files:
        file.write_bytes(chance.randbytes(2000))
    if kind == "zip":
        with zipfile.ZipFile(path, "w", MODES[kind]) as archive:
            for file in files:
                archive.write(file, f"class/{file.name}")
    else:
        with tarfile.open(path, MODES[kind]) as archive:
            for file in files:
                archive.add(file, f"class/{file.name}")
    return path.read_bytes()


@pytest.mark.parametrize("kind", MODES)
def test_a_damaged_archive_is_unpacked_whole_or_refused_in_words(tmp_path, kind):
    chance = random.Random(0)
    path, target = tmp_path / f"x.{kind}", tmp_path / "in" / "folder"
    content, refused = _archive(path, kind, chance), 0
    for _ in range(TRIALS):
        bad = bytearray(content)
        for _ in range(chance.choice((1, 1, 3, 30))):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        path.write_bytes(bad[: chance.choice((len(bad), chance.randrange(len(bad))))])
        try:
            archives.unpack(path, target)
        except (ValueError, OSError) as error:
            refused += 1
            assert path.name in str(error) and len(str(error).splitlines()) <= 2, repr(error)
        assert {each.name for each in target.parent.iterdir()} <= {"folder"}
    assert refused > TRIALS / 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_a_writer_that_is_killed_leaves_the_old_or_the_new_and_what_is_swept(tmp_path, monkeypatch):
    program = f"""
from pathlib import Path
from tlkit.disk.cache import write_atomically
for number in range(10**6):
    write_atomically(Path({str(tmp_path)!r}, "file"), lambda part: part.write_text(str(number % 10) * 10**6))
"""
    chance = random.Random(0)
    for _ in range(20):
        running = subprocess.Popen([sys.executable, "-c", program])
        while not (tmp_path / "file").exists() and running.poll() is None:
            pass
        try:
            running.wait(chance.random())
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
        running.wait()
        text = (tmp_path / "file").read_text()
        assert len(text) == 10**6 and len(set(text)) == 1
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    monkeypatch.setattr(leavings, "_swept", set())
    leavings.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
