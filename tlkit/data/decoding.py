"""Many pictures decoded once: side by side in threads, into tables that are mapped from disk and not held in memory."""

import hashlib
import os
import shutil
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tlkit.data import pictures
from tlkit.data.depths import Reading
from tlkit.disk.cache import folder_for, is_full
from tlkit.disk.tables import remove, table

__all__: list[str] = []

_TOGETHER = 8  # pictures that a thread takes at once


def in_threads(work: Callable, items: Sequence) -> Iterator:
    """What ``work`` makes of each, in their order, made side by side: Pillow lets go of the interpreter.

    Little is made ahead of who takes it, so that memory is bounded. An interrupt gives up what was not begun.
    """
    threads = os.cpu_count() or 1
    pool, begun = ThreadPoolExecutor(threads), deque()
    try:
        for start in range(0, len(items), _TOGETHER):
            begun.append(pool.submit(lambda some: [work(one) for one in some], items[start : start + _TOGETHER]))
            if len(begun) > 2 * threads:
                yield from begun.popleft().result()
        while begun:
            yield from begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def decode(
    files: Sequence,
    keys: Sequence[str],
    size: int,
    reading: Reading | None = None,
    read: Callable[..., np.ndarray] | None = None,
) -> Tensor:
    """Decode picture files once and for all; uint8 ``(n, 3, size, size)``, mapped from disk, not held in memory.

    An interrupted call goes on where it stopped.

    Parameters
    ----------
    files : pictures that can be read
    keys : what stands for the content of each, for example a checksum
    size : height and width in pixels
    reading : how a file becomes a square of bytes
    read : from one of ``files`` and the size to uint8 ``(3, size, size)``, where a file is no picture; its version
        belongs into the keys. Default: ``pictures.read_picture`` with this reading

    Raises
    ------
    OSError
        If the disk has no room for the decoded pictures.
    BadPicture
        If one can not be read.
    """
    name = name_of(keys, size, reading)

    def make(start: int, stop: int, done: Callable[[int], object]) -> dict[str, Tensor]:
        one = read or partial(pictures.read_picture, reading=reading)
        return {"images": _read_all(files[start:stop], size, one, done)}

    try:
        return table("photos", name, len(files), make, "decoding photos")[0]["images"]
    except pictures.BadPicture:
        remove("photos", name)
        raise


def name_of(keys: Sequence[str], size: int, reading: Reading | None = None) -> str:
    """What stands for decoded pictures: the same for the same contents, size and reading, see ``decode``."""
    total = hashlib.blake2b(f"{size}/{pictures.PHOTOS}".encode(), digest_size=16)
    if reading not in (None, Reading()):
        total.update(repr(reading).encode())
    for key in keys:
        total.update(f"/{key}".encode())
    return f"{size}px-{total.hexdigest()}"


def _read_all(files: Sequence, size: int, read: Callable[..., np.ndarray], done: Callable[[int], object]) -> Tensor:
    rows = torch.empty(len(files), 3, size, size, dtype=torch.uint8)
    into = rows.numpy()

    def fill(row: int) -> None:
        into[row] = read(files[row], size)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in in_threads(fill, range(len(files))):
            done(1)
    return rows


class Squares:
    """What files showed when they were looked at, kept until the tables have it, so that none is opened twice.

    Which pictures a split needs, and in which order, is known when all were seen. Until then they lie in a file
    without a name: not in memory, and gone however the session ends. Where the disk has no room for that, nothing is
    kept, and files are read again.

    Parameters
    ----------
    wanted : sequence of (size, fit)
    count : how many files there are at most
    """

    def __init__(self, wanted: Sequence[tuple[int, str]], count: int):
        self.wanted = tuple(dict.fromkeys(wanted))
        self._rows: dict[Path, int] = {}
        self._one_at_a_time = threading.Lock()
        self._file = None
        folder = folder_for("photos")
        if 2 * count * self._bytes() > shutil.disk_usage(folder).free:  # the tables take as much again
            self.wanted = ()
        if self.wanted:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115

    def __enter__(self) -> "Squares":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
        self._file = None
        self._rows.clear()

    def _bytes(self, first: int | None = None) -> int:
        return sum(3 * size**2 for size, _ in self.wanted[:first])

    def keep(self, path: Path, squares: Sequence[np.ndarray]) -> None:
        """Keep what a file showed, in the order of ``wanted``."""
        if not squares or not self._file:
            return
        try:
            self._file.seek(len(self._rows) * self._bytes())
            whole = all(self._file.write(square.data) == square.nbytes for square in squares)
        except OSError as error:
            if not is_full(error):
                raise
            whole = False
        if whole:
            self._rows[path] = len(self._rows)
        else:  # what room there is is for the tables
            self.__exit__()

    def reader(self, reading: Reading | None) -> Callable[[Path, int], np.ndarray]:
        """As ``pictures.read_picture`` with this reading; from what was kept, where that is there."""
        fit = (reading or Reading()).fit

        def read(path: Path, size: int) -> np.ndarray:
            row = self._rows.get(path)
            if row is None or (size, fit) not in self.wanted:
                return pictures.read_picture(path, size, reading=reading)
            square = np.empty((3, size, size), np.uint8)
            with self._one_at_a_time:
                self._file.seek(row * self._bytes() + self._bytes(self.wanted.index((size, fit))))
                self._file.readinto(square.data)
            return square

        return read
