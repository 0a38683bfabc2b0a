"""The rooms of the package: each imports only what stands before it, so that there is no circle."""

import ast
import re

import pytest

import tlkit
from tlkit.course import COURSE

# From the ground up. Rooms of one line know nothing of each other.
FLOORS = ["ground", "disk", "world nets", "data", "folders figures", "transfer", "study", "widgets", "exercises"]
GROUND = {"checks", "course", "bars", "history", "intervals", "language", "text_tables"}
TOP = {"__init__", "__main__", "cli", "environment", "fetching"}  # what hands over: may import every room
FLOOR = {room: k for k, rooms in enumerate(FLOORS) for room in rooms.split()}
FILES = sorted((COURSE / "tlkit").rglob("*.py"))


def imported(path):
    """Every module of the course that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def room_of(parts):
    """``("disk", "cache")`` is in the room disk, ``("checks",)`` on the ground, ``("cli",)`` above all."""
    return parts[0] if parts[0] in FLOOR else "ground" if parts[0] in GROUND else "top"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_a_room_imports_only_what_stands_before_it(path):
    own = path.relative_to(COURSE / "tlkit").with_suffix("").parts
    here = room_of(own)
    for name in imported(path):
        package, *parts = name.split(".")
        assert package != "tools", "the back office is never imported"
        if package != "tlkit" or not parts or parts[0].startswith("__") or here == "top":
            continue
        there = room_of(parts)
        assert there != "top", f"{own} imports {name}, which only hands over"
        assert there == here or FLOOR[there] < FLOOR[here], f"{here} imports {name}, which stands above or beside it"


def test_every_file_has_a_room_and_every_room_says_what_it_is():
    alone = {path.stem for path in (COURSE / "tlkit").glob("*.py")}
    assert alone == GROUND | TOP
    rooms = {path.parent.name for path in FILES if path.parent != COURSE / "tlkit"}
    assert rooms == set(FLOOR) - {"ground"}
    for room in rooms - {"exercises"}:
        first = (COURSE / "tlkit" / room / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(first)) and len(first.splitlines()) < 15, room


def test_the_readme_has_a_row_for_every_room():
    readme = (COURSE / "README.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| \[tlkit/(\w+)/\]\(tlkit/\w+\) \|", readme, re.M))
    assert rows == set(FLOOR) - {"ground"}
    assert re.search(r"^\| \[tools/\]\(tools\) \|", readme, re.M)


def test_no_private_name_of_another_module_is_imported_from_another_room():
    for path in FILES:
        own = path.relative_to(COURSE / "tlkit").parts[0]
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "tlkit" and len(parts) > 2 and parts[1] != own:
                assert not parts[-1].startswith("_"), f"{path.name} imports {name}"


def _all_of(path):
    """The names in ``__all__`` of a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if getattr(targets[0], "id", "") == "__all__" and isinstance(node.value, ast.List):
            return ast.literal_eval(node.value)
    return []


def test_all_is_what_a_reader_of_the_course_may_use():
    """``tlkit.name``, what a lesson or a command takes from its room, and the classes that these hand out."""
    lessons = "".join(path.read_text(encoding="utf-8") for path in (COURSE / "lessons").glob("*.ipynb"))
    commands = (COURSE / "tlkit" / "cli.py").read_text(encoding="utf-8")
    for path in FILES:
        module = ".".join(path.relative_to(COURSE / "tlkit").with_suffix("").parts).removesuffix(".__init__")
        public = tlkit._NAMES.get(module, ())  # the table itself, for which there is no other way
        assert set(public) <= set(_all_of(path)), f"{module}: {public}"
        for name in set(_all_of(path)) - set(public):
            used = re.search(rf"\b{name}\b", lessons) or f'"{name}"' in commands
            assert used or name[0].isupper(), f"{module}: nobody outside needs {name}"
