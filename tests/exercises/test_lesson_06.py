"""Answers to the exercises of lesson 06, for ``test_answers.py``."""

import itertools
import random

import numpy as np
import pytest
import torch

import tlkit


def mirror(images, chosen):
    given = images.clone()
    given[chosen] = images[chosen].flip(3)
    return given


def mirror_in_place(images, chosen):
    images[chosen] = images[chosen].flip(3)
    return images


def views(split, operation, epoch):
    return operation(split.train.images, 1_000 + 7 * epoch), split.val.images


def grey(images):
    return (images.sum(1, keepdim=True) // 3).byte().repeat(1, 3, 1, 1)


def eye(images):
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True).byte().expand_as(images)


def wrapped(images):
    return torch.from_numpy(images.numpy().sum(1, keepdims=True, dtype=np.uint8) // 3).expand_as(images)


def grey_in_place(images):
    images[:] = grey(images)
    return images


def by_seed(seed):
    """An answer to 06.2 that takes the seed from the epoch by this rule."""
    return lambda split, operation, epoch: (operation(split.train.images, seed=seed(epoch)), split.val.images)


calls, luck = itertools.count(), random.Random(0)

RIGHT = {"06.1": mirror, "06.2": views, "06.3": grey}
WRONG = [
    ("06.1", lambda images, chosen: images.flip(-1), "whether it was chosen or not"),
    ("06.1", lambda images, chosen: torch.where(chosen.view(-1, 1, 1, 1), images.flip(-2), images), "top to bottom"),
    ("06.1", lambda images, chosen: torch.where(chosen.view(-1, 1, 1, 1), images.flip(1), images), "the colours"),
    ("06.1", lambda images, chosen: mirror(images, ~chosen), "leaves the chosen ones"),
    ("06.1", lambda images, chosen: images, "No picture was mirrored"),
    ("06.1", lambda images, chosen: images.flip(0), "order of the pictures"),
    ("06.1", lambda images, chosen: images.flip(-1)[chosen], "should have the shape"),
    ("06.1", lambda images, chosen: mirror(images, chosen).float(), "torch.float32"),
    ("06.1", mirror_in_place, "changes the batch"),
    ("06.1", lambda images, chosen: mirror(images, chosen).roll(1, -1), "are not as they should be"),
    ("06.2", lambda split, op, epoch: (op(split.train.images, epoch), op(split.val.images, epoch)), "should look like"),
    ("06.2", lambda split, op, epoch: (op(split.train.images), split.val.images), "the same views"),
    ("06.2", by_seed(lambda epoch: min(epoch, 1)), "the same views"),
    ("06.2", by_seed(lambda epoch: epoch % 3), "the same views"),
    ("06.2", by_seed(lambda epoch: luck.randrange(10**6)), "asked twice"),
    ("06.2", by_seed(lambda epoch: next(calls)), "asked twice"),
    ("06.2", lambda split, op, epoch: (split.train.images, split.val.images), "no views"),
    ("06.2", lambda split, op, epoch: views(split, op, epoch)[::-1], "Train comes first"),
    ("06.2", lambda split, op, epoch: op(split.train.images, epoch), "Two things"),
    ("06.2", lambda split, op, epoch: (op(split.test.images, epoch), split.val.images), "is not what the operation"),
    ("06.3", lambda images: images, "as they were"),
    ("06.3", torch.zeros_like, "Nothing of the picture is left"),
    ("06.3", lambda images: images.float().mean(1, keepdim=True).byte(), "should have the shape"),
    ("06.3", lambda images: grey(images).float(), "torch.float32"),
    ("06.3", lambda images: images.flip(1), "there is colour in it"),
    ("06.3", lambda images: images[:, 1:2].expand_as(images), "green channel"),
    ("06.3", eye, "weights of the eye"),
    ("06.3", wrapped, "wrapped round at 256"),
    ("06.3", lambda images: 255 - grey(images), "not the average"),
    ("06.3", grey_in_place, "changes the batch"),
]
LAZY = [lambda given, *_: (given, given)]


def mirror_in_numpy(images, chosen):
    return np.where(chosen.numpy()[:, None, None, None], images.numpy()[..., ::-1], images.numpy())


def grey_in_numpy(images):
    return np.broadcast_to(images.numpy().mean(1, keepdims=True).astype(np.uint8), images.shape)


@pytest.mark.parametrize(
    "name, answer",
    [
        ("06.1", mirror_in_numpy),
        ("06.1", lambda *given: mirror_in_numpy(*given)[..., ::-1].copy()[..., ::-1]),  # read backwards in memory
        ("06.3", grey_in_numpy),
    ],
)
def test_pictures_of_numpy_are_pictures(name, answer):
    assert tlkit.check(name, answer)


def test_the_luck_of_the_student_stays_as_it_was():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    for name, answer in RIGHT.items():
        tlkit.check(name, answer)
    assert torch.equal(torch.get_rng_state(), before)
