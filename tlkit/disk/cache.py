"""The disk cache: tensors kept in the user's cache folder, under a key made from their content.

joblib.Memory would keep pickles, which can run code, and two kernels would make the same thing twice. What grows row
by row lies in ``tables``; one engine for both read these files a fifth more slowly, and weights have no rows.

Set ``TLKIT_CACHE`` to put the folder elsewhere. Two kernels may use it at once: a lock makes the
second wait for what the first is making, and files appear whole or not at all.

For a class, ``TLKIT_SHARED_CACHE`` names the cache folder that somebody filled the evening before. It
is looked into first and never written; nor is your own, where it may only be read, as in a container that brings
it filled. What is read is mapped from its file, so that all kernels of a machine share the memory.
"""

from __future__ import annotations  # the hints name tensors, and PyTorch is loaded by those who have one

import atexit
import errno
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import safetensors

from tlkit import checks
from tlkit.disk import leavings
from tlkit.disk.locks import locked

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["cache_folder"]

_READ_FAILURES = (OSError, ValueError, KeyError, safetensors.SafetensorError)
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no room, a file too large, a quota
_stand_ins: dict[Path, Path] = {}  # of cache folders that cannot be written, for this session


def cache_folder() -> Path:
    """The folder of the cache, made if needed.

    If nothing can be written there, a warning says so once, and a temporary folder takes its place until the session
    ends.

    Raises
    ------
    OSError
        If there is no temporary folder either.
    """
    problem = cache_problem()
    return _stand_in(problem) if problem else _own_folder()


def _own_folder() -> Path:
    named = os.environ.get("TLKIT_CACHE")
    return checks.path("TLKIT_CACHE", named) if named else platformdirs.user_cache_path("tlkit", appauthor=False)


def cache_problem() -> str:
    """Why nothing can be kept in the cache folder, and what to do; "" if all is well."""
    folder = _own_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return (
            f"The cache folder {folder} cannot be written ({error.strerror or error}); what is made is lost later.\n"
            "Set the environment variable TLKIT_CACHE to a folder of yours and restart the kernel."
        )


def _stand_in(problem: str) -> Path:
    """A temporary folder for this session."""
    own = _own_folder()
    if own not in _stand_ins:
        warnings.warn(problem, stacklevel=4)
        try:
            folder = leavings.part_of(Path(tempfile.gettempdir(), ".tlkit"))
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise OSError(problem) from error
        leavings.sweep(folder.parent)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _stand_ins[own] = folder
    return _stand_ins[own]


def folder_for(kind: str) -> Path:
    """The folder in the cache for what is of a kind, made if needed.

    Raises
    ------
    OSError
        If a file lies in its place.
    """
    folder = cache_folder() / kind
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise FileExistsError(f"{folder} is a file, but the cache needs a folder there. Move it elsewhere.") from error
    return folder


def folders_to_read() -> Iterator[Path]:
    """Where what is wanted may be already, and nothing is written: the class's folder, and yours if you may not write.

    Raises
    ------
    OSError
        As ``shared_folder`` does.
    """
    if shared := shared_folder():
        yield shared
    own = _own_folder()
    if own.is_dir() and (own in _stand_ins or not os.access(own, os.W_OK | os.X_OK)):
        yield own
    if own in _stand_ins:
        yield _stand_ins[own]


def find(kind: str, name: str) -> Path:
    """The folder of that name, where it is there, or where in your own cache it would be; nothing is made."""
    places = [*folders_to_read(), _own_folder()]
    return next((folder for place in places if (folder := place / kind / name).is_dir()), places[-1] / kind / name)


def shared_folder() -> Path | None:
    """The folder that was filled for a whole class, which is read and never written; None without one.

    Raises
    ------
    OSError
        If ``TLKIT_SHARED_CACHE`` names what is no folder, or one that may not be read.
    """
    named = os.environ.get("TLKIT_SHARED_CACHE")
    if not named:
        return None
    folder = checks.path("TLKIT_SHARED_CACHE", named)
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        return folder
    why = "you may not read it" if folder.is_dir() else "it is no folder" if folder.exists() else "it does not exist"
    raise OSError(
        f"TLKIT_SHARED_CACHE names {folder}, but {why}.\n"
        "Ask who runs this server, or unset the variable to go on without, and restart the kernel."
    )


class DiskFull(OSError):
    """There is not enough room on the disk, and the message says where."""

    def __str__(self) -> str:
        return self.strerror


