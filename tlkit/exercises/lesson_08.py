"""Examiners of lesson 08: and on real photos?"""

import atexit
import random
import tempfile
from collections import Counter
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from tlkit.data.splits import load_dataset
from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.exercises.tiny import own_luck
from tlkit.folders.loading import load_folder
from tlkit.transfer.probe_ways import linear_probe


@exercise(
    "08.1",
    "a fair deal",
    "Deal each class on its own, or let scikit-learn do so: one parameter of train_test_split is for that.",
    "train_test_split splits a list of row numbers. stratify= takes the labels, random_state= the seed.",
    "train_test_split(range(len(labels)), test_size=share, stratify=labels, random_state=seed)",
)
def _deal(answer: object) -> str:
    for counts, share in (
        ({"rose": 40, "tulip": 8, "edelweiss": 4}, 0.25),
        ({"bee": 30, "ant": 10, "wasp": 10}, 0.2),
        ({"left": 6, "right": 2}, 0.5),
    ):
        labels = [name for name, count in counts.items() for _ in range(count)]
        random.Random(share).shuffle(labels)
        given = [call(answer, list(labels), share, seed) for seed in (0, 1, 2)]
        for parts in given:
            _judge_parts(parts, labels, share)
        if sorted(call(answer, list(labels), share, 0)[1]) != sorted(given[0][1]):
            raise Wrong("The same seed dealt differently the second time. Nobody could repeat your numbers.")
        if len({tuple(sorted(test)) for _, test in given}) == 1:
            raise Wrong("Three seeds, one and the same deal. Let the seed say which photos go where.")
    return "The small classes are in the test part too, and another seed deals anew: tlkit.load_folder does both."


def _judge_parts(given: object, labels: list[str], share: float) -> None:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise Wrong("Two lists of row numbers should come back: train and test.")
    train, test = (_rows(part, name) for part, name in zip(given, ("train", "test")))
    both = sorted(set(train) & set(test))
    if both:
        raise Wrong(f"Row {both[0]} is in train and in test. That is a leak.")
    if len(train + test) != len(set(train + test)):
        raise Wrong("A row comes more than once.")
    if set(train + test) != set(range(len(labels))):
        raise Wrong(f"Every row from 0 to {len(labels) - 1} should be in one of the two parts.")
    of_class, in_test, in_train = Counter(labels), Counter(labels[k] for k in test), Counter(labels[k] for k in train)
    if share != 0.5 and all(in_train[name] == round(share * of_class[name]) for name in of_class):
        raise Wrong(f"Train and test are exchanged: the share of {share:g} is for test.")
    for name, count in of_class.items():
        if in_test[name] != round(share * count):
            raise Wrong(
                f"A share of {share:g} of {count} × {name!r} is {round(share * count)}, "
                f"but {in_test[name]} are in the test part."
            )


def _rows(part: object, name: str) -> list[int]:
    if not isinstance(part, Collection) or isinstance(part, str):
        raise Wrong(f"The {name} part should be a list of row numbers, but it is a {type(part).__name__}.")
    rows = [row.item() if hasattr(row, "item") else row for row in part]
    if not all(isinstance(row, int) and not isinstance(row, bool) for row in rows):
        raise Wrong(f"The {name} part should hold row numbers, counted from 0, not labels or anything else.")
    return rows


