"""Getting one file from one of several servers, whole and checked.

A download goes on where it was cut, tries every mirror, and gets its name only when it is complete. pooch and
torchvision fetch a whole file from one address and begin again after a cut, which a class on one network meets.
``TLKIT_OFFLINE=1`` forbids all of it.
"""

import hashlib
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from tlkit.bars import tqdm
from tlkit.disk.cache import check_room, disk_is_full, is_full
from tlkit.disk.locks import locked

__all__: list[str] = []

_TRIES = 4  # of each mirror, while the connection breaks or the server is busy
PAUSE = 1.0  # seconds before the second try, twice as many before the third, ...
_TIMEOUT = 30.0  # seconds without a byte
_BUSY = (408, 429, 500, 502, 503, 504)


def is_offline() -> bool:
    """Whether ``TLKIT_OFFLINE`` forbids the network."""
    return os.environ.get("TLKIT_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def download(urls: Sequence[str], path: Path, checksum: str = "", size: int = 0) -> Path:
    """Fetch a file from the first mirror that has it.

    What arrived before a connection was cut is kept in ``NAME.part``, and the next try, or the
    next call, goes on from there.

    Parameters
    ----------
    urls : the same file on several servers
    path : where it is to lie
    checksum : ``"md5:..."`` or ``"sha256:..."``, the second perhaps only its beginning; "" if none is published
    size : bytes, if known

    Raises
    ------
    ConnectionError
        If no mirror has it, or what came is not the file; says what each server did.
    OSError
        If the disk is full.
    """
    if path.exists():
        return path
    if is_offline():
        raise ConnectionError(
            f"{path.name} is not here, and TLKIT_OFFLINE is set, so nothing is fetched. Unset it and run again."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    check_room(path.parent, size - (part.stat().st_size if part.exists() else 0), path.name)
    with locked(path.with_name(path.name + ".lock")):
        if path.exists():  # another kernel fetched it while this one waited
            return path
        problems = {}
        for url in urls:
            try:
                _fetch_whole(url, part, checksum, size)
            except (OSError, HTTPException) as error:
                if is_full(error):
                    raise disk_is_full(path.parent, f"What arrived of {path.name} is kept.") from error
                problems[url] = error
            else:
                os.replace(part, path)
                return path
    raise ConnectionError(_what_happened(path, problems)) from next(iter(problems.values()), None)


class _WrongFile(OSError):
    """What a server sent is not the file that was asked for."""


def _what_happened(path: Path, problems: dict[str, Exception]) -> str:
    """Every server once, with the first thing that went wrong there."""
    servers: dict[str | None, Exception] = {}
    for url, error in problems.items():
        servers.setdefault(urllib.parse.urlsplit(url).hostname, error)
    if servers and all(map(_is_not_found, servers.values())):
        were = "was" if len(servers) == 1 else "were"
        return (
            f"No network: {' and '.join(map(str, servers))} {were} not found. "
            "Connect, and run the same command again to go on."
        )
    said = "; ".join(f"{server}: {_in_words(error)}" for server, error in servers.items())
    again = "Run the same command again to go on, or later if a server is down."
    return f"{path.name} could not be fetched. {said}.\n{again}"


def _is_not_found(error: Exception) -> bool:
    """Whether a server's name leads nowhere, which mostly means that there is no network at all."""
    return isinstance(getattr(error, "reason", None), socket.gaierror)


def _in_words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code} {error.reason}"
    if isinstance(error, _WrongFile):
        return str(error)
    reason = getattr(error, "reason", error)
    return f"no connection ({str(reason) or type(reason).__name__})"


def _fetch_whole(url: str, part: Path, checksum: str, size: int) -> None:
    """Fill ``part`` from one server, with several tries, and check it."""
    resumed = part.exists()
    for attempt in range(_TRIES):
        try:
            _fetch_rest(url, part, size)
            break
        except (OSError, HTTPException) as error:
            code = getattr(error, "code", None)
            if code == 416 and part.exists():  # it has nothing to add: what is here is whole, or another file
                if checksum or size:
                    break  # the check that follows says which
                part.unlink()
                return _fetch_whole(url, part, checksum, size)
            final = isinstance(error, _WrongFile) or is_full(error)
            final = final or _is_not_found(error)
            if final or (code is not None and code not in _BUSY) or attempt == _TRIES - 1:
                raise
            time.sleep(PAUSE * 2**attempt)
    if is_right(part, checksum, size):
        return
    part.unlink()
    if resumed:  # what an earlier, interrupted call left may be to blame
        return _fetch_whole(url, part, checksum, size)
    raise _WrongFile("what it sent does not match the published checksum")


def _fetch_rest(url: str, part: Path, size: int) -> None:
    """One connection: append what is missing to ``part``."""
    have = part.stat().st_size if part.exists() else 0
    if size and have >= size:
        return  # all here: the check that follows says whether it is right
    request = urllib.request.Request(
        url, headers={"User-Agent": "tlkit"} | ({"Range": f"bytes={have}-"} if have else {})
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
        if reply.headers.get_content_type() == "text/html":
            raise _WrongFile("it sent a web page instead of the file")
        goes_on = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        coming = reply.headers.get("Content-Length")
        whole = have + int(coming) if coming else None
        bar = tqdm(total=whole, initial=have, desc=part.stem, unit="B", unit_scale=True, leave=False, delay=1)
        with bar, open(part, "ab" if goes_on else "wb") as file:
            while block := reply.read(2**18):
                file.write(block)
                bar.update(len(block))
        if whole is not None and part.stat().st_size < whole:
            raise ConnectionResetError(f"it was cut after {part.stat().st_size:,} of {whole:,} bytes")


def is_right(path: Path, checksum: str, size: int = 0) -> bool:
    """Whether a file is the published one, by its ``checksum`` as for ``download``; without one, by its size."""
    if not checksum:
        return not size or path.stat().st_size == size
    kind, expected = checksum.split(":")
    total = hashlib.new(kind, usedforsecurity=kind != "md5")
    with open(path, "rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest().startswith(expected)
