"""Sharing a trained network: a folder with its weights and a card, which anybody can load safely."""

import hashlib
import os
import tempfile
from pathlib import Path

import safetensors
import safetensors.torch

from tlkit.backbones import Backbone, load_backbone
from tlkit.cards import read_card, write_card
from tlkit.results import Result

__all__ = ["load_model", "save_model"]

_WEIGHTS, _CARD = "model.safetensors", "card.toml"


def save_model(result: Result, folder: str | Path, data_licence: str = "not stated") -> Path:
    """Keep a trained network in a folder that others can load: ``model.safetensors`` and ``card.toml``.

    The card says what the model is: backbone, trained stages, classes, preprocessing, data, split
    and seed, accuracy on val, on test if it was opened, and the licence of the data. The folder
    appears whole or not at all.

    Parameters
    ----------
    result : Result
        Of a way that trains a network.
    folder : str or Path
        A folder that does not exist yet.
    data_licence : str
        Under which the pictures were given.

    Returns
    -------
    Path of the folder

    Raises
    ------
    ValueError
        If the result is that of a probe, which has no network of its own, or the folder exists.
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
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if result.test_accuracy is not None:
        card["test_accuracy"] = round(result.test_accuracy, 4)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        entry = Path(temporary) / "entry"
        entry.mkdir()
        (entry / _WEIGHTS).write_bytes(content)
        (entry / _CARD).write_text(write_card(card), encoding="utf-8")
        os.replace(entry, folder)
    return folder


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
    card = read_card(folder / _CARD)
    absent = {"backbone", "class_names", "mean", "std", "sha256"} - set(card)
    if absent:
        raise ValueError(f"The card of {folder.name} does not say: {', '.join(sorted(absent))}.")
    try:
        content = (folder / _WEIGHTS).read_bytes()
    except OSError as error:
        raise ValueError(f"{folder.name} has no readable {_WEIGHTS}. Get the whole folder again.") from error
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise ValueError(f"{_WEIGHTS} of {folder.name} is not the file that its card describes. Get the folder again.")
    network = load_backbone(card["backbone"], pretrained=False, device=device).new_head(len(card["class_names"]))
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise ValueError(f"The weights of {folder.name} do not fit a {card['backbone']}.") from error
    return network.eval(), card
