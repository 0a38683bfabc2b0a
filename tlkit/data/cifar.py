"""CIFAR-10 as its authors publish it for C programs: records of plain bytes, so that no pickle is opened."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tlkit.data.pictures import as_square

__all__: list[str] = []

RECORDS = 1  # raised when a record is read as another picture: what was decoded before is not used then
_SIDE = 32
_BYTES = 1 + 3 * _SIDE**2  # the label, then the red, green and blue plane


class Record(NamedTuple):
    """One picture in a file of many, and its label, 0 to 9."""

    path: Path
    row: int
    label: int


def records(files: list[Path]) -> list[Record]:
    """The pictures in these files.

    Raises
    ------
    ValueError
        If a file does not hold whole records with labels from 0 to 9.
    """
    found = []
    for path in files:
        content = np.fromfile(path, dtype=np.uint8)
        if len(content) % _BYTES or (content[::_BYTES] > 9).any():
            raise ValueError(f"{path.name} is no file of CIFAR-10's binary version, or was cut short.")
        found += [Record(path, row, label) for row, label in enumerate(content[::_BYTES].tolist())]
    return found


def read_record(record: Record, size: int) -> np.ndarray:
    """Read a picture as uint8 ``(3, size, size)``, cut and scaled as every photo is."""
    pixels = np.fromfile(record.path, dtype=np.uint8, count=_BYTES - 1, offset=record.row * _BYTES + 1)
    return as_square(Image.fromarray(pixels.reshape(3, _SIDE, _SIDE).transpose(1, 2, 0)), size)
