"""The seconds of the decision map: measured in one go, apart from its accuracies, and the code that they belong to.

Accuracies of five draws take hours, and the code that computes them gets faster meanwhile. So a shorter run measures
what each way costs now, and its seconds take the place of the older ones in every row.
"""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tlkit.course import COURSE
from tlkit.study.decision import ledger_at
from tlkit.study.survey import run_map
from tlkit.transfer.ways import WAYS

__all__ = ["code_of_costs", "map_costs", "take_seconds"]

SHIPPED = COURSE / "datasets" / "decision_map.csv"
# What decides how long a way takes; comments, docstrings and messages of these may change freely.
_DECIDES = (
    *(f"transfer/{name}.py" for name in ("features", "feeding", "network_ways", "probe_ways", "probes", "svm")),
    *(f"transfer/{name}.py" for name in ("training", "training_run")),
    *("nets/backbone.py", "nets/devices.py", "nets/freezing.py", "weights/settings.toml"),
)


def code_of_costs(folder: Path = COURSE / "tlkit") -> str:
    """A digest of the code that decides what a way costs, without its comments, docstrings and blank lines."""
    lines = (line for name in _DECIDES for line in [name, *_code(folder / name)])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _code(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    told: set[int] = set()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                told.update(range(node.lineno, node.end_lineno + 1))
    lines = (line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in told)
    return [line for line in lines if line and not line.startswith("#")]


def map_costs(seeds: int = 1, unchanged: bool = False, ways: Sequence[str] = tuple(WAYS)) -> int:
    """Measure what ways of the drawn map cost, by default all, one after another, and write it into that map.

    What is measured lies in the current folder under the name of the code that it belongs to: after an interrupt the
    same call goes on, and after a change of that code it begins anew. With ``unchanged`` nothing is measured: the
    card says that the seconds are those of today's code, too.
    """
    if unchanged:
        ledger = ledger_at(SHIPPED)
        ledger.write(ledger.read(), ledger.card() | {"seconds_code": code_of_costs()})
        print(f"{SHIPPED.with_suffix('.toml')}: the seconds are those of today's code, too.")
        return 0
    measured = Path(f"map_costs-{code_of_costs()}.csv")
    run_map(measured, seeds=seeds, ways=ways, device="cpu")
    take_seconds(measured, ways)
    return 0


def take_seconds(measured: Path, ways: Sequence[str] = tuple(WAYS), out: Path = SHIPPED) -> None:
    """Put the seconds of ways at every place of one map into another; of several draws the median.

    Only with all ways is it said that the seconds are those of today's code. Raises ValueError where ``measured`` shows
    other pictures or weights, or not all of the places.
    """
    ledger, run = ledger_at(out), ledger_at(measured)
    rows, card, theirs = ledger.read(), ledger.card(), run.card()
    seconds, draws = defaultdict(list), set()
    for row in (row for row in run.read() if row["chosen"]):
        seconds[_cell(row)].append(row["seconds"])
        draws.add(row["seed"])
    missing = {_cell(row) for row in rows if row["way"] in ways} - seconds.keys()
    if missing:
        raise ValueError(f"{measured} has nothing of {len(missing)} cells, such as {min(missing)}. Let it finish.")
    if any(theirs.get(name) != card[name] for name in ("world", "weights")):
        raise ValueError(f"{measured} was measured with other pictures or weights than {out}.")
    rows = [row | {"seconds": round(median(seconds[_cell(row)]), 3)} if row["way"] in ways else row for row in rows]
    about = {f"seconds_{name}": theirs[name] for name in ("date", "machine", "versions")}
    about |= {"seconds_command": "make map-costs", "seconds_draws": len(draws)}
    if set(ways) == set(WAYS):
        about["seconds_code"] = code_of_costs()
    ledger.write(rows, card | about)
    print(f"{out}: the seconds of {len(seconds)} places and ways, {len(draws)} draws.")


def _cell(row: dict) -> tuple:
    return row["backbone"], row["dataset"], row["per_class"], row["way"]
