"""Cards: small TOML files beside a dataset or a weights file that say what it is."""

import json
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__: list[str] = []


def read_card(path: Path) -> dict:
    """Read a card; ValueError if it is not there or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"The card {path} cannot be read: {error}") from error


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
