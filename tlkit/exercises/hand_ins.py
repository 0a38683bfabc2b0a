"""Progress files that students handed in: found in folders and zips, and told whose they are. Nothing is unpacked."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

from tlkit import checks
from tlkit.disk import limits
from tlkit.disk.archives import DAMAGED, check_sizes, leads_outside, with_right_names
from tlkit.disk.spelling import plain
from tlkit.exercises.progress import Record, parse

__all__: list[str] = []

_LARGEST = 2**20  # bytes; a whole course is 5 kB
_DEFAULT = "done"  # what the file is called before somebody gives it a name
# As Moodle (folders or files) and Canvas (files) name what they hand out.
_MOODLE = re.compile(r"(.+?)_\d+_assignsubmission_.*")
_CANVAS = re.compile(r"(.+?)(?:_LATE)?_\d+_\d+_.+")
_PLUMBING = {"tlkit", "share", ".local", "library", "application support", "appdata", "local", "roaming"}


class HandIn(NamedTuple):
    """A file that was looked into: its name, and whose record it holds, or why it holds none."""

    file: str
    student: str
    record: Record
    problem: str


def hand_ins(sources: Sequence[str | Path]) -> Iterator[HandIn]:
    """Look into every file, every folder and every zip.

    Raises
    ------
    ValueError
        If a source is not there; before anything is read.
    """
    paths = [checks.path("a path to report on", source) for source in sources]
    for path in paths:
        if not path.exists():
            raise ValueError(f"There is no file or folder {path}.")
        if not path.is_dir():
            limits.check_is_file(path)
    for path in paths:
        if path.is_dir():
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                below = file.relative_to(path).parts  # above the folder that was named, nothing says whose a file is
                if not _is_hidden(below):
                    yield from _look(file, below)
        else:
            yield from _look(path, path.resolve().parts)


def _is_hidden(parts: Sequence[str]) -> bool:
    """What systems leave behind, and nobody handed in."""
    return any(part.startswith(".") or part in ("__MACOSX", "desktop.ini", "Thumbs.db") for part in parts)


def _look(file: Path, below: Sequence[str]) -> Iterator[HandIn]:
    try:
        if file.suffix.lower() == ".zip":
            yield from _look_into(file, (*below[:-1], file.stem))
        elif file.stat().st_size > _LARGEST:
            yield _refused(str(file), "is too large for a progress file")
        else:
            yield _read(str(file), below, file.read_bytes())
    except DAMAGED + (ValueError, NotImplementedError):  # a name that is none, a zip of times to come
        yield _refused(str(file), "is damaged, or is no zip")
    except OSError as error:
        yield _refused(str(file), f"cannot be read ({error.strerror or error})")


def _look_into(archive: Path, below: Sequence[str]) -> Iterator[HandIn]:
    with zipfile.ZipFile(archive) as zipped:
        members = with_right_names(zipped.infolist())
        try:
            check_sizes(archive, len(members), sum(member.file_size for member in members))
        except ValueError as error:
            yield _refused(str(archive), f"was not read: {error}")
            return
        for member in members:
            parts = tuple(part for part in member.filename.split("/") if part)
            name = f"{archive}/{member.filename}"
            if leads_outside(member.filename):
                yield _refused(name, "has a path that leads out of its zip")
            elif member.filename.endswith("/") or _is_hidden(parts):
                continue
            elif member.filename.lower().endswith(".zip"):
                yield _refused(name, "is a zip within a zip: unpack it first")
            elif member.file_size > _LARGEST:
                yield _refused(name, "is too large for a progress file")
            else:
                yield _read_member(zipped, member, name, (*below, *parts))


def _read_member(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, below: Sequence[str]) -> HandIn:
    try:
        return _read(name, below, zipped.read(member))
    except DAMAGED:
        return _refused(name, "is damaged")
    except (RuntimeError, NotImplementedError):
        return _refused(name, "is encrypted, or compressed in a way that Python cannot read")


def _read(name: str, below: Sequence[str], data: bytes) -> HandIn:
    try:
        record = parse(data)
    except ValueError as error:
        return _refused(name, str(error))
    return HandIn(in_a_line(name), in_a_line(_who(below, record.student)), record, "")


def _refused(name: str, problem: str) -> HandIn:
    return HandIn(in_a_line(name), "", Record("", {}), problem)


def _who(below: Sequence[str], student: str) -> str:
    """Whose it is: what the LMS says, what the file says, its name, or the folder that it lies in."""
    if found := next(filter(None, map(_MOODLE.fullmatch, below)), None) or _CANVAS.fullmatch(below[-1]):
        return found[1]
    stem = Path(below[-1]).stem
    folders = [part for part in below[-2::-1] if part.lower() not in _PLUMBING]
    known = [name for name in (student, stem) if in_a_line(name) and name.lower() != _DEFAULT]
    return (known or folders or [stem])[0]


def in_a_line(text: str) -> str:
    """Text from anywhere, fit to be printed: one line, no signs that steer a terminal, not too long."""
    shown = plain("".join(" " if category(sign) in ("Cc", "Zl", "Zp") else sign for sign in text))
    return shown.encode("utf-8", "replace").decode()[:200]
