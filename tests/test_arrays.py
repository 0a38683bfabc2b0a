"""Pictures that are no folder: arrays and datasets are read as a folder of the same pictures would be."""

import numpy as np
import pytest
import torch
from folder_makers import flat_arrays, ids, numbers, sizes
from PIL import Image
from torch.utils.data import Subset, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

import tlkit


def load(images, labels=None, *more, **options):
    return tlkit.load_arrays(images, labels, *more, **{"image_size": 16, "quiet": True} | options)


def noise(count=12, size=20, depth=8):
    images = np.random.default_rng(0).integers(0, 2**depth, (count, size, size, 3))
    return images.astype(np.uint8 if depth == 8 else np.uint16), np.arange(count) % 2


def same(first, second):
    parts = [(getattr(first, part), getattr(second, part)) for part in ("train", "val", "test")]
    return all(torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in parts)


# --- What is read


@pytest.mark.parametrize("kind", ["colour", "grey", "16 bits"])
def test_arrays_become_what_a_folder_of_the_same_pictures_becomes(empty_cache, tmp_path, kind):
    images, labels = noise(depth=16 if kind == "16 bits" else 8)
    images = images if kind == "colour" else images[..., 0]
    for row, (image, label) in enumerate(zip(images, labels)):
        (tmp_path / "set" / "ab"[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "set" / "ab"[label] / f"{row:02}.png")
    folder = tlkit.load_folder(tmp_path / "set", image_size=16, quiet=True)
    split = load(images, labels, ["a", "b"])
    assert split.class_names == folder.class_names and split.reading == folder.reading
    table = {bytes(image.numpy()) for part in ("train", "val", "test") for image in getattr(folder, part).images}
    assert table == {bytes(image.numpy()) for part in ("train", "val", "test") for image in getattr(split, part).images}


def test_every_layout_is_the_same_split(empty_cache):
    images, labels = noise()
    split = load(images, labels)
    assert sizes(split) == {"train": 6, "val": 2, "test": 4} and split.name == "arrays"
    for others in (
        images.transpose(0, 3, 1, 2),
        torch.from_numpy(images),
        torch.from_numpy(images).permute(0, 3, 1, 2),
        images.astype(np.int64),
        list(images),
        [Image.fromarray(image) for image in images],
        np.concatenate([images, np.full_like(images[..., :1], 255)], 3),
    ):
        assert same(split, load(others, labels))
    for others in (
        labels[:, None],
        torch.from_numpy(labels),
        labels.tolist(),
        labels.astype(float),
        labels.astype("U1"),
    ):
        assert same(split, load(images, others))


def test_floats_have_one_as_white_and_the_report_says_so(empty_cache):
    images, labels = noise()
    split = load(images, labels)
    for scaled, line in (
        (images / 255, "12 pictures of floats: 0 is black, 1 white, in all of them."),
        (torch.from_numpy(images).float(), "12 pictures of floats: 0 is black, 255 white, in all of them."),
        (torch.from_numpy(images).to(torch.float64) / 255 * 1.0002, "1 white"),
    ):
        read = load(scaled, labels)
        assert line in str(read.report) and same(split, read)
    bits = load(images.astype(np.uint16) * 16, labels)
    assert "0 is black, 4,095 white (12 bits)" in str(bits.report) and bits.reading.whole == (0, 4095)
    holes = (images / 255).astype(np.float32)
    holes[3, 4, 5], holes[6] = np.nan, np.nan
    report = load(holes, labels).report
    assert report.left_out == {"picture 6": "none of its pixels has a value"}
    assert "1 have missing pixels (NaN), filled with the middle value: picture 3." in str(report)


def test_truth_values_are_black_and_white(empty_cache):
    images, labels = noise()
    assert set(load(images[..., 0] > 100, labels, image_size=20).train.images.unique().tolist()) >= {0, 255}


def test_names_keep_their_numbers_and_texts_name_themselves(empty_cache):
    images, labels = flat_arrays()
    split = load(images, labels, ["zebra", "ant"])
    assert split.class_names == ["zebra", "ant"] and split.report.read == {"zebra": 12, "ant": 12}
    assert [red // 40 for red, _ in ids(split.train.images)] == split.train.labels.tolist()
    assert load(images, labels, {"0": "zebra", "1": "ant"}).class_names == ["zebra", "ant"]
    assert load(images, np.array(["zebra", "ant"])[labels]).class_names == ["ant", "zebra"]
    assert load(images, labels + 9).class_names == ["9", "10"]
    assert load(images, labels, ["a", "b", "c"]).class_names == ["a", "b"]


def test_a_split_of_arrays_is_drawn_again_and_holds_no_copies(empty_cache):
    images, labels = flat_arrays()
    images[5] = images[3]  # of the same class
    images[4] = images[7]  # of another
    split = load(images, labels, per_class=3)
    assert split.per_class == 3 and split.seed == 0 and sizes(split)["train"] == 6
    assert split.report.left_out["picture 5"] == "the same picture as picture 3"
    assert {split.report.left_out[f"picture {k}"] for k in (4, 7)} == {"the same picture is in 0 and 1"}
    again = split.draw(1)
    assert again.seed == 1 and not same(split, again) and same(again, load(images, labels, per_class=3, seed=1))
    assert same(split, again.draw(0))


@pytest.mark.parametrize("groups", [np.arange(24) // 4, [f"subject {k // 4}" for k in range(24)]], ids=["int", "text"])
def test_no_group_lies_in_two_parts(empty_cache, groups):
    images, labels = flat_arrays()
    for seed in range(3):
        split = load(images, labels, groups=groups, seed=seed)
        found = [{green // 4 for _, green in ids(getattr(split, part).images)} for part in ("train", "val", "test")]
        assert all(found) and sum(map(len, found)) == len(set.union(*found)) <= 6


def test_groups_of_a_set_in_parts(empty_cache):
    """val is dealt by groups from train; a group that the set's own cut tears apart is said."""
    images, labels = flat_arrays(48)
    parts = {"train": (images[:36], labels[:36]), "test": (images[36:], labels[36:])}
    groups = np.arange(48) // 4
    split = load(parts, groups={"train": groups[:36], "test": groups[36:]})
    assert not {green // 4 for _, green in ids(split.val.images)} & {green // 4 for _, green in ids(split.train.images)}
    assert len(split.test) == 12 and "12 groups: train" in str(split.report)
    torn = load(parts, groups={"train": groups[:36], "test": groups[24:36]})
    assert "The set's own cut tears groups apart" in str(torn.report)
    with pytest.raises(TypeError, match="groups must be a dict like it"):
        load(parts, groups=groups)


# --- Datasets of other libraries


def test_a_folder_of_torchvision_with_its_names(empty_cache, tmp_path):
    (images, labels), root = flat_arrays(), tmp_path / "set"
    for row, (image, label) in enumerate(zip(images, labels)):
        (root / ["ash", "birch"][label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / ["ash", "birch"][label] / f"{row:02}.png")
    dataset = ImageFolder(root)
    split = load(dataset)
    assert split.class_names == ["ash", "birch"] and split.report.read == {"ash": 12, "birch": 12}
    assert same(split, load(ImageFolder(root, transforms.ToTensor())))
    parts = load({"train": Subset(dataset, [*range(6), *range(12, 18)]), "validation": Subset(dataset, [7, 8, 19, 20])})
    assert parts.class_names == ["ash", "birch"] and len(parts.val) == 4 and parts.draw is None
    assert "No test: it is dealt from train" in str(parts.report)
    (root / "ash" / "00.png").write_bytes(b"no picture")
    report = load(ImageFolder(root)).report
    assert list(report.left_out) == ["picture 0"] and "could not give it" in report.left_out["picture 0"]


class Rows:
    """As a dataset of Hugging Face: rows are dicts, and features know names."""

    class Names:
        names = ("ash", "birch")

    def __init__(self, **columns):
        self.columns, self.features = columns, {"label": self.Names(), "fine": None}

    def __len__(self):
        return len(self.columns["image"])

    def __getitem__(self, row):
        return {name: values[row] for name, values in self.columns.items()}


def test_rows_of_dicts(empty_cache):
    images, labels = flat_arrays()
    pictures = [Image.fromarray(image) for image in images]
    split = load(Rows(image=pictures, label=labels.tolist()))
    assert split.class_names == ["ash", "birch"] and split.name == "Rows" and same(split, load(images, labels))
    fine = Rows(
        image=pictures, label=labels.tolist(), fine=(np.arange(24) % 4).tolist(), who=(np.arange(24) // 4).tolist()
    )
    assert load(fine).class_names == ["ash", "birch"]
    assert load(fine, "fine").class_names == ["0", "1", "2", "3"]
    assert same(load(fine, groups="who"), load(images, labels, groups=np.arange(24) // 4))
    assert same(split, load([{"img": image, "target": label} for image, label in zip(images, labels)]))
    kept_back = labels.copy()
    kept_back[[2, 5]] = -1
    report = load(Rows(image=pictures, label=kept_back.tolist())).report
    assert report.left_out == {"picture 2": "it has no label", "picture 5": "it has no label"}


def test_pairs_and_parts(empty_cache):
    images, labels = flat_arrays(48)
    split = load({"train": (images[:24], labels[:24]), "test": (images[24:], labels[24:])})
    assert numbers(split.test) == sorted((k % 2, k + 7 * 256) for k in range(24, 48)) and split.draw is None
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2)
    dataset = TensorDataset(tensors[:24], torch.from_numpy(labels[:24]))
    assert same(split, load({"train": dataset, "test": [(tensors[k], labels[k]) for k in range(24, 48)]}))


def test_a_part_that_lacks_a_class_is_read_by_names(empty_cache, tmp_path):
    """ImageFolder counts the classes of each folder from 0: the first of test is the second of train."""
    for row, (image, label) in enumerate(zip(*flat_arrays(24, 3))):
        part = "test" if row > 14 and label else "train"
        (tmp_path / part / "abc"[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / part / "abc"[label] / f"{row:02}.png")
    split = load({part: ImageFolder(tmp_path / part) for part in ("train", "test")})
    assert split.class_names == ["a", "b", "c"] and len(split.test) == 6
    assert [red // 40 for red, _ in ids(split.test.images)] == split.test.labels.tolist()


def test_what_the_cache_has_by_another_reading_is_not_used(empty_cache):
    """One brighter picture, of a class that is left out, changes the limits and none of the pictures."""
    images, labels = noise()
    deep = images.astype(np.uint16)
    alone, beside = load(deep, labels), load(np.concatenate([deep, deep[:1] * 256]), [*labels, 2])
    assert alone.reading.whole == (0, 255) and beside.reading.whole == (0, 2**16 - 1)
    assert alone.train.images.max() > 200 and beside.train.images.max() <= 2


def test_a_picture_that_is_no_square_is_fitted_as_asked(empty_cache):
    """The left edge says the class; of a picture four times as wide as high the middle does not have it."""
    images, labels = np.random.default_rng(0).integers(0, 90, (12, 16, 64, 3), dtype=np.uint8), np.arange(12) % 2
    images[labels == 1, :, :8] = 255
    for fit, seen in (("crop", False), ("pad", True), ("squash", True)):
        split = load(images, labels, fit=fit)
        assert (split.train.images[split.train.labels == 1].max() > 200) == seen, fit
        assert ("its middle square is read: 81% of the area is cut away" in str(split.report)) != seen
        assert (split.reading is None) != seen and same(split.draw(0), split)
    with pytest.raises(ValueError, match="fit"):
        load(images, labels, fit="stretch")
