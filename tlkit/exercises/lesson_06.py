"""Examiners of lesson 06: can you make more photos out of few?"""

from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from tlkit.data.augment import Augmentation
from tlkit.data.splits import ImageSet, Split
from tlkit.exercises import Wrong, call, exercise


def _noise(seed: int, *shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def _as_pictures(given: object, like: Tensor, what: str = "What comes back") -> Tensor:
    """Pictures of the same shape and dtype, or what is wrong with them."""
    if isinstance(given, np.ndarray):
        given = torch.as_tensor(np.array(given))  # a copy: a view may run backwards, or not be writable
    if not isinstance(given, Tensor):
        raise Wrong(f"{what} should be a tensor of pictures, but it is a {type(given).__name__}.")
    if given.shape != like.shape:
        raise Wrong(f"{what} should have the shape {tuple(like.shape)}, but it has {tuple(given.shape)}.")
    if given.dtype != torch.uint8:
        raise Wrong(f"{what} should be uint8 pictures, but its dtype is {given.dtype}.")
    return given


@exercise(
    "06.1",
    "a mirror by hand",
    "images.flip(-1) mirrors all of them. Then take each picture from there or from the batch as it was.",
    "torch.where(condition, these, those) chooses; the condition needs the shape (n, 1, 1, 1).",
    "chosen.view(-1, 1, 1, 1) gives it that shape.",
)
def _mirror(answer: object) -> str:
    for seed, coins in enumerate(([1, 0, 0, 1, 1], [0, 0, 0], [1, 1, 0, 1], [1, 1])):
        images, chosen = _noise(seed, len(coins), 3, 4, 6), torch.tensor(coins, dtype=torch.bool)
        lent = images.clone()
        given = _as_pictures(call(answer, lent, chosen.clone()), images)
        if not torch.equal(lent, images):
            raise Wrong("It changes the batch that it was given: the photos themselves are mirrored now.")
        _compare_mirrored(given, images, chosen)
    return "A flip moves pixels and computes nothing: it is exact, and the cheapest view there is."


def _compare_mirrored(given: Tensor, images: Tensor, chosen: Tensor) -> None:
    coins = chosen.view(-1, 1, 1, 1)

    def mixed(flipped: Tensor, condition: Tensor = coins) -> Tensor:
        return torch.where(condition, flipped, images)

    mistakes = [
        (mixed(images.flip(-2)), "This mirrors top to bottom. Left to right is another axis."),
        (mixed(images.flip((-2, -1))), "This is half a turn: both axes are flipped. Left to right is one of them."),
        (mixed(images.flip(1)), "This turns the order of the colours round, not the picture."),
        (mixed(images.flip(-1), ~coins), "It mirrors those that were not chosen, and leaves the chosen ones."),
        (images.flip(-1), "It mirrors every picture, whether it was chosen or not."),
        (images.flip(0), "This turns the order of the pictures round: axis 0 counts the pictures."),
        (images, "No picture was mirrored."),
    ]
    expected = mixed(images.flip(-1))
    if torch.equal(given, expected):
        return
    for mistaken, words in mistakes:
        if torch.equal(given, mistaken):
            raise Wrong(words)
    wrong = (given != expected).flatten(1).any(1).nonzero().flatten().tolist()
    raise Wrong(f"With chosen = {chosen.tolist()} these pictures are not as they should be: {wrong}.")


@exercise(
    "06.2",
    "the pictures of an epoch",
    "Which of the two parts should look like the photos that come one day?",
    "The same seed gives the same views. What changes from epoch to epoch?",
    "operation(split.train.images, seed=epoch) for train; val goes out as it is.",
)
def _pictures_of_epoch(answer: object) -> str:
    for real in (Augmentation(crop=0.5, together=1), Augmentation(flip_horizontal=True, crop=0.7, together=1)):
        split = Split("noise", ["a", "b"], *(_noise_set(seed, 4) for seed in range(3)), per_class=2, seed=0)
        photos, views_by_epoch = split.train.images.clone(), []
        for epoch in (0, 1, 2, 7, 1):  # epoch 1 twice
            made: list[Tensor] = []
            given = call(answer, split, _recording(real, photos, made), epoch)
            if not isinstance(given, (tuple, list)) or len(given) != 2:
                raise Wrong("Two things should come back: the train images and the val images.")
            train = _as_pictures(given[0], photos, "The train part")
            val = _as_pictures(given[1], split.val.images, "The val part")
            if torch.equal(val, photos) or torch.equal(train, split.val.images):
                raise Wrong("Train comes first, val second.")
            if not torch.equal(val, split.val.images):
                raise Wrong("The val pictures are not as they were. What judges should look like what is to come.")
            if torch.equal(train, photos):
                raise Wrong("The train pictures are as they were: no views.")
            if not any(torch.equal(train, view) for view in made):
                raise Wrong("The train part is not what the operation makes of split.train.images.")
            views_by_epoch.append(train)
        again = views_by_epoch.pop()
        if any(torch.equal(one, other) for one, other in combinations(views_by_epoch, 2)):
            raise Wrong("Two epochs see the same views. An operation with the same seed repeats itself.")
        if not torch.equal(again, views_by_epoch[1]):
            raise Wrong(
                "Epoch 1, asked twice, gives other views. Nobody could repeat your run: seed by the epoch alone."
            )
    return "Four epochs, four views of each photo, and a judge that stays the same."


def _noise_set(seed: int, count: int) -> ImageSet:
    return ImageSet(_noise(seed, count, 3, 16, 16), torch.arange(count) % 2)


def _recording(real: Augmentation, photos: Tensor, made: list[Tensor]) -> object:
    """The operation; every set of views that it made of ``photos`` is noted in ``made``."""

    def operation(images: Tensor, seed: int = 0) -> Tensor:
        views = real(images, seed)
        if torch.equal(images, photos):
            made.append(views)
        return views

    return operation


@exercise(
    "06.3",
    "a lie about colour",
    "Axis 1 holds the three colours. keepdim=True leaves it there, with length 1.",
    "Average as float, then go back: .round().to(torch.uint8).",
    "expand_as(images) gives the one channel three times.",
)
def _lie_about_colour(answer: object) -> str:
    for seed, shape in enumerate(((4, 3, 5, 6), (1, 3, 3, 3), (3, 3, 4, 2))):
        images = _noise(seed + 10, *shape)
        lent = images.clone()
        given = _as_pictures(call(answer, lent), images)
        if not torch.equal(lent, images):
            raise Wrong("It changes the batch that it was given: the photos themselves are grey now.")
        if torch.equal(given, images):
            raise Wrong("The pictures are as they were.")
        if (given == given[:, :, :1, :1]).all():
            raise Wrong("Nothing of the picture is left, only one tone for all places. Average over the colours alone.")
        if not (given == given[:, :1]).all():
            raise Wrong("The three channels differ, so there is colour in it. Average over axis 1.")
        _compare_grey(given[:, 0].numpy().astype(float), images.numpy())
    return "A red tulip and a yellow one of the same brightness are now one picture with two labels. No error said so."


def _compare_grey(given: np.ndarray, images: np.ndarray) -> None:
    colours = images.astype(float)
    if np.abs(given - colours.mean(1)).max() <= 1:  # cut off or rounded
        return
    wrapped = images.sum(1, dtype=np.uint8).astype(float)
    weighted = np.tensordot(colours, [0.299, 0.587, 0.114], axes=(1, 0))
    if np.abs(given - wrapped / 3).max() <= 1:
        raise Wrong("The sum of three uint8 numbers wrapped round at 256. Make them float before you add.")
    if np.abs(given - weighted).max() <= 1.5:
        raise Wrong("These are the weights of the eye. With them red and blue still differ. Take the plain average.")
    for channel, colour in enumerate(("red", "green", "blue")):
        if np.array_equal(given, colours[:, channel]):
            raise Wrong(f"This shows the {colour} channel three times. The average of all three was asked for.")
    raise Wrong("The three channels are equal, but they are not the average of the three colours.")
