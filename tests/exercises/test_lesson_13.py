"""Answers to the exercises of lesson 13, for ``test_answers.py``."""

import hashlib

import numpy as np
import safetensors.torch
import torch

from tlkit.disk.cards import read_card, write_card

CARD = {
    "author": "Noor",
    "data_licence": "CC BY 4.0",
    "intended_use": "Naming 12 kinds of BEETLES, by day",
    "not_for": "poisoning anything",
    "known_failures": "lamp light: 15 of 50",
    "classes": 12,
    "test_pictures": 240,
    "test_accuracy": 0.85,
    "test_low": 0.80,  # Wilson's interval, which is as good
    "test_high": 0.89,
}


def _card(**changes):
    return lambda: CARD | changes


def _weights(folder, change):
    """Change the weights in the folder; their new checksum."""
    path = folder / "model.safetensors"
    state = safetensors.torch.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.torch.save(state))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _forge(folder, change=lambda state: state["head.weight"].zero_(), says=None):
    new = _weights(folder, change)
    card = folder / "card.toml"
    card.write_text(write_card(read_card(card) | {"sha256": new}), encoding="utf-8")
    return says or new


def _in_place(scores, theirs, mine):
    scores[:, : len(mine)] = scores[:, [theirs.index(name) for name in mine]].clone()
    return scores[:, : len(mine)].clone()


RIGHT = {
    "13.1": lambda scores, theirs, mine: np.stack([scores[:, theirs.index(name)] for name in mine], axis=1),
    "13.2": _card(known_failures="by lamp light 30 % are right"),
    "13.3": _forge,
}
WRONG = [
    ("13.1", lambda scores, theirs, mine: scores, "still stand in their order"),
    ("13.1", lambda scores, theirs, mine: scores[:, [mine.index(name) for name in theirs]], "the way back"),
    ("13.1", lambda scores, theirs, mine: scores[:, np.argsort(theirs)][:, : len(mine)], "should be their column"),
    ("13.1", lambda scores, theirs, mine: scores[:, :2], "a column for each of your classes"),
    ("13.1", _in_place, "changes what it was given"),
    ("13.2", lambda: [CARD], "A card is a dict"),
    ("13.2", lambda: {"author": "Noor"}, "does not say: data_licence"),
    ("13.2", _card(not_for=""), "does not say: not_for"),
    ("13.2", _card(not_for="anything else"), "Her neighbour has an idea"),
    ("13.2", _card(known_failures="lamp light"), "How many of how many"),
    ("13.2", _card(test_accuracy=219 / 290), "mixes the photos by lamp light"),
    ("13.2", _card(test_accuracy=85), "from 0 to 1"),
    ("13.2", _card(test_low=0.85 - 0.023), "minus 1.96 times"),
    ("13.2", _card(classes="twelve"), "Numbers were expected"),
    ("13.3", lambda folder: "0" * 64, "nothing has changed"),
    ("13.3", lambda folder: _weights(folder, lambda state: state["head.weight"].zero_()), "load_model noticed"),
    ("13.3", lambda folder: _forge(folder, lambda state: state["head.weight"].add_(1.0)), "not all of its numbers"),
    ("13.3", lambda folder: _forge(folder, lambda state: state["fc7"].zero_()), "KeyError"),
    ("13.3", lambda folder: _forge(folder, lambda state: [t.zero_() for t in state.values()]), "has changed too"),
    ("13.3", lambda folder: _forge(folder, lambda state: state.pop("mean")), "load_model noticed"),
    ("13.3", lambda folder: _forge(folder, says=True), "Return the new checksum"),
]
LAZY = [lambda *given: given[0], lambda *_: {}, lambda *_: torch.zeros(5, 3)]