def is_full(error: Exception) -> bool:
    """Whether the system says so of a disk, a quota, or the largest file that it takes."""
    return isinstance(error, OSError) and error.errno in _FULL


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise DiskFull unless ``needed`` bytes are free in ``folder``."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            errno.ENOSPC,
            f"{what} needs {needed / 1e6:,.1f} MB, but {free / 1e6:,.1f} MB are free in {folder}.\n"
            f"Make room there, {_instead(folder)}",
        )


def disk_is_full(folder: Path, said: str) -> DiskFull:
    """The error to raise when a disk ran full; ``said`` is a sentence on what is lost, or kept."""
    again = f"Make room, {_instead(folder)}, and run the same command again to go on."
    return DiskFull(errno.ENOSPC, f"The disk of {folder} is full. {said}\n{again}")


def _instead(folder: Path) -> str:
    cache = any(folder.is_relative_to(place) for place in (_own_folder(), *_stand_ins.values()))
    return f"or {'set TLKIT_CACHE to' if cache else 'give'} a folder on another disk"


def digest(*tensors: Tensor) -> str:
    """A short fingerprint of the shape, type and bytes of tensors, as 32 hex digits."""
    import torch

    total = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        plain = tensor.detach().cpu().contiguous()
        total.update(f"{tuple(plain.shape)}{plain.dtype}".encode())
        total.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def place_for(path: Path, what: str) -> None:
    """Make the folder in which ``path`` is to lie, a file that is called ``what`` in messages.

    Raises
    ------
    ValueError
        If it is a folder, or its folder cannot be made or written.
    """
    if path.is_dir():
        raise ValueError(f"The {what} {path} is a folder. Name a file in it.")
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        if is_full(error):
            raise disk_is_full(folder, f"The {what} {path.name} cannot be written.") from error
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "a file lies in the way" if in_the_way else error.strerror
        raise ValueError(f"The {what} {path} cannot be written ({why}). Name a file in a folder of yours.") from error


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place in one step.

    Raises
    ------
    DiskFull
        If there is no room; then ``path`` is what it was before.
    """
    leavings.sweep(path.parent)
    part = leavings.part_of(path)
    try:
        part.touch()
        rights = part.stat().st_mode
        write(part)
        part.chmod(rights)  # safetensors makes files that only their owner may read: no class could share them
        os.replace(part, path)
    except OSError as error:
        if not is_full(error) or isinstance(error, DiskFull):
            raise
        kept = "as it was before" if path.exists() else "missing"
        raise disk_is_full(path.parent, f"{path.name} could not be written, and is {kept}.") from error
    finally:
        part.unlink(missing_ok=True)


def cached(kind: str, key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Read the tensors kept under ``kind`` and ``key``, or make them and keep them.

    A file that is damaged (cut short, a bit flipped) is noticed by its checksum and made anew.
    """
    import safetensors.torch

    name = f"{key}.safetensors"
    for place in folders_to_read():
        if tensors := _kept(place / kind / name, "going on with your own cache"):
            return tensors
    folder = folder_for(kind)
    path = folder / name
    with locked(folder / f"{key}.lock"):
        if tensors := _kept(path, "making it again"):
            return tensors
        tensors = {name: tensor.contiguous() for name, tensor in make().items()}
        notes = {"checksums": json.dumps({name: digest(tensor) for name, tensor in tensors.items()})}
        try:
            check_room(folder, sum(tensor.nbytes for tensor in tensors.values()), f"A file of {kind}")
            write_atomically(path, lambda part: safetensors.torch.save_file(tensors, part, notes))
        except (OSError, safetensors.SafetensorError) as error:
            # The work is done: hand it over, and only the keeping is lost.
            why = str(error).partition("\n")[0]
            warnings.warn(f"Could not keep {path.name} in the cache ({why}); going on without.", stacklevel=2)
        return tensors


def _kept(path: Path, instead: str) -> dict[str, Tensor] | None:
    """What a file of the cache holds; None without one, or, with a warning, if it is damaged."""
    try:
        return _read(path) if path.exists() else None
    except _READ_FAILURES as error:
        warnings.warn(f"The cache file {path.name} was damaged ({error}); {instead}.", stacklevel=3)
        return None


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, mapped copy-on-write: whoever changes one changes memory, never the file."""
    with safetensors.safe_open(path, framework="pt") as file:
        checksums = json.loads((file.metadata() or {})["checksums"])
        tensors = {name: file.get_tensor(name) for name in checksums}
    if {name: digest(tensor) for name, tensor in tensors.items()} != checksums:
        raise ValueError("its checksum does not match")
    return tensors
