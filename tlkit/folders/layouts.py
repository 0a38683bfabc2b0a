"""What to say of a folder that has no classes where they are looked for: the layout that is nearest to it."""

import csv
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from tlkit.disk.spelling import few, readable
from tlkit.folders.file_tables import ENDINGS, read_table
from tlkit.folders.listing import entries, pictures_below

__all__: list[str] = []

_MANY = 5000  # files by which the names are judged
# Great_Pyrenees_7.jpg and cat.12.png; dog (3).jpeg; and of 7_jackson_32.png the first word
_EXPRESSIONS = (r"([^/]+?)[ ._-]*\d+\.", r"([^/]+?) ?\(\d+\)\.", r"([^/_.-]+)[_.-][^/]*$")


def nearest(folder: Path) -> str:
    """One line: how to say what this folder is, or how to lay it out."""
    return (
        _by_names(folder)
        or _by_arrays(folder)
        or _by_table(folder)
        or "Put the pictures of each class into a subfolder with its name; or write a table beside them, with the "
        'columns file and label; or, where names carry the class, as in cat_7.jpg, say labels=r"(.+)_".'
    )


def _by_names(folder: Path) -> str:
    names = [readable(path.relative_to(folder).as_posix()) for path in islice(pictures_below(folder), _MANY)]
    for expression in _EXPRESSIONS:
        found = Counter(match[1] for name in names if (match := re.search(expression, name)))
        large = {label: count for label, count in found.items() if count >= 3 and not label.isdigit()}
        if len(large) > 1 and sum(large.values()) >= 0.8 * len(names):
            classes = few((f"{label} {count:,}" for label, count in sorted(large.items())), 4)
            return (
                f'Do the names carry the class? load_folder("{folder}", labels=r"{expression}") finds {classes}. '
                "Else put the pictures of each class into a subfolder with its name."
            )
    return ""


def _by_arrays(folder: Path) -> str:
    found = [path for path in entries(folder) if path.suffix.lower() == ".npz"]
    return f'{found[0].name} holds arrays, and no files: tlkit.load_arrays("{found[0]}").' if found else ""


def _by_table(folder: Path) -> str:
    for path in entries(folder):
        if path.suffix.lower() in ENDINGS and path.is_file():
            try:
                header = read_table(path).header
            except (OSError, csv.Error):
                continue
            return (
                f"{path.name} was not used: it needs a column of files, called file, and one of classes, called label, "
                f"but it has: {few(header, 6) or 'nothing'}."
            )
    return ""
