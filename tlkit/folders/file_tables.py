"""Tables that name picture files and their classes: CSV, TSV and JSON lines, as people and programs write them."""

import csv
import io
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PureWindowsPath

from tlkit import checks
from tlkit.disk import limits
from tlkit.disk.spelling import encoding_of, few, plain
from tlkit.folders.listing import FolderReport, Item, Place, is_hidden, pictures_below
from tlkit.folders.part_names import part_of

__all__: list[str] = []

ENDINGS = (".csv", ".tsv", ".jsonl")
# Column names without blanks and marks, the likeliest first.
_FILE = str.split(
    """file filename filepath path image imagepath imagename imagefile imagefilename img imgpath imgname imgfile
    imgfilename relativepath relpath picture picturepath photo photopath filenames files images imageid imgid name
    id"""
)
_LABEL = str.split(
    """label labels class classname classlabel category categoryname target targetname species speciesname breed
    diagnosis dx variety kind type tag y labelname classid categoryid labelid"""
)
_PART = str.split("split splits set subset part partition usage phase datasplit dataset traintest fold")
_NO_LABEL = {"", "nan", "null"}
_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
_SAMPLE = 50  # rows by which a column is judged
_HEAD, LARGEST = 2**20, 10**8  # bytes: by which it is judged whether a file is a table, and of a table


@dataclass
class Table:
    """A table, read: its columns and rows as text.

    Attributes
    ----------
    path : Path
    header : names of the columns, as they are written
    rows : list of dict from column to cell
    encoding : str
    """

    path: Path
    header: list[str]
    rows: list[dict[str, str]]
    encoding: str = "utf-8"
    notes: list[str] = field(default_factory=list)

    def named(self, names: list[str]) -> list[str]:
        """The columns that are called so, the likeliest first."""
        found = {re.sub(r"[\W_]", "", column.casefold()): column for column in self.header}
        return [found[name] for name in names if name in found]

    @cached_property
    def file_column(self) -> str | None:
        """Of several that may name files, the one whose cells do."""
        found = self.named(_FILE)
        counts = {column: sum(self._is_file(row[column]) for row in self.rows[:_SAMPLE]) for column in found}
        return max(found, key=counts.get) if found else None

    def _is_file(self, cell: str) -> bool:
        return bool(cell) and is_file(self.path.parent / cell.replace("\\", "/"))

    @cached_property
    def label_columns(self) -> list[str]:
        """Those that may hold the class: names before numbers, and then the likeliest first."""
        found = [column for column in self.named(_LABEL) if column != self.file_column]
        return sorted(found, key=lambda column: all(_WHOLE.fullmatch(row[column]) for row in self.rows))

    @cached_property
    def part_column(self) -> str | None:
        """The column that cuts the set into parts, if its cells name parts."""
        for column in self.named(_PART):
            if column not in (self.file_column, *self.label_columns[:1]):
                if "train" in {part_of(row[column]) for row in self.rows}:
                    return column
                values = few(sorted({row[column] for row in self.rows}), 3)
                self.notes.append(f"The column {column} was not used: its cells ({values}) name no parts.")
        return None


