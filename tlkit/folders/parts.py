"""Where in a folder the classes are: at its top, below parts (train, val, test), or inside of one more folder.

Names say most, and structure the rest: folders with the same subfolders as each other are parts of
one set and no classes. Where both readings are possible, nothing is guessed.
"""

from collections.abc import Iterable
from pathlib import Path

from tlkit.disk.spelling import few
from tlkit.folders.file_tables import tables_in
from tlkit.folders.listing import FolderReport, Place, report_loose
from tlkit.folders.part_names import PARTS, is_bare, is_beside, part_of, says_no_class
from tlkit.folders.tops import Top, enter, look_into, with_pictures, without_copies

__all__: list[str] = []


def find_places(root: Path, report: FolderReport) -> tuple[Path, list[Place]]:
    """The folder that the set really begins in, and where its pictures are listed.

    Raises
    ------
    ValueError
        If folders may be parts or classes, and nothing says which.
    """
    root = enter(root, report)
    if root.is_file():
        return root.parent, [Place(root)]
    tables = tables_in(root)
    if tables:
        return root, _by_tables(root, tables, report)
    there = [look_into(path) for path in with_pictures(root)]
    tops = without_copies(there, report)
    never = [top for top in tops if says_no_class(top.name)]
    report.left_out |= {top.name: "by its name, what has no label" for top in never}
    tops = [top for top in tops if top not in never]
    places = _parts_among(root, tops, report)
    if places:
        report_loose(root, report)
        return root, places
    _refuse_same_subfolders(root, tops, report)
    return root, [Place(root, skip=frozenset({top.name for top in there} - {top.name for top in tops}))]


def _parts_among(root: Path, tops: list[Top], report: FolderReport) -> list[Place]:
    """The parts that a set is cut into; none if its folders are classes."""
    named = {part: [top for top in tops if part_of(top.name) == part] for part in PARTS}
    found = [part for part in PARTS if named[part]]
    if places := _parts_inside_classes(tops) or _classes_at_the_top(tops, named, report):
        return places
    if len(found) > 1 or (found and len(named[found[0]]) > 1 and any(is_bare(top.name) for top in named[found[0]])):
        return _by_names(root, tops, named, report)
    if found and len(named[found[0]]) == 1:
        (top,) = named[found[0]]
        return _one_part(root, found[0], top, [other for other in tops if other != top], report)
    return []


def places_of(path: Path, part: str, report: FolderReport, known: Iterable[str] = ()) -> list[Place]:
    """Where the pictures of a part are, if its folder or table was named: its subfolders are the classes.

    Raises
    ------
    ValueError
        If the folder is cut into parts itself.
    """
    path = enter(path, report, known)
    if path.is_file():
        return [Place(path, part)]
    inside = {part_of(top.name) for top in with_pictures(path)} - {None}
    if len(inside) > 1:
        raise ValueError(
            f"{path} is cut into {' and '.join(sorted(inside))} itself, so it cannot be {part}.\n"
            f'Write load_folder("{path}"), or name the folder of each part.'
        )
    return [Place(path, part)]


def _parts_inside_classes(tops: list[Top]) -> list[Place]:
    """The parts where each class is cut by itself: cat/train, cat/test, dog/train, dog/test."""
    classes = [top for top in tops if not is_beside(top.name)]
    inner = {top: [(part_of(folder.name), folder) for folder in with_pictures(top.path)] for top in classes}
    cut = len(classes) > 1 and all({"train", "val", "test"} >= {part for part, _ in found} for found in inner.values())
    if not cut or not all({part for part, _ in found} > {"train"} for found in inner.values()):
        return []
    if any(with_pictures(folder) for found in inner.values() for _, folder in found):
        raise ValueError(
            f"{few((str(top.path) for top in classes), 3)} are sets of their own, each cut into parts.\n"
            f'Name one of them: load_folder("{classes[0].path}").'
        )
    return [Place(folder, part, top.name) for top, found in inner.items() for part, folder in found]


def _classes_at_the_top(tops: list[Top], named: dict[str, list[Top]], report: FolderReport) -> list[Place]:
    """The parts where the classes of train lie at the top, and val or test, with the same once more, beside them."""
    classes = [top for top in tops if part_of(top.name) is None and not top.inside]
    names = {top.key for top in classes}
    alone = {part: found[0] for part, found in named.items() if len(found) == 1}
    cut = {part: top for part, top in alone.items() if len(names & set(top.inside)) > 1}
    if named["train"] or not cut:
        return []
    held_out = [_place(top, part, [other.name for other in classes], report) for part, top in cut.items()]
    return [*(Place(top.path, "train", top.name) for top in classes), *held_out]


def _by_tables(root: Path, tables: list[Path], report: FolderReport) -> list[Place]:
    """Several tables, one a part, by their names; a table without labels is not among them."""
    parts = {part: [table for table in tables if part_of(table.stem) == part] for part in PARTS}
    if parts["train"] and all(len(found) <= 1 for found in parts.values()):
        taken = [Place(found[0], part) for part, found in parts.items() if found]
        others = [table.name for table in tables if table not in [place.path for place in taken]]
        report.left_out |= dict.fromkeys(others, "a table beside those of the parts")
        return taken
    raise ValueError(
        f"{root} has {len(tables)} tables that name files and classes: {few(table.name for table in tables)}.\n"
        f'Name the one that you mean, load_folder("{tables[0]}"), or one a part: '
        "load_folder(train=..., val=..., test=...)."
    )


