"""Notebooks that are run, measured and made: mistakes are told by notebook and cell, and nothing is half done."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tlkit import course as home
from tlkit.disk.cards import read_card
from tools import notebooks, publish, rehearsal

ASKS = "### BEGIN SOLUTION\nf = 1\n### END SOLUTION\ntlkit.check('00.1', f)"


def _cell(ident, text, kind="code"):
    return {"cell_type": kind, "id": ident, "metadata": {}, "source": text}


def _solutions(*cells):
    around = _cell("set-up", "import tlkit"), _cell("solved", "assert solved")
    return {"cells": [around[0], *cells, around[1]]}


def _pair(number):
    return [_cell(f"exercise-{number}-text", "Do it.", "markdown"), _cell(f"exercise-{number}", ASKS)]


LESSON = {"cells": [_cell("exercises", "## Exercises", "markdown"), _cell("closing", "", "markdown")]}


def test_exercises_go_below_their_heading_in_their_order():
    helper = _cell("setting", "x = 1")
    made = notebooks.student_notebook(LESSON, _solutions(helper, *_pair(1), *_pair(2)), "00_a.ipynb")
    names = [name for number in "12" for name in (f"exercise-{number}-text", f"exercise-{number}")]
    assert [cell["id"] for cell in made["cells"]] == ["exercises", *names, "closing"]
    assert "".join(made["cells"][2]["source"]).splitlines() == ["...", "tlkit.check('00.1', f)"]


UNNAMED = _cell("x", ASKS)
del UNNAMED["id"]


@pytest.mark.parametrize(
    "cells, says",
    [
        ([*_pair(1), _cell("5f3a9c", "Do.", "markdown"), _cell("8e1b", ASKS)], "cell 8e1b: the id exercise-2-text"),
        ([*_pair(1), _cell("5f3a9c", "Do.", "markdown"), _pair(2)[1]], "cell exercise-2: the id exercise-2-text"),
        ([*_pair(1), _pair(2)[0], _cell("8e1b", ASKS)], "cell 8e1b: the id exercise-2 was expected"),
        ([*_pair(1), _cell("8e1b", "### BEGIN SOLUTION\n### END SOLUTION")], "cell 8e1b: the id exercise-2-text"),
        ([*_pair(2)], "cell exercise-2-text: the id exercise-1-text"),
        ([_pair(1)[0], _cell("exercise-1", "f = 1")], "cell exercise-1: The solution should stand between"),
        ([*_pair(1), UNNAMED], "cell 4 from the top: it has no id"),
    ],
)
def test_a_cell_that_would_be_lost_is_refused_by_notebook_and_cell(cells, says):
    with pytest.raises(ValueError, match=f"^solutions/00_a.ipynb, {says}"):
        notebooks.student_notebook(LESSON, _solutions(*cells), "00_a.ipynb")


def test_a_lesson_without_a_place_for_exercises_is_told():
    for cells, says in ([_cell("closing", "")], "cell exercises: it is missing"), ([UNNAMED], "cell 1 from the top"):
        with pytest.raises(ValueError, match=f"^00_a.ipynb, {says}"):
            notebooks.student_notebook({"cells": cells}, _solutions(*_pair(1)), "00_a.ipynb")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Three lessons of one cell and their solutions, in place of the course's; the second fails."""
    lessons = tmp_path / "lessons"
    (lessons / "solutions").mkdir(parents=True)
    for stem, source in {"00_a": "x = 1", "01_b": "1 / 0", "02_c": "x = 1"}.items():
        lesson = nbformat.v4.new_notebook(cells=[*map(nbformat.from_dict, LESSON["cells"])])
        lesson.cells += [nbformat.v4.new_markdown_cell("", id="cost-card"), nbformat.v4.new_code_cell(source, id="x")]
        lesson.metadata.tlkit = {"idea": f"Idea {stem}"}
        nbformat.write(lesson, lessons / f"{stem}.ipynb")
        notebooks.write_notebook(lessons / "solutions" / f"{stem}.ipynb", _solutions(*_pair(1)))
    (tmp_path / "README.md").write_text("# A\n<!-- lessons: begin -->\n<!-- lessons: end -->\nend\n")
    monkeypatch.setattr(home, "COURSE", tmp_path)
    monkeypatch.setattr(notebooks, "SOLUTIONS", lessons / "solutions")
    return lessons


def test_where_one_solution_is_wrong_no_lesson_is_written(course):
    notebooks.write_notebook(course / "solutions" / "02_c.ipynb", _solutions(*_pair(1), _cell("8e1b", ASKS)))
    before = [path.read_bytes() for path in home.lessons()]
    with pytest.raises(ValueError, match="02_c.ipynb, cell 8e1b"):
        notebooks.exercises()
    (course / "solutions" / "02_c.ipynb").write_text('{"cells": [,]}')
    with pytest.raises(ValueError, match="02_c.ipynb can not be read as a notebook: .*line 1 column 12"):
        notebooks.exercises()
    assert [path.read_bytes() for path in home.lessons()] == before


def test_lessons_are_chosen_by_number_and_every_unknown_one_is_refused(course):
    assert [path.stem for path in home.lessons(["02", "00"])] == ["00_a", "02_c"]
    assert len(home.lessons()) == len(home.lessons(["0"])) == 3
    for use in (home.lessons, publish.costs, rehearsal.rehearse):
        with pytest.raises(ValueError, match=r"^There is no lesson 77 or 3\. There are: 00, 01, 02\.$"):
            use(["00", "77", "3"])


# ---------------------------------------------------------------------------- costs


