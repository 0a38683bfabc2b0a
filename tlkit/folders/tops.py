"""The folders at the top of a set: each looked into once, wrappers entered, copies of the set left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tlkit.disk.spelling import few, plain
from tlkit.folders.file_tables import tables_in
from tlkit.folders.listing import FolderReport, holds_pictures, report_loose, subfolders
from tlkit.folders.part_names import part_of

__all__: list[str] = []


@dataclass(frozen=True)
class Top:
    """A subfolder that holds pictures, looked into once: there may be a thousand, of a thousand files each.

    Attributes
    ----------
    path : Path
    inside : dict from the names of its subfolders, as they are compared, to the names as they are written
        Past the folders that only wrap another one.
    has_table : whether a table in it names its files
    """

    path: Path
    inside: dict[str, str] = field(hash=False)
    has_table: bool

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def key(self) -> str:
        return key_of(self.name)


def enter(path: Path, report: FolderReport, known: Iterable[str] = ()) -> Path:
    """The folder or table that holds the classes: past folders that only wrap another one.

    A folder is entered if it alone holds pictures, in subfolders of its own or by a table, and is not
    called like a ``known`` class. Loose pictures beside it are reported.
    """
    classes, seen = {key_of(name) for name in known}, set()
    while path.is_dir() and path.resolve() not in seen:
        seen.add(path.resolve())
        tables = tables_in(path)
        if len(tables) == 1:
            return tables[0]
        tops = with_pictures(path)
        if tables or len(tops) != 1 or tops[0].is_symlink() or key_of(tops[0].name) in classes:  # a link may lead back
            break
        if not (with_pictures(tops[0]) or tables_in(tops[0])):
            break
        report_loose(path, report)
        path = tops[0]
    return path


def with_pictures(path: Path) -> list[Path]:
    """The subfolders that hold pictures somewhere below."""
    return [folder for folder in subfolders(path) if holds_pictures(folder)]


def look_into(path: Path) -> Top:
    folder = enter(path, FolderReport())
    if folder.is_file():
        return Top(path, {}, True)
    return Top(path, {key_of(one.name): one.name for one in with_pictures(folder)}, bool(tables_in(folder)))


def key_of(name: str) -> str:
    return plain(name).casefold()


def without_copies(tops: list[Top], report: FolderReport, of_part: bool = False) -> list[Top]:
    """Leave out folders that hold what lies beside them once more, as some archives do."""
    kept, all_of_them = [], {top.key for top in tops}
    for top in tops:
        same = (all_of_them & set(top.inside)) - {top.key}
        if len(same) >= 2 and 2 * len(same) >= len(tops) - 1 and (of_part or part_of(top.name) is None):
            report.left_out[top.name] = f"it holds folders called as those beside it ({few(sorted(same), 3)}): a copy"
        else:
            kept.append(top)
    return kept
