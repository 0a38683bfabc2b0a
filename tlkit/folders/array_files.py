"""Files of arrays, ``.npz``: looked at by their headers first, and then read, each as pictures or as labels."""

import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from tlkit.disk import limits
from tlkit.disk.spelling import few
from tlkit.folders.part_names import part_of

__all__: list[str] = []

LARGEST = 4 * 2**30  # bytes of all arrays of a file, unpacked: they are held in memory
_LABELS = ("label", "labels", "target", "targets", "class", "classes", "y")


def read(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pictures and the labels in an ``.npz``, part by part; of one that is not cut as part ``"all"``.

    No pickle is opened, and nothing is read before the headers have said how much it is.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, holds Python objects or more than ``LARGEST``, or if it is not clear
        which arrays are the pictures and which their labels.
    """
    if not path.is_file():
        what = "a folder: tlkit.load_folder(path) loads it" if path.is_dir() else "not there"
        raise ValueError(f"{path} is {what}. load_arrays reads an .npz with arrays of pictures and labels.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path.name} is no .npz, or is damaged. {_other(path.suffix.lower())}")
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = _shapes(archive, path.name)
            pairs = pairs_among(shapes, path.name)
            return {part: tuple(_array(archive, key) for key in pair) for part, pair in pairs.items()}
    except _Refused as error:
        raise ValueError(str(error)) from error
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own for a damaged file
        raise ValueError(
            f"{path.name} is damaged ({error or type(error).__name__}). Fetch or save it again."
        ) from error


class _Refused(ValueError):
    """A file that is sound, and is not what it should be."""


def _other(suffix: str) -> str:
    if suffix == ".npy":
        return "One array alone: load_arrays(np.load(images), np.load(labels))."
    if suffix in (".csv", ".tsv", ".jsonl"):
        return "A table of files: tlkit.load_folder(path)."
    return "Read it with its own library, and give the arrays: load_arrays(images, labels)."


def _shapes(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[int, ...]]:
    """The shape of each array, from its header alone."""
    members = [member for member in archive.namelist() if member.endswith(".npy")]
    if not members:
        inside = few(archive.namelist(), 3) or "nothing"
        raise _Refused(f"{name} is a zip of other files ({inside}), no .npz. Of pictures: tlkit.load_folder(path).")
    shapes, total = {}, 0
    for member in members:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
        if dtype.hasobject:
            raise _Refused(
                f"{name}: the array {member[:-4]} is of Python objects, which are not opened, because they can run "
                "code.\nSave pictures of one size as numbers, and names as text: np.array(names, dtype=str)."
            )
        size = prod(shape) * dtype.itemsize
        if size < 0 or archive.getinfo(member).file_size < size:
            raise ValueError(f"{member} is shorter than its header says")
        total += size
        shapes[member[:-4]] = shape
    try:
        limits.check(total, LARGEST, f"{name} would take {total / 1e9:,.1f} GB of memory: give a part of its arrays.")
    except ValueError as error:
        raise _Refused(str(error)) from error
    return shapes


def _array(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    with archive.open(f"{key}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def pairs_among(shapes: Mapping[str, tuple[int, ...]], what: str) -> dict[str, tuple[str, str]]:
    """Which array has the pictures of a part and which its labels: train_images, x_test, y_test.

    Pictures have three axes or four. Of several arrays with one value a picture, the one called like labels is meant.
    """
    parts = {key: part_of(key) for key in shapes}
    pairs = {}
    for part in ("train", "val", "test") if any(parts.values()) else (None,):
        mine = [key for key in shapes if parts[key] == part]
        pictures = [key for key in mine if len(shapes[key]) in (3, 4)]
        if len(pictures) == 1:
            count = shapes[pictures[0]][0]
            labels = [key for key in mine if len(shapes[key]) in (1, 2) and shapes[key][0] == count]
            named = [key for key in labels if set(key.casefold().replace("-", "_").split("_")) & {*_LABELS}]
            labels = named if len(labels) > 1 else labels
            if len(labels) == 1:
                pairs[part or "all"] = (pictures[0], labels[0])
                continue
        if pictures:
            break
    else:
        if "train" in pairs or "all" in pairs:
            return pairs
    found = few((f"{key} {shape}" for key, shape in shapes.items()), 8)
    raise _Refused(
        f"{what} must have pictures, (n, h, w) or (n, h, w, 3), and a label for each, (n,): images and labels,\n"
        f"or train_images, train_labels, test_images, test_labels, and so on. It has: {found}."
    )
