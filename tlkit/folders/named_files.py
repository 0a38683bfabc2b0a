"""The files of a set whose classes stand in their paths, and in no folder of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tlkit.disk.spelling import readable
from tlkit.folders.listing import FolderReport, Item, entries, pictures_below, subfolders
from tlkit.folders.part_names import is_bare, part_of

__all__: list[str] = []


def items_by_path(root: Path, part: str | None, read: Callable[[str], str], report: FolderReport) -> Iterator[Item]:
    """The pictures below a folder, of the class that ``read`` finds in the path of each.

    Folders at its top that are called train, and val or test, are parts, unless ``part`` is said.

    Raises
    ------
    ValueError
        If there is no picture, or no path says a class.
    """
    parts = {} if part else _parts_at_the_top(root)
    found, silent = 0, []
    for path in pictures_below(root):
        name = readable(path.relative_to(root).as_posix())
        of = part or parts.get(name.split("/")[0])
        label = read(name)
        if parts and of is None:
            report.left_out[name] = "it lies beside the parts"
        elif not label:
            report.left_out[name] = "labels= finds no class in its path"
            silent.append(name)
        else:
            found += 1
            yield Item(path, name, label, of)
    if not found and not silent:
        raise ValueError(f"There is no picture in {root}.")
    if not found:
        raise ValueError(
            f"labels= finds a class in none of {len(silent):,} paths in {root}, for example {silent[0]!r}.\n"
            "What it gets is the path below that folder, with its ending, and forward slashes."
        )


def past_wrapper(root: Path) -> Path:
    """Of an unpacked archive, the folder that holds everything, if there is one."""
    inside = entries(root)
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else root


def _parts_at_the_top(root: Path) -> dict[str, str]:
    found = {folder.name: part_of(folder.name) for folder in subfolders(root) if is_bare(folder.name)}
    return {name: part for name, part in found.items() if part} if "train" in found.values() else {}
