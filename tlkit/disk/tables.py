"""Tables on disk that are filled chunk by chunk: an interrupted one goes on, a finished one is mapped, not read.

So memory does not grow with the number of rows. A table is a folder with an ``.npy`` file for each
column, and ``state.json``, which says how many rows are whole.
"""

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import sys
import tempfile
import time
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from tlkit.bars import tqdm
from tlkit.disk.cache import (
    cache_folder,
    check_room,
    digest,
    disk_is_full,
    folder_for,
    folders_to_read,
    is_full,
    write_atomically,
)
from tlkit.disk.locks import locked

__all__: list[str] = []

CHUNK = 256  # rows that are computed, written and checked together
_SMALL = 2**28  # bytes: a mapped table up to this size may stay in memory
_PAGE_OUT = 21  # MADV_PAGEOUT of Linux 5.4, which Python's mmap does not name
_mapped: "weakref.WeakValueDictionary[int, np.memmap]" = weakref.WeakValueDictionary()
_sound: set[tuple] = set()  # files that were read and found whole in this session: path, version, what was promised


@dataclass
class _State:
    """How far a table is: whole rows, seconds it took to make them, and a checksum for each chunk of each column.

    ``layouts`` has the type and the shape of each column, which a damaged header may belie.
    """

    rows: int = 0
    seconds: float = 0.0
    checksums: dict[str, list[str]] = field(default_factory=dict)
    layouts: dict[str, list] = field(default_factory=dict)


