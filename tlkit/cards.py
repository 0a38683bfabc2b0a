"""Cards: small TOML files beside a dataset or a weights file that say what it is."""

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


def write_card(values: dict[str, str | int | float]) -> str:
    """The text of a flat card."""
    lines = []
    for name, value in values.items():
        shown = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else repr(value)
        lines.append(f"{name} = {shown}")
    return "\n".join(lines) + "\n"
