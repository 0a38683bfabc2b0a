"""Names from anywhere: bytes whose encoding nobody noted, and two spellings that are meant as one."""

import codecs
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__: list[str] = []

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Not among them: the joiners, which emoji and some scripts need.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))
_WHOLE = re.compile(r"[+-]?[0-9]+(\.0+)?")
# What Windows-1252 has in the range where the code page of DOS has its accents.
_LETTERS_1252 = frozenset(b"\x8a\x8c\x8e\x9a\x9c\x9e\x9f\x91\x92\x93\x94\x96\x97")


def encoding_of(raw: bytes, dos: bool = False) -> str:
    """The encoding that bytes are most likely in; ``dos`` allows for the code page of zip files, cp437.

    A mark at the beginning decides; then UTF-8, which other encodings hardly ever are by chance; then
    GBK, where letters come in pairs of high bytes; then Windows-1252.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return encoding
    head = raw[:1000]
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    if _decodes(raw, "utf-8"):
        return "utf-8"
    if _is_chinese(raw):
        return "gb18030"
    high = {byte for byte in raw if byte >= 0x80}
    dos_letters = {byte for byte in high if byte < 0xA0} - _LETTERS_1252
    return "cp437" if dos and (dos_letters or not _decodes(raw, "cp1252")) else "cp1252"


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(raw: bytes) -> bool:
    """Whether high bytes come in pairs, most of them among the 3,755 frequent characters of GB 2312."""
    runs = re.findall(rb"[\x80-\xff]+", raw)
    pairs = [run[k : k + 2] for run in runs if len(run) % 2 == 0 for k in range(0, len(run), 2)]
    good = [pair for pair in pairs if 0xB0 <= pair[0] <= 0xF7 and pair[1] >= 0xA1]
    frequent = sum(pair[0] <= 0xD7 for pair in good)
    return 2 * len(good) >= 0.8 * sum(map(len, runs)) and frequent > len(good) / 2 and _decodes(raw, "gb18030")


def readable(name: str) -> str:
    """A file name that can be printed: one that Linux could not decode is decoded by ``encoding_of``."""
    if not any("\udc80" <= letter <= "\udcff" for letter in name):
        return name
    raw = os.fsencode(name)
    return raw.decode(encoding_of(raw), errors="replace")


def plain(name: str) -> str:
    """A label as it is shown: in Unicode's composed form, without blanks at its ends or unseen marks."""
    return " ".join(unicodedata.normalize("NFC", readable(name)).translate(_UNSEEN).split())


def one_spelling(labels: Iterable[str], notes: list[str]) -> dict[str, str]:
    """The class of each label: spellings that look the same, or differ in case alone, are one class.

    Where all labels are whole numbers, those of equal value are one. Labels of one letter that
    differ in case are kept apart: they are letters, and may well be what is to be told apart. What
    is merged is said in ``notes``, one line a class.
    """
    counts = Counter(labels)
    whole = all(_WHOLE.fullmatch(plain(label)) for label in counts)
    groups: dict[str, Counter] = {}
    for label, count in counts.items():
        groups.setdefault(_key(plain(label), whole), Counter())[label] += count
    chosen: dict[str, str] = {}
    for raw in groups.values():
        best = max(sorted(raw), key=lambda label: raw[label])
        name = str(int(plain(best).split(".")[0])) if whole and "." in plain(best) else plain(best)
        chosen |= dict.fromkeys(raw, name)
        if len(raw) > 1:
            others = sorted({plain(label) for label in raw} - {plain(best)})
            seen = ", ".join(f'"{other}"' for other in others) or "spellings that look the same"
            notes.append(f'One class, "{name}": {seen} {"is" if len(others) == 1 else "are"} taken for it.')
    letters = sorted(name for name in set(chosen.values()) if len(name) == 1 and name.swapcase() in chosen.values())
    if any(name != name.swapcase() for name in letters):
        notes.append(f"Letters that differ in case are classes of their own: {', '.join(letters[:10])}.")
    return chosen


def _key(name: str, whole: bool) -> str:
    if whole:
        return str(int(name.split(".")[0]))
    return unicodedata.normalize("NFKC", name).casefold() if len(name) > 1 else name


def in_order(names: Iterable[str]) -> list[str]:
    """Class names in their order: whole numbers as numbers ("10" after "2"), all else by letters."""
    names = list(names)
    return sorted(names, key=int) if all(_WHOLE.fullmatch(name) for name in names) else sorted(names)


def few(names: Iterable[str], most: int = 5) -> str:
    """The first names of many, for a line of a report."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
