"""Photo files in, names out: which files are meant, reading them a few at a time, and the table of the answers."""

from __future__ import annotations  # the hint names Axes, and Matplotlib is loaded by those who plot

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor

from tlkit import checks, text_tables
from tlkit.bars import tqdm
from tlkit.data.pictures import BadPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__: list[str] = []

_SHOWN, _KEPT = 20, 24  # rows that are printed, and pictures that are kept for plot()


def photo_files(photos: str | Path | Iterable[str | Path]) -> list[tuple[str, Path]]:
    """The files that are meant, each with the name to show; a folder stands for everything below it.

    Raises
    ------
    ValueError, TypeError
        If there is nothing, or it is no path.
    """
    if isinstance(photos, (Tensor, np.ndarray)):
        raise TypeError(
            f"predict_photos reads files, but it got a {type(photos).__name__}.\n"
            "Pictures as a uint8 tensor (n, 3, h, w) go to predict(images)."
        )
    one = isinstance(photos, (str, os.PathLike))
    if not one and not isinstance(photos, Iterable):
        raise TypeError(f"predict_photos takes a path, or a list of paths, but it got a {type(photos).__name__}.")
    paths = [photos] if one else list(photos)
    if not paths:
        raise ValueError("There is no photo to name: the list is empty.")
    found: list[tuple[str, Path]] = []
    for given in paths:
        path = checks.path("the path of a photo", given)
        if str(given).startswith(("http://", "https://")):
            raise ValueError(f"{given} is an address on the web. Save the photo as a file first, and give its path.")
        if not os.path.isdir(path):
            found.append((str(given), path))
            continue
        # Of several folders two may hold files of the same name.
        found += [(str(file.relative_to(path) if one else file), file) for file in _below(path)]
    if not found:
        raise ValueError(f"There is no file in {paths[0]}. Which folder holds the photos?")
    return found


def _below(folder: Path) -> list[Path]:
    """Every file of a folder, but hidden ones; a subfolder that may not be opened is listed as it is."""
    found: list[Path] = []
    for base, subfolders, names in os.walk(folder, onerror=lambda error: found.append(Path(error.filename))):
        subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
        found.extend(Path(base) / name for name in sorted(names) if not _is_hidden(name))
    return found


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def read_batches(
    files: list[tuple[str, Path]],
    size: int,
    read: Callable[[Path, int], np.ndarray],
    batch: int,
    left_out: dict[str, str],
) -> Iterator[tuple[list[str], Tensor]]:
    """Names and pictures, uint8 ``(m, 3, size, size)``, of up to ``batch`` files at a time.

    What cannot be read goes into ``left_out`` with the reason, and the rest goes on.
    """
    threads = Parallel(n_jobs=os.cpu_count(), prefer="threads")
    with tqdm(total=len(files), desc="naming photos", unit="photo", leave=False, delay=1) as bar:
        for start in range(0, len(files), batch):
            group = files[start : start + batch]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of what is judged here anyway
                read_ones = threads(delayed(_read)(read, path, size) for _, path in group)
            left_out |= {name: given for (name, _), given in zip(group, read_ones) if isinstance(given, str)}
            good = [(name, given) for (name, _), given in zip(group, read_ones) if not isinstance(given, str)]
            if good:
                yield [name for name, _ in good], torch.from_numpy(np.stack([given for _, given in good]))
            bar.update(len(group))


def _read(read: Callable[[Path, int], np.ndarray], path: Path, size: int) -> np.ndarray | str:
    """The picture, or why there is none."""
    if not os.path.isfile(path):
        return "it is no file" if os.path.exists(path) else f"there is no such file; you are in {Path.cwd()}"
    try:
        return read(path, size)
    except BadPicture as error:
        return str(error)
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"


class PhotoNames:
    """The names that photos were given.

    Attributes
    ----------
    class_names : list of str
    scores_are : "probability" or "decision score"
    top : int
        How many names a photo gets.
    files : list of str
        Those that were read, in the order they were given.
    scores : float array (n, k)
        Of each photo for each class.
    pictures : list of uint8 tensors (3, size, size)
        The first of them, up to 24, as the network saw them.
    left_out : dict from file to the reason
    """

    def __init__(self, class_names: list[str], scores_are: str, top: int):
        self.class_names, self.scores_are, self.top = class_names, scores_are, top
        self.files: list[str] = []
        self.left_out: dict[str, str] = {}
        self._scores: list[np.ndarray] = []
        self.pictures: list[Tensor] = []

    def add(self, names: list[str], images: Tensor, scores: np.ndarray) -> None:
        """Take in a batch; the first pictures are kept, to be shown."""
        self.pictures += list(images[: max(0, _KEPT - len(self.files))].clone())
        self.files += names
        self._scores.append(scores)

    @property
    def scores(self) -> np.ndarray:
        return np.concatenate(self._scores) if self._scores else np.empty((0, len(self.class_names)))

    @property
    def rows(self) -> list[dict]:
        """A dict for each photo, for ``pandas.DataFrame``: file, name, score, name_2, score_2, ..."""
        rows = []
        for file, row in zip(self.files, self.scores):
            cells: dict = {"file": file}
            for rank, k in enumerate(_best(row, self.top), start=1):
                more = f"_{rank}" if rank > 1 else ""
                cells |= {f"name{more}": self.class_names[k], f"score{more}": float(row[k])}
            rows.append(cells)
        return rows

    def __len__(self) -> int:
        return len(self.files)

    def _lines(self) -> list[tuple[str, ...]]:
        later = {1: "second", 2: "third"}
        head = ("file", "name", *(later.get(k, f"{k + 1}th") for k in range(1, self.top)))
        lines = [head]
        for file, row in zip(self.files[:_SHOWN], self.scores):
            lines.append((file, *(f"{self.class_names[k]} {self.say(row[k])}" for k in _best(row, self.top))))
        return lines

    def say(self, score: float) -> str:
        """A probability in per cent, a decision score as it is."""
        return f"{score:.0%}" if self.scores_are == "probability" else f"{round(score, 2) + 0.0:.2f}"

    def _notes(self) -> list[str]:
        notes = []
        if len(self) > _SHOWN:
            notes.append(f"... and {len(self) - _SHOWN:,} more, in rows.")
        if self.scores_are == "decision score":
            notes.append("The numbers are decision scores of an SVM: more is surer, but they are no probabilities.")
        if self.left_out:
            many = f"Not read: {len(self.left_out):,}, the first ten here, all in left_out."
            notes.append(many if len(self.left_out) > 10 else f"Not read: {len(self.left_out)}.")
            notes += [f"{name}: {why}" for name, why in list(self.left_out.items())[:10]]
        return notes

    def __str__(self) -> str:
        return text_tables.as_text(self._lines(), self._notes())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return text_tables.as_table(self._lines(), self._notes())

    def plot(self, columns: int = 6) -> Axes:
        """The first pictures, up to 24, as the network saw them, each with its most likely name."""
        from tlkit.figures import answer_plots

        best = [(self.class_names[k], self.say(row[k])) for row in self.scores for k in _best(row, 1)]
        return answer_plots.plot_names(torch.stack(self.pictures), self.files, best, self.scores_are, columns)


def _best(row: np.ndarray, count: int) -> list[int]:
    return np.argsort(-row, kind="stable")[:count].tolist()
