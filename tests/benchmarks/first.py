"""The first seconds: from a fresh Python, with a full cache, until something stands, beside PyTorch's own import."""

import subprocess
import sys
from functools import partial
from statistics import median

from side_by_side import Options, Row, in_turn

TORCH = "import torch alone"
CALLS = {
    TORCH: "import torch",
    "the decision map": "import tlkit; tlkit.decision_map()",
    "the first pictures of lesson 00": (
        "import tlkit; tlkit.check_environment(); split = tlkit.load_dataset('flowers', per_class=10);"
        "tlkit.show(tlkit.plot_split(split, columns=8))"
    ),
    "a probe": "import tlkit; tlkit.linear_probe(tlkit.load_dataset('flowers', per_class=10), 'minivgg')",
    "advice": "import tlkit; print(tlkit.advise(tlkit.load_dataset('flowers', per_class=10), 'minivgg'))",
}


def measure(options: Options) -> list[Row]:
    """A Python for each; the first turn fills the cache."""
    names = list(CALLS)[:2] if options.quick else list(CALLS)
    command = [sys.executable, "-c"]
    runs = {name: partial(subprocess.run, [*command, CALLS[name]], check=True, capture_output=True) for name in names}
    taken = in_turn(runs, options.runs, warm_up=not options.quick)
    return [_row(name, seconds, median(taken[TORCH])) for name, seconds in taken.items()]


def _row(name: str, seconds: list[float], torch_alone: float) -> Row:
    note = "" if name == TORCH else f"{median(seconds) - torch_alone:+.1f} s against {TORCH}"
    return Row("the first seconds", name, median(seconds), spread=(min(seconds), max(seconds)), note=note)
