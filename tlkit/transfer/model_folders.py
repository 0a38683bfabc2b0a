"""The folder of a saved model: whether its card and its weights can be what they say, before anything is built.

Folders come from strangers, and one bad entry of a shared zoo must neither break nor hold up the others.
"""

import json
import math
import re
from pathlib import Path

from tlkit.disk.cards import read_card
from tlkit.disk.download import is_right

__all__: list[str] = []

WEIGHTS, CARD = "model.safetensors", "card.toml"
NEEDED = {"backbone", "class_names", "image_size", "mean", "std", "sha256"}
_LARGEST_HEADER = 10**8  # bytes, as safetensors itself has it


def read(folder: Path) -> dict:
    """The card of a folder whose weights are those that it describes.

    Raises
    ------
    ValueError
        If there is no such folder, or the card or the weights are missing, damaged or nonsense.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}. You are in {Path.cwd()}.")
    path = folder / CARD
    if not path.is_file():  # a pipe or a device is none, and reading it would not end
        raise ValueError(f"{folder.name} has no {CARD}, which says what its weights are for. Ask who made it.")
    card = read_card(path, NEEDED)
    if wrong := _nonsense(card):
        raise ValueError(f"The card of {folder.name} has {wrong}.")
    _check_weights(folder, card["sha256"])
    return card


def _nonsense(card: dict) -> str:
    """What on a card cannot be meant, in words; "" if it can."""
    names, size = card["class_names"], card["image_size"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return "no list of class_names"
    sides = size if isinstance(size, list) and len(size) == 2 else [size]
    if not all(isinstance(side, int) and 8 <= side <= 4096 for side in sides):
        return f"no image_size in pixels, but {size!r:.80}"
    for name in ("mean", "std"):
        if not (isinstance(card[name], list) and len(card[name]) == 3 and all(map(_is_number, card[name]))):
            return f"no {name} of three colours, but {card[name]!r:.80}"
    texts = ("backbone", "sha256", "kind", "stage")
    return next((f"no text for {name}" for name in texts if not isinstance(card.get(name, ""), str)), "")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_weights(folder: Path, checksum: str) -> None:
    path = folder / WEIGHTS
    again = "Get the folder again."
    try:
        if not path.is_file() or not _is_as_long_as_it_says(path):
            raise ValueError(f"{folder.name} has no readable {WEIGHTS}, or only a part of it. {again}")
        if not re.fullmatch("[0-9a-f]{64}", checksum) or not is_right(path, f"sha256:{checksum}"):
            raise ValueError(f"{WEIGHTS} of {folder.name} is not the file that its card describes. {again}")
    except OSError as error:
        raise ValueError(f"{WEIGHTS} of {folder.name} cannot be read ({error.strerror}). {again}") from error


def _is_as_long_as_it_says(path: Path) -> bool:
    """Whether a file of safetensors ends where its header says, so that no checksum of endless zeros is computed."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _LARGEST_HEADER:
            return False
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            return False
    return path.stat().st_size == 8 + length + max(ends, default=0)
