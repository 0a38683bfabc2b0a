"""``make bench`` runs, and its table says what it should."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent


def _bench(*arguments, out, **variables):
    command = [sys.executable, str(BENCHMARKS), *arguments, "--quick", "--runs", "1", "--seeds", "1", "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)


@pytest.mark.parametrize("name", ["codes", "probes", "finetune", "growth", "gpu", "widget"])
def test_a_benchmark_runs_and_keeps_its_rows(name, tmp_path):
    told = _bench(name, out=tmp_path / "bench.json")
    assert told.returncode == 0, told.stderr
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert kept["machine"]["cores"] >= 1 and len(kept["rows"]) >= 2
    for row in kept["rows"]:
        assert row["value"] is None or row["value"] > 0
        assert row["contestant"] in told.stdout


@pytest.mark.parametrize(("fast", "rows"), [("bfloat16", 2), ("float32", 1)])
def test_precision_compares_the_fast_numbers_with_float32_or_says_that_there_are_none(fast, rows, tmp_path):
    told = _bench("precision", out=tmp_path / "bench.json", TLKIT_PRECISION=fast)
    assert told.returncode == 0, told.stderr
    kept = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert len(kept) == rows and (rows > 1 or "16 bits are not fast here" in told.stdout)
    assert [row["value"] is not None for row in kept] == [rows > 1] * rows


def test_an_unknown_benchmark_is_told(tmp_path):
    told = _bench("speed", out=tmp_path / "bench.json")
    assert told.returncode == 2 and "there is no benchmark speed; there are: codes" in told.stderr
