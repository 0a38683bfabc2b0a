"""The words of another language: which languages there are, and their tables (``language`` says how they are used)."""

from collections.abc import Iterator
from contextlib import contextmanager

from tlkit import checks, course
from tlkit.disk.cards import read_card
from tlkit.language import ENGLISH, use_words

__all__ = ["use_language"]

_ABOUT = "language.toml"


def languages() -> list[str]:
    """The languages that there are, English first."""
    return [ENGLISH, *sorted(path.parent.name for path in (course.COURSE / "lessons").glob(f"*/{_ABOUT}"))]


def name_of(language: str) -> str:
    """What its speakers call a language."""
    if language == ENGLISH:
        return "English"
    return read_card(course.COURSE / "lessons" / language / _ABOUT, ["name"])["name"]


def words_of(language: str) -> dict[str, str]:
    """All words of a language: English, with holes, to its text.

    Raises
    ------
    ValueError
        If a table cannot be read, or two tables translate one sentence differently.
    """
    words: dict[str, str] = {}
    for path in sorted((course.COURSE / "lessons" / language / "words").glob("*.toml")):
        for english, text in read_card(path).items():
            if words.setdefault(english, text) != text:
                raise ValueError(f"{path.name} has another text for {english!r} than a table before it.")
    return words


def use_language(language: str) -> None:
    """Show figures, widgets, quizzes and what ``check`` says in this language, from here on, in this notebook.

    Errors, and what the code of a lesson prints, stay English.

    Parameters
    ----------
    language : ``"en"`` (the default), or the name of a folder of ``lessons/`` with words, as ``"vi"``

    Raises
    ------
    ValueError
        If there is no such language, or its tables cannot be read.
    """
    checks.choose("language", language, languages())
    use_words(language, {} if language == ENGLISH else words_of(language))


@contextmanager
def spoken_in(language: str) -> Iterator[None]:
    """Use a language for a while, and then English again."""
    use_language(language)
    try:
        yield
    finally:
        use_language(ENGLISH)