def is_file(path: Path) -> bool:
    """Whether there is a file; of a name that is too long there is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_table(path: Path, raw: bytes | None = None) -> Table:
    """Read a table in any of the usual encodings; columns are parted by a comma, a semicolon, a tab or a bar.

    ``raw`` is its content, or as much of it as is wanted.
    """
    raw = limits.read(path, LARGEST) if raw is None else raw
    encoding = encoding_of(raw)
    text = raw.decode(encoding, errors="replace").removeprefix("\ufeff")
    if path.suffix.lower() == ".jsonl":
        return _from_json(path, text, encoding)
    first = next((line for line in text.splitlines() if line.strip()), "")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count))
    rows = [[cell.strip() for cell in row] for row in lines if any(cell.strip() for cell in row)]
    header = rows[0] if rows else []
    table = Table(path, header, [], encoding)
    headless = len(header) > 1 and not table.named(_LABEL) and table._is_file(header[0])
    if headless:  # the first line names a file already
        table.header = header = ["file", "label", *map(str, range(2, len(header)))]
        table.notes.append(f"{path.name} has no line of column names: the first column was taken for files.")
    full = [row + [""] * (len(header) - len(row)) for row in rows[0 if headless else 1 :] if row != rows[0] or headless]
    table.rows = [dict(zip(header, row)) for row in full]
    return table


def _from_json(path: Path, text: str, encoding: str) -> Table:
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        header = list(rows[0]) if rows else []
        return Table(path, header, [{c: str(row.get(c, "")).strip() for c in header} for row in rows], encoding)
    except (ValueError, AttributeError, RecursionError):  # no JSON, or no objects: it is no table of files
        return Table(path, [], [], encoding)


def tables_in(folder: Path) -> list[Path]:
    """The tables in a folder that say which picture is of which class."""
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(ENDINGS) and not is_hidden(name))
    return [folder / name for name in names if (folder / name).is_file() and _is_table(folder / name)]


def _is_table(path: Path) -> bool:
    if "submission" in path.name.lower():  # Kaggle's example of answers, which are no labels
        return False
    try:
        table = read_table(path, _head_of(path))
    except (csv.Error, OSError):
        return False
    if not (table.rows and table.file_column and table.label_columns):
        return False
    finder, cells = _Finder(path.parent, None), [row[table.file_column] for row in table.rows[:_SAMPLE]]
    return any(_leaves(cell) or finder.find(cell, None) for cell in cells)


def _head_of(path: Path) -> bytes:
    """The first lines: a table of numbers that lies beside the pictures may be large."""
    with open(path, "rb") as file:
        raw = file.read(_HEAD)
    return raw[: raw.rfind(b"\n") + 1] if len(raw) == _HEAD else raw


def _leaves(cell: str) -> bool:
    """Whether a cell names a file outside of the table's folder, on any system."""
    where = PureWindowsPath(os.path.normpath(cell.replace("\\", "/")))
    return "://" not in cell and (bool(where.anchor) or where.parts[:1] == ("..",))


def items_of_table(
    place: Place, report: FolderReport, inside: Path | None, groups: object = None, labels: str | None = None
) -> Iterator[Item]:
    """The files that a table names, relative to itself, with label, part and group.

    Parameters
    ----------
    place : Place
    report : FolderReport
        Gets what is missing, and which columns were taken.
    inside : Path or None
        The folder that no file may lie outside of: that of an unpacked archive.
    groups : object
        The column of the groups, if it is the name of one.
    labels : str, optional
        The column of the classes.

    Raises
    ------
    ValueError
        If it has no columns for files and classes, or names a file outside of ``inside``.
    """
    try:
        table = read_table(place.path)
    except csv.Error as error:
        raise ValueError(f"{place.path.name} is no table that can be read ({error}). Save it as CSV again.") from error
    label = _label_column(table, labels)
    part = None if place.part else table.part_column
    group = groups if isinstance(groups, str) and groups in table.header else None
    report.notes += [*_about(table, label, part), *table.notes]
    finder = _Finder(place.path.parent, inside)
    by_name: list[str] = []
    for row in table.rows:
        cell, of = row[table.file_column], place.part or (part_of(row[part]) if part else None)
        if not cell:
            continue
        path = finder.find(cell, of)
        if row[label].casefold() in _NO_LABEL:
            report.left_out[cell] = "the CSV gives it no label"
        elif path is None:
            report.left_out[cell] = finder.why(cell)
        elif part and of is None:
            report.left_out[cell] = f"its {part} is {row[part] or 'empty'}, which is no part"
        else:
            by_name += [cell] if finder.by_name else []
            yield Item(path, cell, row[label], of, row[group] if group else "")
    if by_name:
        report.notes.append(f"Found by their names alone, without the folder or ending: {few(by_name, 3)}.")


