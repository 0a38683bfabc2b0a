"""The words that a student sees, in the language that a notebook asked for.

The code of the course speaks English, and so do its tables. Where a figure, a widget or a check is about to be shown,
the finished sentence is looked up in the words of the language, and stays English if it is not there. The words are
TOML tables in ``lessons/<language>/words``: English on the left, with ``{}`` for every part that is filled in.
``disk/words`` reads them.

gettext would ask for a mark at each sentence in the code; and the lessons' own code, which is the same in every
language, could not be marked at all.
"""

import html
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

__all__: list[str] = []

ENGLISH = "en"
_HOLE = re.compile(r"\{(\d*)\}")
_TAG = re.compile(r"(<[^>]*>)")
_BLOCK = re.compile(r"(</?(?:p|div|li|ul|ol|br|table|thead|tbody|tr|td|th|summary|details|style|small|h\d)\b[^>]*>)")
_LIST = re.compile(r"(, | and )")
_LONGEST = 1000  # letters of a sentence with holes; what is longer is a picture, or several sentences
_TOGETHER = 5  # sentences that the words may have as one text with holes
_SENTENCE = re.compile(r"(?<=[.:;!?])( +)")


class _Words:
    """What is in use: whole sentences, and patterns for those with holes, those that say most first."""

    def __init__(self) -> None:
        self.language, self.whole, self.patterns = ENGLISH, {}, []


_words = _Words()


def use_words(language: str, words: Mapping[str, str]) -> None:
    """Show what is on the left of ``words`` as what is on the right, from here on."""
    _words.language, _words.whole, _words.patterns = language, {}, []
    for english, text in words.items():
        if _HOLE.search(english):
            parts = _HOLE.split(english)[::2]
            pattern = re.compile("(.+?)".join(map(re.escape, parts)))
            _words.patterns.append((max(parts, key=len), pattern, text))
        else:
            _words.whole[english] = text
    _words.patterns.sort(key=lambda known: len(known[1].pattern), reverse=True)
    _found.cache_clear()


def in_use() -> str:
    """The language in use."""
    return _words.language


def said(text: str) -> str:
    """A text in the language in use: found whole, by line, by sentence, or as a list of words; else as it is."""
    return _found(text) if _words.language != ENGLISH and text else text


def said_html(text: str) -> str:
    """The same for HTML: block by block, with the tags inside a sentence; else the words between two tags."""
    if _words.language == ENGLISH or not text:
        return text
    return "".join(part if k % 2 else _block(part) for k, part in enumerate(_BLOCK.split(text)))


def _block(text: str) -> str:
    plain = html.unescape(text) if "<" not in text else text.replace("&#x27;", "'").replace("&quot;", '"')
    bare = plain.strip()
    if not bare:
        return text
    if len(bare) <= _LONGEST and (found := _found(bare)) != bare:
        return text.replace(text.strip(), found if "<" in text else html.escape(found, quote=False))
    if "<" not in text:
        return text
    return "".join(part if k % 2 else _block(part) for k, part in enumerate(_TAG.split(text)))


@lru_cache(4096)
def _found(text: str) -> str:
    if (found := _match(text)) is not None:
        return found
    if "\n" in text:
        if (found := _match(text.replace("\n", " "))) is not None:  # a label that was broken to fit
            return textwrap.fill(found, max(map(len, text.split("\n"))) + 2, break_long_words=False)
        return "\n".join(map(_found, text.split("\n")))
    if len(parts := _SENTENCE.split(text)) > 1:
        return "".join(_sentences(parts))
    if text[-1:] in (".", ":", ";", "!", "?") and (found := _match(text[:-1])) is not None:
        return found + text[-1]
    if len(parts := _LIST.split(text)) > 1 and all(_match(part) is not None for part in parts[::2]):
        return "".join(map(_found, parts))
    return text


def _sentences(parts: Sequence[str]) -> Iterator[str]:
    """Sentences and the blanks between them, translated; as many together as the words have together."""
    k = 0
    while k < len(parts):
        longest = min(len(parts), k + 2 * _TOGETHER - 1)
        ends = (end for end in range(longest, k + 1, -2) if _match("".join(parts[k:end])) is not None)
        end = next(ends, k + 1)
        yield _found("".join(parts[k:end]))
        yield from parts[end : end + 1]
        k = end + 1


def _filled(translated: str, parts: Sequence[str]) -> str:
    """``{}`` takes the parts in their order, ``{1}`` the second one."""
    numbers = iter(range(len(parts)))
    return _HOLE.sub(lambda hole: parts[int(hole[1] or next(numbers))], translated)


def _match(text: str) -> str | None:
    if text in _words.whole:
        return _words.whole[text]
    if len(text) > _LONGEST:
        return None
    for known, pattern, translated in _words.patterns:
        # Most are ruled out by the longest of their words, which is far quicker to look for.
        if known in text and (match := pattern.fullmatch(text)):
            return _filled(translated, [_found(part) for part in match.groups()])
    return None
