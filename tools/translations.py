"""Lessons and pages in another language: ``python -m tools translations``.

The English notebooks and pages are the one source. A table for each, in ``lessons/<language>/tables``, has the text of
every Markdown cell beside a hash of the English that it translates; the code is copied when the notebook is made, and
never kept. So no translation can fall behind unnoticed: where the English has changed, the reader gets the English.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlkit import course
from tlkit.disk.cards import read_card
from tlkit.disk.words import languages, spoken_in
from tlkit.language import ENGLISH, said
from tools import badges, publish
from tools.notebooks import notebook_text
from tools.translation_checks import differences, word_problems

__all__: list[str] = []

DEMO = "demo/decision_map.ipynb"
DOCUMENTS = ("README.md", "lessons/GLOSSARY.md", "lessons/INSTRUCTOR.md", "lessons/WAYS.md")
GENERATED = "cost-card"  # the measured costs, in the words of the language
NOT_YET = "Not translated yet, or changed since: here is the English."
_BEGIN, _END = "<!-- lessons: begin -->", "<!-- lessons: end -->"
_TABLE = re.compile(f"({_BEGIN}\n).*?({_END})", re.DOTALL)
_HEADING, _TERM = re.compile(r"#+ +(.+)"), re.compile(r"- \*\*(.+?)\*\*")
_LINK = re.compile(r"""(\]\(|(?:src|href)=")([^)"]+)""")


@dataclass(frozen=True)
class Source:
    """A notebook or a page of the course; ``address`` is its path from the top of the course."""

    address: str

    @property
    def table(self) -> str:
        """The name of the table with its texts; a lesson and its solutions share one."""
        return Path(self.address).stem

    @property
    def path(self) -> Path:
        return course.COURSE / self.address

    def place(self, language: str) -> str:
        """The address of its translation."""
        return f"lessons/{language}/{self.address.removeprefix('lessons/')}"

    def texts(self) -> dict[str, str]:
        """What there is to translate: the key in the table, and the English."""
        if self.address.endswith(".md"):
            text = badges.with_badges(self.path.read_text(encoding="utf-8"), None)
            return blocks(_TABLE.sub(r"\1\2", text), self.table == "GLOSSARY")
        notebook = course.read_notebook(self.path)
        texts = {self._key(cell): _text(cell) for cell in notebook["cells"] if _is_prose(cell)}
        return ({"idea": idea} if (idea := _idea(notebook)) else {}) | texts

    def _key(self, cell: dict) -> str:
        shared = "/solutions/" not in self.address or cell["id"].startswith("exercise-")
        return cell["id"] if shared else f"solutions/{cell['id']}"


def sources() -> list[Source]:
    """All that is translated: lessons, solutions, the notebook of progress, pages."""
    folder = course.COURSE / "lessons"
    lessons = course.lessons()
    solved = [path.parent / "solutions" / path.name for path in lessons]
    notebooks = [*lessons, *(path for path in [*solved, folder / "progress.ipynb", folder / DEMO] if path.exists())]
    pages = [name for name in DOCUMENTS if (course.COURSE / name).exists()]
    return [Source(path.relative_to(course.COURSE).as_posix()) for path in notebooks] + [Source(name) for name in pages]


def blocks(text: str, by_term: bool = False) -> dict[str, str]:
    """A page cut before its headings, and ``by_term`` before the terms of a glossary; the keys are their words."""
    cut: dict[str, list[str]] = {}
    lines, key, fenced = text.splitlines(), "", False
    for line in lines:
        fenced ^= line.startswith("```")
        found = None if fenced else _HEADING.match(line) or (_TERM.match(line) if by_term else None)
        if found:
            key = re.sub(r"[^a-z0-9]+", "-", found[1].lower()).strip("-")
            key = key if key not in cut else f"{key}-2"
        cut.setdefault(key, []).append(line)
    return {key: "\n".join(lines).strip("\n") for key, lines in cut.items() if any(lines)}


def hash_of(english: str) -> str:
    """What ties a translation to its English."""
    return hashlib.sha256(english.encode()).hexdigest()[:12]


def _idea(notebook: dict) -> str:
    """What a lesson is about, in a line; it stands in the table of lessons, and in no cell."""
    return notebook["metadata"].get("tlkit", {}).get("idea", "")


def _is_prose(cell: dict) -> bool:
    return cell["cell_type"] == "markdown" and cell["id"] != GENERATED


def _text(cell: dict) -> str:
    """What stands in a cell; without the links of a fork, which are no part of the text."""
    return badges.with_badges("".join(cell["source"]), None)


# ---------------------------------------------------------------------------- tables


def read_table(language: str, name: str) -> dict:
    """The texts of a notebook or page in a language; none where there is no table yet."""
    path = _tables(language) / f"{name}.toml"
    return read_card(path) if path.exists() else {}


def _tables(language: str) -> Path:
    return course.COURSE / "lessons" / language / "tables"


def fresh(table: dict, key: str, english: str) -> str | None:
    """The translation of a text; None if there is none, or the English is another by now."""
    entry = table.get(key, {})
    return entry["text"].strip("\n") if entry.get("of", hash_of(english)) == hash_of(english) and entry else None


def stamp(language: str) -> None:
    """Tie every text without a hash to the English as it is now."""
    english: dict[str, dict[str, str]] = {}
    for source in sources():
        english.setdefault(source.table, {}).update(source.texts())
    for name, texts in english.items():
        path, table = _tables(language) / f"{name}.toml", read_table(language, name)
        lines, inside = [], False
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            lines.append(line)
            head = None if inside else re.fullmatch(r'\["?([^"\]]+)"?\]', line)
            inside ^= line.count("'''") % 2 == 1
            if head and head[1] in texts and "of" not in table[head[1]]:
                lines.append(f'of = "{hash_of(texts[head[1]])}"')
        if lines:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def problems(language: str) -> Iterator[str]:
    """What is wrong with the tables of a language, a line for each."""
    terms = read_card(course.COURSE / "lessons" / language / "language.toml")["terms"]
    english: dict[str, dict[str, str]] = {}
    for source in sources():
        english.setdefault(source.table, {}).update(source.texts())
    for name, texts in english.items():
        table = read_table(language, name)
        for key, source_text in texts.items():
            where = f"{name}, {key}"
            if key not in table:
                yield f"{where}: not translated"
            elif (text := fresh(table, key, source_text)) is None:
                yield f"{where}: stale, its English has changed; translate it again, and delete its line of"
            else:
                free = table[key].get("without", [])
                yield from (f"{where}: {wrong}" for wrong in differences(source_text, text, terms, free))
        yield from (f"{name}, {key}: there is no such text" for key in table if key not in texts)
    for name in sorted({path.stem for path in _tables(language).glob("*.toml")} - set(english)):
        yield f"{name}: there is no such notebook or page"
    yield from word_problems(language)


# ---------------------------------------------------------------------------- making


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
            cell["source"] = re.sub(r"(?<=\d)\.(?=\d)", ",", said(_text(cell))).splitlines(keepends=True)
        elif _is_prose(cell):
            text = fresh(table, source._key(cell), _text(cell))
            shown = _for_reader(source, language, text, _text(cell), places)
            cell["source"] = _linked(shown, "".join(cell["source"]), language).splitlines(keepends=True)
        elif not chosen and re.search(r"^import tlkit$", _text(cell), re.MULTILINE):
            line = f'import tlkit\ntlkit.use_language("{language}")'
            chosen = re.sub(r"^import tlkit$", line, _text(cell), count=1, flags=re.MULTILINE)
            cell["source"] = chosen.splitlines(keepends=True)
    if idea := _idea(notebook):
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
    if _BEGIN in shown:
        rows = _table_of_lessons(language)
        shown = _TABLE.sub(lambda found: f"{found[1]}{rows}\n{found[2]}", shown)
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
    heading = _HEADING.match(text or "")
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
