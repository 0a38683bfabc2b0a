"""Cards: small TOML files beside a dataset or a weights file that say what it is."""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tlkit.disk import limits

__all__: list[str] = []


_LARGEST = 2**20  # bytes; the longest part of ours is the program that loads a model without this course
_SEAL = "card_sha256"  # the last line of a card that was sealed: the checksum of the text before it


def read_card(path: Path, needed: Iterable[str] = ()) -> dict:
    """Read a card.

    Raises
    ------
    ValueError
        If it is not there, is no TOML, was changed since it was sealed, or does not say what is ``needed``.
    """
    try:
        text = limits.read(path, _LARGEST).decode().replace("\r\n", "\n")  # git may write other line ends on Windows
        card = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:  # brackets within brackets without end
        raise ValueError(f"The card {path} cannot be read: {error}") from error
    seal = card.pop(_SEAL, None)
    if seal is not None and seal != _checksum(text.rpartition(f"{_SEAL} = ")[0]):
        raise ValueError(
            f"The card {path} is damaged, or was changed by hand.\n"
            f"Get it again; or, if the change is yours, delete its line that begins with {_SEAL}."
        )
    absent = set(needed) - set(card)
    if absent:
        raise ValueError(f"The card {path} does not say: {', '.join(sorted(absent))}.")
    return card


def seal(text: str) -> str:
    """The text of a card with its own checksum as the last line, so that damage is noticed."""
    return f'{text}{_SEAL} = "{_checksum(text)}"\n'


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_card(values: dict[str, str | bool | int | float | list]) -> str:
    """The text of a flat card; a text of several lines stays readable."""
    return "".join(f"{name} = {_in_lines(value) or _as_toml(value)}\n" for name, value in values.items())


def _in_lines(value: object) -> str:
    """Several lines as TOML's literal kind, which knows no escapes; "" for what it cannot hold."""
    plain = isinstance(value, str) and "\n" in value and "'''" not in value and not value.endswith("'")
    return f"'''\n{value}'''" if plain and all(c == "\n" or c.isprintable() for c in value) else ""


def _as_toml(value: str | bool | int | float | list) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    # A string of JSON is one of TOML, but for this one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(value, str) else repr(value)
