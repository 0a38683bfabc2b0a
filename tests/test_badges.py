"""The links of a fork go in and come out; the set-up cell imports the course, or installs it on Colab, or says how."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tlkit import course as home
from tlkit.nets import efficientnet
from tools import badges, cli

NOTEBOOKS = badges._notebooks()


def _cells(path):
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of the README and the notebooks, without links, in place of the course."""
    copy = tmp_path / "course"
    shutil.copytree(home.COURSE / "lessons", copy / "lessons", ignore=shutil.ignore_patterns("pictures", ".*"))
    shutil.copy(home.COURSE / "README.md", copy)
    monkeypatch.setattr(home, "COURSE", copy)
    badges.badges(remove=True)
    return copy


def _bytes(course):
    return {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_every_notebook_has_the_same_set_up_cell():
    cells = {_cells(path)["set-up"] for path in NOTEBOOKS}
    assert {path.parts[-2:] for path in NOTEBOOKS} >= {path.parts[-2:] for path in home.lessons()}
    assert len(cells) == 1, "python -m tools badges --remove writes it into all"
    cell = cells.pop()
    assert cell == badges.set_up(re.search(r'^COURSE = "(.*)"  # @param', cell, re.MULTILINE)[1])
    assert max(len(line) for line in badges.set_up(f"https://github.com/{'o' * 30}/{'r' * 20}").splitlines()) <= 110


def test_every_set_up_cell_is_folded_away_in_jupyterlab_and_a_form_on_colab(course):
    for path in badges._notebooks():
        cells = {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
        assert cells["set-up"]["metadata"] == {"cellView": "form", "jupyter": {"source_hidden": True}}
    before, path = _bytes(course), badges._notebooks()[0]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"source_hidden": true', '"source_hidden": false', 1), encoding="utf-8")
    badges.badges(remove=True)  # somebody unfolded and saved it
    assert _bytes(course) == before


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
        '\nCOURSE = "https://github.com/ada/flowers-course"  # @param' in _cells(p)["set-up"]
        for p in badges._notebooks()
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
    badges.badges("ada/flowers-course", branch="term-3")
    assert 'COURSE = "https://github.com/ada/flowers-course@term-3"' in _cells(badges._notebooks()[0])["set-up"]
    badges.badges("grace/course_2.0")
    replaced = _bytes(course)
    assert not any(b"flowers-course" in content or b"term-3" in content for content in replaced.values())
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


_KERNEL = """
import json, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

source, colab, comes_with = json.loads(sys.argv[1])
# As if tlkit were not installed here, not even as a folder that is named somewhere.
sys.path[:] = [place for place in sys.path if not Path(place, "tlkit").exists()]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
kernel = type("Shell", (InteractiveShell,), {"__module__": "google.colab._shell" if colab else "ipykernel"}).instance()
asked = []


def pip(line):
    asked.append(line)
    if comes_with:
        sys.path.insert(0, comes_with)


kernel.register_magic_function(pip, "line", "pip")
ran = [kernel.run_cell(source) for _ in range(2)]  # the second time it does nothing anew
told = [repr(each.error_before_exec or each.error_in_exec) for each in ran]
print()
print(json.dumps([told, asked, getattr(sys.modules.get("tlkit"), "__file__", None)]))
"""


def _run(tmp_path, source, colab, comes_with=None):
    """The set-up cell in a kernel without tlkit: its errors, what it had pip install, and the tlkit that it found."""
    given = json.dumps([source, colab, comes_with and str(comes_with)])
    command = [sys.executable, "-I", "-c", _KERNEL, given]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"IPYTHONDIR": str(tmp_path)})
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture
def place(tmp_path):
    """A folder of packages with an almost empty tlkit."""
    (tmp_path / "packages" / "tlkit").mkdir(parents=True)
    (tmp_path / "packages" / "tlkit" / "__init__.py").touch()
    return tmp_path / "packages"


def test_on_colab_the_set_up_cell_installs_the_course_once_and_nothing_else(place, tmp_path):
    source = badges.set_up("https://github.com/ada/course@term-3")
    errors, asked, found = _run(tmp_path, source, True, place)
    assert errors == ["None", "None"] and found == str(place / "tlkit" / "__init__.py")
    assert asked == ["install -q --no-deps git+https://github.com/ada/course@term-3"]


@pytest.mark.parametrize(
    ("address", "colab", "tries"),
    [("", True, 0), ("https://nowhere", True, 2), ("", False, 0), ("https://github.com/ada/course", False, 0)],
)
def test_where_tlkit_is_missing_the_set_up_cell_says_so_in_a_line(tmp_path, address, colab, tries):
    errors, asked, found = _run(tmp_path, badges.set_up(address), colab)
    assert errors[0] == errors[1] and errors[0].startswith("SystemExit(") and "\\n" not in errors[0]
    assert "No tlkit here. Install the course as its README says; on Colab, COURSE is its address." in errors[0]
    assert len(asked) == tries and found is None


def test_where_tlkit_is_installed_the_set_up_cell_only_imports_it(tmp_path, place):
    source = f"import sys; sys.path.insert(0, {str(place)!r})\n" + badges.set_up("https://github.com/ada/course")
    for colab in (True, False):
        assert _run(tmp_path, source, colab) == [["None", "None"], [], str(place / "tlkit" / "__init__.py")]


def test_colab_has_every_package_of_the_course():
    held = (home.COURSE / "tests" / "colab-constraints.txt").read_text().replace("-", "_")
    needed = (home.COURSE / "pyproject.toml").read_text().split("dependencies = [")[1].split("]")[0]
    names = re.findall(r'"([\w-]+)>=[\d.]+"', needed)  # tomli is for older Pythons than Colab's
    names.remove(efficientnet.PACKAGE)  # a file of weights: lessons run without it, or fetch it (09)
    assert len(names) > 10 and all(re.search(rf"^{name.replace('-', '_')}==", held, re.MULTILINE) for name in names)
