"""The package without the course's folder: a wheel is built, and runs from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import tlkit
from tlkit import course
from tlkit.course import COURSE

pytest.importorskip("setuptools", "70.1", "setuptools builds the wheel: pip install -r requirements.txt")


def _build(what, folder):
    """The file that setuptools makes in a folder, without network."""
    code = f"from setuptools import build_meta; build_meta.build_{what}('dist')"
    told = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return next((folder / "dist").glob("*.whl" if what == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the course, made from its source archive and unpacked as pip would."""
    room = tmp_path_factory.mktemp("wheel")
    course = room / "course"
    shutil.copytree(COURSE / "tlkit", course / "tlkit", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("datasets", "lessons"):
        shutil.copytree(COURSE / folder, course / folder, ignore=shutil.ignore_patterns(".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(COURSE / name, course)
    with tarfile.open(_build("sdist", course)) as archive:
        archive.extractall(room, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    with zipfile.ZipFile(_build("wheel", next(room.glob("tlkit-*")))) as archive:
        archive.extractall(room / "site-packages")
    return room / "site-packages"


_TRY = """
import contextlib, importlib, io, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import tlkit
from tlkit import cli
from tlkit.data import photos, splits
from tlkit.study import transferability

told = {"modules": {}}
for each in pkgutil.walk_packages(tlkit.__path__, "tlkit."):
    if not each.name.endswith("__main__"):
        told["modules"][each.name] = importlib.import_module(each.name).__file__
told["widget"] = type(tlkit.decision_map()).__name__
told["rows"], told["stages"] = len(tlkit.load_map().rows), len(transferability.load_transferability().rows)
told["card"], told["quiz"] = photos.card("flowers17")["classes"], type(tlkit.Quiz("13")).__name__
tlkit.use_language("vi")
told["said"] = repr(tlkit.check("03.1", ...))
tlkit.use_language("en")
told["progress"], told["ready"] = repr(tlkit.show_progress()), tlkit.check_environment()
try:
    tlkit.load_dataset("flowers17")
except ValueError as error:
    told["missing"] = str(error)

for name in ("_BLOCK", "VAL_PER_CLASS", "TEST_PER_CLASS"):
    setattr(splits, name, 2)  # pictures a class: what they show does not matter here
base = {"dataset": "flowers", "treatment": "base", "cut": "", "seed": 0, "loss": 1.0, "accuracy": 0.5}
transferability._measure, transferability._cells = lambda *_: [base], lambda *_: [(0, "flowers", "base", "")]
commands = [["fetch", "--list"], ["fetch", "--all-for", "05"], ["transferability"]]
commands += [["map", "--datasets", "flowers", "--per-class", "1", "--ways", "probe", "--seeds", "1"]]
told["commands"] = {}
for command in commands:
    heard, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(errors):
        code = cli.main(command)
    told["commands"][command[-1]] = code, heard.getvalue(), errors.getvalue()
print(json.dumps(told))
"""


def _stamps(folder):
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def tried(wheel, tmp_path_factory):
    """What a Python told that has the wheel alone, and the empty folder in which it ran."""
    folder, before = tmp_path_factory.mktemp("empty"), _stamps(wheel)
    command = [sys.executable, "-I", "-B", "-c", _TRY, str(wheel)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"TQDM_DISABLE": "1"})
    assert ran.returncode == 0, ran.stderr
    assert _stamps(wheel) == before, "nothing may be written beside the package"
    return json.loads(ran.stdout.splitlines()[-1]), folder


def _files(folder, *patterns):
    found = (path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found if "__pycache__" not in path.parts}


def test_it_holds_all_of_the_package_and_what_the_package_reads(wheel):
    inside = _files(wheel / "tlkit", "**/*")
    assert inside >= _files(COURSE / "tlkit", "**/*")
    assert inside >= {f"datasets/{name}" for name in _files(COURSE / "datasets", "*.toml", "*.csv")}
    read = "*.ipynb", "costs.toml", "*/language.toml", "*/words/*.toml"
    assert inside >= {f"lessons/{name}" for name in _files(COURSE / "lessons", *read)}
    assert {path.name.split("-")[0] for path in wheel.iterdir()} == {"tlkit"}, "and nothing beside it"


def test_cards_maps_and_lessons_are_found_without_the_folder_of_the_course(wheel, tried):
    told = tried[0]
    files = [path.relative_to(COURSE).with_suffix("") for path in (COURSE / "tlkit").rglob("[a-z]*.py")]
    assert set(told["modules"]) >= {".".join(path.parts) for path in files}
    assert all(Path(file).is_relative_to(wheel) for file in told["modules"].values())
    assert told["rows"] == len(tlkit.load_map().rows) and told["stages"] == 174 and told["widget"] == "DecisionMapPanel"
    assert (told["card"], told["quiz"], told["ready"]) == (17, "Quiz", True)
    assert told["said"].startswith("… Bài tập 03.1: ")
    assert "tlkit fetch flowers17" in " ".join(told["missing"].split())
    assert told["progress"].count("\n") == len(course.lessons())


def test_a_command_of_a_user_works_and_leaves_what_it_makes_in_the_current_folder(tried):
    told, folder = tried
    done = told["commands"]
    assert {name: code for name, (code, _, _) in done.items() if code} == {}
    assert "flowers17" in done["--list"][1] and "squeezenet1_1" in done["--list"][1]
    made = {path.name for path in folder.iterdir() if path.suffix != ".lock"}
    tables = {f"{name}.{kind}" for name in ("decision_map", "transferability") for kind in ("csv", "toml")}
    assert made == tables