def table(
    kind: str,
    key: str,
    rows: int,
    make: Callable[[int, int, Callable[[int], object]], dict[str, Tensor]],
    desc: str,
) -> tuple[dict[str, Tensor], float]:
    """Open the table kept under ``kind`` and ``key``, or fill it.

    Every chunk is held against its checksum at the first opening in a session, and again when its file has changed;
    what is damaged is made again.

    Parameters
    ----------
    kind, key : str
        Where in the cache; the key stands for everything that the rows depend on.
    rows : int
    make : function
        From the first row, the last (exclusive) and a function to call with the number of rows done
        meanwhile, to a dict from column to a tensor of these rows.
    desc : str
        What the progress bar says.

    Returns
    -------
    columns : dict from column to tensor, mapped copy-on-write: changing one never changes the file
    seconds : what making it took, then or now

    Raises
    ------
    OSError
        If the table cannot be written: the disk is full, for example.
    """
    for place in folders_to_read():
        state = _whole(place / kind / key, rows)
        if state.rows == rows:
            return _open(place / kind / key, state), state.seconds
    folder = folder_for(kind) / key
    folder.mkdir(exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        state = _whole(folder, rows)
        with tqdm(total=rows, initial=state.rows, desc=desc, unit="picture", leave=False, delay=1) as bar:
            while state.rows < rows:
                stop = min(state.rows + CHUNK, rows)
                start = time.perf_counter()
                columns = make(state.rows, stop, bar.update)
                state.seconds += time.perf_counter() - start
                _append(folder, columns, state, rows)
        for column in state.checksums:  # just written: it need not be read back
            _sound.add(_version(folder / f"{column}.npy", state, column, rows))
        return _open(folder, state), state.seconds


def _whole(folder: Path, rows: int) -> _State:
    """What of a table of so many rows is there and undamaged."""
    try:
        state = _State(**json.loads((folder / "state.json").read_text(encoding="utf-8")))
        whole = int(state.rows)
        for column, known in state.checksums.items():
            sound = _sound_chunks(folder / f"{column}.npy", state, column, rows)
            if sound < len(known):
                warnings.warn(f"The cache file {folder.name}/{column}.npy was damaged; mending it.", stacklevel=4)
                whole = min(whole, sound * CHUNK)
    except FileNotFoundError:
        return _State()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        warnings.warn(f"The cache folder {folder.name} was damaged ({error}); making it again.", stacklevel=4)
        return _State()
    state.rows = whole
    state.checksums = {column: known[: -(-whole // CHUNK)] for column, known in state.checksums.items()}
    return state


def _sound_chunks(path: Path, state: _State, column: str, rows: int) -> int:
    """How many chunks from the first on are as they were written, read piece by piece: a map would count as memory."""
    known = state.checksums[column]
    try:
        version = _version(path, state, column, rows)
        if version in _sound:
            return len(known)
        with open(path, "rb") as file:
            layout = _header(file)
            if layout[1][0] != rows or state.layouts.get(column, layout) != layout:
                return 0
            width = int(np.prod(layout[1][1:]))
            for k, checksum in enumerate(known):
                count = min(CHUNK, state.rows - k * CHUNK) * width
                if _checksum(np.fromfile(file, layout[0], count), checksum) != checksum:
                    return k
    except (OSError, ValueError, TypeError, MemoryError, IndexError):
        return 0  # not even its beginning is as it should be
    _sound.add(version)
    return len(known)


def _version(path: Path, state: _State, column: str, rows: int) -> tuple:
    """A column's file as it is now, with what is promised of it."""
    promised = (*state.checksums[column], state.rows, rows, str(state.layouts.get(column)))
    about = path.stat()
    return path, about.st_size, about.st_mtime_ns, about.st_ino, promised


def _checksum(values: np.ndarray, like: str = "") -> str:
    """CRC-32, which sees any damage to a disk's block and costs a sixth of a digest; that, ``like`` older tables."""
    return digest(torch.from_numpy(values)) if len(like) == 32 else f"{zlib.crc32(values.data):08x}"


def _header(file: BinaryIO) -> list:
    """The layout: the type of a value, and the shape."""
    try:
        np.lib.format.read_magic(file)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # NumPy reads it as Python, and raises whatever its tokenizer and parser do
        raise ValueError("its header cannot be read") from error
    if fortran or dtype.hasobject or not shape:
        raise ValueError("these are not rows of numbers")
    return [dtype.str, list(shape)]


def _append(folder: Path, columns: dict[str, Tensor], state: _State, rows: int) -> None:
    """Write a chunk behind the whole rows, and then say that it is there."""
    made = {column: values.cpu().contiguous().numpy() for column, values in columns.items()}
    if state.rows == 0:
        each = sum(values.nbytes // len(values) for values in made.values())
        check_room(folder, each * rows, f"A table of {rows:,} rows")
        state.checksums = {column: [] for column in made}
        state.layouts = {column: [each.dtype.str, [rows, *each.shape[1:]]] for column, each in made.items()}
    for column, values in made.items():
        try:
            _write(folder / f"{column}.npy", values, state.rows, rows)
        except OSError as error:
            if not is_full(error):
                raise
            kept = f"Of {rows:,} rows, {state.rows:,} are kept."
            raise disk_is_full(folder, kept) from error
        state.checksums[column].append(_checksum(values.reshape(-1)))
    state.rows += len(values)
    text = json.dumps(asdict(state))
    write_atomically(folder / "state.json", lambda part: part.write_text(text, encoding="utf-8"))


def _write(path: Path, values: np.ndarray, first: int, rows: int) -> None:
    with open(path, "r+b" if first else "w+b") as file:
        if first == 0:
            header = {"descr": values.dtype.str, "fortran_order": False, "shape": (rows, *values.shape[1:])}
            np.lib.format.write_array_header_1_0(file, header)
        else:
            _header(file)
            file.seek(first * (values.nbytes // len(values)), 1)
            file.truncate()  # what an interrupt left there
        file.write(values.data)


def _open(folder: Path, state: _State) -> dict[str, Tensor]:
    return {column: mapped(folder / f"{column}.npy") for column in state.checksums}


def mapped(path: Path) -> Tensor:
    """An ``.npy`` file as a tensor, mapped copy-on-write."""
    array = np.load(path, mmap_mode="c")
    _mapped[array.ctypes.data] = array
    return torch.from_numpy(array)


def unnamed(chunks: Iterable[Tensor], rows: int) -> Tensor:
    """So many rows, made chunk by chunk, in a file without a name: mapped copy-on-write, and gone with the tensor.

    Raises
    ------
    OSError
        If the disk has no room for them.
    """
    folder = folder_for("rows")
    with tempfile.TemporaryFile(dir=folder) as file:  # what is mapped stays, though the file is closed
        for k, chunk in enumerate(chunks):
            if k == 0:
                check_room(folder, rows * chunk[:1].nbytes, f"A copy of {rows:,} rows")
            file.write(chunk.contiguous().numpy().data)
        file.flush()
        array = np.memmap(file, chunk.numpy().dtype, "c", shape=(rows, *chunk.shape[1:]))
    _mapped[array.ctypes.data] = array
    return torch.from_numpy(array)


def gathered(table: Tensor, rows: Tensor) -> Tensor:
    """Some rows of a mapped table that nobody changed, in this order, ``unnamed``."""

    def chunks() -> Iterator[Tensor]:
        for some in rows.split(CHUNK):
            yield table[some]
            let_go(table, unchanged=True)

    return unnamed(chunks(), len(rows))


def let_go(tensor: Tensor, unchanged: bool = False) -> None:
    """Take what was read of a large mapped tensor out of memory again; it comes back when it is read.

    Nothing happens to other tensors, nor where the system cannot do it. What was changed stays; where it is known that
    nothing was (``unchanged``), the system keeps what it read of the file as long as nobody else needs the memory.
    """
    array = _mapped.get(tensor.untyped_storage().data_ptr())
    if array is not None and (unchanged or array.nbytes > _SMALL) and sys.platform == "linux":
        with contextlib.suppress(OSError):  # before Linux 5.4: the memory is freed when others need it
            array._mmap.madvise(mmap.MADV_DONTNEED if unchanged else _PAGE_OUT)


def digest_rows(tensor: Tensor) -> str:
    """A fingerprint of a tensor of many rows, made without holding all of it in memory."""
    total = hashlib.blake2b(digest_size=16)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets go of the interpreter
        for part in pool.map(digest, tensor.split(CHUNK)):
            total.update(part.encode())
            let_go(tensor)
    return total.hexdigest()


def remove(kind: str, key: str) -> None:
    """Delete a table."""
    shutil.rmtree(cache_folder() / kind / key, ignore_errors=True)
