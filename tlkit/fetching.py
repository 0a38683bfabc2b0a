"""Downloads: photo sets and ImageNet weights, fetched ahead of class and kept.

A download goes on where it was cut, tries every mirror, is checked before it gets its name, and is
unpacked into a folder that appears whole or not at all. ``TLKIT_OFFLINE=1`` forbids all of it.
"""

import errno
import hashlib
import json
import lzma
import os
import shutil
import socket
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path, PureWindowsPath

from filelock import FileLock
from tqdm.auto import tqdm

from tlkit import checks
from tlkit.cache import check_room

__all__ = ["fetch", "is_here", "real_or_offline"]

_TRIES = 4  # of each mirror, while the connection breaks or the server is busy
_PAUSE = 1.0  # seconds before the second try, twice as many before the third, ...
_TIMEOUT = 30.0  # seconds without a byte
_BUSY = (408, 429, 500, 502, 503, 504)
_DAMAGED = (zipfile.BadZipFile, tarfile.ReadError, EOFError, zlib.error, lzma.LZMAError)


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
        If no mirror has it, or what came is not the file; says what each mirror did.
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
    with FileLock(path.with_name(path.name + ".lock")):
        if path.exists():  # another kernel fetched it while this one waited
            return path
        problems = {}
        for url in urls:
            try:
                _fetch_whole(url, part, checksum, size)
            except (OSError, HTTPException) as error:
                if getattr(error, "errno", None) == errno.ENOSPC:
                    raise _disk_is_full(path) from error
                problems[url] = error
            else:
                os.replace(part, path)
                return path
    said = "; ".join(f"{urllib.parse.urlsplit(url).hostname}: {_in_words(error)}" for url, error in problems.items())
    raise ConnectionError(
        f"{path.name} could not be fetched. {said}.\nRun the same command again to go on, or later if a server is down."
    ) from next(iter(problems.values()), None)


class _WrongFile(OSError):
    """What a server sent is not the file that was asked for."""


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
            no_such_host = isinstance(getattr(error, "reason", None), socket.gaierror)  # or there is no network at all
            final = no_such_host or isinstance(error, _WrongFile) or getattr(error, "errno", None) == errno.ENOSPC
            if final or (code is not None and code not in _BUSY) or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE * 2**attempt)
    if _is_right(part, checksum, size):
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


