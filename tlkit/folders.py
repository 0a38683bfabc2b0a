"""Your own pictures: a folder with one subfolder a class, a CSV file, or a zip of either."""

import csv
import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from joblib import Parallel, delayed

from tlkit import archives, checks, photos, pictures
from tlkit.bars import tqdm
from tlkit.cache import cache_folder, write_atomically
from tlkit.data import Split, split_of

__all__ = ["FolderReport", "load_folder"]

_PARTS = {"train", "training", "val", "valid", "validation", "test"}
_FEWEST = 3  # pictures a class: one each to train, to choose and to test


@dataclass
class FolderReport:
    """What was read from a folder, and what was not.

    Attributes
    ----------
    read : dict from class to number of pictures
    left_out : dict from file or class to the reason
    """

    read: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in list(self.read.items())[:20])
        more = f", and {len(self.read) - 20} more classes" if len(self.read) > 20 else ""
        lines = [f"Read {sum(self.read.values()):,} pictures of {len(self.read)} classes: {counts}{more}."]
        if self.left_out:
            first = "" if len(self.left_out) <= 10 else ", the first ten here, all in the report's left_out"
            lines.append(f"Left out {len(self.left_out):,}{first}:")
            lines += [f"  {name}: {why}" for name, why in list(self.left_out.items())[:10]]
        return "\n".join(lines)


def load_folder(
    path: str | Path, per_class: int | None = None, seed: int = 0, image_size: int = 224, quiet: bool = False
) -> Split:
    """Make a split of your own pictures, stratified by class.

    Every file is opened once to see whether it can be used; what can not is left out, and a report
    says why. The report is printed and is the split's ``report``. Of files with the same bytes one is
    kept, or none if they are in two classes; a copy that was scaled or saved again is not noticed. A
    class of fewer than three pictures is left out.

    Parameters
    ----------
    path : str or Path
        A folder with one subfolder for each class; a CSV file whose columns ``file`` and ``label``
        name pictures beside it; or a zip of either.
    per_class : int, optional
        Training pictures of each class at most; by default all that are not held out. About an
        eighth of each class is for val, and three eighths for test, fewer of large classes.
    seed : int
        How the pictures are dealt.
    image_size : int
        Height and width in pixels, 16 to 512: that of the backbone, ``backbone.image_size``.
    quiet : bool
        True prints no report.

    Raises
    ------
    ValueError
        If there is no such folder, fewer than two classes of three pictures, folders that are cut
        into train and val already, or a zip that is damaged or writes outside of its folder.
    OSError
        If the disk has no room for the decoded pictures.
    """
    if per_class is not None:
        checks.count("per_class", per_class, 1)
    checks.count("seed", seed, 0)
    checks.count("image_size", image_size, 16, 512)
    path = Path(path).expanduser().absolute()  # a later draw may be asked for from another folder
    root = _open(path)
    report = FolderReport()
    listed = list(_from_csv(root, report) if root.is_file() else _from_subfolders(root, report))
    base = root.parent if root.is_file() else root
    files, keys, labels = _usable(base, listed, report)
    if not quiet:
        print(report)
    names = list(report.read)
    if len(names) < 2:
        example = next((f"{name}: {why}" for name, why in report.left_out.items()), "nothing")
        raise ValueError(
            f"{path} has too few classes of three pictures or more ({len(names)}); a classifier needs at least two.\n"
            "Put the pictures of each class into a subfolder with the name of the class.\n"
            f"Left out were {len(report.left_out)}: {example}."
        )
    collection = photos.Collection(names, torch.tensor(labels), photos.taker(files, keys, image_size))
    draw = partial(load_folder, path, per_class, image_size=image_size, quiet=True)
    return split_of(collection, path.stem, per_class, seed, draw, report)


def _open(path: Path) -> Path:
    """The folder or CSV file that holds the classes: unpacked, and entered where it is wrapped in another."""
    if not path.exists():
        raise ValueError(f"There is no folder or file {path}. You are in {Path.cwd()}.")
    if path.is_file() and path.suffix.lower() != ".csv":
        folder = cache_folder() / "uploads" / f"{path.stem}-{_checksum(path)}"
        path = folder if folder.is_dir() else archives.unpack(path, folder)
    while path.is_dir():
        entries = _entries(path)
        tables = [entry for entry in entries if _is_table(entry)]
        if len(tables) == 1:
            return tables[0]
        if len(entries) != 1 or entries[0].is_symlink():  # a link may lead back here
            break
        if not any(entry.is_dir() or _is_table(entry) for entry in _entries(entries[0])):
            break
        path = entries[0]  # a zip often wraps everything in one more folder
    return path


def _entries(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if not _is_hidden(entry.name)] if path.is_dir() else []


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file() and "label" in _header(path)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def _checksum(path: Path) -> str:
    total = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest()


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file. Spreadsheets part its columns by a comma, a semicolon or a tab, by country."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as table:
        first = table.readline()
        table.seek(0)
        yield from csv.reader(table, delimiter=max(",;\t", key=first.count))


def _header(path: Path) -> list[str]:
    return [name.strip().lower() for name in next(_rows(path), [])]


