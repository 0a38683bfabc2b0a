"""What a translation must share with its English: numbers, links, code, and the words of the field."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from tlkit import course
from tlkit.disk.cards import read_card
from tlkit.disk.words import words_of

__all__: list[str] = []

_FENCED, _CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE), re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"""\]\(([^)]+)\)|(?:src|href)="([^"]+)\"""")
_MARKUP = re.compile(r"""\]\([^)]+\)|<[^>]*>|\$[^$\n]+\$""")
_NUMBER = re.compile(r"\d*\.?\d+")


def differences(english: str, text: str, terms: Mapping[str, Sequence[str]], free: Sequence[str] = ()) -> list[str]:
    """In what a translation differs from its English, in words; ``free`` are terms that need no form here."""
    wrong = []
    for what, of in (("code", _code), ("links", _links)):
        wrong += _compared(what, of(english), of(text))
    wrong += _compared("numbers", numbers(english), numbers(text, decimal=","))
    for mark in ("#", "|", "- ", "1. "):
        ours, theirs = (sum(line.startswith(mark) for line in each.splitlines()) for each in (english, text))
        if ours != theirs:
            wrong.append(f"{ours} lines begin with {mark!r}, but here {theirs}")
    shown, given = _bare(english).lower(), _bare(text).lower()
    for term, forms in terms.items():
        said = re.search(rf"\b{term}(s|es|d|ed)?\b", shown)
        if said and term not in free and not any(form in given for form in forms):
            wrong.append(f"{term!r} should be {' or '.join(forms)}")
    return wrong


def _compared(what: str, ours: Counter, theirs: Counter) -> list[str]:
    parts = {"lacks": ours - theirs, "adds": theirs - ours}
    told = " and ".join(f"{does} {', '.join(map(str, found))}" for does, found in parts.items() if found)
    return [f"{what}: {told}"] if told else []


def _code(text: str) -> Counter:
    return Counter(_FENCED.findall(text)) + Counter(_CODE.findall(_FENCED.sub("", text)))


def _links(text: str) -> Counter:
    return Counter(first or second for first, second in _LINK.findall(_FENCED.sub("", text)))


def _bare(text: str) -> str:
    """The words alone: without code, addresses, tags and formulas."""
    return _MARKUP.sub(" ", _CODE.sub(" ", _FENCED.sub(" ", text)))


def numbers(text: str, decimal: str = ".") -> Counter:
    """The numbers in a text, and how often each occurs; of point and comma one is ``decimal``, one marks thousands."""
    thousands = "." if decimal == "," else ","
    plain = re.sub(rf"(?<=\d){re.escape(thousands)}(?=\d{{3}}(?!\d))", "", _bare(text))
    plain = re.sub(r"(?<=\d),(?=\d)", ".", plain) if decimal == "," else plain
    return Counter(map(float, _NUMBER.findall(plain)))


# ---------------------------------------------------------------------------- words


def word_problems(language: str) -> Iterator[str]:
    """What is wrong with the words of a language: those that no code says, and what must be there and is not."""
    spoken, known = spoken_words(), words_of(language)
    for path in sorted((course.COURSE / "lessons" / language / "words").glob("*.toml")):
        for english, text in read_card(path).items():
            where = f"words/{path.name}, {english!r}"
            if english not in spoken:
                yield f"{where}: no code says this"
            elif text.count("{") != english.count("{"):
                yield f"{where}: another number of {{}}"
            else:
                yield from (f"{where}: {wrong}" for wrong in differences(english, text, {}) if "lines" not in wrong)
    for english, where in sorted(needed_words().items(), key=lambda pair: pair[1]):
        if english not in known:
            yield f"words, of {where}: {english!r} is not translated"


def spoken_words() -> set[str]:
    """Every text in the code of helper, tools and notebooks, with ``{}`` for what is filled in; quizzes and cards."""
    said = set(quiz_words())
    for _, code in _codes():
        said |= _templates(code)
    for page in (Path(__file__).parent / "templates").rglob("*.j2"):
        for text, more in re.findall(r'say\("([^"]+)"( ~)?', page.read_text(encoding="utf-8")):
            said.add(f"{text}{'{}' * bool(more)}")
    cards = map(read_card, (course.COURSE / "datasets").glob("*.toml"))
    return said | {card[about] for card in cards for about in ("title", "shows", "similarity") if about in card}


def needed_words() -> dict[str, str]:
    """What no translation may lack, and the file that says it: quizzes, what ``check`` says, guesses and claims."""
    needed = quiz_words()
    for path, code in _codes():
        for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name == "exercise" and path.parent.name == "exercises":
                given = call.args[1:]
            elif name == "Wrong" or (name in ("Guess", "claims") and path.suffix == ".ipynb"):
                given = call.args
            else:
                continue
            needed.update({english: path.name for english in map(template, _parts(given)) if english})
    return {english: where for english, where in needed.items() if re.search(r"[A-Za-z]{2}", english)}


def _parts(given: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The texts among arguments, in lists and as the keys of dictionaries, and both of an alternative."""
    for node in given:
        if isinstance(node, ast.List):
            yield from _parts(node.elts)
        elif isinstance(node, ast.Dict):
            yield from _parts([key for key in node.keys if key])
        elif isinstance(node, ast.IfExp):
            yield from _parts([node.body, node.orelse])
        else:
            yield node


def quiz_words() -> dict[str, str]:
    """The questions and answers of every quiz, and the file of each."""
    words: dict[str, str] = {}
    for path in sorted((course.PACKAGE / "exercises").glob("quiz_*.toml")):
        for question in read_card(path)["question"]:
            words[question["asks"]] = path.name
            for option in question["option"]:
                words |= {option["says"]: path.name, option["because"]: path.name}
    return words


@cache
def _templates(code: str) -> frozenset[str]:
    return frozenset(filter(None, map(template, ast.walk(ast.parse(code)))))


def _codes() -> Iterator[tuple[Path, str]]:
    """The code of the helper, of what makes the course, and of the cells of every notebook."""
    for path in [*sorted(course.PACKAGE.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]:
        yield path, path.read_text(encoding="utf-8")
    lessons = course.COURSE / "lessons"
    for path in (found for where in ("*", "solutions/*", "demo/*") for found in sorted(lessons.glob(f"{where}.ipynb"))):
        for cell in course.read_notebook(path)["cells"]:
            if cell["cell_type"] == "code":
                yield path, re.sub(r"^(\s*)[%!].*$", r"\1pass", "".join(cell["source"]), flags=re.MULTILINE)


def template(node: ast.AST) -> str | None:
    """A text in the code as a key of the words, ``{}`` for each part that is filled in; None if it is no text."""
    if isinstance(node, ast.JoinedStr):
        return "".join(each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{[a-z_]\w*(:[^}]*)?\}", "{}", node.value)
    return None
