"""Tables to read: rows of text, in columns for a terminal and as HTML for a notebook."""

import html
from collections.abc import Sequence

from tlkit.language import said

__all__: list[str] = []


def as_text(lines: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Columns side by side, the first line being the head; notes below them.

    Names and cards come from anybody: what would steer a terminal is shown as a blank.
    """
    lines = [[_plain(cell) for cell in line] for line in _headed(lines)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*rows, *(_plain(said(note)) for note in notes)])


def _headed(lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The head in the language in use; what stands below it may be names that somebody gave."""
    return [[said(cell) for cell in lines[0]], *lines[1:]]


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def as_table(lines: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """The same as HTML. Names of files and classes, and cards, come from anybody: all is shown as text."""
    head, *rows = ([html.escape(cell) for cell in line] for line in _headed(lines))
    body = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
    below = "".join(f"<p>{html.escape(said(note))}</p>" for note in notes)
    return f"<table><thead><tr><th>{'</th><th>'.join(head)}</th></tr></thead><tbody>{body}</tbody></table>{below}"
