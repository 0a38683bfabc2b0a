"""``make bench``: the course beside what people use now, on the same work, in one run."""

import argparse
import importlib
import sys
import traceback
from pathlib import Path

from side_by_side import PEERS, Options, Row, skipped, table, write

# Each is a module with ``measure(options) -> Iterable[Row]``; its first line says what it measures.
BENCHMARKS = (
    *("codes", "precision", "probes", "finetune"),
    *("first", "widget", "growth", "gpu", "classroom", "room", "course"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="how often each contestant runs (default 3)")
    parser.add_argument("--seeds", type=int, default=3, help="draws, where accuracy is compared (default 3)")
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs, one subfolder a class (default: drawn ones)")
    parser.add_argument("--weights", nargs="*", default=[], metavar="BACKBONE=FILE", help="weights of torchvision")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--networks", nargs="*", default=[], metavar="BACKBONE", help="finetune: only these")
    parser.add_argument("--peers", nargs="*", default=[], choices=PEERS, help="finetune: tlkit and only these")
    parser.add_argument("--quick", action="store_true", help="tiny work: does it run at all?")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where to write (default bench.json)")
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    files = dict(pair.split("=", 1) for pair in given.weights)
    weights = {name: Path(file) for name, file in files.items()}
    chosen = tuple(given.networks), tuple(given.peers)
    options = Options(given.runs, given.seeds, given.photos, weights, given.device, *chosen, given.quick)
    failed, rows = False, []
    for name in given.names or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        new: list[Row] = []
        try:
            for row in importlib.import_module(name).measure(options):
                new.append(row)
                write(given.out, new)  # row by row: an interrupt loses what was being measured, and no more
        except Exception as error:  # one that breaks must not cost the others their hours
            traceback.print_exc()
            new.append(skipped(name, "all", f"it failed: {type(error).__name__}: {error}"))
            write(given.out, new)
            failed = True
        rows += new
        print(table(new), flush=True)
    print(f"\nWritten to {given.out}\n\n{table(rows)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