def _from_csv(path: Path, report: FolderReport) -> Iterator[tuple[str, str]]:
    """File and class from the columns ``file`` and ``label``; files are named relative to the CSV."""
    header = _header(path)
    if not {"file", "label"} <= set(header):
        raise ValueError(
            f"{path.name} needs a first line with the columns file and label, but it has: {', '.join(header)}."
        )
    for row in _rows(path):
        cells = dict(zip(header, row))
        name, label = cells.get("file", "").strip(), cells.get("label", "").strip()
        if [name.lower(), label.lower()] == ["file", "label"] or not name:
            continue
        if not label:
            report.left_out[name] = "the CSV gives it no label"
        elif not (path.parent / name).is_file():
            report.left_out[name] = "the CSV names it, but there is no such file"
        else:
            yield name, label


def _from_subfolders(root: Path, report: FolderReport) -> Iterator[tuple[str, str]]:
    """File and class, a class being a subfolder and everything below it. Loops of links are walked once."""
    tops = {top.name.lower() for top in _entries(root) if top.is_dir()}
    if tops and tops <= _PARTS:
        raise ValueError(
            f"{root} is cut into {' and '.join(sorted(tops))} already; load_folder deals the pictures itself.\n"
            "Put all pictures of one class into one subfolder with the name of the class."
        )
    about = os.stat(root)
    above = (about.st_dev, about.st_ino)
    for top in sorted(root.iterdir()):
        if _is_hidden(top.name):
            continue
        if not top.is_dir():
            report.left_out[top.name] = "it lies in no class's subfolder"
            continue
        found = 0
        seen = {above}  # by class: what is linked into two is reported as being in both
        for folder, subfolders, files in os.walk(top, followlinks=True):
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in seen:
                subfolders.clear()
                continue
            seen.add((about.st_dev, about.st_ino))
            subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
            for name in sorted(files):
                if not _is_hidden(name):
                    found += 1
                    yield os.path.relpath(os.path.join(folder, name), root), top.name
        if not found:
            report.left_out[top.name] = "a class without a file"


def _usable(base: Path, listed: list[tuple[str, str]], report: FolderReport) -> tuple[list[Path], list[str], list[int]]:
    """The files that can be used, a checksum of each, and the label of each; the rest goes to the report."""
    checked = _check_all(base, [name for name, _ in listed])
    where: dict[str, list[tuple[str, str]]] = {}
    for name, label in listed:
        checksum, problem = checked[name]
        if problem:
            report.left_out[name] = problem
        else:
            where.setdefault(checksum, []).append((name, label))
    by_class: dict[str, list[tuple[str, str]]] = {}
    for checksum, places in where.items():
        (first, label), *others = places
        classes = sorted({label for _, label in places})
        if len(classes) > 1:  # nobody can know which label is right
            for name, _ in places:
                report.left_out[name] = f"the same picture is in {' and '.join(classes)}"
            continue
        report.left_out |= {name: f"the same picture as {first}" for name, _ in others if name != first}
        by_class.setdefault(label, []).append((first, checksum))
    for label in sorted(by_class):
        if len(by_class[label]) < _FEWEST:
            report.left_out[label] = (
                f"a class of {len(by_class[label])}; it takes {_FEWEST}, one each to train, to choose and to test"
            )
            del by_class[label]
    by_class = {label: by_class[label] for label in sorted(by_class)}
    report.read = {label: len(found) for label, found in by_class.items()}
    chosen = [(base / name, checksum, k) for k, found in enumerate(by_class.values()) for name, checksum in found]
    files, keys, labels = (list(column) for column in zip(*chosen)) if chosen else ([], [], [])
    return files, keys, labels


def _check_all(base: Path, names: list[str]) -> dict[str, tuple[str, str]]:
    """Checksum and problem ("" if it can be used) of each file; a file that did not change is not opened again."""
    folder = cache_folder() / "photos"
    folder.mkdir(exist_ok=True)
    kept = folder / f"checked-{hashlib.blake2b(str(base.resolve()).encode(), digest_size=12).hexdigest()}.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or cut short: everything is looked at
        known = {}
    stamps = {name: _stamp(base / name) for name in names}
    new = [name for name in names if known.get(name, [None])[0] != stamps[name]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is judged here anyway
            results = Parallel(n_jobs=os.cpu_count(), prefer="threads", return_as="generator")(
                delayed(_check)(base / name) for name in new
            )
            bar = tqdm(results, total=len(new), desc="looking at files", unit="file", leave=False, delay=1)
            for result, name in zip(bar, new):  # the bar first, or its end is never reached and joblib warns
                known[name] = [stamps[name], *result]
    finally:  # an interrupted look goes on where it stopped
        if new:
            text = json.dumps({name: known[name] for name in names if name in known})
            write_atomically(kept, lambda part: part.write_text(text, encoding="utf-8"))
    return {name: (known[name][1], known[name][2]) for name in names}


def _stamp(path: Path) -> list[int]:
    """What changes with the file: its size and time; nothing for a link that leads nowhere."""
    try:
        about = os.stat(path)
    except OSError:
        return []
    return [about.st_size, about.st_mtime_ns]


def _check(path: Path) -> tuple[str, str]:
    try:
        checksum = _checksum(path)
        pictures.read_picture(path, 32)
        return checksum, ""
    except pictures.BadPicture as error:
        return "", str(error)
    except OSError as error:
        return "", f"it cannot be opened ({error.strerror or error})"
