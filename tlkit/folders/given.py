"""What ``load_folder`` was given: its paths checked, archives unpacked, and every file of the set listed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tlkit import checks
from tlkit.disk import archives, limits
from tlkit.disk.cache import find, folder_for
from tlkit.folders import looks, parts
from tlkit.folders.file_tables import ENDINGS, items_of_table
from tlkit.folders.from_path import reader
from tlkit.folders.groups import Groups, groups_of
from tlkit.folders.listing import FolderReport, Item, Place, items_of_folder, subfolders
from tlkit.folders.named_files import items_by_path, past_wrapper

__all__: list[str] = []


def absolute(path: str | Path) -> Path:
    if hasattr(path, "__getitem__") and not isinstance(path, (str, bytes)):
        raise TypeError(
            "load_folder's path must be a path, as text or pathlib.Path. For arrays, and datasets of other libraries:\n"
            "tlkit.load_arrays(images, labels), or tlkit.load_arrays(dataset)."
        )
    # A later draw may be asked for from another folder.
    return checks.path("the path of a folder, a table or a zip", path).absolute()


def check_given(given: dict[str | None, Path]) -> None:
    if (None in given) == ("train" in given) or (None in given and len(given) > 1):
        raise ValueError(
            "load_folder takes one path, or the parts by name: load_folder(train=..., val=..., test=...).\n"
            "val and test may be missing: they are dealt from train."
        )
    for path in given.values():
        if not path.exists():
            raise ValueError(f"There is no folder or file {path}. You are in {Path.cwd()}.")
        if not path.is_dir():
            limits.check_is_file(path)
        if path.suffix.lower() == ".npz":
            raise ValueError(f'{path.name} holds arrays, and no files of pictures: tlkit.load_arrays("{path}").')
    if len(set(given.values())) < len(given):
        raise ValueError("Two of train, val and test are the same path. A picture can be in one part only.")


def listed(
    given: dict[str | None, Path],
    report: FolderReport,
    labels: str | Callable[[str], str] | None,
    groups: Groups | None,
) -> tuple[Path, list[Item]]:
    """All files of a set with label, part and group, and the folder that they are counted to."""
    items: list[Item] = []
    known: list[str] = []
    column = labels if isinstance(labels, str) and "(" not in labels else None
    read = reader("labels", labels) if labels is not None and column is None else None
    for part, path in given.items():
        root, inside = _unpacked(path, report)
        if read and root.is_dir():
            base = past_wrapper(root) if inside else root
            items += items_by_path(base, part, read, report)
            continue
        if part is None:
            base, places = parts.find_places(root, report)
        else:
            base, places = root if root.is_dir() else root.parent, parts.places_of(root, part, report, known)
            known += [folder.name for folder in subfolders(places[0].path)] if places[0].path.is_dir() else []
        for place in places:
            if labels is not None and (read or place.path.is_dir()):
                raise ValueError(_of_column(labels, place.path))
            items += _items(place, base, report, inside, groups, column)
    if set(given) == {"train"}:  # nothing is cut: all of it is dealt
        items = [replace(item, part=None) for item in items]
    if groups is not None and not any(item.group for item in items):
        items = [replace(item, group=group) for item, group in zip(items, groups_of(groups, items))]
    return base, items


def _of_column(labels: object, path: Path) -> str:
    if path.is_file():
        return f"{path.name} is a table: labels must be the name of its column of classes, not {labels!r:.60}."
    return (
        f"{path} has no table with a column {labels!r:.60}, and as a regular expression labels needs one bracket "
        'around the class.\nFor cat_7.jpg write labels=r"(.+)_"; for a subfolder each class leave labels out.'
    )


def _items(
    place: Place, base: Path, report: FolderReport, inside: Path | None, groups: Groups | None, column: str | None
) -> list[Item]:
    if place.path.is_file():
        return list(items_of_table(place, report, inside, groups, column))
    return list(items_of_folder(place, base, report))


def _unpacked(path: Path, report: FolderReport) -> tuple[Path, Path | None]:
    """A folder or table; where it came out of an archive also the folder that it may not name files outside of."""
    if path.is_dir() or path.suffix.lower() in ENDINGS:
        return path, None
    if not archives.is_archive(path):
        raise ValueError(
            f"{path.name} is damaged, or is no zip or tar archive; nor is it a folder, CSV, TSV or JSON lines.\n"
            "Give a folder with one subfolder for each class, or a zip of one."
        )
    encoding = archives.encoding_of_names(path)
    if encoding:
        report.notes.append(f"The names in {path.name} do not say how they are written; they were read as {encoding}.")
    name = f"{path.stem[:50]}-{looks.checksum(path)}-{archives.NAMES}"
    folder = find("uploads", name)
    folder = folder if folder.is_dir() else archives.unpack(path, folder_for("uploads") / name)
    return folder, folder
