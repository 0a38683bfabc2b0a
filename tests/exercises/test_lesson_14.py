"""Answers to the exercises of lesson 14, for ``test_answers.py``."""

import numpy as np
import torch

import tlkit


def between(before, after, share):
    return {
        name: (1 - share) * before[name] + share * value if value.is_floating_point() else value
        for name, value in after.items()
    }


def average_everything(before, after, share):
    return {name: ((1 - share) * before[name] + share * value).to(value.dtype) for name, value in after.items()}


def weights_alone(before, after, share):
    mixed = between(before, after, share)
    return {name: after[name] if "running" in name else value for name, value in mixed.items()}


def fog(images, strength):
    return ((1 - strength) * images.float() + strength * 255).round().clamp(0, 255).to(torch.uint8)


def cut_off(images, strength):
    return ((1 - strength) * images.float() + strength * 255).to(torch.uint8)


def overflow(images, strength):
    return images + torch.tensor(int(strength * 255), dtype=torch.uint8)


def wrong_test(val, shifted):
    chosen = val.argmax(axis=1)
    return shifted[np.arange(len(val)), chosen].mean(), shifted.max(axis=1).mean()


RIGHT = {"14.1": between, "14.2": fog, "14.3": wrong_test}
WRONG = [
    ("14.1", lambda before, after, share: between(after, before, share), "exchanged"),
    ("14.1", lambda before, after, share: between(before, after, 1 - share), "exchanged"),
    ("14.1", average_everything, "counts batches"),
    ("14.1", weights_alone, "statistics of BatchNorm"),
    ("14.1", lambda before, after, share: between(before, after, 0.5), "weights are not where"),
    ("14.1", lambda before, after, share: list(after), "A dict from names to tensors"),
    ("14.1", lambda before, after, share: {}, "is missing"),
    ("14.2", lambda images, strength: fog(images, strength).float(), "float32 came back"),
    ("14.2", lambda images, strength: fog(images, strength)[0], "The shape was"),
    ("14.2", lambda images, strength: fog(images, 1 - strength), "there is no fog"),
    ("14.2", lambda images, strength: ((1 - strength) * images.float()).to(torch.uint8), "This is dusk"),
    ("14.2", overflow, "ran over 255"),
    ("14.2", lambda images, strength: fog(images, strength / 2), "grey levels away"),
    ("14.3", lambda val, shifted: wrong_test(val, shifted)[::-1], "exchanged"),
    ("14.3", lambda val, shifted: (val.max(axis=1).mean(), shifted.max(axis=1).mean()), "accuracy on val"),
    ("14.3", lambda val, shifted: (wrong_test(val, shifted)[0], shifted.mean(axis=0).max()), "one share for all draws"),
    (
        "14.3",
        lambda val, shifted: (shifted[:, val.mean(axis=0).argmax()].mean(), shifted.max(axis=1).mean()),
        "each draw has its own val",
    ),
    ("14.3", lambda val, shifted: (0.5, shifted.max(axis=1).mean()), "that val chose"),
    ("14.3", lambda val, shifted: (wrong_test(val, shifted)[0], 0.9), "Peeked is"),
    ("14.3", lambda val, shifted: val, "The shape should be (2,)"),
]
LAZY = [lambda *_: (0.0, 0.0), lambda first, *_: first]


def test_a_grey_level_lost_in_rounding_is_no_mistake():
    assert tlkit.check("14.2", cut_off)
