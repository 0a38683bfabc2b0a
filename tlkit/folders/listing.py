"""The files of a set with the class of each: from folders of classes, or from a table that names them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from tlkit.disk.spelling import readable

__all__: list[str] = []

# Endings of files that hold no picture: what a folder is for can be told without opening one.
NO_PICTURES = frozenset(
    str.split("""
    .txt .md .csv .tsv .json .jsonl .xml .yaml .yml .mat .npy .npz .h5 .hdf5 .pkl .pickle .pth .pt .zip .tar .gz .tgz
    .py .ipynb .html .pdf .doc .docx .xls .xlsx .log .ini .cfg .db .names .data .tfrecord .parquet
    """)
)


class NearCopy(NamedTuple):
    """Two files that show one picture, and how well their details agree, 0 to 1."""

    first: str
    second: str
    similarity: float


@dataclass
class FolderReport:
    """What was read from a folder, and what was not.

    Attributes
    ----------
    read : dict from class to number of pictures
    left_out : dict from file, folder or class to the reason
    notes : list of str
        How the set was read: its parts, its table, spellings, depths. One line each.
    near_copies : list of NearCopy
        Pairs of files that show one picture: the most alike first.
    copies_in_test : bool tensor (n,) or None
        Which pictures of ``split.test`` have a near-copy in train or val: none, unless the set came cut.
    pictures_of_copies : uint8 tensor (2 m, 3, h, w) or None
        The pictures of the first ten pairs: ``first_copies`` gives them with their names.
    """

    read: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    near_copies: list[NearCopy] = field(default_factory=list)
    copies_in_test: Tensor | None = field(default=None, repr=False)
    pictures_of_copies: Tensor | None = field(default=None, repr=False)

    def first_copies(self) -> tuple[Tensor, list[str]]:
        """Pictures and names of the first ten pairs of near-copies, as ``plot_pictures`` takes them.

        Returns
        -------
        uint8 tensor (2 m, 3, h, w), the two of each pair in turn, and m names

        Raises
        ------
        ValueError
            If there is no pair.
        """
        if self.pictures_of_copies is None:
            raise ValueError("No near-copies were found in this set, or near_copies=False did not look for them.")
        pairs = self.near_copies[: len(self.pictures_of_copies) // 2]
        return self.pictures_of_copies, [f"{pair.first}\n{pair.second}" for pair in pairs]

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in list(self.read.items())[:20])
        more = f", and {len(self.read) - 20} more classes" if len(self.read) > 20 else ""
        lines = [f"Read {sum(self.read.values()):,} pictures of {len(self.read)} classes: {counts}{more}."]
        lines += self.notes[:12]
        if len(self.notes) > 12:
            lines.append(f"{len(self.notes) - 12} more lines are in the report's notes.")
        if self.left_out:
            first = "" if len(self.left_out) <= 10 else ", the first ten here, all in the report's left_out"
            lines.append(f"Left out {len(self.left_out):,}{first}:")
            lines += [f"  {name}: {why}" for name, why in list(self.left_out.items())[:10]]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a set: where it is, its name in the report, its label as it is written; part and group, if any."""

    path: Path
    name: str
    label: str
    part: str | None = None
    group: str = ""


@dataclass(frozen=True)
class Place:
    """Where pictures of a set are listed.

    Attributes
    ----------
    path : a table, or a folder
    part : "train", "val", "test", or None for a set that is to be dealt
    label : the class of all pictures below a folder; by default its subfolders are the classes
    skip : names of subfolders that are no classes
    """

    path: Path
    part: str | None = None
    label: str | None = None
    skip: frozenset[str] = frozenset()


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "$RECYCLE.BIN")


def entries(path: Path) -> list[Path]:
    """What a folder shows, in the order of the names."""
    return sorted(entry for entry in path.iterdir() if not is_hidden(entry.name)) if path.is_dir() else []


def subfolders(path: Path) -> list[Path]:
    """The folders in a folder, and links to folders, in the order of their names."""
    with os.scandir(path) as found:  # tells folders from files without a look at each file
        return [path / name for name in sorted(entry.name for entry in found if _is_folder(entry))]


def _is_folder(entry: os.DirEntry) -> bool:
    return not is_hidden(entry.name) and entry.is_dir()


def report_loose(folder: Path, report: "FolderReport") -> None:
    """Say which pictures lie in a folder that has only folders of pictures."""
    with os.scandir(folder) as found:
        loose = sorted(entry.name for entry in found if may_be_picture(entry.name) and not entry.is_dir())
    report.left_out |= dict.fromkeys(loose, "it lies in no class's subfolder")


def may_be_picture(name: str) -> bool:
    return not is_hidden(name) and os.path.splitext(name)[1].lower() not in NO_PICTURES


def pictures_below(folder: Path) -> Iterator[Path]:
    """The files below that may be pictures."""
    return (Path(where, name) for where, _, files in _walk(folder, set()) for name in files if may_be_picture(name))


def holds_pictures(folder: Path) -> bool:
    """Whether there is a file below that may be a picture."""
    return next(pictures_below(folder), None) is not None


def _walk(top: Path, seen: set[tuple[int, int]], report: FolderReport | None = None) -> Iterator[tuple]:
    """As ``os.walk``, in order, through links as well, but each folder once; what may not be read is reported."""

    def refused(error: OSError) -> None:
        if report is not None:
            report.left_out[readable(error.filename)] = f"it cannot be opened ({error.strerror})"

    for folder, subfolders, files in os.walk(top, followlinks=True, onerror=refused):
        about = os.stat(folder)
        if (about.st_dev, about.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
        yield folder, subfolders, sorted(name for name in files if not is_hidden(name))


def items_of_folder(place: Place, base: Path, report: FolderReport) -> Iterator[Item]:
    """The files of a folder: a class is a subfolder and everything below it. Loops of links are walked once."""
    about = os.stat(place.path)
    above = (about.st_dev, about.st_ino)
    if place.label is not None:
        yield from _items_below(place.path, place.label, place.part, set(), base, report)
        return
    for top in entries(place.path):
        if top.name in place.skip:
            continue
        if not top.is_dir():
            report.left_out[_name(top, base)] = "it lies in no class's subfolder"
            continue
        found = False
        # By class: what is linked into two is reported as being in both.
        for item in _items_below(top, top.name, place.part, {above}, base, report):
            found = True
            yield item
        if not found:
            report.left_out[_name(top, base)] = "a class without a file"


def _items_below(
    top: Path, label: str, part: str | None, seen: set[tuple[int, int]], base: Path, report: FolderReport
) -> Iterator[Item]:
    for folder, _, files in _walk(top, seen, report):
        shown = _name(Path(folder), base)  # once: there may be 100,000 files in it
        for name in files:
            yield Item(Path(folder, name), os.path.join(shown, readable(name)), label, part)


def _name(path: Path, base: Path) -> str:
    """How a file is called in the report: from the folder that was given, if it lies there."""
    return readable(os.path.relpath(path, base) if path.is_relative_to(base) else str(path))
