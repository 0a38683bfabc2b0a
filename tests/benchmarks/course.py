"""Every lesson, run whole: seconds and memory on an empty cache, and again on the cache that it filled."""

import tempfile
from pathlib import Path

from side_by_side import Options, Row
from tqdm.auto import tqdm

from tlkit import course
from tools import publish


def measure(options: Options) -> list[Row]:
    paths = course.lessons(["00"] if options.quick else [])
    took = {path.stem: _twice(path) for path in tqdm(paths, desc="lessons", leave=False)}
    rows = [row for stem, runs in took.items() for row in _rows(stem, *runs)]
    empty, full = (sum(seconds for seconds, _ in runs) for runs in zip(*took.values()))
    most = max(peak for runs in took.values() for _, peak in runs)
    return rows + _rows("all lessons", (empty, most), (full, most))


def _twice(path: Path) -> list[tuple[float, int]]:
    with tempfile.TemporaryDirectory(prefix="tlkit-cache-") as folder:
        return [publish.measure(path, {"TLKIT_CACHE": folder, "TLKIT_SHARED_CACHE": ""}) for _ in range(2)]


def _rows(what: str, empty: tuple[float, int], full: tuple[float, int]) -> list[Row]:
    first, again = f"{what}, empty cache", f"{what}, full cache"
    return [
        Row("course", first, empty[0], note=f"{empty[1] / 1e6:,.0f} MB at most"),
        Row("course", again, full[0], "s", empty[0] / full[0], first, note=f"{full[1] / 1e6:,.0f} MB at most"),
    ]
