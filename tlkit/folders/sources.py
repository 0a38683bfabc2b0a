"""Pictures with labels that are not files: arrays side by side, the rows of a dataset, and the parts of a set of these.

What other libraries hand out is known by what it can do, not by its type, so that none of them is needed.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tlkit import checks
from tlkit.data.pixels import NoShade, as_array, check_floats
from tlkit.disk.spelling import few
from tlkit.folders import annotations, array_files
from tlkit.folders.part_names import part_of

__all__: list[str] = []

_TRIES = 20
_PICTURES = str.split("image img images picture pixel_values pixels photo x")
_LABELS = str.split("label labels class target category y fine_label species")


@dataclass(frozen=True)
class Source:
    """So many pictures with a label each.

    Attributes
    ----------
    count : int
    row : function
        From a number below ``count`` to a picture, its label and its group, whatever these are.
    class_names : list of str, or None if the source does not know them
    name : what it is called in the report
    """

    count: int
    row: Callable[[int], tuple[object, object, object]]
    class_names: Sequence[str] | None = None
    name: str = "arrays"


def sources_of(images: object, labels: object, groups: object) -> dict[str | None, Source]:
    """The parts of a set, or the whole of it under None.

    Raises
    ------
    ValueError, TypeError
        If it is not known what is a picture in it and what a label.
    """
    name = "arrays"
    if isinstance(images, (str, os.PathLike, Mapping)) and labels is not None:
        raise TypeError("images is a path or a dict, which holds its own labels: leave labels out, or give two arrays.")
    if isinstance(images, (str, os.PathLike)):
        path = checks.path("the path of an .npz", images)
        name, images = path.stem, array_files.read(path)
    elif isinstance(images, Mapping) and images and all(as_array(value) is not None for value in images.values()):
        arrays = {str(key): as_array(value) for key, value in images.items()}
        pairs = array_files.pairs_among({key: array.shape for key, array in arrays.items()}, "This dict")
        images = {part: (arrays[first], arrays[second]) for part, (first, second) in pairs.items()}
    if isinstance(images, Mapping) and set(images) == {"all"}:
        images, labels = images["all"]
    if isinstance(images, Mapping):
        return {part: _part_of_set(part, images[key], groups, name) for key, part in _parts(images).items()}
    return {None: _source(images, labels, groups, name)}


def _parts(images: Mapping) -> dict[object, str]:
    found = {key: part for key in images if (part := part_of(str(key)))}
    if "train" not in found.values() or len(set(found.values())) < len(found):
        raise ValueError(
            f"A set in parts is a dict with train, and val or test; this has {few(map(str, images)) or 'nothing'}.\n"
            'Write load_arrays({"train": ..., "test": ...}), each of them a dataset or (images, labels).'
        )
    return found


def _part_of_set(part: str, value: object, groups: object, name: str) -> Source:
    if isinstance(groups, Mapping):
        groups = groups.get(part)
    elif groups is not None and not isinstance(groups, str):
        raise TypeError(f"The set comes in parts, so groups must be a dict like it: groups={{{part!r}: ...}}.")
    if isinstance(value, tuple) and len(value) == 2:
        return _source(*value, groups, name)
    return _source(value, None, groups, name)


def _source(images: object, labels: object, groups: object, name: str) -> Source:
    array = as_array(images)
    if array is not None and array.dtype != object:
        if labels is None:
            raise ValueError("These are pictures without labels: load_arrays(images, labels), one label a picture.")
        _check_arrays(array)
        return _side_by_side(array, labels, groups, name)
    _check_rows(images)
    if labels is None or isinstance(labels, str):
        return _of_rows(images, labels, groups)
    _check_alone(_first(images))
    return _side_by_side(images, labels, groups, "pictures")


def _side_by_side(images: Sequence, labels: object, groups: object, name: str) -> Source:
    given = annotations.column("labels", labels, len(images))
    of = annotations.column("groups", groups, len(images)) if groups is not None else [None] * len(images)
    return Source(len(images), lambda k: (images[k], given[k], of[k]), name=name)


def _check_arrays(images: np.ndarray) -> None:
    """Refuse arrays that are no pictures, before one of them is looked at."""
    expected = "Expected pictures as an array (n, h, w), (n, h, w, 3) or (n, 3, h, w)"
    if images.ndim not in (3, 4):
        side = round(images.shape[1] ** 0.5) if images.ndim == 2 else 0
        hint = f" Flat rows? Write images.reshape(-1, {side}, {side})." if side and side**2 == images.shape[1] else ""
        raise ValueError(f"{expected}, but the shape is {images.shape}.{hint}")
    if not len(images):
        raise ValueError(f"{expected}, but there is no picture in it (n = 0).")
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4) and images.shape[1] not in (1, 3, 4):
        last = " Pictures along the last axis? Write images.transpose(3, 0, 1, 2)." if images.shape[2] in (1, 3) else ""
        raise ValueError(f"{expected}, but the shape is {images.shape}, with no axis of 1, 3 or 4 channels.{last}")
    if min(np.sort(images.shape[1:])[-2:]) < 8:
        raise ValueError(f"{expected}, with sides of 8 pixels or more, but the shape is {images.shape}.")
    if images.dtype.kind == "f":
        known = np.isfinite(images)
        check_floats(images.min(where=known, initial=np.inf), images.max(where=known, initial=-np.inf))
    elif images.dtype.kind in "iu" and images.max() == 1:
        raise NoShade("These whole numbers are 0 and 1, and 255 is white: they would be black. Write images * 255.")


def _check_rows(rows: object) -> None:
    """Refuse what has no rows that can be asked for by number."""
    if hasattr(rows, "dataset") and hasattr(rows, "batch_size"):
        raise TypeError("A DataLoader hands out batches. Give the dataset in it: load_arrays(loader.dataset).")
    if hasattr(rows, "iloc"):
        raise TypeError("This is a table. Save it as CSV, with a column of files, and write load_folder(its path).")
    if isinstance(rows, Image.Image) or not (hasattr(rows, "__len__") and hasattr(rows, "__getitem__")):
        hint = " Take so many rows of a stream as a list: list(rows.take(1000))." if hasattr(rows, "__iter__") else ""
        raise TypeError(
            "load_arrays takes arrays of pictures with their labels, a dataset, or the path of an .npz, "
            f"not what is of the type {type(rows).__name__}.{hint}"
        )
    if not len(rows):
        raise ValueError("There are no pictures in this dataset (its length is 0).")


def _first(rows: Sequence) -> object:
    """The first row that can be read; some may be damaged."""
    problem: Exception | None = None
    for k in range(min(len(rows), _TRIES)):
        try:
            return rows[k]
        except Exception as error:  # whatever another library raises for a damaged picture
            problem = error
    raise ValueError(
        f"The first {min(len(rows), _TRIES)} rows of this {type(rows).__name__} cannot be read "
        f"({type(problem).__name__}: {problem}). Does dataset[0] work?"
    ) from problem


def _check_alone(first: object) -> None:
    if isinstance(first, (str, os.PathLike)):
        raise TypeError(
            f"These are names of files ({first!r:.60}). Write them into a table with the columns file and label,\n"
            "and load that: tlkit.load_folder(path of the table)."
        )
    if isinstance(first, (tuple, Mapping)):
        raise TypeError("labels was given, but the rows are no pictures alone: leave labels out, the rows have theirs.")


def _of_rows(rows: Sequence, label: str | None, group: object) -> Source:
    """The rows of a dataset: dicts with a picture and a label, or tuples that begin with these."""
    first = _first(rows)
    is_dict = isinstance(first, Mapping)
    if not is_dict and (label is not None or not isinstance(first, (tuple, list)) or len(first) < 2):
        raise TypeError(
            "A row of a dataset must be (picture, label), or a dict with both, but the first one is of "
            f"the type {type(first).__name__}.\nPictures and labels apart? Write load_arrays(pictures, labels)."
        )
    at, label = columns_of(first, label) if is_dict else (0, 1)
    names = _names(rows, label if is_dict else None)
    by_key = is_dict and isinstance(group, str)
    if by_key:
        checks.choose("column", group, first)
    given = [None] * len(rows) if group is None or by_key else annotations.column("groups", group, len(rows))

    def row(k: int) -> tuple[object, object, object]:
        found = rows[k]
        return found[at], found[label], found[group] if by_key else given[k]

    return Source(len(rows), row, names, "pictures" if isinstance(rows, (list, tuple)) else type(rows).__name__)


def columns_of(first: Mapping, label: str | None) -> tuple[str, str]:
    """Which keys of a row have the picture and the label; ``label`` if that is said."""
    pictures = [key for key, value in first.items() if isinstance(value, Image.Image) or np.ndim(as_array(value)) > 1]
    others = [key for key in first if key not in pictures]
    picture = _likeliest(pictures, _PICTURES)
    if label is not None:
        label = checks.choose("column", label, others)
    label = label or _likeliest(others, _LABELS)
    if picture is None or label is None:
        what = "a picture" if picture is None else "the label"
        kept = any(isinstance(value, Mapping) and "bytes" in value for value in first.values())
        hint = "Its pictures are not decoded: cast the column to datasets.Image()." if kept else ""
        hint = hint or ('Say it: labels="...".' if picture else "Give a list of pairs: [(row[...], row[...]), ...].")
        raise ValueError(f"Which column is {what}? The rows have: {few(map(str, first), 10)}. {hint}")
    return picture, label


def _likeliest(keys: list[str], names: list[str]) -> str | None:
    named = [key for name in names for key in keys if str(key).casefold() == name]
    return named[0] if named else keys[0] if len(keys) == 1 else None


def _names(rows: object, label: str | None) -> Sequence[str] | None:
    """The names of the classes, where a dataset, or the one that it is a part of, has them."""
    if label is not None:
        feature = (getattr(rows, "features", None) or {}).get(label)
        return getattr(feature, "names", None)
    for _ in range(_TRIES):  # a part of a part of a dataset
        names = getattr(rows, "classes", None)
        if isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
            return list(names)
        rows = getattr(rows, "dataset", None)
    return None
