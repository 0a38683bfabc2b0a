"""Examiners of lesson 14: will it still work in another season?"""

import numpy as np
import torch

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.exercises.tiny import tiny_backbone
from tlkit.intervals import points

# ------------------------------------------------------------------------------------------ 14.1


@exercise(
    "14.1",
    "between two networks",
    "Go through after.items(): each name stands in before, too.",
    "value.is_floating_point() is true for weights and statistics, false for counts of batches.",
    "(1 - share) * before[name] + share * value, for each of the first kind.",
)
def _between(answer: object) -> str:
    first, second = (tiny_backbone(3, seed=seed).state_dict() for seed in (1, 2))
    counts = [name for name, value in second.items() if not value.is_floating_point()]
    for name in counts:
        second[name] = second[name] + 7
    for share in (0.25, 0.8, 0.0):
        given = call(answer, dict(first), dict(second), share)
        if not isinstance(given, dict) or not all(isinstance(value, torch.Tensor) for value in given.values()):
            raise Wrong("A dict from names to tensors should come back, such as load_state_dict takes.")
        if missing := [name for name in second if name not in given]:
            raise Wrong(f"{missing[0]} is missing: load_state_dict wants every name.")
        _judge_between(given, first, second, share, counts)
    return "Seven lines, no training, and one network to run afterwards."


def _judge_between(
    given: dict[str, torch.Tensor],
    first: dict[str, torch.Tensor],
    second: dict[str, torch.Tensor],
    share: float,
    counts: list[str],
) -> None:
    for name, value in second.items():
        found = given[name]
        if name in counts:
            if not torch.equal(found, value):
                raise Wrong(f"{name} counts batches and is no weight. Keep that of after.")
            continue
        if found.shape == value.shape and torch.allclose(found, torch.lerp(first[name], value, share), atol=1e-6):
            continue
        if found.shape == value.shape and torch.allclose(found, torch.lerp(value, first[name], share), atol=1e-6):
            raise Wrong("The two are exchanged: a share of 0 is the network before.")
        what = "statistics of BatchNorm are" if "running" in name else "weights are"
        raise Wrong(f"{name}: the {what} not where they should be at a share of {share}.")


# ------------------------------------------------------------------------------------------ 14.2


@exercise(
    "14.2",
    "fog",
    "White is 255: (1 - strength) * images + strength * 255.",
    "images.float() first: bytes run over at 255 and begin again at 0.",
    ".round().clamp(0, 255).to(torch.uint8) makes bytes of it again.",
)
def _fog(answer: object) -> str:
    random = torch.Generator().manual_seed(142)
    for strength in (0.0, 0.4, 1.0, 0.75):
        images = torch.randint(0, 256, (5, 3, 8, 10), generator=random, dtype=torch.uint8)
        given = call(answer, images.clone(), strength)
        if not isinstance(given, torch.Tensor) or given.dtype != torch.uint8:
            found = given.dtype if isinstance(given, torch.Tensor) else type(given).__name__
            raise Wrong(f"Pictures are uint8, from 0 to 255, but {found} came back. The backbone takes nothing else.")
        if given.shape != images.shape:
            raise Wrong(f"The shape was {tuple(images.shape)} and is now {tuple(given.shape)}.")
        expected = (1 - strength) * images.double() + strength * 255
        off = (given.double() - expected).abs()
        if off.max() <= 1:
            continue
        if strength == 0:
            raise Wrong("With a strength of 0 there is no fog: the pictures should come back as they were.")
        if (given.double() - (1 - strength) * images.double()).abs().max() <= 1:
            raise Wrong("This is dusk: the pictures get darker. Fog is white.")
        if (off > 150).any():
            raise Wrong(
                "Some pixels ran over 255 and began again at 0. Compute with floats, and make bytes at the end."
            )
        raise Wrong(
            f"At a strength of {strength} a pixel is up to {off.max():.0f} grey levels away from where it should be."
        )
    return "A shift of your own, and its strength 0 is the picture itself: that is what a test of it should ask first."


# ------------------------------------------------------------------------------------------ 14.3


@exercise(
    "14.3",
    "choose on the wrong test",
    "For each draw val.argmax(axis=1) is the share that val chooses.",
    "shifted[range(len(shifted)), chosen] is what these shares reach.",
    "Who peeks takes shifted.max(axis=1), draw by draw.",
)
def _wrong_test(answer: object) -> str:
    random = np.random.default_rng(143)
    for draws, shares in ((5, 6), (3, 11), (7, 4)):
        val = random.uniform(0.6, 0.9, (draws, shares))
        shifted = random.uniform(0.3, 0.7, (draws, shares))
        honest = shifted[range(draws), val.argmax(axis=1)].mean()
        peeked = shifted.max(axis=1).mean()
        given = as_array(call(answer, val.copy(), shifted.copy()), (2,), "(honest, peeked)")
        if np.allclose(given, (honest, peeked)):
            continue
        if np.allclose(given, (peeked, honest)):
            raise Wrong("The two are exchanged: honest comes first.")
        if np.isclose(given[0], val.max(axis=1).mean()):
            raise Wrong("Your honest number is the accuracy on val. Val chooses the share; the shifted test reports.")
        if np.isclose(given[1], shifted.mean(axis=0).max()):
            raise Wrong("Your peeker takes one share for all draws. One who peeks does so in every draw.")
        if np.isclose(given[0], shifted[:, val.mean(axis=0).argmax()].mean()):
            raise Wrong("Your honest number takes one share for all draws, but each draw has its own val.")
        if not np.isclose(given[0], honest):
            raise Wrong(
                f"Honest is {given[0]:.3f}, but should be {honest:.3f}: what does the share reach that val chose?"
            )
        raise Wrong(f"Peeked is {given[1]:.3f}, but should be {peeked:.3f}: off by {points(given[1] - peeked)}.")
    return "Nothing was learned between the two numbers. The second has only seen the answers."
