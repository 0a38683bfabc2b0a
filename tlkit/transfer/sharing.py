"""Sharing what was trained: a folder with weights and a card, which anybody can load safely."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from tlkit import __version__, checks, text_tables
from tlkit.disk import leavings
from tlkit.disk.cache import DiskFull, check_room, disk_is_full, is_full
from tlkit.disk.cards import read_card, seal, write_card
from tlkit.language import said
from tlkit.nets.devices import pick_device
from tlkit.transfer import model_folders, packing
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.model_folders import CARD, WEIGHTS
from tlkit.transfer.results import Result

__all__ = ["ModelZoo", "load_model", "model_zoo", "save_model"]


def save_model(
    result: Result,
    folder: str | Path,
    data_licence: str = "not stated",
    about: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Keep what was trained in a folder that others can load: ``model.safetensors`` and ``card.toml``.

    Of a network all weights are kept; those of a torchvision model under torchvision's own names, and
    ``without_tlkit`` on the card is a program that loads them without this course. Of a probe its own
    numbers are kept, and the name of its backbone, which is loaded by that name again.

    The card says what the model is: backbone, trained stages, classes, preprocessing, data, split
    and seed, accuracy on val, on test if it was opened, on how many pictures, the licence of the
    data, and whatever you say about it. The folder appears whole or not at all.

    Parameters
    ----------
    result : Result
        Of any way.
    folder : str or Path
        A folder that does not exist yet.
    data_licence : str
        Under which the pictures were given.
    about : dict of str, optional
        What only you know: ``author``, ``intended_use``, ``not_for``, ``known_failures``, ...
    overwrite : bool
        True replaces a folder that holds a saved model and nothing else.

    Returns
    -------
    Path of the folder

    Raises
    ------
    ValueError
        If the folder exists, the backbone is one that ``load_backbone`` cannot give back, or ``about``
        says what the card says by itself.
    OSError
        If the folder cannot be written, or the disk is full.
    """
    if not isinstance(result, Result):
        raise TypeError(f"save_model keeps the result of a way (tlkit.WAYS), but it got {checks.shown(result)}.")
    folder = checks.path("folder", folder)
    checks.text(data_licence=data_licence)
    checks.flag(overwrite=overwrite)
    about = {} if about is None else checks.mapping("about", about, "a text")
    _check_place(folder, overwrite)
    classifier, split = result.classifier, result.split
    tensors, facts = packing.pack(classifier, WEIGHTS)
    content = safetensors.torch.save(tensors)
    height, width = classifier.size
    card = {
        "backbone": classifier.backbone.name,
        "way": result.way,
        "kind": classifier.kind,
        "class_names": classifier.class_names,
        "image_size": height if height == width else [height, width],
        "mean": classifier.backbone.mean.flatten().tolist(),
        "std": classifier.backbone.std.flatten().tolist(),
        "dataset": split.name,
        "data_licence": data_licence,
        "per_class": split.per_class,
        "split_seed": split.seed,
        "training_seed": result.seed,
        "settings": str(result.settings),
        "val_accuracy": round(result.val_accuracy, 4),
        "val_pictures": len(split.val),
        "made_with": f"tlkit {__version__}, torch {torch.__version__}",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if result.test_accuracy is not None:
        card |= {"test_accuracy": round(result.test_accuracy, 4), "test_pictures": len(split.test)}
    card = _with_about(card | facts, about)
    _write(folder, {WEIGHTS: content, CARD: seal(write_card(card)).encode()})
    return folder


def _check_place(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that is there, unless it is a saved model that may be replaced."""
    if not folder.exists() and not folder.is_symlink():
        return
    others = sorted({path.name for path in folder.iterdir()} - {WEIGHTS, CARD}) if folder.is_dir() else []
    try:
        is_model = bool(folder.is_dir() and not others and read_card(folder / CARD, model_folders.NEEDED))
    except ValueError:
        is_model = False
    if not overwrite:
        hint = "overwrite=True replaces it. Or give" if is_model else "Give"
        raise ValueError(f"{folder} exists already. {hint} another name.")
    if not is_model:
        why = f"It also holds {others[0]}." if others else f"It has no {CARD} of a model."
        raise ValueError(f"{folder} is not a saved model alone, so it is not overwritten. {why}\nGive another name.")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """The folder with these files, in place of what is there; what is there comes back if that fails."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        leavings.sweep(folder.parent)
        check_room(folder.parent, sum(map(len, files.values())), f"The model {folder.name}")
        with leavings.temporary_folder(folder) as entry:
            for name, content in files.items():
                (entry / name).write_bytes(content)
            _put_in_place(entry, folder)
    except DiskFull:
        raise
    except OSError as error:
        if is_full(error):
            raise disk_is_full(folder.parent, f"{folder.name} was not saved; the result is as it was.") from error
        raise OSError(f"{folder} cannot be written ({error.strerror or error}). Give a folder of yours.") from error


def _put_in_place(entry: Path, folder: Path) -> None:
    if not folder.exists():
        os.replace(entry, folder)
        return
    before = entry.with_suffix(".before")  # no name of what is swept away: a kill right here would lose the model
    os.replace(folder, before)
    try:
        os.replace(entry, folder)
    except OSError:
        os.replace(before, folder)
        raise
    shutil.rmtree(before)


def _with_about(card: dict, about: Mapping[str, str]) -> dict:
    """The card with what its author says; nobody can say there what was measured."""
    odd = [name for name in about if name in {*card, "test_accuracy", "test_pictures"} or not name.isidentifier()]
    if odd:
        raise ValueError(
            f"about cannot hold {odd[0]!r}: the card says it by itself, or it is no plain name.\n"
            "Use names such as author, intended_use, not_for, known_failures."
        )
    return card | {name: str(text) for name, text in about.items()}


def load_model(folder: str | Path, device: str = "auto") -> Classifier:
    """Load what ``save_model`` kept; the weights file holds numbers alone, so no code in it can run.

    Parameters
    ----------
    folder : str or Path
    device : str

    Returns
    -------
    Classifier
        Its ``predict`` and ``predict_photos`` name pictures and photos; ``card`` is the card, and
        ``network`` the network, in evaluation mode, or None if it is a probe.

    Raises
    ------
    ValueError
        If a file is missing or damaged, or the weights are not those that the card describes.
    ConnectionError
        If it is a probe on an ImageNet backbone whose weights are not here and can not be fetched.
    """
    folder, device = checks.path("folder", folder), pick_device(device)
    card = model_folders.read(folder)
    try:
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{WEIGHTS} of {folder.name} is no file of tensors. Get the folder again.") from error
    return packing.unpack(folder.name, card, tensors, device)


@dataclass(repr=False)
class ModelZoo:
    """The shared models of a folder, as a table.

    Attributes
    ----------
    cards : dict from the name of a model's folder to its card, with the size in ``megabytes``
    refused : dict from the name of a folder to the reason why it is no model that can be loaded
    """

    cards: dict[str, dict]
    refused: dict[str, str]

    def _table(self) -> list[tuple[str, ...]]:
        lines = [("model", "author", "data", "classes", "network", "val accuracy", "test accuracy", "MB")]
        for name, card in self.cards.items():
            data = said(f"{card.get('dataset', '?')}, {card.get('per_class', '?')} a class")
            network = f"{card['backbone']}, {said(str(card.get('way', '?')))}"
            scores = [said(_score(card, part)) for part in ("val", "test")]
            author, classes = str(card.get("author", said("not stated"))), str(len(card["class_names"]))
            lines.append((name, author, data, classes, network, *scores, f"{card['megabytes']:.1f}"))
        return lines

    def __str__(self) -> str:
        return text_tables.as_text(self._table(), [f"refused: {name}: {why}" for name, why in self.refused.items()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return text_tables.as_table(self._table(), [f"Refused: {name}: {why}" for name, why in self.refused.items()])


def _score(card: dict, part: str) -> str:
    """An accuracy and on how many pictures of which draw it was measured, as far as the card says."""
    share, pictures, seed = card.get(f"{part}_accuracy"), card.get(f"{part}_pictures", "?"), card.get("split_seed", "?")
    known = isinstance(share, (int, float)) and not isinstance(share, bool) and 0 <= share <= 1
    return f"{share:.1%} of {pictures}, seed {seed}" if known else "not stated"


def model_zoo(folder: str | Path) -> ModelZoo:
    """List the models that people saved into one folder, each with what its card says.

    Cards and checksums are read, no network is built. A folder that is no whole model is listed with
    the reason. The accuracies are what the authors state: measure on your own pictures before you choose.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    folder = checks.path("folder", folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}. You are in {Path.cwd()}.")
    zoo = ModelZoo({}, {})
    for entry in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            zoo.cards[entry.name] = model_folders.read(entry)
            zoo.cards[entry.name]["megabytes"] = (entry / WEIGHTS).stat().st_size / 1e6
        except ValueError as error:
            zoo.refused[entry.name] = str(error).partition("\n")[0]
    return zoo
