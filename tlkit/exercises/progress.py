"""What a student has done, remembered in a small file on this machine. Nothing leaves it."""

import json
import os
import warnings
from pathlib import Path

import platformdirs

from tlkit.disk.cache import write_atomically
from tlkit.disk.locks import locked

__all__: list[str] = []


def progress_file() -> Path:
    """Where it is kept: ``TLKIT_PROGRESS``, or a file in the user's data folder."""
    named = os.environ.get("TLKIT_PROGRESS")
    return Path(named).expanduser() if named else platformdirs.user_data_path("tlkit", appauthor=False) / "done.json"


def note(name: str) -> None:
    """Remember that an exercise (``"03.1"``) or a quiz (``"03.quiz"``) is done; never an error for a student."""
    path = progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock"), timeout=5):  # a killed kernel may have left its lock
            names = done() | {name}
            write_atomically(path, lambda part: part.write_text(json.dumps(sorted(names)), encoding="utf-8"))
    except OSError as error:
        warnings.warn(f"Could not remember that {name} is done ({error}); going on without.", stacklevel=3)


def done() -> set[str]:
    """The names of what is done. A file that cannot be read counts as empty."""
    try:
        names = json.loads(progress_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
