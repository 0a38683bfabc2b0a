"""``python -m tlkit progress``: what is done here, a copy to hand in, and a table of what a class handed in."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tlkit import checks
from tlkit.disk.cache import write_atomically
from tlkit.exercises.hand_ins import HandIn, hand_ins
from tlkit.exercises.overview import say, show_progress
from tlkit.exercises.progress import Record

__all__ = ["run_progress"]

_COLUMNS = ("student", "file", "done", "of", "percent", "first (UTC)", "last (UTC)")
_FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet computes what begins so


def run_progress(
    report: Sequence[str | Path] = (), out: str | Path = "report.csv", export: str | Path = "", force: bool = False
) -> None:
    """Print what is done on this machine; or write a copy of it, or the report of a class.

    Parameters
    ----------
    report : files, folders and zips of students' progress files
        From them a CSV is made: a row for each student; for each exercise and quiz a column, 1 where it is done (a
        quiz when all was answered rightly). Files that are none are named, with the reason, and left out.
    out : the CSV, UTF-8 with a byte order mark, as spreadsheets want it
    export : a file for this machine's progress, to hand in
    force : replace ``out`` though it is no such report

    Raises
    ------
    ValueError
        If a path can be none, a source is missing, none holds progress, or a file would be replaced that is none of
        ours.
    """
    if export:
        return show_progress().export(export)
    if not report:
        return say(repr(show_progress()))
    path, report = checks.path("--out", out), [checks.path("a path to report on", source) for source in report]
    _refuse_to_replace(path, report, force)
    names, found, refused = show_progress().names, [], []
    for each in hand_ins(report):
        if not (path.exists() and Path(each.file).exists() and path.samefile(each.file)):
            (refused if each.problem else found).append(each)
    told = [f"  {each.file} {each.problem}" for each in refused]
    if not found:
        raise ValueError("\n".join(["No progress file was found, so nothing is written.", *told]))
    rows = list(_rows(found, names, told))
    write_atomically(path, lambda part: _write(part, [[*_COLUMNS, *names], *rows]))
    say("\n".join([f"{path}: {len(rows)} student{'s' * (len(rows) != 1)}", *told]))


def _refuse_to_replace(path: Path, report: Sequence[Path], force: bool) -> None:
    if not path.parent.is_dir() or path.is_dir():
        raise ValueError(f"{path} cannot be written: there is no such folder, or it is one.")
    if path.exists() and any(source.exists() and path.samefile(source) for source in report):
        raise ValueError(f"{path} is one of the files to report on. Name another --out.")
    if path.exists() and not force and not _is_report(path):
        raise ValueError(f"{path} is there already, and is no report of this command. Name another --out, or --force.")


def _is_report(path: Path) -> bool:
    """Whether every column is one of ours; somebody's own column, with grades for example, would be lost."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader([file.readline(10_000)]), [])
    own = header[: len(_COLUMNS)] == list(_COLUMNS)
    return own and all(re.fullmatch(r"\d\d\.(\d+|quiz)", name) for name in header[len(_COLUMNS) :])


def _rows(found: Sequence[HandIn], names: Sequence[str], told: list[str]) -> Iterator[list[object]]:
    """A row for each student; what a reader should know of it is added to ``told``."""
    students: dict[str, list[HandIn]] = {}
    for each in found:
        students.setdefault(each.student.casefold(), []).append(each)
    for _, files in sorted(students.items()):
        kept: list[HandIn] = []
        for each in files:
            same = next((other for other in kept if other.record == each.record), None)
            if same:
                told.append(f"  {each.file} holds the same as {same.file}")
            else:
                kept.append(each)
        if len(kept) > 1:
            together = ", ".join(each.file for each in kept)
            told.append(f"  {together} are taken together, as of {kept[0].student}; are they of one person?")
        yield _row(kept, names, told)


def _row(files: Sequence[HandIn], names: Sequence[str], told: list[str]) -> list[object]:
    done = _together([each.record for each in files])
    if unknown := sorted(set(done) - set(names)):
        told.append(f"  {files[0].file} names what this course has not, and it is not counted: {', '.join(unknown)}")
    done = {name: done[name] for name in names if name in done}
    times = sorted(filter(None, done.values()))
    first, last = (f"{when:%Y-%m-%d %H:%M}" for when in (times[0], times[-1])) if times else ("", "")
    who = (_as_text(files[0].student), _as_text("; ".join(each.file for each in files)))
    share = round(100 * len(done) / len(names), 1)
    return [*who, len(done), len(names), share, first, last, *(int(name in done) for name in names)]


def _together(records: Sequence[Record]) -> dict[str, datetime | None]:
    """All that is done in any of them, and when first."""
    done: dict[str, datetime | None] = {}
    for record in records:
        for name, when in record.done.items():
            known = [moment for moment in (done.get(name), when) if moment]
            done[name] = min(known) if known else None
    return done


def _as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