@pytest.fixture
def measures(monkeypatch):
    """Measure as on a machine with so many cores, without a run."""

    def measure(cores, *numbers):
        output = nbformat.v4.new_output("stream", text="1000000\n")
        run = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
        monkeypatch.setattr(publish, "execute", lambda *_, **options: (run, 70.0))
        monkeypatch.setattr(publish.os, "cpu_count", lambda: cores)
        monkeypatch.setattr(publish.torch.cuda, "is_available", lambda: False)
        publish.costs(numbers)
        return read_card(publish._table())

    return measure


def test_a_part_that_is_measured_elsewhere_leaves_the_others_their_machine(course, measures):
    measures(2)
    readme = course.parent / "README.md"
    assert "| lesson | idea | 2 CPU cores | GPU |" in readme.read_text() and "about 1 min |" in readme.read_text()
    table = measures(64, "01")
    assert [table[f"{stem}-cpu-machine"].split()[0] for stem in ("00_a", "01_b", "02_c")] == ["2", "64", "2"]
    assert all(re.match(r"\d{4}-\d\d-\d\d$", table[f"{stem}-cpu-measured"]) for stem in ("00_a", "01_b", "02_c"))
    assert list(table) == sorted(table)
    assert "about 1 min on 2 CPU cores" in publish.cost_line("00_a")
    assert "about 1 min on 64 CPU cores" in (course / "01_b.ipynb").read_text()
    assert "| lesson | idea | CPU | GPU |" in readme.read_text() and readme.read_text().endswith("-->\nend\n")
    assert readme.read_text().count("about 1 min on 2 CPU cores |") == 2
    assert readme.read_text().count("about 1 min on 64 CPU cores |") == 1


# ---------------------------------------------------------------------------- runs


def _with_kernel(path, name):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    notebook.metadata.kernelspec = {"name": name, "display_name": name}
    nbformat.write(notebook, path)
    return path


def test_a_kernel_that_is_not_there_is_told(tmp_path):
    with pytest.raises(notebooks.LessonError, match="^before the first cell of a.ipynb\nNoSuchKernel: .*no-such"):
        notebooks.execute(_with_kernel(tmp_path / "a.ipynb", "no-such-kernel"))


@pytest.fixture
def dying(tmp_path, monkeypatch):
    """A notebook whose kernel dies at its start."""
    folder = tmp_path / "kernels" / "dies"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        f'{{"argv": ["{Path(sys.executable).as_posix()}", "-c", "pass"], "display_name": "dies", "language": "python"}}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return _with_kernel(tmp_path / "dies.ipynb", "dies")


def test_a_kernel_that_dies_at_its_start_is_told(dying):
    # In a process of its own, which must say nothing more at its end.
    code = f"from tools import notebooks\ntry:\n    notebooks.execute(notebooks.Path({str(dying)!r}))\n"
    code += "except notebooks.LessonError as error:\n    print(error)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("before the first cell of dies.ipynb\nRuntimeError: Kernel died")
    assert "Traceback" not in told.stderr


def test_a_notebook_runs_where_a_loop_runs_already(tmp_path):
    path = _with_kernel(tmp_path / "a.ipynb", "python3")

    async def inside():
        return notebooks.execute(path, last_cell="print(x)")[0]

    assert asyncio.run(inside()).cells[-1].outputs[0].text == "1\n"


def test_to_run_a_notebook_nothing_is_drawn_or_trained():
    code = "import sys, tools.notebooks; print([name for name in sys.modules if name in ('torch', 'tools.publish')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


# ---------------------------------------------------------------------------- the rehearsal


@pytest.fixture
def rehearse(course, measures, empty_cache, monkeypatch, capsys):
    """Rehearse lessons that take so many seconds, where their cards say 70; returns what is printed."""
    measures(2, "00", "02")
    monkeypatch.setattr(rehearsal, "check_environment", lambda: True)
    monkeypatch.setattr(rehearsal, "_port_problem", lambda port: None)
    monkeypatch.setattr(rehearsal, "_draw_live_pictures", lambda: None)

    def run(numbers, seconds):
        capsys.readouterr()
        monkeypatch.setattr(rehearsal, "execute", lambda *_: (None, seconds))
        rehearsal.rehearse(numbers)
        return capsys.readouterr().out.splitlines()[1:]

    return run


def test_a_part_that_is_ready_is_not_called_the_whole(rehearse):
    assert rehearse(["00", "02"], 60.0) == [
        "00 (about 1 min) ...",
        "00_a                             60 s  pass",
        "02 (about 1 min) ...",
        "02_c                             60 s  pass",
        "Ready for 00 and 02. For all: make rehearse",
    ]
    whole = rehearse([], 60.0)
    assert whole[2] == "01 ..." and whole[-1] == "Ready."
    assert rehearse(["02"], 60.0)[-1] == "Ready for 02. For all: make rehearse"


def test_a_lesson_that_is_far_slower_than_its_card_is_told(rehearse):
    assert rehearse(["00"], 209.0)[1].endswith("pass")
    assert rehearse(["00"], 212.0)[1].endswith("212 s  pass, slower than its card; is the machine busy?")


def test_commands_are_told_with_the_interpreter_that_has_the_course(rehearse, course, empty_cache, monkeypatch):
    path = course / "02_c.ipynb"
    notebook = home.read_notebook(path)
    notebook["metadata"]["tlkit"]["fetch"] = ["flowers17"]
    notebooks.write_notebook(path, notebook)
    monkeypatch.setattr(sys, "executable", str(course / ".venv" / "bin" / "python3"))
    for folder, python in (course, Path(".venv/bin/python3")), (course / "solutions", course / ".venv/bin/python3"):
        monkeypatch.chdir(folder)
        said = rehearse(["02"], 1.0)
        assert f"    {python} -m tlkit fetch --all-for 02" in said
    assert said[-1] == "Ready for 02. Lesson 02 will run without what it can fetch. For all: make rehearse"
