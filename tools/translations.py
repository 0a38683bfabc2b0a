"""Lessons and pages in another language: ``python -m tools translations``.

The English notebooks and pages are the one source. A table for each, in ``lessons/<language>/tables``, has the text of
every Markdown cell beside a hash of the English that it translates; the code is copied when the notebook is made, and
never kept. So no translation can fall behind unnoticed: where the English has changed, the reader gets the English.
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from tlkit import course
from tlkit.disk.words import languages, spoken_in
from tlkit.language import ENGLISH, said
from tools import badges, publish
from tools.notebooks import notebook_text
from tools.translation_tables import (
    BEGIN,
    GENERATED,
    HEADING,
    TABLE,
    Source,
    fresh,
    idea_of,
    is_prose,
    problems,
    read_table,
    sources,
    stamp,
    text_of,
)

__all__: list[str] = []

NOT_YET = "Not translated yet, or changed since: here is the English."
_LINK = re.compile(r"""(\]\(|(?:src|href)=")([^)"]+)""")


def translations(names: Sequence[str] = (), check: bool = False) -> None:
    """Make the notebooks and pages of every language from the English ones and the tables.

    Parameters
    ----------
    names : the beginnings of tables, ``["03"]``, to report on these alone; everything is made all the same
    check : change nothing; fail where something is missing, stale, of other facts, or not made anew

    Raises
    ------
    ValueError
        With ``check``: naming language, table and text of all that is wrong. Or if a table cannot be read.
    """
    if not check:
        make()
    wrong = [f"{path.relative_to(course.COURSE).as_posix()}: not made anew; run make translations" for path in _old()]
    wrong += [f"{language}, {problem}" for language in _others() for problem in problems(language)]
    wrong = [line for line in wrong if not names or any(name in line for name in names)]
    if wrong and check:
        raise ValueError("\n".join(wrong))
    print("\n".join(wrong) or "Every text is translated, and none is older than its English.")


def make() -> None:
    """Write the notebooks and pages of every language; texts without a hash are tied to their English first."""
    for language in _others():
        stamp(language)
    for path, text in _old().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _others() -> list[str]:
    return [language for language in languages() if language != ENGLISH]


def _old() -> dict[Path, str]:
    """The files that are not as their English and their table make them, and what they should hold."""
    made = {}
    for language in _others():
        places = {source.address: source.place(language) for source in sources()}
        with spoken_in(language):
            made |= {course.COURSE / places[each.address]: _made(each, language, places) for each in sources()}
    return {path: text for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text}


def _made(source: Source, language: str, places: dict[str, str]) -> str:
    """The translation of a notebook or page, as the text of its file; ``places`` is where each translation lies."""
    table = read_table(language, source.table)
    if source.address.endswith(".md"):
        return _page(source, language, table, places)
    return notebook_text(_notebook(source, language, table, places))


def _page(source: Source, language: str, table: dict, places: dict[str, str]) -> str:
    parts = []
    for key, english in source.texts().items():
        text = fresh(table, key, english)
        parts.append(_for_reader(source, language, text, english, places))
    # A term of the glossary stands right below the one before it.
    joined = "\n\n".join(parts)
    if source.table == "GLOSSARY":
        joined = re.sub(r"^(- \*\*.*)\n\n(?=- \*\*)", r"\1\n", joined, flags=re.MULTILINE)
    joined = _linked(joined, source.path.read_text(encoding="utf-8"), language)
    note = f"<!-- {source.address}, {language}: made by `make translations` from {source.table}.toml -->"
    return f"{note}\n{joined}\n"


def _notebook(source: Source, language: str, table: dict, places: dict[str, str]) -> dict:
    notebook, chosen = course.read_notebook(source.path), ""
    for cell in notebook["cells"]:
        if cell["id"] == GENERATED:
            cell["source"] = re.sub(r"(?<=\d)\.(?=\d)", ",", said(text_of(cell))).splitlines(keepends=True)
        elif is_prose(cell):
            text = fresh(table, source.key(cell), text_of(cell))
            shown = _for_reader(source, language, text, text_of(cell), places)
            cell["source"] = _linked(shown, "".join(cell["source"]), language).splitlines(keepends=True)
        elif not chosen and re.search(r"^import tlkit$", text_of(cell), re.MULTILINE):
            line = f'import tlkit\ntlkit.use_language("{language}")'
            chosen = re.sub(r"^import tlkit$", line, text_of(cell), count=1, flags=re.MULTILINE)
            cell["source"] = chosen.splitlines(keepends=True)
    if idea := idea_of(notebook):
        notebook["metadata"]["tlkit"]["idea"] = fresh(table, "idea", idea) or idea
    return notebook


def _linked(text: str, english: str, language: str) -> str:
    """The text with the links of a fork, if its English has them."""
    line = badges.line_of(english)
    for begins in ("/lessons/", "=lessons%2F"):  # Colab's address, and Binder's
        line = line and line.replace(begins, f"{begins}{language}{begins[8:]}")
    return badges.with_badges(text, line)


def _for_reader(source: Source, language: str, text: str | None, english: str, places: dict[str, str]) -> str:
    """The translation, or the English with a line above it; links lead to translations where there are any."""
    shown = f"*{said(NOT_YET)}*\n\n{english}" if text is None else text
    if BEGIN in shown:
        rows = _table_of_lessons(language)
        shown = TABLE.sub(lambda found: f"{found[1]}{rows}\n{found[2]}", shown)
    here, there = posixpath.dirname(source.address), posixpath.dirname(source.place(language))

    def moved(link: re.Match) -> str:
        target, mark, fragment = link[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        address = posixpath.normpath(posixpath.join(here, target))
        if address == source.place(language):  # the English links to its translation, and that back
            return f"{link[1]}{posixpath.relpath(source.address, there)}"
        place = places.get(address, address)
        own = address.replace("lessons/", f"lessons/{language}/", 1)
        if address.startswith("lessons/pictures/") and (course.COURSE / own).exists():  # it has words in it
            place = own
        if place == address and any(other.startswith(f"{address}/") and "/" in address for other in places):
            place = own  # a folder, such as that of the solutions
        elif fragment and address.endswith(".md"):
            fragment = _anchor(Source(address), language, fragment)
        return f"{link[1]}{posixpath.relpath(place, there)}{mark}{fragment}"

    return _LINK.sub(moved, shown)


def _anchor(page: Source, language: str, fragment: str) -> str:
    """Where a heading of the English page stands in the translation: the address that a web page makes of its words."""
    english = page.texts().get(fragment)
    text = english and fresh(read_table(language, page.table), fragment, english)
    heading = HEADING.match(text or "")
    return re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-") if heading else fragment


def _table_of_lessons(language: str) -> str:
    """The README's table of lessons and costs."""
    rows = []
    for row in publish.readme_table().splitlines():
        cells = row.strip("| ").split(" | ")
        if found := re.match(r"\[(\w+)\]", cells[0]):
            cells[1] = fresh(read_table(language, found[1]), "idea", cells[1]) or cells[1]
        rows.append(f"| {' | '.join(map(said, cells))} |" if len(cells) > 1 else row)
    return "\n".join(rows)
