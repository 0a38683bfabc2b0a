"""A dress rehearsal: every lesson runs to its end on this machine, without network, and leaves its pictures here."""

import shutil
import socket
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from tlkit import course
from tlkit.bars import tqdm
from tlkit.data.splits import load_dataset
from tlkit.disk.cache import cache_folder
from tlkit.environment import check_environment
from tlkit.fetching import is_here
from tlkit.study.decision import load_map
from tools.notebooks import LessonError, execute
from tools.publish import TARGETS, expected_seconds, minutes

__all__: list[str] = []

ROOM = 2  # GB: the drawn pictures of every lesson and of live runs, and the photos of lesson 08
_SLOW = 3  # times the seconds of its card: then a lesson did not have the machine to itself
_LIVE = 100  # images per class: with more of them a live run takes longer than a room waits


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
    chosen = course.lessons(numbers)
    if not check_environment():
        raise ValueError("No lesson was run. Mend what is said above, and rehearse again.")
    problems = [problem for problem in (_room_problem(), _port_problem(port)) if problem]
    drawn_only = [path.name[:2] for path in chosen if not _photos_are_here(path)]
    for path in chosen:
        if not _passes(path):
            problems.append(f"{path.stem} fails. Look at it: make lab LESSON={path.name}")
    if not numbers:
        _draw_live_pictures()
    if problems:
        raise ValueError("\n- ".join(["To mend:", *problems]))
    drawn = "".join(f" Lesson {number} will run without what it can fetch." for number in drawn_only)
    if numbers:
        print(f"Ready for {_in_a_row([path.name[:2] for path in chosen])}.{drawn} For all: make rehearse")
    else:
        print(f"Ready.{drawn}")


def _passes(path: Path) -> bool:
    """Run a lesson without network, and say how long that is expected to take, and took."""
    expected = expected_seconds(path.stem)
    print(path.name[:2], f"({minutes(expected)}) ..." if expected else "...", flush=True)
    try:
        _, seconds = execute(path, {"TLKIT_OFFLINE": "1"})
    except LessonError as error:
        print(f"{path.stem:30}   fail", *str(error).splitlines(), sep="\n    ", flush=True)
        return False
    slow = ", slower than its card; is the machine busy?" if expected and seconds > _SLOW * expected else ""
    print(f"{path.stem:30} {seconds:4.0f} s  pass{slow}", flush=True)
    return True


def _in_a_row(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _room_problem() -> str | None:
    folder = cache_folder()
    free = shutil.disk_usage(folder).free / 1e9
    print(f"Disk: {free:,.0f} GB free in {folder}.")
    if free < ROOM:
        return f"Only {free:.1f} GB are free in {folder}; all lessons take up to {ROOM}. Or set TLKIT_CACHE elsewhere."


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
    wanted = course.can_fetch(path)
    found = is_here(*wanted)
    if wanted and found:
        print(f"{path.stem}: {' and '.join(wanted)} are here.")
    elif wanted:
        missing = [name for name in wanted if not is_here(name)]
        print(f"{path.stem}: no {' and '.join(missing)} here, so it runs without photos. For photos, with network:")
        print(f"    {_python()} -m tlkit fetch --all-for {path.name[:2]}")
    return found


def _python() -> Path:
    """The interpreter that has what the course needs, as it is typed in this folder."""
    here = Path(sys.executable)
    return here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here


def _draw_live_pictures() -> None:
    """Draw what live runs begin with: draw 0 in lesson 07, and the first draw that the map has not got in the demo."""
    start = time.perf_counter()
    fresh = 1 + max(row["seed"] for row in load_map().rows)
    for name, seed in tqdm(list(product(TARGETS, (0, fresh))), desc="pictures for live runs", leave=False):
        load_dataset(name, _LIVE, seed)
    print(f"{'pictures for live runs':30} {time.perf_counter() - start:4.0f} s  drawn")