@exercise(
    "08.2",
    "a split that leaks",
    "Every test picture has to be compared with every training picture. A set finds things fast.",
    "A tensor does not go into a set by its content. picture.numpy().tobytes() does.",
    "Make a set of the bytes of all training pictures, and ask for each test picture whether it is in there.",
)
def _seen_before(answer: object) -> str:
    generator = torch.Generator().manual_seed(82)
    train = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=generator)
    fresh = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=generator)
    touched = train[:2].clone()
    touched[:, 1, 2, 2] += 1  # one number of one pixel
    patched = torch.cat([train[:1, :, :2], train[1:2, :, 2:]], dim=2)  # half of one, half of another
    cases = [
        (train, torch.cat([fresh[:2], train[3:4], fresh[2:4], train[:1]]), [0, 0, 1, 0, 0, 1]),
        (train, torch.cat([train[4:], fresh[:1]]), [1, 1, 0]),
        (train[:3], torch.cat([train.flip(0), fresh[:2]]), [0, 0, 0, 1, 1, 1, 0, 0]),
        (train, torch.cat([touched, train[1:2]]), [0, 0, 1]),
        (train, torch.cat([train[:2].flip(-1), train[2:3]]), [0, 0, 1]),
        (train, torch.cat([train[5:], patched]), [1, 0]),
        (train, torch.cat([fresh[:1], fresh[:1]]), [0, 0]),
    ]
    for known, asked, expected in cases:
        given = as_array(call(answer, known.clone(), asked.clone()), (len(asked),))
        if np.array_equal(given, expected):
            continue
        if not np.isin(given, (0, 1)).all():
            raise Wrong("One bool for each test picture was asked for: seen before, or not.")
        if np.array_equal(given, 1 - np.array(expected)):
            raise Wrong("True and false are exchanged: true is for a picture that train has as well.")
        if len(known) == len(asked) and not given.any():
            raise Wrong("A copy need not be at the same place: compare each test picture with every training picture.")
        _name_mistake(given, known, asked)
        raise Wrong(f"It gives {given.astype(bool).tolist()}, but {np.array(expected, dtype=bool).tolist()} is right.")
    return "Copies are found. The next shot of the same flower is not: keep such photos together in one part."


def _name_mistake(given: np.ndarray, known: torch.Tensor, asked: torch.Tensor) -> None:
    same = asked[:, None] == known
    sums = asked.flatten(1).sum(1)[:, None] == known.flatten(1).sum(1)
    if np.array_equal(given, sums.any(1).numpy()):
        raise Wrong("A picture with the same sum is not yet the same picture: its mirror image has it too.")
    if np.array_equal(given, same.any(1).flatten(1).all(1).numpy()):
        raise Wrong("Each pixel is somewhere in train, but they must all be in one and the same picture.")
    if np.array_equal(given, same.flatten(2).any(2).any(1).numpy()):
        raise Wrong("Some equal numbers are not a copy: every pixel has to be the same.")


_SPECIES, _PLANTS, _SHOTS = 6, 8, 4


@cache
def garden() -> Path:
    """A folder of ours with a leak in it: six species, eight plants of each, four shots of each plant."""
    flowers = load_dataset("flowers", _PLANTS)
    place = tempfile.TemporaryDirectory(prefix="garden-")
    atexit.register(place.cleanup)
    folder = Path(place.name)
    shake = v2.Compose([v2.RandomAffine(4, (0.06, 0.06), (0.95, 1.05)), v2.ColorJitter(0.15, 0.15)])
    with own_luck(83):
        for row, label in enumerate(flowers.train.labels.tolist()):
            if label < _SPECIES:
                home = folder / flowers.class_names[label]
                home.mkdir(exist_ok=True)
                for shot in range(_SHOTS):
                    name = f"bed{row % 3}_plant{row // len(flowers.class_names):02}_{shot}.png"
                    shaken = shake(flowers.train.images[row]).permute(1, 2, 0)
                    Image.fromarray(shaken.numpy()).save(home / name)
    return folder


@exercise(
    "08.3",
    "find the leak",
    "print(*sorted(garden().rglob('*.png'))[:9], sep='\\n') shows names. Which part of them stays from shot to shot?",
    "Not the bed, which many plants share. Each plant has a number.",
    "path.split('_')[1] is plant03 in Velora alba/bed1_plant03_2.png.",
)
def _plant(answer: object) -> str:
    paths = [path.relative_to(garden()).as_posix() for path in sorted(garden().rglob("*.png"))]
    group = {path: str(call(answer, path)) for path in paths}
    for path, other in zip(paths, paths[1:]):
        if path[: -len("_0.png")] == other[: -len("_0.png")] and group[path] != group[other]:
            raise Wrong(f"{path} and {other} show one plant, but are in two groups: they may lie on two sides.")
    if len(set(group.values())) < _PLANTS:
        raise Wrong(f"{len(set(group.values()))} groups are too few: plants that have nothing in common are in one.")
    by_plant = load_folder(garden(), image_size=64, quiet=True, groups=lambda path: group[path])
    at_random = load_folder(garden(), image_size=64, quiet=True, near_copies=False)
    said = [
        np.mean([linear_probe(split.draw(seed), "minivgg").open_test() for seed in range(3)])
        for split in (at_random, by_plant)
    ]
    return (
        f"Dealt at random the test says {said[0]:.0%}, dealt by plant {said[1]:.0%} (three draws each). "
        "The second is the number for a plant that nobody has photographed yet."
    )
