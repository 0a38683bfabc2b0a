"""What the course cites stands in references.bib, and what the glossary says is earned where it says."""

import re

import pytest

from tlkit import course
from tlkit.course import read_notebook
from tlkit.disk.cards import read_card

LESSONS = course.COURSE / "lessons"
NOTEBOOKS = sorted(LESSONS.glob("[0-9]*.ipynb"))
CARDS = sorted((course.COURSE / "datasets").glob("*.toml"))
# Whatever speaks to a reader: lessons and their solutions, the pages, the quizzes, the cards, docstrings and comments.
TEXTS = [
    *NOTEBOOKS,
    *sorted((LESSONS / "solutions").glob("*.ipynb")),
    *sorted(LESSONS.glob("*.md")),
    course.COURSE / "README.md",
    *sorted((course.COURSE / "tlkit").glob("**/*.py")),
    *sorted((course.COURSE / "tlkit/exercises").glob("*.toml")),
    *CARDS,
]

_NAME = r"[A-ZÀ-Þ][\w’'-]+"
_YEAR = r"(?:19|20)\d\d"
CITATION = re.compile(
    # Lin et al. (2020); He, Girshick and Dollár (2019); Li et al. 2017
    rf"\b({_NAME}(?: et al\.|(?:, {_NAME})*,? and {_NAME}|(?:, {_NAME})+)),? \(?({_YEAR})\b"
    # One name alone is a citation only in brackets, or before a year in brackets: (Worley 1996); Gielis (2003)
    rf"|[(;] ?({_NAME}) ({_YEAR})\b|\b({_NAME}) \(({_YEAR})\)"
)
# On a card: Nilsback, M.-E. and Zisserman, A. (2006)
ON_A_CARD = re.compile(rf"({_NAME}), (?:[A-Z]\.[ -]?)+(?:[^().]|[A-Z]\.|al\.)*\(({_YEAR})\)")


def parse(bib):
    """``{key: {field: value}}`` of entries that are written one field a line."""
    entries = {}
    for key, body in re.findall(r"^@\w+\{([\w-]+),\n(.*?)^\}$", bib, flags=re.M | re.S):
        assert key not in entries, f"{key} stands there twice"
        entries[key] = dict(re.findall(r"^  (\w+) = \{(.*)\},$", body, flags=re.M))
        assert len(entries[key]) == len(body.splitlines()), f"{key}: one field a line, each once, in braces"
    return entries


@pytest.fixture(scope="module")
def entries():
    text = (LESSONS / "references.bib").read_text(encoding="utf-8")
    found = parse(text)
    assert len(found) == len(re.findall(r"^\s*@", text, flags=re.M)), "every entry can be read"
    return found


def citations(text):
    """``(names, year)`` of what a text cites; of *et al.* the first name alone."""
    for match in CITATION.findall(" ".join(text.replace(" & ", " and ").split())):
        names, year = next(pair for pair in zip(match[::2], match[1::2]) if pair[0])
        yield re.split(r",? and |, ", names.removesuffix(" et al.")), year


def prose(path):
    """The markdown of a notebook without its sources, or the text of any other file."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = read_notebook(path)["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"^\*\*Sources\*\*.*$", "", text, flags=re.M)


def surnames(entry):
    return [author.split(",")[0] for author in entry["author"].split(" and ")]


def has(entries, names, year):
    """Whether there is a work of this year with this first author, and with the others that are named."""
    written = [surnames(entry) for entry in entries.values() if entry["year"] == year]
    return any(names[0] == authors[0] and set(names) <= set(authors) for authors in written)


def test_every_entry_says_who_what_when_and_where(entries):
    assert len(entries) > 30 and list(entries) == sorted(entries)
    for key, entry in entries.items():
        assert {"author", "title", "year"} <= set(entry) and all(entry.values()), key
        assert re.fullmatch(_YEAR, entry["year"]), key
        assert {"booktitle", "journal", "howpublished", "institution", "eprint", "url"} & set(entry), key
        first = surnames(entry)[0].strip("{}").split("-")[0].lower()
        assert key == first + entry["year"] or key.startswith(f"{first}-") or key == "cs231n-slides", key


def test_titles_are_there_once(entries):
    titles = [entry["title"].casefold() for entry in entries.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_whoever_is_cited_has_an_entry(path, entries):
    text = prose(path)
    missing = [f"{', '.join(names)} {year}" for names, year in citations(text) if not has(entries, names, year)]
    assert missing == [], "add them to lessons/references.bib, or mend the citation"
    assert "CS231n" not in text or "cs231n-transfer" in entries


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_what_a_card_cites_has_an_entry(path, entries):
    found = ON_A_CARD.findall(read_card(path).get("citation", ""))
    assert [(name, year) for name, year in found if not has(entries, [name], year)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_sources_of_a_lesson_are_entries(path, entries):
    closing = "".join(next(cell["source"] for cell in read_notebook(path)["cells"] if cell["id"] == "closing"))
    for sources in re.findall(r"^\*\*Sources\*\*: (.*)$", closing, flags=re.M):
        for title, year in re.findall(rf"\*([^*]+)\*[^*]*?\b({_YEAR})\b", sources):
            found = [e for e in entries.values() if e["title"].casefold().startswith(title.casefold())]
            assert [e for e in found if e["year"] == year], f"{title}, {year}"


def test_the_citations_are_seen():
    seen = "Nearly all do (Yosinski et al. 2014), He, Girshick and Dollár (2019); Li et al. 2017 agree (Worley 1996)."
    assert [(names[0], year) for names, year in citations(seen)] == [
        ("Yosinski", "2014"),
        ("He", "2019"),
        ("Li", "2017"),
        ("Worley", "1996"),
    ]
    assert list(citations("Colab had in August 2026 what ICLR 2022 and CVPR workshops 2014 had not.")) == []
    assert ON_A_CARD.findall("Worley, S. (1996). A basis. Raup, D. M. (1966). Kather, J. N. et al. (2016). Cells.") == [
        ("Worley", "1996"),
        ("Raup", "1966"),
        ("Kather", "2016"),
    ]
    number = sum(len(list(citations(prose(path)))) for path in TEXTS)
    assert number >= 20, "a pattern that finds nothing would let everything pass"


# ---------------------------------------------------------------------------- the glossary

_ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+) \[(\d\d)\]\((\S+)\)$")


def glossary():
    text = (LESSONS / "GLOSSARY.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    return [_ENTRY.match(line).groups() if _ENTRY.match(line) else (line, "", "", "") for line in lines]


def test_the_glossary_is_in_order_and_every_line_has_its_parts():
    terms = [term for term, *_ in glossary()]
    assert [term for term, meaning, *_ in glossary() if not meaning] == []
    assert len(terms) > 40 and terms == sorted(set(terms), key=str.casefold)


@pytest.mark.parametrize("term, number, target", [(t, n, link) for t, _, n, link in glossary()])
def test_a_term_is_earned_where_the_glossary_says(term, number, target):
    path = LESSONS / target
    assert path in NOTEBOOKS and path.name.startswith(number)
    plain = re.sub(r"[*`]", "", prose(path))
    for word in term.split(" / "):
        assert re.search(rf"\b{re.escape(word)}", plain, flags=re.I), f"{word} is not in {target}"
