"""What is translated, and the tables with the texts: for each the hash of the English that it translates."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlkit import course
from tlkit.disk.cards import read_card
from tools import badges
from tools.translation_checks import differences, word_problems

__all__: list[str] = []

DEMO = "demo/decision_map.ipynb"
DOCUMENTS = ("README.md", "lessons/GLOSSARY.md", "lessons/INSTRUCTOR.md", "lessons/WAYS.md")
GENERATED = "cost-card"  # the measured costs, in the words of the language
BEGIN = "<!-- lessons: begin -->"
TABLE = re.compile(f"({BEGIN}\n).*?(<!-- lessons: end -->)", re.DOTALL)  # of lessons and costs, in the README
HEADING, _TERM = re.compile(r"#+ +(.+)"), re.compile(r"- \*\*(.+?)\*\*")


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
            return blocks(TABLE.sub(r"\1\2", text), self.table == "GLOSSARY")
        notebook = course.read_notebook(self.path)
        texts = {self.key(cell): text_of(cell) for cell in notebook["cells"] if is_prose(cell)}
        return ({"idea": idea} if (idea := idea_of(notebook)) else {}) | texts

    def key(self, cell: dict) -> str:
        """Under which a cell stands in the table; an exercise of the solutions is that of the lesson."""
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


def english_texts() -> dict[str, dict[str, str]]:
    """The English of every table: its name, then the keys of its texts."""
    english: dict[str, dict[str, str]] = {}
    for source in sources():
        english.setdefault(source.table, {}).update(source.texts())
    return english


def blocks(text: str, by_term: bool = False) -> dict[str, str]:
    """A page cut before its headings, and ``by_term`` before the terms of a glossary; the keys are their words."""
    cut: dict[str, list[str]] = {}
    lines, key, fenced = text.splitlines(), "", False
    for line in lines:
        fenced ^= line.startswith("```")
        found = None if fenced else HEADING.match(line) or (_TERM.match(line) if by_term else None)
        if found:
            key = re.sub(r"[^a-z0-9]+", "-", found[1].lower()).strip("-")
            key = key if key not in cut else f"{key}-2"
        cut.setdefault(key, []).append(line)
    return {key: "\n".join(lines).strip("\n") for key, lines in cut.items() if any(lines)}


def hash_of(english: str) -> str:
    """What ties a translation to its English."""
    return hashlib.sha256(english.encode()).hexdigest()[:12]


def idea_of(notebook: dict) -> str:
    """What a lesson is about, in a line; it stands in the table of lessons, and in no cell."""
    return notebook["metadata"].get("tlkit", {}).get("idea", "")


def is_prose(cell: dict) -> bool:
    """Whether somebody wrote the text of this cell."""
    return cell["cell_type"] == "markdown" and cell["id"] != GENERATED


def text_of(cell: dict) -> str:
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
    english = english_texts()
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
    english = english_texts()
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
