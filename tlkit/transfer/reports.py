"""A report on answers: right how often in each class, and which class is taken for which."""

from __future__ import annotations  # the hint names Axes, and Matplotlib is loaded by those who plot

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from tlkit import text_tables
from tlkit.language import said

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__: list[str] = []

_SHOWN = 30  # classes in the table


@dataclass(repr=False)
class Report:
    """How right the answers on one part of a split are, class by class.

    Attributes
    ----------
    name, part : str
        Of the split, and ``"val"`` or ``"test"``.
    class_names : list of str
    confusion : int array (k, k)
        How many pictures of a class (down) were given which name (across).
    balanced_accuracy : float, 0 to 1
        The mean of ``recall``: every class counts the same, however few pictures it has.
    """

    name: str
    part: str
    class_names: list[str]
    confusion: np.ndarray
    balanced_accuracy: float

    @property
    def accuracy(self) -> float:
        """The share of all pictures that are right, 0 to 1."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def pictures(self) -> np.ndarray:
        """How many pictures of each class there are, int (k,)."""
        return self.confusion.sum(1)

    @property
    def recall(self) -> np.ndarray:
        """The share of each class that is right, 0 to 1, (k,); NaN for a class without a picture here."""
        with np.errstate(invalid="ignore"):
            return self.confusion.diagonal() / self.pictures

    def _lines(self) -> list[tuple[str, ...]]:
        lines = [("class", "right", "pictures", "mistaken for")]
        shown = range(len(self.class_names))
        if len(shown) > _SHOWN:
            shown = np.argsort(np.nan_to_num(self.recall, nan=2.0), kind="stable")[:_SHOWN]
        for k in shown:
            right = f"{self.recall[k]:.0%}" if self.pictures[k] else said("no picture")
            wrong = self.confusion[k].copy()
            wrong[k] = 0
            answers = [f"{self.class_names[j]} {wrong[j]}" for j in np.argsort(-wrong, kind="stable")[:3] if wrong[j]]
            lines.append((self.class_names[k], right, str(self.pictures[k]), ", ".join(answers)))
        return lines

    def _notes(self) -> list[str]:
        total = int(self.confusion.sum())
        notes = [f"{self.name}, {self.part}: accuracy {self.accuracy:.1%} of {total:,} pictures."]
        if len(set(self.pictures)) > 1:
            notes.append(
                f"The classes differ in size. If each counts the same: balanced accuracy {self.balanced_accuracy:.1%}."
            )
        if len(self.class_names) > _SHOWN:
            notes.append(f"Shown are the {_SHOWN} of {len(self.class_names)} classes with the fewest right.")
        return notes

    def __str__(self) -> str:
        return text_tables.as_text(self._lines(), self._notes())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return text_tables.as_table(self._lines(), self._notes())

    def plot(self) -> Axes:
        """The confusion matrix; of more than 20 classes, those with the most mistakes."""
        from tlkit.figures import answer_plots

        return answer_plots.plot_confusion(self.confusion, self.class_names, f"{self.name}, {self.part}")


def report_on(name: str, part: str, class_names: list[str], truth: np.ndarray, answers: np.ndarray) -> Report:
    """The report on ``answers`` (n,) to pictures whose classes are ``truth`` (n,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that has no picture here, or is never named
        balanced = float(balanced_accuracy_score(truth, answers))
        confusion = confusion_matrix(truth, answers, labels=range(len(class_names)))
    return Report(name, part, class_names, confusion, balanced)
