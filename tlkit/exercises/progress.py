"""What a student has done, remembered in a small file on this machine. Nothing leaves it."""

import json
import os
import re
import warnings
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import platformdirs

from tlkit import checks
from tlkit.disk.cache import write_atomically
from tlkit.disk.locks import locked

__all__: list[str] = []

_NAME = re.compile(r"\d\d\.(\d{1,2}|quiz)")


class Record(NamedTuple):
    """What a progress file says: whose it is, "" if it does not say, and when each thing was done, None if unknown."""

    student: str
    done: dict[str, datetime | None]

    def as_json(self) -> str:
        """The content of a progress file."""
        times = {name: when and when.isoformat(timespec="seconds") for name, when in sorted(self.done.items())}
        content = ({"student": self.student} if self.student else {}) | {"done": times}
        return json.dumps({"crc32": _checksum(content)} | content, ensure_ascii=False)


def progress_file() -> Path:
    """Where it is kept: ``TLKIT_PROGRESS``, or a file in the user's data folder; ValueError if it can be no path."""
    named = os.environ.get("TLKIT_PROGRESS")
    return (
        checks.path("TLKIT_PROGRESS", named)
        if named
        else platformdirs.user_data_path("tlkit", appauthor=False) / "done.json"
    )


def note(name: str) -> None:
    """Remember that an exercise (``"03.1"``) or a quiz (``"03.quiz"``) is done; never an error for a student."""
    try:
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock"), timeout=5):  # a killed kernel may have left its lock
            kept = _kept_or_set_aside(path)
            kept.done.setdefault(name, datetime.now(timezone.utc))  # when it was done first
            write_record(path, kept)
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0]
        warnings.warn(f"Could not remember that {name} is done ({why}); going on without.", stacklevel=3)


def _kept_or_set_aside(path: Path) -> Record:
    """What the file says. A damaged one may still hold names that a person can read: it is renamed, never replaced."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return Record("", {})
    except ValueError as error:
        aside = path.with_name(f"{path.stem}-damaged-{datetime.now():%Y%m%d-%H%M%S-%f}{path.suffix}")
        path.rename(aside)
        warnings.warn(f"Your progress file {path} {error}. It is kept as {aside.name}; a new one begins.", stacklevel=4)
        return Record("", {})


def write_record(path: Path, kept: Record) -> None:
    """Write a progress file, whole or not at all."""
    write_atomically(path, lambda part: part.write_text(kept.as_json(), encoding="utf-8"))


def record() -> Record:
    """What is done on this machine. A file that cannot be read counts as empty."""
    try:
        return parse(progress_file().read_bytes())
    except (OSError, ValueError):
        return Record("", {})


def done() -> set[str]:
    """The names of what is done on this machine."""
    return set(record().done)


def parse(data: bytes) -> Record:
    """What a progress file says. An older one is a list of names, without times.

    Raises
    ------
    ValueError
        If it is none; the message says what it is instead, and follows upon its name.
    """
    if not data.strip():
        raise ValueError("is empty")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        begins = data.lstrip()[:1] in (b"{", b"[")
        raise ValueError("is damaged" if begins else "is no progress file") from error
    content = {"done": dict.fromkeys(filter(_is_text, content))} if isinstance(content, list) else content
    names = content.get("done") if isinstance(content, dict) else None
    if not isinstance(names, dict) or (names and not any(map(_NAME.fullmatch, names))):
        raise ValueError("is no progress file, but something else in JSON")
    if "crc32" in content and content.pop("crc32") != _checksum(content):
        raise ValueError("is damaged, or was changed by hand")
    student = content.get("student")
    times = {name: _moment(when) for name, when in names.items() if _NAME.fullmatch(name)}
    return Record(student if _is_text(student) else "", times)


def _checksum(content: dict) -> str:
    """Older files have none: they are read as they are."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _moment(when: object) -> datetime | None:
    """A point in time, in UTC; None where it is none."""
    try:
        moment = datetime.fromisoformat(when)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return None
