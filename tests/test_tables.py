"""Tables on disk: filled chunk by chunk, resumed, mended, shared, and small in memory."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from tlkit.disk import tables

ROWS = 2 * tables.CHUNK + 10
VALUES = torch.arange(ROWS * 3, dtype=torch.float32).view(ROWS, 3)


def _make(made):
    def make(start, stop, done):
        made.append((start, stop))
        done(stop - start)
        return {"value": VALUES[start:stop], "label": torch.arange(start, stop)}

    return make


@pytest.fixture
def filled(empty_cache):
    columns, _ = tables.table("kind", "key", ROWS, _make([]), "test")
    assert torch.equal(columns["value"], VALUES) and torch.equal(columns["label"], torch.arange(ROWS))
    return empty_cache / "kind" / "key"


def _again():
    made = []
    columns, _ = tables.table("kind", "key", ROWS, _make(made), "test")
    assert torch.equal(columns["value"], VALUES) and torch.equal(columns["label"], torch.arange(ROWS))
    return made


def test_a_whole_table_is_not_made_again_and_its_files_are_plain_npy(filled):
    assert _again() == []
    np.testing.assert_array_equal(np.load(filled / "value.npy"), VALUES.numpy())


def test_changing_a_column_changes_no_file(filled):
    tables.table("kind", "key", ROWS, _make([]), "test")[0]["value"].zero_()
    assert _again() == []


def test_what_an_interrupt_left_half_written_is_written_anew(filled):
    state = json.loads((filled / "state.json").read_text())
    state["rows"] = tables.CHUNK
    state["checksums"] = {column: known[:1] for column, known in state["checksums"].items()}
    (filled / "state.json").write_text(json.dumps(state))
    with open(filled / "value.npy", "r+b") as file:  # half of the second chunk
        file.truncate(128 + (tables.CHUNK + 100) * 12)
    assert _again() == [(tables.CHUNK, 2 * tables.CHUNK), (2 * tables.CHUNK, ROWS)]


def test_a_flipped_bit_costs_the_chunks_from_there_on(filled):
    with open(filled / "value.npy", "r+b") as file:
        file.seek(128 + (tables.CHUNK + 1) * 12)
        file.write(b"\xff")
    with pytest.warns(UserWarning, match="value.npy was damaged; mending it"):
        assert _again() == [(tables.CHUNK, 2 * tables.CHUNK), (2 * tables.CHUNK, ROWS)]
    assert _again() == []


def test_a_file_cut_short_or_missing_is_made_anew(filled):
    with open(filled / "label.npy", "r+b") as file:
        file.truncate(200)
    with pytest.warns(UserWarning, match="label.npy was damaged"):
        assert len(_again()) == 3
    (filled / "value.npy").unlink()
    with pytest.warns(UserWarning, match="value.npy was damaged"):
        assert len(_again()) == 3


@pytest.mark.filterwarnings("ignore:The cache")
@pytest.mark.parametrize("name", ["value.npy", "label.npy", "state.json"])
def test_no_damage_gives_other_rows_or_an_error(filled, name):
    """Bits flipped, bytes lost, bytes added, anywhere and above all in the header: the rows come back as they were."""
    path, chance = filled / name, np.random.default_rng(0)
    for trial in range(40):
        content = bytearray(path.read_bytes())
        place = int(chance.integers(128 if trial % 2 else len(content)))
        if trial % 4 < 2:
            content[place] ^= 1 << int(chance.integers(8))
        elif trial % 4 == 2:
            del content[place : place + int(chance.integers(1, 200))]
        else:
            content[place:place] = chance.bytes(5)
        path.write_bytes(content)
        _again()
        assert _again() == [], "and it is mended for good"


def test_a_header_that_promises_fewer_rows_is_noticed(filled):
    for shape in ((ROWS - 1, 3), (ROWS, 1), (3 * ROWS,)):
        with open(filled / "value.npy", "r+b") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with pytest.warns(UserWarning, match="value.npy was damaged"):
            assert len(_again()) == 3


def test_a_table_is_read_back_once_a_session_and_again_when_it_has_changed(filled, monkeypatch):
    summed = []
    monkeypatch.setattr(tables.zlib, "crc32", lambda data, crc32=tables.zlib.crc32: summed.append(1) or crc32(data))
    tables._sound.clear()
    assert _again() == [] and len(summed) == 6
    assert _again() == [] and len(summed) == 6
    (filled / "label.npy").touch()
    assert _again() == [] and len(summed) == 9


def test_tables_of_an_older_course_are_still_read(filled):
    state = json.loads((filled / "state.json").read_text())
    parts = {"value": VALUES, "label": torch.arange(ROWS)}
    state["checksums"] = {
        column: [tables.digest(part.reshape(-1)) for part in rows.split(tables.CHUNK)] for column, rows in parts.items()
    }
    del state["layouts"]
    (filled / "state.json").write_text(json.dumps(state))
    assert _again() == []
    with open(filled / "value.npy", "r+b") as file:
        file.seek(128)
        file.write(b"\xff\xff")
    with pytest.warns(UserWarning, match="value.npy was damaged"):
        assert len(_again()) == 3


def test_a_state_that_cannot_be_read_is_made_anew(filled):
    (filled / "state.json").write_text("{")
    with pytest.warns(UserWarning, match="was damaged"):
        assert len(_again()) == 3


def test_a_shared_table_is_read_and_never_written(filled, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shutil.move(filled.parents[1], shared)
    monkeypatch.setenv("TLKIT_SHARED_CACHE", str(shared))
    for path in (shared / "kind", shared / "kind" / "key"):
        path.chmod(0o555)
    before = sorted(path.name for path in shared.rglob("*"))
    assert _again() == [] and sorted(path.name for path in shared.rglob("*")) == before
    (shared / "kind" / "key" / "state.json").chmod(0o644)
    (shared / "kind" / "key").chmod(0o755)
    (shared / "kind" / "key" / "label.npy").write_bytes(b"cut")
    with pytest.warns(UserWarning, match="label.npy was damaged"):
        assert len(_again()) == 3, "the own cache takes its place"


def test_a_table_that_will_not_fit_is_refused_after_the_first_chunk(empty_cache, monkeypatch):
    made = []
    monkeypatch.setattr(tables, "check_room", lambda folder, needed, what: (_ for _ in ()).throw(OSError(str(needed))))
    with pytest.raises(OSError, match=str(ROWS * 20)):
        tables.table("kind", "key", ROWS, _make(made), "test")
    assert len(made) == 1


_STREAM = """
import resource, sys
from tlkit.disk import tables
tables._SMALL = 2**20
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = tables.mapped(sys.argv[1])
images[0, 0] = 7  # a change of one's own
tables.digest_rows(images)
tables.let_go(images)
assert images[0, 0] == 7 and images[1, 0] == 1
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system alone decides what stays in memory")
def test_reading_a_large_mapped_table_takes_little_memory_and_keeps_changes(tmp_path):
    path = tmp_path / "large.npy"  # 197 MB
    writer = "import sys, numpy as np; np.lib.format.open_memmap(sys.argv[1], 'w+', np.uint8, (3000, 65536))[:] = 1"
    subprocess.run([sys.executable, "-c", writer, str(path)], check=True)
    told = subprocess.run([sys.executable, "-c", _STREAM, str(path)], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 100, "megabytes beyond what Python and PyTorch take"
