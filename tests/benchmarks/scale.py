"""Features of 1,000, 10,000 and 100,000 pictures: seconds and the highest memory, in a process for each."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from side_by_side import Options, Row, skipped

SIZES = (1_000, 10_000, 100_000)
PIXELS = 64

# Pictures on disk, as decoded photos are; the same features as lesson 02.
_ONE = """
import sys, time
from pathlib import Path
import tlkit
from tlkit.disk.tables import mapped
backbone = tlkit.load_backbone("minivgg", device=sys.argv[2])
tlkit.extract_features(backbone, mapped(sys.argv[3])[:64])
start = time.perf_counter()
codes = tlkit.extract_features(backbone, mapped(sys.argv[1]))
seconds = time.perf_counter() - start
# Not ru_maxrss: it begins with the memory of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024, len(codes))
"""


def measure(options: Options) -> list[Row]:
    """Peak memory should not grow with the number of pictures, and seconds should grow in step with it."""
    if sys.platform != "linux":
        return [skipped("features of many pictures", "all", "the highest memory is read where Linux tells it")]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        warm_up = _pictures(Path(scratch) / "few.npy", 64)
        for count in (200, 400) if options.quick else SIZES:
            pictures = _pictures(Path(scratch) / f"{count}.npy", count)
            seconds, peak = _run(pictures, warm_up, options.device, Path(scratch) / f"cache-{count}")
            title = f"features of many pictures, minivgg, {PIXELS} px"
            rows.append(Row(title, f"{count:,} pictures, time", 1e6 * seconds / count, "µs a picture"))
            rows.append(Row(title, f"{count:,} pictures, highest memory", peak, "MB"))
            pictures.unlink()
    for row in rows[2:]:
        first = rows[0] if row.unit != "MB" else rows[1]
        row.ratio, row.against = row.value / first.value, first.contestant
    return rows


def _pictures(path: Path, count: int) -> Path:
    """Noise, written piece by piece: this process must not grow either."""
    table = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 3, PIXELS, PIXELS))
    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        table[start : start + 1000] = random.integers(0, 256, table[start : start + 1000].shape, np.uint8)
    table.flush()
    return path


def _run(pictures: Path, warm_up: Path, device: str, cache: Path) -> tuple[float, float]:
    environment = os.environ | {"TLKIT_CACHE": str(cache)}
    command = [sys.executable, "-c", _ONE, str(pictures), device, str(warm_up)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    seconds, peak, _ = told.stdout.splitlines()[-1].split()
    return float(seconds), float(peak)
