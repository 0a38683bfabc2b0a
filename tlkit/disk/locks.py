"""One at a time: filelock's lock beside a file, and what takes its place where the file system knows none."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows, whose locks work everywhere
    fcntl = None

__all__: list[str] = []

PATIENCE = 10.0  # seconds until somebody who waits is told why


@cache
def has_locks(folder: Path) -> bool:
    """Whether the file system of a folder knows locks; some that are mounted over a network do not.

    It is asked here, because versions of filelock differ: some raise, some wait for ever.
    """
    if fcntl is None:
        return True
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # nobody else can hold a lock on a new file
            return False
    return True


@contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """Hold the lock ``path`` (``NAME.lock``), whose folder is there; wait for it as long as is needed.

    Where the file system has no locks, a file ``NAME.held`` stands for it. A kernel that is killed leaves that
    behind, so who waits for it is told after ten seconds which file to delete.

    Raises
    ------
    TimeoutError
        If it is not free within ``timeout`` seconds.
    """
    if has_locks(path.parent):
        with FileLock(path, timeout=timeout):
            yield
        return
    soft = SoftFileLock(path.with_suffix(".held"))
    try:
        soft.acquire(timeout=PATIENCE if timeout < 0 else timeout)
    except Timeout:
        if timeout >= 0:
            raise
        warnings.warn(
            f"Waiting for another kernel, which holds {soft.lock_file}.\nIf none is at work there, delete that file.",
            stacklevel=3,
        )
        soft.acquire()
    try:
        yield
    finally:
        soft.release()


@contextmanager
def only_writer(out: Path) -> Iterator[None]:
    """Hold the lock of a file that one run at a time may write; raises ValueError if another one does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(out.with_suffix(".lock"), timeout=0))
        except TimeoutError as error:
            held = out.with_suffix(".held")
            left = f"\nIf there is none, delete {held}." if held.exists() else ""
            raise ValueError(f"Another run is writing to {out}. Wait for it, or give another --out.{left}") from error
        yield
