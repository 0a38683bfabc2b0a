"""What a student has done, remembered in a small file on this machine. Nothing leaves it."""

import html
import json
import os
import re
import warnings
from pathlib import Path

import platformdirs

from tlkit.disk.cache import write_atomically
from tlkit.disk.locks import locked

__all__ = ["Progress", "show_progress"]


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


class Progress:
    """What is done of every lesson: a table in a notebook, lines of text elsewhere."""

    def __init__(self, lessons: dict[str, tuple[str, str]], parts: dict[str, list[tuple[str, str]]]):
        self._lessons, self._parts, self._done = lessons, parts, done()

    @property
    def share(self) -> float:
        """How much of everything is done, 0 to 1."""
        every = [name for parts in self._parts.values() for name, _ in parts]
        return sum(name in self._done for name in every) / max(1, len(every))

    def _marks(self, lesson: str) -> str:
        return " ".join("●" if name in self._done else "○" for name, _ in self._parts[lesson])

    def __repr__(self) -> str:
        lines = [f"{number}  {self._marks(number):10} {title}" for number, (_, title) in self._lessons.items()]
        return "\n".join([*lines, f"Done: {self.share:.0%}. Kept in {progress_file()}; nothing leaves this machine."])

    def _repr_html_(self) -> str:
        rows = []
        for number, (file, title) in self._lessons.items():
            marks = " ".join(
                f'<span title="{html.escape(what)}" aria-label="{html.escape(what)}: '
                f'{"done" if name in self._done else "open"}" role="img" style="font-size:1.3em;color:#009E73">'
                f"{'●' if name in self._done else '○'}</span>"
                for name, what in self._parts[number]
            )
            link = f'<a href="{file}">{number} · {html.escape(title)}</a>'
            rows.append(f'<tr><td style="text-align:left">{link}</td><td style="text-align:left">{marks}</td></tr>')
        head = "<tr><th style='text-align:left'>Lesson</th><th style='text-align:left'>Exercises, quiz</th></tr>"
        where = html.escape(str(progress_file()))
        kept = f"Done: <b>{self.share:.0%}</b>. Kept in {where}; nothing leaves this machine."
        return f"<table>{head}{''.join(rows)}</table><p>{kept}</p>"


def show_progress() -> Progress:
    """Every lesson with its exercises and its quiz, and which of them are done on this machine.

    To begin again, delete the file that it names.
    """
    from tlkit.exercises import exercises_of
    from tools.publish import lessons

    titles, parts = {}, {}
    for path in lessons():
        number = path.stem[:2]
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        titles[number] = path.name, re.sub(r"^# \d\d · ", "", "".join(first).splitlines()[0])
        parts[number] = [(found.name, f"{found.name} {found.title}") for found in exercises_of(number)]
        parts[number].append((f"{number}.quiz", "quiz"))
    return Progress(titles, parts)