def _is_right(path: Path, checksum: str, size: int) -> bool:
    if not checksum:
        return not size or path.stat().st_size == size
    kind, expected = checksum.split(":")
    total = hashlib.new(kind, usedforsecurity=kind != "md5")
    with open(path, "rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest().startswith(expected)


def _disk_is_full(path: Path) -> OSError:
    return OSError(
        errno.ENOSPC,
        f"The disk of {path.parent} is full; {path.name} is not complete.\n"
        "Make room, or set TLKIT_CACHE to a folder on another disk, and run the same command again to go on",
    )


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip or tar file into ``folder``, which appears whole or not at all.

    Raises
    ------
    ValueError
        If the archive is damaged, or holds a file that would be written outside of the folder.
    OSError
        If the disk is full.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    is_zip = zipfile.is_zipfile(archive)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        inside = Path(temporary) / "content"
        inside.mkdir()
        try:
            (_unpack_zip if is_zip else _unpack_tar)(archive, inside)
        except _DAMAGED as error:
            raise _damaged(archive) from error
        except OSError as error:
            if error.errno is None:  # not from the system: gzip and bz2 report damage so
                raise _damaged(archive) from error
            if error.errno == errno.ENOSPC and "need" not in str(error):  # a full disk that was not foreseen
                raise _disk_is_full(folder / archive.name) from error
            raise
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(
                f"{archive.name} is encrypted, or compressed in a way that Python cannot read. Zip it again, plainly."
            ) from error
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(inside, folder)
    return folder


def _damaged(archive: Path) -> ValueError:
    return ValueError(f"{archive.name} is damaged, or is no zip or tar archive.")


def _outside(archive: Path, name: str) -> ValueError:
    return ValueError(f"{archive.name} wants to write outside of its folder ({name!r}). Nothing was unpacked.")


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        for member in members:
            # As Windows reads it: drives and backslashes too.
            where = PureWindowsPath(member.filename)
            if where.anchor or ".." in where.parts:
                raise _outside(archive, member.filename)
        check_room(folder, sum(member.file_size for member in members), f"{archive.name}, unpacked,")
        for member in tqdm(members, desc=f"unpacking {archive.name}", unit="file", leave=False, delay=1):
            file.extract(member, folder)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        bar = tqdm(desc=f"unpacking {archive.name}", unit="file", leave=False, delay=1)

        def checked(member: tarfile.TarInfo, where: str) -> tarfile.TarInfo | None:
            bar.update()
            if member.name.startswith("/"):  # the filter would move it inside
                raise tarfile.AbsolutePathError(member)
            return tarfile.data_filter(member, where)

        try:
            with bar:
                file.extractall(folder, filter=checked)
                while file.fileobj.read(2**20):  # to the end, where the checksum of gzip is
                    pass
        except tarfile.FilterError as error:
            raise _outside(archive, error.tarinfo.name) from error


def fetch(*names: str) -> None:
    """Download photo sets and ImageNet backbones ahead of class; each is done when this says so.

    What is already there is not fetched again, and no network is needed to find out.

    Parameters
    ----------
    names : str
        Photo sets (``"flowers17"``) and backbones of torchvision (``"squeezenet1_1"``).

    Raises
    ------
    ValueError
        For a name that can not be fetched, before anything is.
    ConnectionError, OSError
        If one could not be fetched; those before it are complete.
    """
    for step in [_step(name) for name in names]:
        step()


def _step(name: str) -> Callable[[], None]:
    from tlkit import backbones, photos

    if name in photos.PHOTO_SETS:
        return lambda: photos.fetch(name)
    _choose(name)
    return lambda: backbones.fetch_weights(name)


def fetch_or_list(names: Sequence[str] = (), all_for: str | None = None, show_list: bool = False) -> None:
    """The command ``python -m tlkit fetch``: list what there is, or fetch names and what a lesson needs."""
    if show_list:
        _print_list()
        return
    names = [*names, *(_needs(all_for) if all_for else [])]
    if not names and not all_for:
        raise ValueError("Say what to fetch: names, or --all-for LESSON. See what there is with --list.")
    if not names:
        print(f"Lesson {all_for} needs nothing from the network.")
    fetch(*names)


def _needs(lesson: str) -> list[str]:
    """What the metadata of a lesson says that it can use from the network."""
    lessons = sorted((Path(__file__).parents[1] / "lessons").glob("[0-9][0-9]_*.ipynb"))
    found = [path for path in lessons if path.name.startswith(lesson)]
    if len(found) != 1:
        numbers = ", ".join(path.name[:2] for path in lessons)
        raise ValueError(f"There is no lesson {lesson!r}. There are: {numbers}.")
    return json.loads(found[0].read_text(encoding="utf-8"))["metadata"]["tlkit"].get("fetch", [])


def _print_list() -> None:
    from tlkit import photos, zoo

    def line(name: str, megabytes: float, here: bool, what: str) -> None:
        print(f"{name:20} {megabytes:6,.0f} MB  {'here' if here else '-':4}  {what}".rstrip())

    for name in photos.PHOTO_SETS:
        about = photos.card(name)
        what = f"{about['images']:,} pictures, {about['classes']} classes: {about['title']}"
        line(name, about["megabytes"], photos.is_here(name), what)
    for name in zoo.names():
        line(name, zoo.weights_of(name).meta["_file_size"], zoo.weights_file(name).exists(), "")


def is_here(*names: str) -> bool:
    """Whether all of these photo sets and backbones are complete; asks no network.

    Raises
    ------
    ValueError
        For a name that can not be fetched.
    """
    from tlkit import photos, zoo

    for name in names:
        in_place = photos.is_here(name) if name in photos.PHOTO_SETS else zoo.weights_file(_choose(name)).exists()
        if not in_place:
            return False
    return True


def _choose(name: str) -> str:
    from tlkit import photos, zoo

    return checks.choose("photo set or backbone to fetch", name, [*photos.PHOTO_SETS, *zoo.names()])


def real_or_offline(dataset: str, backbone: str) -> tuple[str, str]:
    """The real pair if it is here, else the offline pair ``("flowers", "minivgg")``; says which, and what to fetch.

    So the same lesson runs on photos where they were fetched and on drawn pictures where they were not.
    """
    if is_here(dataset, backbone):
        print(f"On real photos: {dataset}, with {backbone} from ImageNet.")
        return dataset, backbone
    print(f'On drawn pictures. For real photos, fetch once and run again: tlkit.fetch("{dataset}", "{backbone}")')
    return "flowers", "minivgg"
