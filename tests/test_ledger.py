"""Results in a CSV with a card: kept one by one, continued, never mixed, and held against their checksum."""

import subprocess
import sys
import time

import pytest
from filelock import FileLock

from tlkit.disk.cache import DiskFull
from tlkit.disk.cards import read_card
from tlkit.study import ledger as ledgers
from tlkit.study.ledger import Ledger

CELLS = [(name, seed) for name in ("b", "a") for seed in range(3)]


@pytest.fixture
def ledger(tmp_path):
    columns = {"name": str, "seed": int, "score": float}
    path = tmp_path / "new folder" / "scores.csv"
    return Ledger(path, columns, ("name", "seed"), lambda row: (row["name"], row["seed"]), "table of scores", "run it")


def score(cells):
    for name, seed in cells:
        yield [{"name": name, "seed": seed, "score": seed + 0.5}]


def fill(ledger, run=score, **made_from):
    return ledger.fill(CELLS, run, {"world": 1} | made_from, {"what": "scores"})


def test_rows_are_read_as_they_were_written_and_in_order(ledger):
    rows = fill(ledger)
    assert ledger.read() == rows == [{"name": n, "seed": s, "score": s + 0.5} for n in "ab" for s in range(3)]
    card = read_card(ledger.path.with_suffix(".toml"))
    assert (card["world"], card["what"], card["rows"]) == (1, "scores", 6)


def test_an_interrupt_loses_only_what_was_being_computed(ledger, capsys):
    asked = []

    def interrupted(cells):
        asked.append(list(cells))
        for k, rows in enumerate(score(cells)):
            if k == 2:
                raise KeyboardInterrupt
            yield rows

    for left in (6, 4, 2):
        if left > 2:
            with pytest.raises(KeyboardInterrupt):
                fill(ledger, interrupted)
        else:
            fill(ledger, interrupted)
        assert len(asked[-1]) == left
    fill(ledger, interrupted)
    assert asked[-1] == [] and "All of it is in" in capsys.readouterr().out
    assert len(ledger.read()) == 6


def test_an_older_table_beside_a_newer_card_is_noticed(ledger):
    fill(ledger, lambda cells: iter(list(score(cells))[:2]))
    before = ledger.path.read_bytes()
    fill(ledger)
    ledger.path.write_bytes(before)
    with pytest.raises(ValueError, match="damaged or changed"):  # four results older: that is no kill
        ledger.read()


def test_a_kill_between_the_last_card_and_its_table_harms_neither(ledger):
    fill(ledger, lambda cells: iter(list(score(cells))[:2]))
    before = ledger.path.read_bytes()
    ledger.fill(CELLS[:3], score, {"world": 1}, {})
    ledger.path.write_bytes(before)
    assert len(ledger.read()) == 2 and len(fill(ledger)) == 6


def test_a_disk_that_is_full_again_and_again_loses_nothing(ledger, monkeypatch):
    """The card is small and still fits; the table does not: twice, so that the card knows neither of two tables."""
    fill(ledger, lambda cells: iter(list(score(cells))[:2]))
    real = ledgers.write_atomically

    def full(path, write):
        if path.suffix == ".csv":
            raise DiskFull(28, f"The disk of {path.parent} is full.\nMake room.")
        real(path, write)

    monkeypatch.setattr(ledgers, "write_atomically", full)
    for _ in range(2):
        with pytest.raises(DiskFull, match="is full.\nThe 2 rows until now are kept; run the same again") as caught:
            fill(ledger)
        assert len(str(caught.value).splitlines()) == 2
    monkeypatch.undo()
    assert len(ledger.read()) == 2 and len(fill(ledger)) == 6


def test_what_was_made_from_something_else_is_not_mixed_in(ledger):
    fill(ledger, epochs=8)
    with pytest.raises(ValueError, match=r"measured with other epochs. Delete it, or give another path"):
        fill(ledger, epochs=9)
    with pytest.raises(ValueError, match=r"measured with other pictures, epochs\."):
        fill(ledger, world=2, epochs=9)


def test_one_run_writes_at_a_time(ledger):
    ledger.path.parent.mkdir()
    with FileLock(ledger.path.with_suffix(".lock")), pytest.raises(ValueError, match="Another run is writing"):
        fill(ledger)
    fill(ledger)


@pytest.mark.parametrize("old, new", [("0.5", "0.6"), ("a,1,", "a,7,"), ("a,0,0.5\n", ""), ("b,2", "b,\u0662")])
def test_a_changed_table_is_noticed(ledger, old, new):
    fill(ledger)
    text = ledger.path.read_text()
    ledger.path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match="is not the table of scores that scores.toml describes") as told:
        ledger.read()
    assert len(str(told.value).splitlines()) == 2
    with pytest.raises(ValueError):
        fill(ledger)


def test_other_line_ends_are_no_change(ledger):
    rows = fill(ledger)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"\n", b"\r\n"))
    assert ledger.read() == rows


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "name,seed,score\na,one,0.5\n", "name,seed,score\na\n"])
def test_another_table_is_refused_in_words(ledger, text):
    ledger.path.parent.mkdir()
    ledger.path.write_text(text)
    if text:
        with pytest.raises(ValueError, match="scores.csv is not a table of scores: .*columns are: name, seed, score"):
            ledger.read()
    else:
        assert ledger.read() == []


def test_a_table_that_is_not_there_says_how_it_is_made(ledger):
    with pytest.raises(ValueError, match=r"no table of scores at .*scores.csv. Make one: run it --out"):
        ledger.read()


KILLED = """
import os, sys
from pathlib import Path
from tlkit.study.ledger import Ledger
def run(cells):
    for seed, in cells:
        yield [{"seed": seed, "text": "x" * 20_000}]
ledger = Ledger(Path(sys.argv[1]), {"seed": int, "text": str}, ("seed",), lambda row: row["seed"], "table", "it")
print(len(ledger.fill([(k,) for k in range(200)], run, {}, {})))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed otherwise there")
def test_killed_at_any_moment_it_goes_on_with_whole_rows(tmp_path):
    path, kept = tmp_path / "table.csv", 0
    ledger = Ledger(path, {"seed": int, "text": str}, ("seed",), lambda row: row["seed"], "table", "it")
    for wait in (0.011, 0.023):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stderr=subprocess.DEVNULL)
        size = path.stat().st_size if path.exists() else 0
        while not path.exists() or path.stat().st_size == size:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.001)
        time.sleep(wait)
        process.kill()
        process.wait()
        rows = ledger.read()
        assert [row["seed"] for row in rows] == list(range(len(rows))) and len(rows) > kept
        kept = len(rows)
