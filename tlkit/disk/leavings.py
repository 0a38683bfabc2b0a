"""What a run that was killed leaves behind: unfinished files and folders, found by their names and taken away.

Everything of ours that is not complete yet has a name that ends in the number of its process, a random one and
``.part``. Of a process that is gone it is removed after a day, by whoever writes into the same folder next. The names
are random, so nobody comes back for one, and no lock is needed. The beginning of a download, ``NAME.part``, is none
of these: the next try goes on from there.
"""

import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__: list[str] = []

OLD = 24 * 3600  # seconds
# Ours, and what versions before this one called so: files without a process, folders that archives were unpacked in.
_FILE = re.compile(r".+\.(?:(\d+)-)?[0-9a-f]{32}\.part")
_FOLDER = re.compile(r"\..+\.(\d+)-[0-9a-f]{32}\.part|\..+-(?:[0-9a-f]{32}-\d|unpacked)-[a-z0-9_]{8}")
_swept: set[Path] = set()


def part_of(path: Path) -> Path:
    """A name for what is to become ``path``; as short as a disk takes it, whatever the name."""
    return path.with_name(f"{path.name[:50]}.{os.getpid()}-{uuid.uuid4().hex}.part")


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new folder beside ``path`` and hidden, to be filled and renamed; gone at the end if it was not."""
    folder = part_of(path.with_name(f".{path.name}"))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Take away what dead processes left in a folder more than a day ago; once a session, and never an error."""
    if folder in _swept:
        return
    _swept.add(folder)
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if entry.name.endswith(".part") or entry.name.startswith(".")]
        for entry in entries:
            if _is_left(entry):
                _remove(Path(entry.path))
    except OSError:  # another one was faster, or nothing may be taken away here
        return


def _is_left(entry: os.DirEntry) -> bool:
    """Whether it is one of ours, of a process that is no more, and a day old."""
    is_folder = entry.is_dir(follow_symlinks=False)
    ours = (_FOLDER if is_folder else _FILE).fullmatch(entry.name)
    if not ours or entry.is_symlink() or not (is_folder or entry.is_file()):
        return False
    if time.time() - entry.stat().st_mtime < OLD:
        return False
    if sys.platform == "win32":  # where to ask for a process is to kill it, but what it has open cannot be removed
        return not is_folder
    return not (ours[1] and _is_alive(int(ours[1])))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
