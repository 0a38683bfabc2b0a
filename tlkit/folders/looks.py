"""Looking at each file once: whether it can be used, a checksum, what kind it is; remembered until it changes.

A file is opened once: its bytes give the checksum, the judgement, and the squares that a split wants of it.
"""

import contextlib
import hashlib
import json
import os
import stat
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlkit.bars import tqdm
from tlkit.data import pictures
from tlkit.data.decoding import Squares, in_threads
from tlkit.data.depths import Depth
from tlkit.disk import limits
from tlkit.disk.cache import folder_for, write_atomically

__all__: list[str] = []

LOOK = 4  # raise it when a look says something else of the same file
_AT_ONCE = 2**25  # bytes: a larger file is not read whole
_fingerprint = partial(hashlib.blake2b, digest_size=16)
_MUCH = 0.25  # of the area; of a square the margin is .23


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a file gave.

    Attributes
    ----------
    checksum : str
    problem : str, "" if it can be used
    depth, pages, size : see ``pictures.Look``
    """

    checksum: str
    problem: str = ""
    depth: Depth | None = None
    pages: bool = False
    size: tuple[int, int] = (0, 0)


def look_at(paths: Sequence[Path], base: Path, squares: Squares) -> list[Seen]:
    """Look at files; one that did not change since the last time is not opened again.

    Parameters
    ----------
    paths : sequence of Path
    base : Path
        What they belong to: what was seen is remembered for it.
    squares : Squares
        Takes what the files that are opened show.
    """
    folder = folder_for("photos")
    # What can be read depends on what is installed, and allowed: a photo may be readable tomorrow.
    allowed = f"/{limits.factor():g}" if limits.factor() != 1 else ""
    about = os.fsencode(base.resolve()) + f"/{LOOK}/{pictures.known_formats()}{allowed}".encode()
    kept = folder / f"checked-{hashlib.blake2b(about, digest_size=12).hexdigest()}.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or cut short: everything is looked at
        known = {}
    stamps = {str(path): _stamp(path) for path in paths}
    seen = {path: _seen(known[path][1]) for path, stamp in stamps.items() if known.get(path, [None])[0] == stamp}
    known.clear()
    new = [path for path in dict.fromkeys(paths) if str(path) not in seen]
    look = partial(_look, wanted=squares.wanted)
    try:
        with warnings.catch_warnings(), contextlib.closing(in_threads(look, new)) as results:
            warnings.simplefilter("ignore")  # Pillow warns of what is judged here anyway
            bar = tqdm(results, total=len(new), desc="reading photos", unit="file", leave=False, delay=1)
            for (one, shown), path in zip(bar, new):
                squares.keep(path, shown)
                seen[str(path)] = one
    finally:  # an interrupted look goes on where it stopped
        if new:
            lines = (f"{json.dumps(path)}: {json.dumps([stamps[path], asdict(one)])}" for path, one in seen.items())
            text = "{" + ",\n".join(lines) + "}"  # line by line: all of it as dicts would take ten times as much memory
            write_atomically(kept, lambda part: part.write_text(text, encoding="utf-8"))
    return [seen[str(path)] for path in paths]


def _seen(about: dict) -> Seen:
    depth = about["depth"]
    depth = Depth(**depth | {"marks": tuple(depth["marks"])}) if depth else None
    return Seen(**about | {"depth": depth, "size": tuple(about["size"])})


def _stamp(path: Path) -> list[int]:
    """What changes with the file: its size and time; nothing for a link that leads nowhere."""
    try:
        about = os.stat(path)
    except OSError:
        return []
    return [about.st_size, about.st_mtime_ns]


def _look(path: Path, wanted: Sequence[tuple[int, str]] = ()) -> tuple[Seen, tuple[np.ndarray, ...]]:
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):  # opening a pipe would wait for ever
            return Seen("", "no file with a content: a pipe, a socket or a device"), ()
        pictures.check_bytes(about.st_size)
        content = path.read_bytes() if about.st_size <= _AT_ONCE else None
        found = pictures.look(path, content, wanted)
        total = checksum(path) if content is None else _fingerprint(content).hexdigest()
        return Seen(total, "", found.depth, found.pages, found.size), found.squares
    except pictures.BadPicture as error:
        return Seen("", str(error)), ()
    except OSError as error:
        return Seen("", f"it cannot be opened ({error.strerror or error})"), ()


def describe_cut(found: Sequence[Seen]) -> list[str]:
    """How much of its pictures a set loses where they are cropped, in a line for a report, if it is much."""
    lost = sum(pictures.cut_away(seen.size) for seen in found) / max(len(found), 1)
    if lost <= _MUCH:
        return []
    return [
        f"Of each picture its middle square is read: {lost:.0%} of the area is cut away, on average. "
        'fit="pad" or fit="squash" keeps all of it.'
    ]


def checksum(path: Path) -> str:
    """A fingerprint of the bytes of a file."""
    total = _fingerprint()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest()
