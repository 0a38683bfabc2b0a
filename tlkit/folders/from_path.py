"""What a file's path says, by a regular expression with one bracket or a function: its class, or its group."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tlkit.disk.spelling import readable
from tlkit.folders.listing import FolderReport, Item, entries, pictures_below, subfolders
from tlkit.folders.part_names import is_bare, part_of

__all__: list[str] = []

_EXAMPLE = r"labels=r'^(.+)_\d+' reads Abyssinian from Abyssinian_7.jpg"


def reader(name: str, value: str | re.Pattern | Callable[[str], object]) -> Callable[[str], str]:
    """Make of an argument the function that reads a path.

    Parameters
    ----------
    name : str
        The argument's, for messages.
    value : str, compiled pattern, or function
        A regular expression with one bracket, searched for in the path; or a function of the path. The path
        is relative to the folder that was given, with forward slashes on every system.

    Returns
    -------
    function from a path to a text
        "" where the expression is not found, or the function gives None or "".

    Raises
    ------
    ValueError
        If it is no regular expression, or has not exactly one bracket. The function that is returned raises it
        where a function of the caller's fails.
    TypeError
        If it is none of these; where a function of the caller's gives no text or number.
    """
    if isinstance(value, (str, re.Pattern)):
        found = _compiled(name, value)
        return lambda path: (match[1] or "").strip() if (match := found.search(path)) else ""
    if not callable(value):
        raise TypeError(
            f"{name} must be a regular expression with one bracket, or a function of a file's path, "
            f"not {value!r:.80}.\nFor example {_EXAMPLE}."
        )
    return lambda path: _called(name, value, path)


def _compiled(name: str, value: str | re.Pattern) -> re.Pattern:
    try:
        found = re.compile(value)
    except re.error as error:
        raise ValueError(f"{name}={value!r:.80} is no regular expression: {error}.\nFor example {_EXAMPLE}.") from error
    if not isinstance(found.pattern, str):
        raise TypeError(f"{name} must be a regular expression of text, not of bytes: {found.pattern!r:.80}.")
    if found.groups != 1:
        what = f"has {found.groups} brackets" if found.groups else "has no bracket"
        more = " Write (?:...) around what is not meant." if found.groups else ""
        raise ValueError(
            f"{name}={found.pattern!r:.80} {what}; it takes exactly one, around what is to be read.{more}\n"
            f"For example {_EXAMPLE}."
        )
    return found


def _called(name: str, function: Callable[[str], object], path: str) -> str:
    try:
        found = function(path)
    except Exception as error:  # whatever a function of a student's raises
        raise ValueError(
            f"The function that you gave as {name} stopped at the path {path!r}: {type(error).__name__}: {error}.\n"
            "It is called with each file's path, as text; let it give None where there is nothing to read."
        ) from error
    if found is None:
        return ""
    try:
        return str(found if isinstance(found, str) else found.__index__()).strip()
    except AttributeError:
        raise TypeError(
            f"The function that you gave as {name} must give a text or a whole number, "
            f"but at the path {path!r} it gave {found!r:.80}."
        ) from None


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
