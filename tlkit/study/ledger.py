"""Ledgers: results in a CSV file with a card beside it, kept one by one, so that an interrupted run goes on.

The card says what every row depends on, and holds the checksum of the table: rows of other settings are never
mixed in, and a table that was damaged or changed by hand is noticed.
"""

import csv
import datetime
import hashlib
import io
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tlkit.bars import tqdm
from tlkit.disk import limits
from tlkit.disk.cache import DiskFull, place_for, write_atomically
from tlkit.disk.cards import read_card, seal, write_card
from tlkit.disk.locks import only_writer

__all__: list[str] = []

Row = dict[str, str | int | float]
Cell = tuple[str | int | float, ...]
_LARGEST = 10**8  # bytes
# What an entry of a card is called in messages.
_IN_WORDS = {"world": "pictures", "image_size": "image size", "image_size_drawn": "image size"}


class _Changed(ValueError):
    """The table is not what its card describes."""


@dataclass(frozen=True)
class Ledger:
    """A table of results that grows.

    Attributes
    ----------
    path : Path
        Of the CSV file; its card lies beside it and ends in ``.toml``.
    columns : dict from column to ``str``, ``int`` or ``float``
    cell : columns that name one result; a result may have several rows
    order : function from a row to what rows are sorted by
    what : how such a table is called in messages, ``"decision map"``
    command : what makes one, ``"python -m tlkit map"``
    joins : beginnings of the card's entries that belong to some rows alone, ``"pictures_"`` of a dataset: what the
        card does not name yet may join, and what it names must be the same
    """

    path: Path
    columns: Mapping[str, type]
    cell: Sequence[str]
    order: Callable[[Row], object]
    what: str
    command: str
    joins: tuple[str, ...] = ()

    def read(self) -> list[Row]:
        """The rows that are there.

        Raises
        ------
        ValueError
            If there is no such file, it is another table, or not the one that its card describes.
        """
        try:
            text = self._text()
            lines = csv.DictReader(io.StringIO(text))
            return [{name: kind(line[name]) for name, kind in self.columns.items()} for line in lines]
        except OSError as error:
            make = f"Make one: {self.command} --out {self.path}"
            raise ValueError(f"There is no {self.what} at {self.path}. {make}") from error
        except _Changed:
            raise
        except (KeyError, ValueError, TypeError) as error:
            columns = ", ".join(self.columns)
            raise ValueError(f"{self.path} is not a {self.what}: {error}. Its columns are: {columns}.") from error

    def card(self) -> dict:
        """What its card says; nothing where it has none."""
        return read_card(self._card) if self._card.exists() else {}

    def _text(self) -> str:
        """The table as it stands, if it is the one that its card describes, or if it has none."""
        for _ in range(3):  # while a run is writing, card and table may be of two moments
            card = self.card()
            text = limits.read(self.path, _LARGEST).decode().replace("\r\n", "\n")
            if "sha256" not in card or _checksum(text) in (card["sha256"], card.get("sha256_before")):
                return text
        raise _Changed(
            f"{self.path} is not the {self.what} that {self._card.name} describes: it was damaged or changed.\n"
            "Get both files again, or measure it anew under another name."
        )

    def fill(
        self,
        cells: Iterable[Cell],
        run: Callable[[list[Cell]], Iterator[list[Row]]],
        made_from: Mapping[str, object],
        about: Mapping[str, object],
    ) -> list[Row]:
        """Add the results that are missing, each as soon as it is there; returns all rows.

        Parameters
        ----------
        cells : what is wanted, in the order of the work
        run : function from the cells that are missing to the rows of each result, as they come
        made_from : what every row depends on besides its cell
        about : what else the card of a new ledger says

        Raises
        ------
        ValueError
            If what is there was made from something else, another run is writing, or no file can lie there.
        OSError
            If the disk is full; the results until then are kept.
        """
        place_for(self.path, self.what)
        with only_writer(self.path):
            rows, card = self._begin(made_from, about)
            done = {tuple(row[name] for name in self.cell) for row in rows}
            missing = [cell for cell in dict.fromkeys(cells) if cell not in done]
            if not missing:
                print(f"All of it is in {self.path} already. To measure it anew, give another path.")
            total = len(missing) + len(done)
            with tqdm(total=total, initial=len(done), desc=self.what, unit="result") as bar:
                for new in run(missing):
                    rows = self._keep_or_say(rows, new, card)
                    bar.set_postfix_str(" ".join(str(new[0][name]) for name in self.cell))
                    bar.update()
        return rows

    @property
    def _card(self) -> Path:
        return self.path.with_suffix(".toml")

    def _begin(self, made_from: Mapping[str, object], about: Mapping[str, object]) -> tuple[list[Row], dict]:
        """The rows that are there already, with their card; those of other settings are refused."""
        if not self.path.exists():
            return [], {**made_from, **about}
        card = read_card(self._card)
        new = {name: value for name, value in made_from.items() if name not in card and name.startswith(self.joins)}
        card = {**new, **card}
        other = [_IN_WORDS.get(name, name) for name, value in made_from.items() if card.get(name) != value]
        if other:
            raise ValueError(
                f"{self.path} was measured with other {', '.join(other)}. Delete it, or give another path."
            )
        rows = self.read()
        if "sha256" in card:  # after a kill between the two, the card is ahead of the table
            card["sha256"] = _checksum(self._text())
        return rows, card

    def _keep_or_say(self, rows: list[Row], new: list[Row], card: dict) -> list[Row]:
        try:
            return self.write(rows + new, card)
        except DiskFull as error:
            said = f"The {len(rows):,} rows until now are kept; run the same again to go on."
            room = str(error).partition("\n")[0]
            raise DiskFull(error.errno, f"{room}\n{said}") from error

    def write(self, rows: list[Row], card: dict) -> list[Row]:
        """Write all rows in their order. The card goes first and knows both tables: a kill in between harms neither."""
        rows = sorted(rows, key=self.order)
        text = io.StringIO()
        table = csv.DictWriter(text, self.columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        content = text.getvalue()
        card |= {"rows": len(rows), "sha256_before": card.get("sha256", ""), "sha256": _checksum(content)}
        write_atomically(self._card, lambda part: part.write_text(seal(write_card(card)), encoding="utf-8"))
        write_atomically(self.path, lambda part: part.write_text(content, encoding="utf-8", newline="\n"))
        return rows


def _checksum(text: str) -> str:
    """Of the text and not of the bytes: git may write other line ends on Windows."""
    return hashlib.sha256(text.encode()).hexdigest()


def facts(what: str, command: str, machine: str) -> dict[str, str]:
    """What the card of any new ledger says: what it holds, what makes it again, when and on what it was measured."""
    return {
        "what": what,
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": machine,
        "versions": f"Python {platform.python_version()}, torch {version('torch').split('+')[0]}",
        "licence": "CC BY 4.0",
    }


def machine_here(computed: str) -> str:
    """This machine, and how it was used."""
    from tlkit.nets.devices import cpu_make  # with PyTorch, which whoever measures has loaded

    return f"{os.cpu_count()} CPU cores, {cpu_make()}; {computed}"
