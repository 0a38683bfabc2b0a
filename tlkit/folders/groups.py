"""What belongs together in a set of yours: one person, one plant, one film. Told by the caller, or only suspected.

Whoever deals pictures of one person to train and to test finds a number that will not come true for anybody else.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath

import torch
from torch import Tensor

from tlkit.disk.spelling import few
from tlkit.folders.from_path import reader
from tlkit.folders.listing import FolderReport, Item

__all__: list[str] = []

FOLDERS = "folders"  # the folders below those of the classes
_COUNTED = r"([^/]*\D)\d+\.\w+$"  # a beginning that several names share, and a number: p07_1.jpg, p07_2.jpg

Groups = str | re.Pattern | Callable[[str], object]


def groups_of(groups: Groups, items: Sequence[Item]) -> list[str]:
    """The name of the group of each picture; "" where there is none to be read.

    Parameters
    ----------
    groups : what ``load_folder`` was given, no column of a table
    items : files of the set

    Raises
    ------
    ValueError, TypeError
        If it is none of these, or nothing is found in any path.
    """
    by_folder = isinstance(groups, str) and groups == FOLDERS
    read = None if by_folder else reader("groups", groups)
    found = [read(_path(item)) if read else _folder_below(item) for item in items]
    if items and not any(found):
        what = "No picture lies in a folder below its class" if by_folder else f"groups={groups!r} found nothing"
        raise ValueError(
            f"{what}: the first path is {_path(items[0])!r}.\n"
            'groups is "folders", a column of the table, a regular expression with one bracket, as r"patient(\\d+)", '
            "or a function of the path."
        )
    return found


def numbered(names: Sequence[str]) -> Tensor:
    """A number for each group, int64 ``(n,)``; a picture that has none is a group of its own."""
    number: dict[str, int] = {}
    return torch.tensor(
        [number.setdefault(name or f"\0{row}", len(number)) for row, name in enumerate(names)], dtype=torch.int64
    )


def note_groups(names: Sequence[str], rows: dict[str, Tensor], report: FolderReport) -> None:
    """Say how many groups each part has, and which lie on two sides of a set that came cut."""
    parts = {part: Counter(names[row] for row in mine.tolist() if names[row]) for part, mine in rows.items()}
    alone = sum(not name for name in names)
    counts = ", ".join(f"{part} {len(mine)}" for part, mine in parts.items())
    extra = f" {alone:,} pictures name none, and are dealt one by one." if alone else ""
    report.notes.append(f"{len(set(names) - {''})} groups: {counts}.{extra}")
    for part in ("val", "test"):
        both = sorted(set(parts["train"]) & set(parts[part]))
        if both:
            held = sum(parts[part][name] for name in both)
            report.notes.append(
                f"The set's own cut tears groups apart: {few(both, 3)} of train are in {part} as well, {held:,} of "
                f"its {sum(parts[part].values()):,} pictures. What {part} says will not hold for new ones."
            )


def note_suspicion(items: Sequence[Item], report: FolderReport) -> None:
    """Say in a line where a set looks as if it had groups, and how to say so; nothing is decided."""
    for groups, what in (
        (FOLDERS, "Pictures lie in folders below their class"),
        (_COUNTED, "Names of files share a beginning before a number"),
    ):
        found = [_folder_below(item) if groups == FOLDERS else _counted(item) for item in items]
        if _look_like_groups(found, items):
            written = f'groups="{FOLDERS}"' if groups == FOLDERS else f'groups=r"{groups}"'
            report.notes.append(
                f"{what} ({few(dict.fromkeys(filter(None, found)), 3)}). If each is one person, one "
                f"film or one day, keep it on one side: load_folder(..., {written})."
            )
            return


def _look_like_groups(found: Sequence[str], items: Sequence[Item]) -> bool:
    """Whether most pictures are in one of several groups of a few: at least three a class, of two or more."""
    sizes = Counter(filter(None, found))
    classes = {item.label for item in items}
    of_classes = len({(name, item.label) for name, item in zip(found, items) if name}) / max(1, len(classes))
    return of_classes >= 3 and 2 * sum(sizes.values()) > len(items) and sum(sizes.values()) >= 2 * len(sizes)


def _path(item: Item) -> str:
    return PurePath(item.name).as_posix()


def _counted(item: Item) -> str:
    match = re.search(_COUNTED, _path(item))
    return match[1] if match else ""


def _folder_below(item: Item) -> str:
    """The first folder below that of the class; "" where the picture lies in the class's own."""
    folders: Iterable[str] = PurePath(item.name).parts[:-1]
    below = list(folders)[list(folders).index(item.label) + 1 :] if item.label in folders else []
    return below[0] if below else ""