def _label_column(table: Table, wanted: str | None) -> str:
    others = [column for column in table.header if column != table.file_column]
    if wanted is not None and table.file_column:
        return checks.choose("column of classes", wanted, others)
    if table.file_column and table.label_columns:
        return table.label_columns[0]
    if table.file_column and len(others) == 1:  # a column of files, and another: what else could it be
        return others[0]
    raise ValueError(
        f"{table.path.name} needs a first line with the columns file and label, but it has: "
        f"{', '.join(table.header) or 'nothing'}."
    )


def _about(table: Table, label: str, part: str | None) -> list[str]:
    """What is worth a line: which columns were taken, and an encoding that had to be guessed."""
    columns = f"files from its column {table.file_column}, classes from {label}"
    columns += f", parts from {part}" if part else ""
    others = [c for c in (*table.named(_FILE), *table.label_columns) if c not in (table.file_column, label)]
    notes = [f"{table.path.name}: {columns}" + (f" (not from {few(others, 3)})." if others else ".")]
    if table.encoding in ("gb18030", "cp1252"):
        name = {"gb18030": "GBK", "cp1252": "Windows-1252"}[table.encoding]
        notes.append(f"{table.path.name} is not in UTF-8; it was read as {name}.")
    return notes


class _Finder:
    """Finds the files that cells name, where they are, or by their names below the folder of the table."""

    def __init__(self, folder: Path, inside: Path | None):
        self.folder, self.inside = folder, inside
        self.by_name = False
        self._index: dict[str, list[Path]] | None = None

    def find(self, cell: str, part: str | None) -> Path | None:
        """The file, or None; ``by_name`` says whether it was found by its name."""
        self.by_name = False
        if not cell or "://" in cell or "\0" in cell:
            return None
        for written in dict.fromkeys((cell, cell.replace("\\", "/"))):
            path = Path(os.path.normpath(self.folder / written))
            absolute = PureWindowsPath(written).anchor
            if self.inside and (absolute or not path.is_relative_to(self.inside)):
                raise ValueError(
                    f"The table of the archive names a file outside of its folder ({cell!r}). Nothing was read.\n"
                    "Let it name files relative to itself, inside of the archive."
                )
            if is_file(path):
                return path
        path = self._by_name(cell.replace("\\", "/"), part)
        self.by_name = path is not None
        return path

    def why(self, cell: str) -> str:
        if "://" in cell:
            return "a web address: download it first, and name the file"
        if len(self._same_name(cell.replace("\\", "/"))) > 1:
            return "the CSV names it without its folder, and several files have this name"
        return "the CSV names it, but there is no such file"

    def _by_name(self, cell: str, part: str | None) -> Path | None:
        """The one file of this name, with or without its ending, whose folders say nothing else than the cell's."""
        wanted = [_folded(name) for name in cell.split("/")[:-1]]
        scores: dict[Path, int] = {}
        for path in self._same_name(cell):
            above = [_folded(name) for name in path.relative_to(self.folder).parts[:-1]]
            both = min(len(above), len(wanted))
            if above[len(above) - both :] == wanted[len(wanted) - both :]:
                in_part = part is not None and any(part_of(name) == part for name in above)
                scores[path] = 2 * both + in_part
        best = [path for path, score in scores.items() if score == max(scores.values())]
        return best[0] if len(best) == 1 else None

    def _same_name(self, cell: str) -> list[Path]:
        if self._index is None:
            self._index = {}
            for path in pictures_below(self.folder):
                for name in {_folded(path.name), _folded(path.stem)}:
                    self._index.setdefault(name, []).append(path)
        return self._index.get(_folded(cell.rsplit("/", 1)[-1]), [])


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", plain(name)).casefold()
