"""Links that open a fork's lessons on Colab and Binder, and the set-up cell that then finds the course."""

import re
from pathlib import Path

from tlkit import course
from tools.notebooks import write_notebook

__all__: list[str] = []

# The first code cell of every lesson, of its solutions, and of what notebooks beside them have one. JupyterLab
# folds it away, and Colab shows its title and a field for the address.
SET_UP = """\
# @title Set-up: run this cell first
COURSE = ""  # @param {"type": "string"}
from importlib.util import find_spec

if COURSE and not find_spec("tlkit") and "google.colab" in str(get_ipython()):
    %pip install -q --no-deps git+{COURSE}
if not find_spec("tlkit"):
    raise SystemExit("No tlkit here. Install the course as its README says; on Colab, COURSE is its address.")
import tlkit"""
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}

_BEGIN, _END = "\n<!-- badges: begin -->\n", "\n<!-- badges: end -->\n"
_COLAB = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
_BINDER = "[![Open on Binder](https://mybinder.org/badge_logo.svg)]"


def set_up(course: str = "") -> str:
    """The set-up cell with the address of the course filled in, or empty."""
    return SET_UP.replace('COURSE = ""', f'COURSE = "{course}"')


def links(repository: str, branch: str, lesson: str) -> str:
    """The two badges of one lesson, such as ``02_cnn_codes.ipynb``, as Markdown."""
    colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/lessons/{lesson}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath=lessons%2F{lesson}"
    return f"{_COLAB}({colab}) {_BINDER}({binder})"


def badges(repository: str | None = None, branch: str = "main", remove: bool = False) -> None:
    """Write the links of a fork into the README and the lessons, and its address into the set-up cells.

    The translations follow.

    Parameters
    ----------
    repository
        ``OWNER/REPO``, as on GitHub.
    branch
        The branch that the links open, and that Colab fetches.
    remove
        Take links and address out again; everything is then as it was.

    Raises
    ------
    ValueError
        If a name cannot be one of GitHub; nothing is written then.
    """
    if (repository is None) != remove:
        raise ValueError("Name the repository, OWNER/REPO, or give --remove, and not both.")
    address = ""
    if repository is not None:
        _check(repository, branch)
        address = f"https://github.com/{repository}" + (f"@{branch}" if branch != "main" else "")
    readme = course.COURSE / "README.md"
    before = _read(readme)
    after = with_badges(before, repository and links(repository, branch, "00_first_minute.ipynb"))
    changed = {path: notebook for path in _notebooks() if (notebook := _changed(path, repository, branch, address))}
    # All was read and made before the first is written.
    for path, notebook in changed.items():
        write_notebook(path, notebook)
    if before != after:
        readme.write_text(after, encoding="utf-8")
    from tools import translations  # it needs this module

    translations.make()
    count = len(changed) + (before != after)
    print(f"{count} files written." if count else "Nothing had to change.")


def _check(repository: str, branch: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.+$)(?!.*\.git$)[A-Za-z0-9._-]+", repository):
        raise ValueError(f"The repository must be written OWNER/REPO, as on GitHub, but it is {repository!r}.")
    if not re.fullmatch(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.)", branch):
        raise ValueError(f"The branch must be a name of letters, digits, dots and dashes, but it is {branch!r}.")


def _notebooks() -> list[Path]:
    folders = (course.COURSE / "lessons", course.COURSE / "lessons" / "solutions")
    return [path for folder in folders for path in sorted(folder.glob("*.ipynb")) if '"id": "set-up"' in _read(path)]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _changed(path: Path, repository: str | None, branch: str, address: str) -> dict | None:
    """The notebook as it should be, or None if it is so already."""
    notebook = course.read_notebook(path)
    cells = {cell.get("id"): cell for cell in notebook["cells"]}
    sources = {"set-up": set_up(address)}
    if path in course.lessons():  # solutions are read, not opened from a link
        if "title" not in cells:
            raise ValueError(f"The first cell of {path} should have the id title.")
        title = "".join(cells["title"]["source"])
        sources["title"] = with_badges(title, repository and links(repository, branch, path.name))
    different = {name: source for name, source in sources.items() if "".join(cells[name]["source"]) != source}
    if not different and cells["set-up"]["metadata"] == FOLDED:
        return None
    for name, source in different.items():
        cells[name]["source"] = source.splitlines(keepends=True)
    cells["set-up"]["metadata"] = FOLDED
    return notebook


def with_badges(text: str, line: str | None) -> str:
    """The text with this line below its title, in place of an older one; None takes it out."""
    text = re.sub(f"{_BEGIN}.*?{_END}", "", text, count=1, flags=re.DOTALL)
    title, _, rest = text.partition("\n")
    return f"{title}\n{_BEGIN}{line}{_END}{rest}" if line else text


def line_of(text: str) -> str | None:
    """The links that stand in a text, or None."""
    found = re.search(f"{_BEGIN}(.*?){_END}", text, flags=re.DOTALL)
    return found and found[1]
