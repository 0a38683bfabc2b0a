"""Notebooks: read, written, run; and the exercises of a lesson made from its solutions."""

import asyncio
import atexit
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tlkit import course

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__: list[str] = []

SOLUTIONS = course.COURSE / "lessons" / "solutions"
_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"


def write_notebook(path: Path, notebook: dict) -> None:
    """Write it as Jupyter does."""
    path.write_text(notebook_text(notebook), encoding="utf-8")


def notebook_text(notebook: dict) -> str:
    """What the file of a notebook holds."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------------------- run


class LessonError(ValueError):
    """A lesson that did not run to its end; the message names the cell, then the error."""


def execute(path: Path, environment: dict[str, str] | None = None, last_cell: str = "") -> "tuple[NotebookNode, float]":
    """Run a notebook in a kernel of its own and in an empty folder; its file stays as it is.

    Parameters
    ----------
    path : the notebook
    environment : variables to set for its kernel
    last_cell : code to run after its own cells

    Returns
    -------
    The notebook with its outputs, and the seconds that it took.

    Raises
    ------
    LessonError
        If a cell fails, takes longer than ten minutes, or ends its kernel, or if there is no kernel at all.
    """
    import nbformat
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    if last_cell:
        notebook.cells.append(nbformat.v4.new_code_cell(last_cell))
    begun = []
    with tempfile.TemporaryDirectory(prefix="tlkit-lesson-") as room:
        packages = os.pathsep.join([str(course.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        # A lesson that is rehearsed or measured is not one that somebody has done.
        own = {"PYTHONPATH": packages, "TLKIT_PROGRESS": str(Path(room, "done.json"))}
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": room}})
        client.on_cell_start = lambda cell, cell_index: begun.append(cell.id)
        start = time.perf_counter()
        try:
            _to_its_end(client.async_execute(env=os.environ | own | (environment or {}), stderr=subprocess.DEVNULL))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise LessonError(f'in cell "{begun[-1]}" of {path.name}\n{_in_a_line(error)}') from error
        except (NoSuchKernel, OSError, RuntimeError) as error:  # no kernel, no interpreter for it, or it died at once
            # nbclient has tidied up, and would try again at the end of Python, and fail.
            atexit.unregister(client._cleanup_kernel)
            where = f'in cell "{begun[-1]}"' if begun else "before the first cell"
            raise LessonError(f"{where} of {path.name}\n{_in_a_line(error)}") from error
        except AssertionError as error:  # nbclient answers Ctrl-C by closing its kernel, and then misses it
            raise KeyboardInterrupt from error
        return notebook, time.perf_counter() - start


def _to_its_end(execution: Coroutine) -> None:
    """Run it in an event loop of its own: what a kernel that died leaves in a shared one cancels the next run."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(execution)
    else:  # whoever called is inside a loop, as a browser's driver is, and no second one may run in this thread
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, execution).result()


def _in_a_line(error: Exception) -> str:
    """What went wrong, without the traceback."""
    words = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else f"{type(error).__name__}: {error}"
    return words.strip().splitlines()[0]


# ---------------------------------------------------------------------------- exercises


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


def student_notebook(lesson: dict, solutions: dict, name: str) -> dict:
    """The lesson with its exercises made anew; everything else of it stays.

    Parameters
    ----------
    lesson, solutions : the two notebooks, as ``read_notebook`` gives them
    name : the file name of both, for messages

    Raises
    ------
    ValueError
        If a cell has no id, or not the one that an exercise needs, or a solution is not between its marks;
        the message names notebook and cell.
    """
    source = f"solutions/{name}"
    made = [_student_cell(cell, source) for cell in _exercise_cells(solutions, source)]
    _check_ids(lesson, name)
    kept = [cell for cell in lesson["cells"] if not cell["id"].startswith("exercise-")]
    ids = [cell["id"] for cell in kept]
    if "exercises" not in ids:
        raise ValueError(f"{name}, cell exercises: it is missing; the exercises are written below it.")
    after = ids.index("exercises") + 1
    return {**lesson, "cells": [*kept[:after], *made, *kept[after:]]}


def _check_ids(notebook: dict, name: str) -> None:
    for number, cell in enumerate(notebook["cells"], start=1):
        if not cell.get("id"):
            raise ValueError(f'{name}, cell {number} from the top: it has no id. Give it one: "id": "a-name".')


def _exercise_cells(solutions: dict, name: str) -> list[dict]:
    """The cells that go into the lesson. One with another id would be left out unnoticed, so it is refused."""
    _check_ids(solutions, name)
    found = [cell for cell in solutions["cells"] if _belongs_to_an_exercise(cell)]
    for k, cell in enumerate(found):
        expected = f"exercise-{k // 2 + 1}" + ("" if k % 2 else "-text")
        if cell["id"] != expected:
            raise ValueError(
                f"{name}, cell {cell['id']}: the id {expected} was expected here. An exercise is two cells, "
                "exercise-N-text\nand exercise-N, with N from 1 on. JupyterLab gives new cells random ids: "
                "copy two cells in the file, and edit them."
            )
    return found


def _belongs_to_an_exercise(cell: dict) -> bool:
    text = "".join(cell["source"])
    is_code = cell["cell_type"] == "code" and any(mark in text for mark in ("tlkit.check(", _BEGIN, _END))
    return is_code or cell["id"].startswith("exercise-")


def _student_cell(cell: dict, name: str) -> dict:
    text = "".join(cell["source"])
    if cell["cell_type"] == "code":
        try:
            text = without_solution(text)
        except ValueError as error:
            raise ValueError(f"{name}, cell {cell['id']}: {error}") from error
        cell = {**cell, "outputs": [], "execution_count": None}
    return {**cell, "source": text.splitlines(keepends=True)}


def exercises(check: bool = False) -> None:
    """Make the exercises of every lesson from ``lessons/solutions``; with ``check`` only compare.

    Raises
    ------
    ValueError
        If a notebook is not as it should be; nothing is written then. With ``check``, if a lesson
        differs from what its solutions make.
    """
    changed = {}
    for path in sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb")):
        lesson = path.parents[1] / path.name
        before = course.read_notebook(lesson)
        after = student_notebook(before, course.read_notebook(path), path.name)
        if before != after:
            changed[lesson] = after
    different = ", ".join(path.name for path in changed)
    if check and different:
        raise ValueError(f"These differ from their solutions: {different}. Run: make exercises")
    for path, notebook in changed.items():  # all were made before the first is written
        write_notebook(path, notebook)
    print(f"Made anew: {different}" if different else "Every lesson agrees with its solutions.")
