"""How far has a student come? Every lesson with its exercises and its quiz, and what of them is done."""

import html
import re
import sys
from pathlib import Path

from tlkit import checks, course
from tlkit.exercises import exercises_of, progress
from tlkit.language import in_use, said

__all__ = ["Progress", "show_progress"]


class Progress:
    """What is done of every lesson: a table in a notebook, lines of text elsewhere."""

    def __init__(self, lessons: dict[str, tuple[str, str]], parts: dict[str, list[tuple[str, str]]]):
        self._lessons, self._parts, self._done = lessons, parts, progress.done()

    @property
    def names(self) -> list[str]:
        """Every exercise and every quiz, ``"00.1"`` to ``"13.quiz"``."""
        return [name for parts in self._parts.values() for name, _ in parts]

    @property
    def share(self) -> float:
        """How much of everything is done, 0 to 1."""
        return sum(name in self._done for name in self.names) / max(1, len(self.names))

    def export(self, path: str | Path) -> None:
        """Write it to a file to hand in, ``"Your Name.json"``: the name of the file says whose it is.

        Raises
        ------
        ValueError
            If another kind of file has that name, or there is no such folder.
        """
        path = checks.path("path", path)
        if not path.parent.is_dir() or path.is_dir():
            raise ValueError(f"{path} cannot be written: there is no such folder, or it is one.")
        if path.exists():
            try:
                progress.parse(path.read_bytes())
            except ValueError as error:
                raise ValueError(f"{path} is there already and {error}. Give another name.") from error
        progress.write_record(path, progress.Record(path.stem, progress.record().done))
        say(said(f"Written to {path.resolve()}"))

    def _marks(self, lesson: str) -> str:
        return " ".join("●" if name in self._done else "○" for name, _ in self._parts[lesson])

    def __repr__(self) -> str:
        lines = [f"{number}  {self._marks(number):10} {title}" for number, (_, title) in self._lessons.items()]
        return "\n".join([*lines, f"{said(f'Done: {self.share:.0%}.')} {_kept()}"])

    def _repr_html_(self) -> str:
        rows = []
        for number, (file, title) in self._lessons.items():
            marks = " ".join(
                f'<span title="{html.escape(what)}" aria-label="{html.escape(what)}: '
                f'{said("done" if name in self._done else "open")}" role="img" style="font-size:1.3em;color:#009E73">'
                f"{'●' if name in self._done else '○'}</span>"
                for name, what in self._parts[number]
            )
            link = f'<a href="{file}">{number} · {html.escape(title)}</a>'
            rows.append(f'<tr><td style="text-align:left">{link}</td><td style="text-align:left">{marks}</td></tr>')
        head = "".join(f"<th style='text-align:left'>{said(words)}</th>" for words in ("Lesson", "Exercises, quiz"))
        kept = f"{said(f'Done: <b>{self.share:.0%}</b>.')} {html.escape(_kept(), quote=False)}"
        return f"<table><tr>{head}</tr>{''.join(rows)}</table><p>{kept}</p>"


def _kept() -> str:
    kept = said(f"Kept in {progress.progress_file()}; nothing leaves this machine.")
    return f'{kept} {said("To hand it in:")} tlkit.show_progress().export("{said("Your Name")}.json")'


def say(text: str) -> None:
    """Print names from anywhere, also where the terminal has not all of their letters."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def show_progress() -> Progress:
    """Every lesson with its exercises and its quiz, and which of them are done on this machine.

    To begin again, delete the file that it names.
    """
    titles, parts = {}, {}
    for path in course.lessons():
        number = path.stem[:2]
        translated = path.parent / in_use() / path.name
        first = course.read_notebook(translated if translated.exists() else path)["cells"][0]["source"]
        titles[number] = path.name, re.sub(r"^# \d\d · ", "", "".join(first).splitlines()[0])
        parts[number] = [(found.name, f"{found.name} {said(found.title)}") for found in exercises_of(number)]
        parts[number].append((f"{number}.quiz", said("quiz")))
    return Progress(titles, parts)
