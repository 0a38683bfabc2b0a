"""Looking at each file once: whether it can be used, a checksum, what kind it is; remembered until it changes."""

import hashlib
import json
import os
import stat
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from joblib import Parallel, delayed

from tlkit.bars import tqdm
from tlkit.data import pictures
from tlkit.data.depths import Depth
from tlkit.disk import limits
from tlkit.disk.cache import folder_for, write_atomically

__all__: list[str] = []

LOOK = 4  # raise it when a look says something else of the same file
_MUCH = 0.25  # of the area; of a square the margin is .23


@dataclass(frozen=True)
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


def look_at(paths: Sequence[Path], base: Path) -> list[Seen]:
    """Look at files; one that did not change since the last time is not opened again.

    Parameters
    ----------
    paths : sequence of Path
    base : Path
        What they belong to: what was seen is remembered for it.
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
    new = [path for path, stamp in stamps.items() if known.get(path, [None])[0] != stamp]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is judged here anyway
            results = Parallel(n_jobs=os.cpu_count(), prefer="threads", batch_size=8, return_as="generator")(
                delayed(_look)(Path(path)) for path in new
            )
            bar = tqdm(results, total=len(new), desc="looking at files", unit="file", leave=False, delay=1)
            for result, path in zip(bar, new):  # the bar first, or its end is never reached and joblib warns
                known[path] = [stamps[path], asdict(result)]
    finally:  # an interrupted look goes on where it stopped
        if new:
            text = json.dumps({path: known[path] for path in stamps if path in known})
            write_atomically(kept, lambda part: part.write_text(text, encoding="utf-8"))
    return [_seen(known[str(path)][1]) for path in paths]


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


def _look(path: Path) -> Seen:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            return Seen("", "no file with a content: a pipe, a socket or a device")
        pictures.check_file(path)
        total = checksum(path)
        found = pictures.look(path)
        return Seen(total, "", found.depth, found.pages, found.size)
    except pictures.BadPicture as error:
        return Seen("", str(error))
    except OSError as error:
        return Seen("", f"it cannot be opened ({error.strerror or error})")


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
    total = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest()