def _by_names(root: Path, tops: list[Top], named: dict[str, list[Top]], report: FolderReport) -> list[Place]:
    """Folders that are called after parts, and have classes or a table inside."""
    taken: dict[str, Top] = {}
    for part, found in named.items():
        # One folder called images, or unknown, inside of a part is no class.
        unlabelled = [top for top in found if len(top.inside) == 1 and is_beside(*top.inside.values())]
        usable = [top for top in found if top.has_table or (top.inside and top not in unlabelled)]
        for top in found:
            if top not in usable:
                report.left_out[top.name] = "its pictures lie in no class folders, so nothing says what they show"
        if len(usable) > 1:
            usable = [top for top in usable if not is_beside(top.name)] or usable
        if len(usable) == 2 and part == "val" and not named["test"]:  # val and eval: the second is the test
            first, second = sorted(usable, key=lambda top: "val" not in top.name.lower() or "eval" in top.name.lower())
            taken |= {"val": first, "test": second}
            report.notes.append(f"{second.name} was taken for test, because {first.name} is val.")
        elif len(usable) > 1:
            raise ValueError(
                f"{root} has {len(usable)} folders that may be {part}: {few(top.name for top in usable)}.\n{_say(root)}"
            )
        elif usable:
            taken[part] = usable[0]
    if "train" not in taken:
        there = few(top.name for found in named.values() for top in found)
        raise ValueError(
            f"{root} looks cut into parts ({there}), but none of them is a train with one subfolder a class.\n"
            + _say(root)
        )
    _leave_out([top for top in tops if part_of(top.name) is None], report)
    classes = list(taken["train"].inside.values())
    return [_place(top, part, classes, report) for part, top in taken.items()]


def _say(root: Path) -> str:
    return (
        'Say what is what: load_folder(train="...", val="...", test="..."), without what you do not have.\n'
        f'If these folders are classes: load_folder(train="{root}").'
    )


def _place(top: Top, part: str, classes: list[str], report: FolderReport) -> Place:
    folder = enter(top.path, report, classes if part != "train" else ())
    if folder.is_file():
        return Place(folder, part)
    there = [look_into(path) for path in with_pictures(folder)]
    kept = {one.name for one in without_copies(there, report, of_part=True)}
    return Place(folder, part, skip=frozenset({one.name for one in there} - kept))


def _leave_out(tops: list[Top], report: FolderReport) -> None:
    report.left_out |= {top.name: "it lies beside the parts, and its name is that of none" for top in tops}


def _one_part(root: Path, part: str, top: Top, others: list[Top], report: FolderReport) -> list[Place]:
    """One folder alone is called after a part: a set without the other parts, or a class that is called so."""
    inside = set(top.inside)
    flat = [other for other in others if not other.inside]
    if part == "train" and len(inside) > 1:
        related = [other for other in others if other in flat or 2 * len(inside & set(other.inside)) >= len(inside)]
        if len(related) == len(others) and (len(flat) <= 1 or all(is_beside(other.name) for other in flat)):
            _leave_out(others, report)
            return [_place(top, part, [], report)]
    if part != "train" and not inside and len(flat) > 1 and is_bare(top.name):
        report.left_out[top.name] = "its pictures lie in no class folders, so nothing says what they show"
        return [Place(root, skip=frozenset({top.name}))]
    raise ValueError(
        f"{root}: {top.name} may be a part of a set or a class, beside {few(other.name for other in others)}.\n"
        f'If it is a class, write load_folder(train="{root}"): then each subfolder is a class. If it is a part:\n'
        'load_folder(train="...", val="...", test="..."), without what you do not have.'
    )


def _refuse_same_subfolders(root: Path, tops: list[Top], report: FolderReport) -> None:
    """Folders with the same subfolders are parts, or classes that are kept by subject, place or day."""
    names = [top.inside for top in tops]
    shared = set.intersection(*map(set, names)) if len(names) > 1 else set()
    if len(shared) < 2 or any(2 * len(shared) < len(one) for one in names):
        return
    first = few([names[0][key] for key in sorted(shared)], 3)
    if _are_numbered(shared):
        report.notes.append(f"All classes have the same subfolders ({first}): each class is everything below its own.")
        return
    raise ValueError(
        f"{root}: {few((top.name for top in tops), 4)} have the same subfolders ({first}). Are they parts or classes?\n"
        f'If parts: load_folder(train="{tops[0].path}", test="{tops[-1].path}"), and val="..." if there is one.\n'
        f'If classes: load_folder(train="{root}"), and each is a class with all below it.'
    )


def _are_numbered(names: set[str]) -> bool:
    """Whether names are one word and a number, as those of subjects, sessions and days are."""
    stems = {name.rstrip("0123456789").rstrip(" _-") for name in names}
    return (
        len(stems) == 1
        and stems.isdisjoint({"", "class", "klasse", "classe", "clase", "label", "category", "type"})
        and all(name[-1].isdigit() for name in names)
    )
