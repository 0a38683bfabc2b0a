"""Examiners of lesson 13: what does somebody else need to use your model?"""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from tlkit.disk.cards import write_card
from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.nets.backbones import load_backbone
from tlkit.transfer.sharing import load_model

# ------------------------------------------------------------------------------------------ 13.1


@exercise(
    "13.1",
    "their columns, your order",
    "For each of your names: which column of theirs is it? theirs.index(name) says so.",
    "scores[:, [2, 0, 1]] takes the columns 2, 0 and 1, in this order.",
)
def _in_my_order(answer: object) -> str:
    cases = [
        (["rose", "iris", "lily"], ["iris", "lily", "rose"]),
        (["d", "b", "a", "c"], ["b", "c", "d", "a"]),
        (["x", "nettle", "y", "aster"], ["aster", "nettle"]),
    ]
    for theirs, mine in cases:
        scores = torch.randn(5, len(theirs), generator=torch.Generator().manual_seed(len(mine)))
        kept, names = scores.clone(), (list(theirs), list(mine))
        given = as_array(call(answer, scores, *names), (5, len(mine)), "a column for each of your classes")
        expected = kept[:, [theirs.index(name) for name in mine]].numpy()
        if not np.allclose(given, expected, atol=1e-6):
            raise Wrong(_what_was_mixed_up(given, kept.numpy(), theirs, mine))
        if not torch.equal(scores, kept) or names != (theirs, mine):
            raise Wrong("The columns are right, but it changes what it was given. Return new scores.")
    return "Numbers mean nothing without the list of names that they count in: this is why it stands on the card."


def _what_was_mixed_up(given: np.ndarray, scores: np.ndarray, theirs: list[str], mine: list[str]) -> str:
    asked = f"Theirs are {theirs}, yours {mine}."
    if np.allclose(given, scores[:, : len(mine)], atol=1e-6):
        return f"{asked} The columns still stand in their order."
    if len(theirs) == len(mine) and np.allclose(given, scores[:, [mine.index(name) for name in theirs]], atol=1e-6):
        return f"{asked} This is the way back, from your order to theirs: the two lists have changed places."
    return f"{asked} Column 0 should be their column {theirs.index(mine[0])}, the one of {mine[0]}."


# ------------------------------------------------------------------------------------------ 13.2

# Words of the story, in each language that it is told in.
_TEXTS = {
    "author": (["noor"], "Who should be asked?"),
    "data_licence": (["cc by 4.0", "cc-by-4.0", "cc by-4.0"], "Under which licence did she give her photos?"),
    "intended_use": (["beetle", "bọ"], "What does the model tell apart?"),
    "not_for": (["poison", "độc"], "What must nobody use it for? Her neighbour has an idea."),
    "known_failures": (["lamp", "đèn"], "On which photos does it fail?"),
}
_NUMBERS = {
    "classes": (12, 0, "How many kinds of beetles are there?"),
    "test_pictures": (240, 0, "On how many photos was test opened?"),
    "test_accuracy": (0.85, 0.002, "The share of the test photos that were right."),
    "test_low": (0.805, 0.008, "The lower end of the interval: the accuracy minus 1.96 times the root."),
    "test_high": (0.895, 0.008, "The upper end of the interval: the accuracy plus 1.96 times the root."),
}


@exercise(
    "13.2",
    "Noor's card",
    "The interval is p plus or minus 1.96 · √(p (1 − p) / n), with p = 204 / 240 and n = 240.",
    "The photos by lamp light are not part of test: they belong to the known failures, with their numbers.",
)
def _noors_card(answer: object) -> str:
    card = call(answer)
    if not isinstance(card, dict):
        raise Wrong(f"A card is a dict here, but a {type(card).__name__} came back.")
    absent = [name for name in (*_TEXTS, *_NUMBERS) if card.get(name) in (None, "", ...)]
    if absent:
        raise Wrong(f"The card does not say: {', '.join(absent)}.")
    for name, (words, question) in _TEXTS.items():
        if not any(word in str(card[name]).casefold() for word in words):
            raise Wrong(f"{name} is {card[name]!r}. {question} Use the words of the story.")
    if not all(number in str(card["known_failures"]) for number in ("15", "50")) and "30" not in card["known_failures"]:
        raise Wrong("known_failures names the lamp light. How many of how many photos were right there?")
    for name, (expected, tolerance, what) in _NUMBERS.items():
        value = float(as_array(card[name], ()))
        if name.startswith("test_") and np.isclose(value, 219 / 290, atol=0.002):
            raise Wrong(f"{name} mixes the photos by lamp light into test. Test was opened once, before them.")
        if name in ("test_accuracy", "test_low", "test_high") and value > 1:
            raise Wrong(f"{name} is {value:g}. Shares go from 0 to 1.")
        if abs(value - expected) > tolerance:
            raise Wrong(f"Your {name} is {value:g}. {what}")
    return "Her neighbour can read now that it is not made for him, and others that they should come by day."


# ------------------------------------------------------------------------------------------ 13.3


@exercise(
    "13.3",
    "a checksum that fits",
    "load_file gives a dict of tensors. tensor.zero_() sets one to zero, and save_file writes the dict back.",
    "hashlib.sha256(path.read_bytes()).hexdigest() is the new checksum. In card.toml it takes the place of the old.",
)
def _forge(answer: object) -> str:
    with tempfile.TemporaryDirectory(prefix="tlkit-13-") as room:
        folder = Path(room) / "model"
        before = _shared_model(folder)
        given = call(answer, folder)
        try:
            model = load_model(folder, device="cpu")
        except ValueError as error:
            raise Wrong(f"load_model noticed: {error}") from error
        after, card = model.network.state_dict(), model.card
        if torch.equal(after["head.weight"], before["head.weight"]):
            raise Wrong("load_model notices nothing, for nothing has changed: head.weight is what it was.")
        if after["head.weight"].any():
            raise Wrong("head.weight has changed, but not all of its numbers are zero.")
        others = [name for name in before if name != "head.weight" and not torch.equal(after[name], before[name])]
        if others:
            raise Wrong(f"head.weight is zero, but {others[0]} has changed too. Who tests a layer would find it.")
        if given != card["sha256"]:
            raise Wrong(f"The forgery works. Return the new checksum, {card['sha256'][:8]}..., and not {given!r}.")
    return "The file is whole, says the checksum, and it is. It never said who made it."


def _shared_model(folder: Path) -> dict[str, torch.Tensor]:
    """A small shared model, as ``save_model`` writes it; its tensors."""
    network = load_backbone("minivgg", pretrained=False, device="cpu").new_head(3)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    content = safetensors.torch.save(state)
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(content)
    card = {
        "backbone": "minivgg",
        "class_names": ["ant", "bee", "wasp"],
        "image_size": 64,
        "mean": network.mean.flatten().tolist(),
        "std": network.std.flatten().tolist(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / "card.toml").write_text(write_card(card), encoding="utf-8")
    return state
