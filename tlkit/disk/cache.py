"""The disk cache: tensors kept in the user's cache folder, under a key made from their content.

joblib.Memory would keep pickles, which can run code, and two kernels would make the same thing twice. What grows row
by row lies in ``tables``; one engine for both read these files a fifth more slowly, and weights have no rows.

Set ``TLKIT_CACHE`` to put the folder elsewhere. Two kernels may use it at once: a lock makes the
second wait for what the first is making, and files appear whole or not at all.

For a class, ``TLKIT_SHARED_CACHE`` names the cache folder that somebody filled the evening before. It
is looked into first and never written. What is read is mapped from its file, so that all kernels of a
machine share the memory.
"""

from __future__ import annotations  # the hints name tensors, and PyTorch is loaded by those who have one

import atexit
import errno
import functools
import hashlib
import json
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import safetensors

from tlkit.disk.locks import locked

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["cache_folder"]

_READ_FAILURES = (OSError, ValueError, KeyError, safetensors.SafetensorError)


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
    return Path(named).expanduser() if named else platformdirs.user_cache_path("tlkit", appauthor=False)


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


@functools.cache
def _stand_in(problem: str) -> Path:
    """A temporary folder for this session."""
    warnings.warn(problem, stacklevel=4)
    try:
        folder = tempfile.mkdtemp(prefix="tlkit-")
    except OSError as error:
        raise OSError(problem) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


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
    folder = Path(named).expanduser()
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        return folder
    why = "you may not read it" if folder.is_dir() else "it is no folder" if folder.exists() else "it does not exist"
    raise OSError(
        f"TLKIT_SHARED_CACHE names {folder}, but {why}.\n"
        "Ask who runs this server, or unset the variable to go on without, and restart the kernel."
    )


class DiskFull(OSError):
    """There is not enough room on the disk, and the message says where."""


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise DiskFull unless ``needed`` bytes are free in ``folder``."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            errno.ENOSPC,
            f"{what} needs {needed / 1e6:,.0f} MB, but {free / 1e6:,.0f} MB are free in {folder}.\n"
            "Make room there, or set TLKIT_CACHE to a folder on another disk",
        )


def disk_is_full(path: Path) -> DiskFull:
    """The error to raise when the disk ran full while ``path`` was written."""
    return DiskFull(
        errno.ENOSPC,
        f"The disk of {path.parent} is full; {path.name} is not complete.\n"
        "Make room, or set TLKIT_CACHE to a folder on another disk, and run the same command again to go on",
    )


def digest(*tensors: Tensor) -> str:
    """A short fingerprint of the shape, type and bytes of tensors, as 32 hex digits."""
    import torch

    total = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        plain = tensor.detach().cpu().contiguous()
        total.update(f"{tuple(plain.shape)}{plain.dtype}".encode())
        total.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place in one step."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.touch()
        rights = part.stat().st_mode
        write(part)
        part.chmod(rights)  # safetensors makes files that only their owner may read: no class could share them
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def cached(kind: str, key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Read the tensors kept under ``kind`` and ``key``, or make them and keep them.

    A file that is damaged (cut short, a bit flipped) is noticed by its checksum and made anew.
    """
    import safetensors.torch

    name, shared = f"{key}.safetensors", shared_folder()
    if shared and (tensors := _kept(shared / kind / name, "going on with your own cache")):
        return tensors
    folder = cache_folder() / kind
    folder.mkdir(exist_ok=True)
    path = folder / name
    with locked(folder / f"{key}.lock"):
        if tensors := _kept(path, "making it again"):
            return tensors
        tensors = {name: tensor.contiguous() for name, tensor in make().items()}
        notes = {"checksums": json.dumps({name: digest(tensor) for name, tensor in tensors.items()})}
        try:
            write_atomically(path, lambda part: safetensors.torch.save_file(tensors, part, notes))
        except (OSError, safetensors.SafetensorError) as error:
            # The work is done: hand it over, and only the keeping is lost.
            warnings.warn(f"Could not keep {path.name} in the cache ({error}); going on without.", stacklevel=2)
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
