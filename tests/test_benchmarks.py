"""``make bench`` runs, and its table says what it should."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


def _bench(*arguments, out):
    command = [sys.executable, str(BENCHMARKS), *arguments, "--quick", "--runs", "1", "--seeds", "1", "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["codes", "precision", "probes", "finetune", "scale", "gpu", "widget"])
def test_a_benchmark_runs_and_keeps_its_rows(name, tmp_path):
    told = _bench(name, out=tmp_path / "bench.json")
    assert told.returncode == 0, told.stderr
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert kept["machine"]["cores"] >= 1 and len(kept["rows"]) >= 2
    for row in kept["rows"]:
        assert row["value"] is None or row["value"] > 0
        assert row["contestant"] in told.stdout


def test_an_unknown_benchmark_is_told(tmp_path):
    told = _bench("speed", out=tmp_path / "bench.json")
    assert told.returncode == 2 and "there is no benchmark speed; there are: codes" in told.stderr
