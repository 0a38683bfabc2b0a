"""Sharing a trained network: a folder with its weights and a card, which anybody can load safely."""

import hashlib
import html
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from tlkit import __version__
from tlkit.backbones import Backbone, load_backbone
from tlkit.cards import read_card, write_card
from tlkit.results import Result

__all__ = ["ModelZoo", "load_model", "model_zoo", "save_model"]

_WEIGHTS, _CARD = "model.safetensors", "card.toml"


def save_model(
    result: Result, folder: str | Path, data_licence: str = "not stated", about: Mapping[str, str] | None = None
) -> Path:
    """Keep a trained network in a folder that others can load: ``model.safetensors`` and ``card.toml``.

    The card says what the model is: backbone, trained stages, classes, preprocessing, data, split
    and seed, accuracy on val, on test if it was opened, on how many pictures, the licence of the
    data, and whatever you say about it. The folder appears whole or not at all.

    Parameters
    ----------
    result : Result
        Of a way that trains a network.
    folder : str or Path
        A folder that does not exist yet.
    data_licence : str
        Under which the pictures were given.
    about : dict of str, optional
        What only you know: ``author``, ``intended_use``, ``not_for``, ``known_failures``, ...

    Returns
    -------
    Path of the folder

    Raises
    ------
    ValueError
        If the result is that of a probe, which has no network of its own, the folder exists, or
        ``about`` says what the card says by itself.
    """
    folder, network, split = Path(folder).expanduser(), result.network, result.split
    if network is None:
        raise ValueError(
            f"A {result.way} leaves the backbone as it was: there is no network of its own to save.\n"
            "Save the result of two_phase, pretrained_start or from_scratch."
        )
    if folder.exists():
        raise ValueError(f"{folder} exists already. Give another name, or delete it first.")
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    content = safetensors.torch.save(state)
    trained = [name for name, stage in network.stages.items() if any(p.requires_grad for p in stage.parameters())]
    card = {
        "backbone": network.name,
        "way": result.way,
        "stages_trained": [*trained, "head"],
        "class_names": split.class_names,
        "image_size": split.train.images.shape[-1],
        "mean": network.mean.flatten().tolist(),
        "std": network.std.flatten().tolist(),
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
    card = _with_about(card, about or {})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        entry = Path(temporary) / "entry"
        entry.mkdir()
        (entry / _WEIGHTS).write_bytes(content)
        (entry / _CARD).write_text(write_card(card), encoding="utf-8")
        os.replace(entry, folder)
    return folder


def _with_about(card: dict, about: Mapping[str, str]) -> dict:
    """The card with what its author says; nobody can say there what was measured."""
    odd = [name for name in about if name in {*card, "test_accuracy", "test_pictures"} or not name.isidentifier()]
    if odd:
        raise ValueError(
            f"about cannot hold {odd[0]!r}: the card says it by itself, or it is no plain name.\n"
            "Use names such as author, intended_use, not_for, known_failures."
        )
    return card | {name: str(text) for name, text in about.items()}


def load_model(folder: str | Path, device: str = "auto") -> tuple[Backbone, dict]:
    """Load what ``save_model`` kept; the weights file holds numbers alone, so no code in it can run.

    Parameters
    ----------
    folder : str or Path
    device : str

    Returns
    -------
    network : Backbone, in evaluation mode; ``tlkit.predict(network, images)`` gives rows of ``card["class_names"]``
    card : dict

    Raises
    ------
    ValueError
        If a file is missing or damaged, or the weights are not those that the card describes.
    """
    folder = Path(folder).expanduser()
    card, content = _read(folder)
    network = load_backbone(card["backbone"], pretrained=False, device=device).new_head(len(card["class_names"]))
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise ValueError(f"The weights of {folder.name} do not fit a {card['backbone']}.") from error
    network.class_names = tuple(card["class_names"])
    return network.eval(), card


def _read(folder: Path) -> tuple[dict, bytes]:
    """The card and the bytes of the weights, which are those that the card describes; ValueError if not."""
    if folder.is_dir() and not (folder / _CARD).exists():
        raise ValueError(f"{folder.name} has no {_CARD}, which says what its weights are for. Ask who made it.")
    card = read_card(folder / _CARD)
    absent = {"backbone", "class_names", "mean", "std", "sha256"} - set(card)
    if absent:
        raise ValueError(f"The card of {folder.name} does not say: {', '.join(sorted(absent))}.")
    names = card["class_names"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"The card of {folder.name} has no list of class_names.")
    try:
        content = (folder / _WEIGHTS).read_bytes()
    except OSError as error:
        raise ValueError(f"{folder.name} has no readable {_WEIGHTS}. Get the whole folder again.") from error
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(f"{_WEIGHTS} of {folder.name} is not the file that its card describes. Get the folder again.")
    return card, content


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
            data = f"{card.get('dataset', '?')}, {card.get('per_class', '?')} a class"
            network = f"{card['backbone']}, {card.get('way', '?')}"
            scores = [_score(card, part) for part in ("val", "test")]
            author, classes = str(card.get("author", "not stated")), str(len(card["class_names"]))
            lines.append((name, author, data, classes, network, *scores, f"{card['megabytes']:.1f}"))
        return lines

    def __str__(self) -> str:
        lines = self._table()
        widths = [max(map(len, column)) for column in zip(*lines)]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
        return "\n".join([*rows, *(f"refused: {name}: {why}" for name, why in self.refused.items())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # Cards come from strangers: what they say is shown as text, whatever it looks like.
        head, *lines = ([html.escape(cell) for cell in line] for line in self._table())
        body = "".join(f"<tr><td>{'</td><td>'.join(line)}</td></tr>" for line in lines)
        bad = "".join(f"<li>{html.escape(name)}: {html.escape(why)}</li>" for name, why in self.refused.items())
        table = f"<table><thead><tr><th>{'</th><th>'.join(head)}</th></tr></thead><tbody>{body}</tbody></table>"
        return table + (f"<p>Refused:</p><ul>{bad}</ul>" if bad else "")


def _score(card: dict, part: str) -> str:
    """An accuracy and on how many pictures of which draw it was measured, as far as the card says."""
    share, pictures, seed = card.get(f"{part}_accuracy"), card.get(f"{part}_pictures", "?"), card.get("split_seed", "?")
    return f"{share:.1%} of {pictures}, seed {seed}" if isinstance(share, (int, float)) else "not stated"


def model_zoo(folder: str | Path) -> ModelZoo:
    """List the models that people saved into one folder, each with what its card says.

    Cards and checksums are read, no network is built. A folder that is no whole model is listed with
    the reason. The accuracies are what the authors state: measure on your own pictures before you choose.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}. You are in {Path.cwd()}.")
    zoo = ModelZoo({}, {})
    for entry in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            card, content = _read(entry)
            zoo.cards[entry.name] = card | {"megabytes": len(content) / 1e6}
        except ValueError as error:
            zoo.refused[entry.name] = str(error).partition("\n")[0]
    return zoo
