"""A dress rehearsal: every lesson runs to its end on this machine, without network, and leaves its pictures here."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from tlkit.cache import cache_folder
from tlkit.data import load_dataset
from tlkit.decision import load_map
from tlkit.environment import check_environment
from tlkit.fetching import is_here
from tlkit.publish import COURSE, TARGETS, lessons

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__: list[str] = []

_ROOM = 2  # GB: the drawn pictures of every lesson and of live runs, and the photos of lesson 08
_LIVE = 100  # images per class: with more of them a live run takes longer than a room waits


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
        If a cell fails, takes longer than ten minutes, or ends its kernel.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    if last_cell:
        notebook.cells.append(nbformat.v4.new_code_cell(last_cell))
    begun = []
    with tempfile.TemporaryDirectory(prefix="tlkit-lesson-") as room:
        packages = os.pathsep.join([str(COURSE), *filter(None, [os.environ.get("PYTHONPATH")])])
        # A lesson that is rehearsed or measured is not one that somebody has done.
        own = {"PYTHONPATH": packages, "TLKIT_PROGRESS": str(Path(room, "done.json"))}
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": room}})
        client.on_cell_start = lambda cell, cell_index: begun.append(cell.id)
        start = time.perf_counter()
        try:
            client.execute(env=os.environ | own | (environment or {}), stderr=subprocess.DEVNULL)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise LessonError(f'in cell "{begun[-1]}" of {path.name}\n{_in_a_line(error)}') from error
        except AssertionError as error:  # nbclient answers Ctrl-C by closing its kernel, and then misses it
            raise KeyboardInterrupt from error
        return notebook, time.perf_counter() - start


def _in_a_line(error: Exception) -> str:
    """What went wrong, without the traceback."""
    words = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else f"{type(error).__name__}: {error}"
    return words.strip().splitlines()[0]


def rehearse(numbers: Sequence[str] = (), port: int = 8888) -> None:
    """Check machine, disk and port, then run lessons as in a room without network.

    What they draw and compute stays in the cache, so that it is at hand in class. All of them are
    run by default, and the pictures for live runs on the map and in the demo are drawn too.

    Parameters
    ----------
    numbers : beginnings of files, ``["03"]``
    port : int
        Where JupyterLab will listen.

    Raises
    ------
    ValueError
        If anything has to be mended; the message lists it.
    """
    chosen = [path for path in lessons() if not numbers or path.name.startswith(tuple(numbers))]
    if not chosen:
        there = ", ".join(path.name[:2] for path in lessons())
        raise ValueError(f"There is no lesson {' or '.join(numbers)}. There are: {there}.")
    if not check_environment():
        raise ValueError("No lesson was run. Mend what is said above, and rehearse again.")
    problems = [problem for problem in (_room_problem(), _port_problem(port)) if problem]
    drawn_only = [path.name[:2] for path in chosen if not _photos_are_here(path)]
    for path in chosen:
        try:
            _, seconds = execute(path, {"TLKIT_OFFLINE": "1"})
        except LessonError as error:
            print(f"{path.stem:30}   fail", *str(error).splitlines(), sep="\n    ", flush=True)
            problems.append(f"{path.stem} fails. Look at it: make lab LESSON={path.name}")
        else:
            print(f"{path.stem:30} {seconds:4.0f} s  pass", flush=True)
    if not numbers:
        _draw_the_map()
    if problems:
        raise ValueError("\n- ".join(["To mend:", *problems]))
    print("Ready." + "".join(f" Lesson {number} will show drawn pictures." for number in drawn_only))


def _room_problem() -> str | None:
    folder = cache_folder()
    free = shutil.disk_usage(folder).free / 1e9
    print(f"Disk: {free:,.0f} GB free in {folder}.")
    if free < _ROOM:
        return f"Only {free:.1f} GB are free in {folder}; all lessons take up to {_ROOM}. Or set TLKIT_CACHE elsewhere."


def _port_problem(port: int) -> str | None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return (
            f"Port {port} is taken, perhaps by a JupyterLab that is still open. Close it, or: make lab PORT={port + 1}"
        )
    print(f"Port {port} is free.")


def _photos_are_here(path: Path) -> bool:
    """Whether a lesson finds the photos and weights that it can use; says so if it can use any."""
    wanted = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("tlkit", {}).get("fetch", [])
    found = is_here(*wanted)
    if wanted and found:
        print(f"{path.stem}: {' and '.join(wanted)} are here.")
    elif wanted:
        print(f"{path.stem}: no {' and '.join(wanted)} here, so it runs on drawn pictures. For photos, with network:")
        print(f"    python -m tlkit fetch --all-for {path.name[:2]}")
    return found


def _draw_the_map() -> None:
    """Draw what live runs begin with: draw 0 in lesson 07, and the first draw that the map has not got in the demo."""
    start = time.perf_counter()
    fresh = 1 + max(row["seed"] for row in load_map().rows)
    for name, seed in tqdm(list(product(TARGETS, (0, fresh))), desc="pictures for live runs", leave=False):
        load_dataset(name, _LIVE, seed)
    print(f"{'pictures for live runs':30} {time.perf_counter() - start:4.0f} s  drawn")
