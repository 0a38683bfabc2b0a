"""How much of this machine a file from anywhere may take.

Sizes are looked at before the work. ``TLKIT_LIMITS=10`` makes every limit ten times as high; it is read at each call.
"""

import math
import os
from pathlib import Path

__all__: list[str] = []


def factor() -> float:
    """By how much the limits are raised: ``TLKIT_LIMITS``, or 1.

    Raises
    ------
    ValueError
        If it is no number above 0.
    """
    said = os.environ.get("TLKIT_LIMITS", "").strip() or "1"
    try:
        found = float(said)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise ValueError(f"TLKIT_LIMITS must be a number above 0, but it is {said!r:.40}. Unset it, or set it to 10.")
    return found


def needed(found: float, limit: float) -> int:
    """What ``TLKIT_LIMITS`` would have to be for so much; 0 if it may be as it is."""
    return math.ceil(found / limit) if found > limit * factor() else 0


def check(found: float, limit: float, said: str) -> None:
    """Raise ValueError, which begins with what is ``said``, if ``found`` is more than the limit as it was raised."""
    if times := needed(found, limit):
        raise ValueError(
            f"{said}\nIf you trust it, raise the limits: set the environment variable TLKIT_LIMITS={times} "
            f"(in a notebook: %env TLKIT_LIMITS={times}), and try again."
        )


def read(path: Path, most: int) -> bytes:
    """The content of a file of at most so many bytes.

    Raises
    ------
    ValueError
        If it has more, or is a pipe or a device, whose content may never end.
    OSError
        If there is none, or it may not be read.
    """
    check_is_file(path)
    size = path.stat().st_size
    check(size, most, f"{path.name} has {size / 1e6:,.1f} MB, too much for such a file ({most / 1e6:,.0f} MB).")
    return path.read_bytes()


def check_is_file(path: Path) -> None:
    """Raise ValueError if there is something that is no file: opening a pipe would wait for ever."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a pipe, a socket or a device"
        raise ValueError(f"{path} is {what}, and no file with a content.")
