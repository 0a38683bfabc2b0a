"""What is no set of pictures, or is one that would be read wrongly, is refused by load_arrays with what to do."""

import numpy as np
import pytest
import torch
from folder_makers import flat_arrays, is_short
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

import tlkit


def load(images, labels=None, *more, **options):
    return tlkit.load_arrays(images, labels, *more, **{"image_size": 16, "quiet": True} | options)


class Stream(IterableDataset):
    def __iter__(self):
        yield from ()


class Broken:
    def __len__(self):
        return 3

    def __getitem__(self, row):
        raise OSError("no such disk")


IMAGES, LABELS = flat_arrays()
PILS = [Image.fromarray(image) for image in IMAGES]
PAIRS = list(zip(PILS, LABELS.tolist()))


class Random:
    def __len__(self):
        return 24

    def __getitem__(self, row):
        return torch.rand(3, 16, 16), row % 2


WRONG = {
    "no labels": ((IMAGES,), ValueError, "without labels: load_arrays"),
    "too few labels": ((IMAGES, LABELS[:9]), ValueError, "24 pictures but 9 labels"),
    "one-hot": ((IMAGES, np.eye(2)[LABELS]), ValueError, r"\(24, 2\).*labels.argmax\(1\)"),
    "measures": ((IMAGES, LABELS + 0.5), ValueError, "picture 0 is 0.5, but a class is"),
    "one label": ((IMAGES, "cat"), TypeError, "labels must be an array or a list"),
    "one class": ((IMAGES, LABELS * 0), ValueError, "too few classes"),
    "flat rows": ((IMAGES[..., 0].reshape(24, -1), LABELS), ValueError, r"images.reshape\(-1, 16, 16\)"),
    "pictures last": ((IMAGES.transpose(1, 2, 3, 0), LABELS), ValueError, r"images.transpose\(3, 0, 1, 2\)"),
    "two channels": ((IMAGES[..., :2], LABELS), ValueError, "no axis of 1, 3 or 4 channels"),
    "volumes": ((IMAGES[:, None], LABELS), ValueError, r"the shape is \(24, 1, 16, 16, 3\)"),
    "tiny": ((IMAGES[:, :4, :4], LABELS), ValueError, "sides of 8 pixels or more"),
    "none": ((IMAGES[:0], LABELS[:0]), ValueError, r"no picture in it \(n = 0\)"),
    "from -1 to 1": ((IMAGES / 127.5 - 1, LABELS), ValueError, r"from -1 to .* black .*: \(images \+ 1\) / 2"),
    "normalised": ((IMAGES / 20 - 2.1, LABELS), ValueError, r"images \* std \+ mean"),
    "normalised rows": (([(torch.rand(3, 16, 16) - 0.9, 0)],), ValueError, "take Normalize out"),
    "zero and one": ((IMAGES % 2, LABELS), ValueError, r"images \* 255"),
    "int8": ((IMAGES.astype(np.int8), LABELS), ValueError, r"images.view\(np.uint8\)"),
    "complex": ((IMAGES * 1j, LABELS), ValueError, "complex128, which has no shades"),
    "too few names": ((IMAGES, LABELS, ["a"]), ValueError, "label of picture 1 is 1, but class_names"),
    "names twice": ((IMAGES, LABELS, ["Ash", "ash"]), ValueError, "Two of class_names are the same"),
    "a name": ((IMAGES, LABELS, "ash"), TypeError, "class_names must be a list"),
    "no names": ((IMAGES, LABELS, []), TypeError, "class_names must be a list"),
    "numbers for names": ((IMAGES, LABELS, [7, 8]), TypeError, "class_names must be a list of texts"),
    "odd groups": ((IMAGES, LABELS, None, [0.5] * 24), ValueError, "group of picture 0 is 0.5"),
    "one group": ((IMAGES, LABELS, None, ["me"] * 24), ValueError, "groups can not be dealt"),
    "groups": ((IMAGES, LABELS, None, [1, 2]), ValueError, "24 pictures but 2 groups"),
    "files": ((["a.png", "b.png"], [0, 1]), TypeError, r"names of files .*tlkit.load_folder"),
    "a dataset and labels": ((PAIRS, LABELS), TypeError, "leave labels out"),
    "a dict and labels": (({"train": PAIRS}, LABELS), TypeError, "leave labels out"),
    "no part": (({"left": PAIRS, "right": PAIRS},), ValueError, "dict with train, and val or test; this has left"),
    "no train": (({"test": PAIRS},), ValueError, "dict with train"),
    "a dict of arrays": (({"a": IMAGES, "b": LABELS[:3]},), ValueError, r"It has: a \(24, 16, 16, 3\), b \(3,\)"),
    "a loader": ((DataLoader(PAIRS),), TypeError, r"load_arrays\(loader.dataset\)"),
    "a stream": ((Stream(),), TypeError, r"list\(rows.take\(1000\)\)"),
    "nothing": ((None,), TypeError, "takes arrays of pictures with their labels"),
    "an empty list": (([],), ValueError, "its length is 0"),
    "pictures alone": ((PILS,), TypeError, r"load_arrays\(pictures, labels\)"),
    "a broken dataset": ((Broken(),), ValueError, r"OSError: no such disk.*dataset\[0\]"),
    "a random transform": ((Random(),), ValueError, "Two looks at picture 0 gave two pictures"),
    "two columns": (([{"image": PILS[0], "red": 1, "blue": 2}],), ValueError, "Which column is the label.*red, blue"),
    "another column": (([{"image": PILS[0], "label": 1}], "lable"), ValueError, "Did you mean 'label'"),
    "bytes in a row": (([{"image": {"bytes": b""}, "label": 1}],), ValueError, r"datasets.Image\(\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_set_of_pictures_is_refused_with_what_to_do(empty_cache, case):
    given, kind, said = WRONG[case]
    with pytest.raises(kind, match=f"(?s){said}") as caught:
        load(*given)
    assert is_short(caught)


@pytest.mark.parametrize("options", [{"per_class": 0}, {"seed": -1}, {"image_size": 8}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        load(IMAGES, LABELS, **options)
