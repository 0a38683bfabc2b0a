"""Notebooks that are made from others: the exercises of a lesson from its solutions."""

import json
from pathlib import Path

from tlkit.publish import COURSE

__all__: list[str] = []

SOLUTIONS = COURSE / "lessons" / "solutions"
_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"


def read_notebook(path: Path) -> dict:
    """A notebook as a dictionary."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_notebook(path: Path, notebook: dict) -> None:
    """Write it as Jupyter does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def without_solution(source: str) -> str:
    """The cell that a student gets: dots in place of every marked solution.

    Raises
    ------
    ValueError
        If a mark has no partner, or there is none at all.
    """
    lines, inside = [], False
    for line in source.splitlines():
        mark = line.strip()
        if mark in (_BEGIN, _END):
            if inside != (mark == _END):
                raise ValueError(f"{mark!r} has no partner.")
            inside = not inside
            if inside:
                lines.append(line.replace(_BEGIN, "..."))
        elif not inside:
            lines.append(line)
    if inside or source.count(_BEGIN) == 0:
        raise ValueError(f"The solution should stand between {_BEGIN!r} and {_END!r}.")
    return "\n".join(lines)


def student_notebook(lesson: dict, solutions: dict) -> dict:
    """The lesson with its exercises made anew; everything else of it stays."""
    made = []
    for cell in solutions["cells"]:
        if cell["id"].startswith("exercise-"):
            cell = {**cell, "source": "".join(cell["source"])}
            if cell["cell_type"] == "code":
                cell |= {"source": without_solution(cell["source"]), "outputs": [], "execution_count": None}
            made.append({**cell, "source": cell["source"].splitlines(keepends=True)})
    kept = [cell for cell in lesson["cells"] if not cell["id"].startswith("exercise-")]
    after = [cell["id"] for cell in kept].index("exercises") + 1
    return {**lesson, "cells": [*kept[:after], *made, *kept[after:]]}


def exercises(check: bool = False) -> None:
    """Make the exercises of every lesson from ``lessons/solutions``; with ``check`` only compare.

    Raises
    ------
    ValueError
        With ``check``, if a lesson differs from what its solutions make.
    """
    different = []
    for path in sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb")):
        lesson = path.parents[1] / path.name
        before = read_notebook(lesson)
        after = student_notebook(before, read_notebook(path))
        if before != after:
            different.append(lesson.name)
            if not check:
                write_notebook(lesson, after)
    if check and different:
        raise ValueError(f"These differ from their solutions: {', '.join(different)}. Run: make exercises")
    print("Made anew: " + ", ".join(different) if different else "Every lesson agrees with its solutions.")
