"""Unpacking zip and tar files: whole or not at all, and never outside of their folder.

``shutil.unpack_archive`` does neither on every Python that the course runs on.
"""

import errno
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from tlkit.bars import tqdm
from tlkit.disk import leavings, limits
from tlkit.disk.cache import DiskFull, check_room, disk_is_full, is_full
from tlkit.disk.spelling import encoding_of

__all__: list[str] = []

NAMES = 2  # raise it when names come out otherwise: what was unpacked before is unpacked anew
MOST_FILES = 200_000  # in an archive
# What an archive unpacks to: so many bytes, or so many times its own, for pictures hardly shrink.
SMALL, MOST_TIMES = 10**8, 100
DAMAGED = (zipfile.BadZipFile, tarfile.ReadError, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip or tar file into ``folder``, which appears whole or not at all.

    Raises
    ------
    ValueError
        If the archive is damaged, holds a file that would be written outside of the folder, a name that no disk takes,
        or far more than its size promises.
    OSError
        If the disk is full, or cannot be written.
    """
    limits.check_is_file(archive)
    folder.parent.mkdir(parents=True, exist_ok=True)
    leavings.sweep(folder.parent)
    is_zip = zipfile.is_zipfile(archive)
    with leavings.temporary_folder(folder) as inside:
        try:
            (_unpack_zip if is_zip else _unpack_tar)(archive, inside)
        except DAMAGED as error:
            raise _damaged(archive) from error
        except OSError as error:
            raise _refused(archive, folder, error) from error
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(
                f"{archive.name} is encrypted, or compressed in a way that Python cannot read. Zip it again, plainly."
            ) from error
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(inside, folder)
    return folder


def _refused(archive: Path, folder: Path, error: OSError) -> Exception:
    """What went wrong, in words: with the archive, or with the disk."""
    if isinstance(error, DiskFull):
        return error
    if error.errno is None:  # not from the system: gzip and bz2 report damage so
        return _damaged(archive)
    if error.errno in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ):
        why = "too long" if error.errno == errno.ENAMETOOLONG else f"none here: {error.strerror}"
        name = os.path.basename(str(error.filename or ""))
        return ValueError(f"{archive.name} holds a name that is {why} ({name[:40]!r}...). Nothing was unpacked.")
    if is_full(error):
        return disk_is_full(folder.parent, f"{archive.name} was not unpacked.")
    return OSError(error.errno, f"{archive.name} cannot be unpacked in {folder.parent} ({error.strerror})")


def is_archive(path: Path) -> bool:
    """Whether a file begins, or ends, as a zip or tar does."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except (*DAMAGED, OSError):  # it begins as one, and then breaks off
        return True


def _damaged(archive: Path) -> ValueError:
    return ValueError(f"{archive.name} is damaged, or is no zip or tar archive.")


def _outside(archive: Path, name: str) -> ValueError:
    return ValueError(f"{archive.name} wants to write outside of its folder ({name!r}). Nothing was unpacked.")


def encoding_of_names(archive: Path) -> str:
    """How the names in a zip were read, if they do not say it and are not plain: "GBK", for example; else ""."""
    if not zipfile.is_zipfile(archive):
        return ""
    with zipfile.ZipFile(archive) as file:
        encoding = _encoding(file.infolist())
    return {"": "", "utf-8": "UTF-8", "gb18030": "GBK", "cp1252": "Windows-1252", "cp437": "those of DOS"}[encoding]


def _encoding(members: Sequence[zipfile.ZipInfo]) -> str:
    """The encoding of all names that are not marked as UTF-8, judged together; "" if all are plain ASCII."""
    raw = b"\n".join(_raw(member) for member in members if _is_unmarked(member))
    return encoding_of(raw, dos=True) if raw else ""


def _is_unmarked(member: zipfile.ZipInfo) -> bool:
    return not member.flag_bits & 0x800 and not member.orig_filename.isascii()


def _raw(member: zipfile.ZipInfo) -> bytes:
    """The bytes of a name: Python reads those that are not marked as DOS would."""
    return member.orig_filename.encode("cp437")


def with_right_names(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members, named as they were meant; folders are parted by slashes, whatever made the archive."""
    encoding = _encoding(members)
    for member in members:
        name = _raw(member).decode(encoding, errors="replace") if _is_unmarked(member) else member.orig_filename
        member.filename = name.partition("\0")[0].replace("\\", "/")  # up to a zero, as zipfile has it
    return members


def leads_outside(name: str) -> bool:
    """Whether the name of a member would lead out of the folder that it is unpacked into."""
    where = PureWindowsPath(name)  # as Windows reads it: drives and backslashes too
    return bool(where.anchor) or ".." in where.parts


def check_sizes(archive: Path, files: int, unpacked: int) -> None:
    """Raise ValueError if an archive holds far more than its own size lets expect: a trap, most often."""
    limits.check(files, MOST_FILES, f"{archive.name} holds {files:,} files, more than {MOST_FILES:,}.")
    size = archive.stat().st_size
    said = f"{archive.name} has {size / 1e6:,.1f} MB and unpacks to {unpacked / 1e6:,.0f} MB: that may be a trap."
    limits.check(unpacked, max(SMALL, MOST_TIMES * size), said)


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        members = with_right_names(file.infolist())
        for member in members:
            if leads_outside(member.filename):
                raise _outside(archive, member.filename)
        unpacked = sum(member.file_size for member in members)
        check_sizes(archive, len(members), unpacked)
        check_room(folder.parent, unpacked, f"{archive.name}, unpacked,")
        for member in tqdm(members, desc=f"unpacking {archive.name}", unit="file", leave=False, delay=1):
            file.extract(member, folder)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        bar = tqdm(desc=f"unpacking {archive.name}", unit="file", leave=False, delay=1)

        files = unpacked = 0

        def checked(member: tarfile.TarInfo, where: str) -> tarfile.TarInfo | None:
            nonlocal files, unpacked  # a tar has no list of its members: each is known when it comes
            bar.update()
            files, unpacked = files + 1, unpacked + member.size
            check_sizes(archive, files, unpacked)
            check_room(folder.parent, member.size, f"{archive.name}, unpacked,")
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
