"""The evening before class: every lesson runs, a failing one stops nobody, and what is missing is said."""

import re
import socket
import sys

import nbformat
import pytest

from tlkit import course
from tlkit.disk.cards import read_card
from tools import cli, notebooks, publish, rehearsal


@pytest.fixture
def tiny_lessons(tmp_path, monkeypatch):
    """A lesson that passes and uses photos that are not here, one that fails, one that passes."""
    sources = {
        "00_good": "import os\nassert os.environ['TLKIT_OFFLINE'] == '1'\nopen('left behind', 'w').close()",
        "01_bad": "print('as far as here')\nraise LookupError('no such\\nflower')",
        "02_last": "import tlkit\nassert 'rehearsal' not in tlkit.__all__",
    }
    return _write_lessons(tmp_path, monkeypatch, sources, fetch={"00_good": ["flowers17"]})


def _write_lessons(folder, monkeypatch, sources, fetch=None):
    """A course of lessons of one cell each."""
    (folder / "lessons").mkdir()
    monkeypatch.setattr(course, "COURSE", folder)
    for stem, source in sources.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"cell-{stem[3:]}")])
        notebook.metadata["tlkit"] = {"fetch": (fetch or {}).get(stem, [])}
        nbformat.write(notebook, folder / "lessons" / f"{stem}.ipynb")
    return course.lessons()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    return str(port)


def test_a_rehearsal_goes_on_after_a_failing_lesson(tiny_lessons, free_port, empty_cache, capsys):
    before = [path.read_bytes() for path in tiny_lessons]
    assert cli.main(["rehearse", "00", "01", "02", "--port", free_port]) == 1
    out, mend = capsys.readouterr()
    assert re.search(r"^00_good +\d+ s  pass$", out, flags=re.M) and re.search(r"^02_last .*pass$", out, flags=re.M)
    assert re.search(
        r'^01_bad +fail\n    in cell "cell-bad" of 01_bad.ipynb\n    LookupError: no such$', out, flags=re.M
    )
    assert "python -m tlkit fetch --all-for 00" in out and "Ready." not in out
    assert mend.splitlines() == ["To mend:", "- 01_bad fails. Look at it: make lab LESSON=01_bad.ipynb"]
    assert [path.read_bytes() for path in tiny_lessons] == before
    course = tiny_lessons[0].parents[1]
    assert {path for path in course.rglob("*.*") if empty_cache not in path.parents} == set(tiny_lessons)
    assert not list(course.rglob("left behind")), "it ran elsewhere"


def test_a_rehearsal_that_finds_nothing_is_ready(tiny_lessons, free_port, empty_cache, capsys):
    assert cli.main(["rehearse", "00", "02", "--port", free_port]) == 0
    out = capsys.readouterr().out
    assert out.endswith("\nReady for 00 and 02. Lesson 00 will run without what it can fetch. For all: make rehearse\n")


def test_a_taken_port_a_full_disk_and_a_lesson_that_is_not_there_are_told(
    tiny_lessons, empty_cache, monkeypatch, capsys
):
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        monkeypatch.setattr(rehearsal, "ROOM", 1e9)
        assert cli.main(["rehearse", "02", "--port", str(port)]) == 1
    mend = capsys.readouterr().err
    assert f"- Port {port} is taken" in mend and "are free in" in mend
    assert cli.main(["rehearse", "77"]) == 1
    assert capsys.readouterr().err == "There is no lesson 77. There are: 00, 01, 02.\n"


def test_on_a_machine_that_is_not_ready_no_lesson_is_run(tiny_lessons, monkeypatch, capsys):
    monkeypatch.setattr(rehearsal, "check_environment", lambda: False)
    assert cli.main(["rehearse"]) == 1
    out, mend = capsys.readouterr()
    assert "pass" not in out and mend.startswith("No lesson was run.")


def test_without_numbers_the_pictures_for_live_runs_are_drawn(
    tiny_lessons, free_port, empty_cache, monkeypatch, capsys
):
    drawn = []
    tiny_lessons[1].unlink()
    monkeypatch.setattr(rehearsal, "load_dataset", lambda *place: drawn.append(place))
    rehearsal.rehearse(port=int(free_port))
    assert drawn == [(name, 100, seed) for name in ("flowers", "herbarium", "plates", "tissue") for seed in (0, 5)]
    out = capsys.readouterr().out
    assert "pictures for live runs" in out and out.endswith("\nReady. Lesson 00 will run without what it can fetch.\n")


def test_a_kernel_that_dies_is_told(tmp_path):
    cell = nbformat.v4.new_code_cell("import os\nos._exit(1)", id="the-end")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "dies.ipynb")
    with pytest.raises(notebooks.LessonError, match='in cell "the-end" of dies.ipynb\nDeadKernelError'):
        notebooks.execute(tmp_path / "dies.ipynb")


def test_costs_are_measured_by_the_same_run(tiny_lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "write_costs", lambda: None)
    publish.costs(["02"])
    table = read_card(tmp_path / "lessons" / "costs.toml")
    measured = [value for name, value in table.items() if name.startswith("02_last") and "megabytes" in name]
    assert len(measured) == 1 and 20 < measured[0] < 5000
    with pytest.raises(ValueError, match='in cell "cell-bad" of 01_bad.ipynb'):
        publish.costs(["01"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_stops_the_rehearsal_and_not_one_lesson_alone(tmp_path, monkeypatch, free_port, empty_cache, capsys):
    source = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)"
    _write_lessons(tmp_path, monkeypatch, {"00_long": source, "01_never": source})
    assert cli.main(["rehearse", "0", "--port", free_port]) == 130
    out = capsys.readouterr().out
    assert "\n00 ..." in out and "\n01 ..." not in out and "01_never" not in out
