"""The links of a fork go in and come out; the set-up cell finds the course from anywhere."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tlkit import badges, cli, efficientnet, publish

NOTEBOOKS = badges._notebooks()
IDENTITY = ["-c", "user.name=A", "-c", "user.email=a@example.org"]


def _cells(path):
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of the README and the notebooks, without links, in place of the course."""
    copy = tmp_path / "course"
    shutil.copytree(publish.COURSE / "lessons", copy / "lessons", ignore=shutil.ignore_patterns("pictures", ".*"))
    shutil.copy(publish.COURSE / "README.md", copy)
    monkeypatch.setattr(publish, "COURSE", copy)
    badges.badges(remove=True)
    return copy


def _bytes(course):
    return {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_every_notebook_has_the_same_set_up_cell():
    cells = {_cells(path)["set-up"] for path in NOTEBOOKS}
    assert {path.parts[-2:] for path in NOTEBOOKS} >= {path.parts[-2:] for path in publish.lessons()}
    assert len(cells) == 1, "python -m tlkit badges --remove writes it into all"
    cell = cells.pop()
    assert cell == badges.set_up(re.search(r'^COURSE = "(.*)"$', cell, re.MULTILINE)[1])


def test_badges_go_into_readme_and_lessons_and_come_out_byte_for_byte(course, capsys):
    before = _bytes(course)
    assert cli.main(["badges", "ada/flowers-course"]) == 0
    for path in (course / "lessons").glob("[0-9][0-9]_*.ipynb"):
        cells = _cells(path)
        colab, binder = re.findall(r"\[!\[[\w ]+\]\(https://\S+\.svg\)\]\((\S+)\)", cells["title"])
        assert colab == f"https://colab.research.google.com/github/ada/flowers-course/blob/main/lessons/{path.name}"
        assert binder == f"https://mybinder.org/v2/gh/ada/flowers-course/main?labpath=lessons%2F{path.name}"
        assert re.match(r"# \d\d · .*\?\n", cells["title"]) and "\n\n**After this lesson you can**\n" in cells["title"]
    assert all(
        '\nCOURSE = "https://github.com/ada/flowers-course"\n' in _cells(p)["set-up"] for p in badges._notebooks()
    )
    assert _cells(course / "lessons" / "solutions" / "03_svm_on_earlier_layers.ipynb")["title"].count("badge") == 0
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert readme.splitlines()[2] == "<!-- badges: begin -->" and "/lessons/00_first_minute.ipynb)" in readme
    written = _bytes(course)
    capsys.readouterr()
    assert cli.main(["badges", "ada/flowers-course"]) == 0 and _bytes(course) == written
    assert capsys.readouterr().out == "Nothing had to change.\n"
    assert cli.main(["badges", "--remove"]) == 0 and _bytes(course) == before


def test_another_fork_replaces_the_first(course):
    badges.badges("ada/flowers-course", branch="autumn")
    assert (
        'COURSE = "https://github.com/ada/flowers-course --branch=autumn"' in _cells(badges._notebooks()[0])["set-up"]
    )
    badges.badges("grace/course_2.0")
    replaced = _bytes(course)
    assert not any(b"flowers-course" in content or b"autumn" in content for content in replaced.values())
    badges.badges(remove=True)
    badges.badges("grace/course_2.0")
    assert _bytes(course) == replaced


@pytest.mark.parametrize(
    "arguments",
    [
        ["course"],
        ["https://github.com/ada/course"],
        ["ada/course/tree"],
        ["ada/.."],
        ["ada/course.git"],
        ['ada/"course'],
        ["ada/course", "--branch=-x"],
        ["ada/course", "--branch=a b"],
        ["ada/course", "--branch=a..b"],
        ["ada/course", "--remove"],
        [],
    ],
    ids=" ".join,
)
def test_bad_names_are_refused_in_a_line_before_anything_is_written(course, capsys, arguments):
    before = _bytes(course)
    capsys.readouterr()
    assert cli.main(["badges", *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1 and _bytes(course) == before


def test_a_lesson_without_title_is_named_and_nothing_written(course, capsys):
    broken = course / "lessons" / "08_real_photos.ipynb"
    broken.write_text(broken.read_text(encoding="utf-8").replace('"title"', '"head"'), encoding="utf-8")
    before = _bytes(course)
    assert cli.main(["badges", "ada/course"]) == 1
    assert "08_real_photos.ipynb should have the id title" in capsys.readouterr().err and _bytes(course) == before


def _run(source, folder, colab=False):
    """The set-up cell in a fresh Python without the packages of this one; says what it imported."""
    colab = 'import sys; sys.modules["google.colab"] = sys\n' if colab else ""
    shown = "\nprint(tlkit.__file__, sys.path.count(sys.path[0]))"
    command = [sys.executable, "-I", "-S", "-c", f"{colab}{source}\n{source}{shown}"]  # twice: the second does nothing
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def small_course(tmp_path):
    """A folder with an almost empty tlkit; it is called tlkit itself, as a clone may be."""
    folder = tmp_path / "tlkit"
    (folder / "lessons" / "solutions").mkdir(parents=True)
    (folder / "tlkit").mkdir()
    (folder / "tlkit" / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("place", ["", "lessons", "lessons/solutions"])
def test_the_set_up_cell_finds_the_course(small_course, place):
    ran = _run(badges.set_up(), small_course / place)
    assert ran.stdout.split() == [str(small_course / "tlkit" / "__init__.py"), "1"], ran.stderr


@pytest.mark.skipif(not shutil.which("git"), reason="the cell calls git")
def test_the_set_up_cell_fetches_the_course_on_colab(small_course, tmp_path):
    git = ["git", "-C", str(small_course), *IDENTITY]
    for words in (["init", "-q", "-b", "autumn"], ["add", "."], ["commit", "-q", "-m", "course"]):
        subprocess.run([*git, *words], check=True)
    content = tmp_path / "content"
    content.mkdir()
    for course in ("", f"file://{tmp_path}/nowhere"):
        ran = _run(badges.set_up(course), content, colab=True)
        assert ran.returncode == 1 and "Traceback" not in ran.stderr
        assert ran.stderr.splitlines()[-1].startswith(f'No course at "{course}": set its address')
    for course in (f"file://{small_course} --branch=autumn", ""):  # fetched once, it is not fetched again
        ran = _run(badges.set_up(course), content, colab=True)
        assert ran.stdout.split() == [str(content / "course" / "tlkit" / "__init__.py"), "1"], ran.stderr


def test_colab_has_every_package_of_the_course():
    held = (publish.COURSE / "tests" / "colab-constraints.txt").read_text().replace("-", "_")
    needed = (publish.COURSE / "pyproject.toml").read_text().split("dependencies = [")[1].split("]")[0]
    names = re.findall(r'"([\w-]+)>=[\d.]+"', needed)  # tomli is for older Pythons than Colab's
    names.remove(efficientnet.PACKAGE)  # a file of weights, without which every lesson runs (test_efficientnet.py)
    assert len(names) > 10 and all(re.search(rf"^{name.replace('-', '_')}==", held, re.MULTILINE) for name in names)
