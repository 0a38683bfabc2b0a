"""Where the course lies: its lessons, cards and maps are beside the package in a checkout, and within it in a wheel."""

import json
from collections.abc import Sequence
from pathlib import Path

__all__: list[str] = []

PACKAGE = Path(__file__).parent
# The build copies the two folders datasets/ and lessons/ into the package; see pyproject.toml.
COURSE = PACKAGE if (PACKAGE / "datasets").is_dir() else PACKAGE.parent


def lessons(numbers: Sequence[str] = ()) -> list[Path]:
    """The notebooks of the course, in order; with ``numbers`` those whose names begin so, ``["03"]``.

    Raises
    ------
    ValueError
        If no lesson begins with one of the numbers.
    """
    every = sorted((COURSE / "lessons").glob("[0-9][0-9]_*.ipynb"))
    unknown = [number for number in numbers if not any(path.name.startswith(number) for path in every)]
    if unknown:
        there = ", ".join(path.name[:2] for path in every)
        raise ValueError(f"There is no lesson {' or '.join(unknown)}. There are: {there}.")
    return [path for path in every if not numbers or path.name.startswith(tuple(numbers))]


def read_notebook(path: Path) -> dict:
    """A notebook as a dictionary; ValueError if it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} can not be read as a notebook: {error}") from error


def can_fetch(path: Path) -> list[str]:
    """Photo sets and backbones that a lesson can use, from its metadata."""
    return read_notebook(path)["metadata"].get("tlkit", {}).get("fetch", [])
