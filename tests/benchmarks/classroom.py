"""A class on one machine: seconds and memory of each student, with the class's shared cache and with an empty one.

Each student is a kernel that runs the whole lesson, all from the same moment on: the worst that a
class can do to a machine. Memory is looked at each half second. What counts for the machine is the
private part: the rest (libraries, the shared cache) is there once for all.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # comes with ipykernel
from side_by_side import Options, Row
from tqdm.auto import tqdm

from tlkit import course
from tools import publish
from tools.notebooks import execute

LESSON = "04"  # of those that take the most memory
SIZES = (1, 4, 8)
PACE = 0.5  # seconds between two looks at the memory
CORES = {"one core each": {"OMP_NUM_THREADS": "1"}, "all cores each": {}}
OWN = {"TLKIT_SHARED_CACHE": ""}


@dataclass
class Memory:
    """The most bytes of any one student: all, and the private part; and of all of them together, shared parts once."""

    all: int
    private: int
    together: int


def measure(options: Options) -> list[Row]:
    lesson = course.lessons(["00" if options.quick else LESSON])[0]
    sizes = (1, 2) if options.quick else SIZES
    plan = [(count, "one core each", "shared cache") for count in sizes]
    plan += [(sizes[1], "one core each", "empty caches"), (sizes[1], "all cores each", "shared cache")]
    with tempfile.TemporaryDirectory(prefix="tlkit-class-") as folder:
        shared, rows = Path(folder, "shared"), {}
        publish.measure(lesson, OWN | {"TLKIT_CACHE": str(shared)})  # the evening before
        filled = _stamps(shared)
        for count, cores, cache in tqdm(plan, desc="classes", leave=False):
            where = {"TLKIT_SHARED_CACHE": str(shared)} if cache == "shared cache" else OWN
            row = _row(f"{count} x {lesson.stem}, {cores}, {cache}", *_class(lesson, count, CORES[cores] | where))
            tqdm.write(f"{row.contestant}: {row.value:.0f} s; {row.note}")  # the next ones take their time
            first = rows.setdefault(count, [row])[0]
            if first is not row:
                row.ratio, row.against = first.value / row.value, first.contestant
                rows[count].append(row)
        assert _stamps(shared) == filled, "a student wrote into the shared cache"
    return [row for same in rows.values() for row in same]


def _class(lesson: Path, count: int, environment: dict[str, str]) -> tuple[list[float], Memory]:
    """Let so many students run the lesson at once, each with an own cache that is empty."""
    with tempfile.TemporaryDirectory(prefix="tlkit-homes-") as homes, ThreadPoolExecutor(count) as pool:
        places = [environment | {"TLKIT_CACHE": f"{homes}/{k}"} for k in range(count)]
        students = [pool.submit(execute, lesson, place) for place in places]
        memory = _watch(students)
        return [student.result()[1] for student in students], memory


def _watch(students: list[Future]) -> Memory:
    most, together = defaultdict(lambda: (0, 0)), 0
    while not all(student.done() for student in students):
        shares = []
        for kernel in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it has ended meanwhile
                now = kernel.memory_full_info()
                most[kernel.pid] = (max(most[kernel.pid][0], now.rss), max(most[kernel.pid][1], now.uss))
                shares.append(now.pss)
        together = max(together, sum(shares))
        time.sleep(PACE)
    every, private = zip(*most.values())
    return Memory(max(every), max(private), together)


def _row(contestant: str, seconds: list[float], memory: Memory) -> Row:
    one = f"each at most {memory.all / 1e9:.2f} GB, {memory.private / 1e9:.2f} GB of it private"
    note = f"{one}; together {memory.together / 1e9:.1f} of {psutil.virtual_memory().total / 1e9:.0f} GB"
    return Row("classroom", contestant, statistics.median(seconds), spread=(min(seconds), max(seconds)), note=note)


def _stamps(folder: Path) -> dict[Path, int]:
    """Every file with the time when it was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
