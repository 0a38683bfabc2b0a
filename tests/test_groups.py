"""What belongs together lies on one side of a split, in every draw; and where nobody said so, a set that looks so."""

import csv
import re
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

import tlkit
from tlkit.intervals import picture_difference, picture_interval
from tlkit.study import evidence


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """Two classes, eight subjects with five pictures each, in folders and in the names of the files."""
    root = tmp_path_factory.mktemp("subjects")
    chance = np.random.default_rng(0)
    for label in ("left", "right"):
        for subject in range(8):
            folder = root / label / f"subject{subject}"
            folder.mkdir(parents=True)
            for k in range(5):
                noise = chance.integers(0, 255, (16, 16, 3), np.uint8)
                Image.fromarray(noise).save(folder / f"s{subject}_{k}.png")
    with (root.parent / f"{root.name}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "patient"])
        for path in sorted(root.rglob("*.png")):
            table.writerow([path.relative_to(root.parent), path.parts[-3], path.parts[-2]])
    return root


def load(root, **options):
    return tlkit.load_folder(root, image_size=16, quiet=True, **options)


def sides(split):
    return [set(part.groups.tolist()) for part in (split.train, split.val, split.test)]


HOW = {
    "folders": "folders",
    "expression": r"(subject\d)",
    "compiled": re.compile(r"/s(\d)_\d"),
    "function": lambda path: path.split("/")[1],
    "number": lambda path: int(path[-7]),
}


@pytest.mark.parametrize("how", HOW)
def test_no_group_is_on_two_sides_in_any_draw(subjects, how):
    split = load(subjects, groups=HOW[how])
    for seed in range(8):
        parts = sides(split.draw(seed))
        assert sum(map(len, parts)) == len(set.union(*parts)) == 8
    assert "8 groups: train 4, val 1, test 3." in str(split.report)
    other = load(subjects, groups="folders", per_class=3)
    assert sides(other)[2] == sides(load(subjects, groups="folders"))[2] and other.per_class == 3


def test_a_column_of_the_table_names_the_groups(subjects):
    split = load(subjects.parent / f"{subjects.name}.csv", groups="patient")
    assert len(set.union(*sides(split))) == 8 and split.draw(1).train.groups is not None


def test_pictures_without_a_group_are_dealt_one_by_one(subjects):
    split = load(subjects, groups=r"(subject[0-5])")
    assert "6 groups: " in str(split.report) and "20 pictures name none" in str(split.report)
    parts = sides(split)
    assert sum(map(len, parts)) == len(set.union(*parts)) > 6


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ("patient", "has no bracket"),
        (r"(s)(\d)", "has 2 brackets"),
        ("([", "is no regular expression"),
        (r"nothing(\d)", r"found nothing: the first path is 'left/subject0/s0_0.png'"),
        (lambda path: 1 / 0, "stopped at the path .*ZeroDivisionError"),
        (r"(left|right)", "left is in 1 of them"),
    ],
)
def test_groups_that_cannot_be_are_refused_in_two_lines(subjects, groups, says):
    with pytest.raises(ValueError, match=says) as caught:
        load(subjects, groups=groups)
    assert str(caught.value).count("\n") <= 1
    with pytest.raises(TypeError, match="must be a regular expression with one bracket, or a function"):
        load(subjects, groups=7)


def test_a_set_that_looks_as_if_it_had_groups_says_so_and_decides_nothing(subjects, tmp_path):
    split = load(subjects)
    assert 'load_folder(..., groups="folders")' in str(split.report) and split.train.groups is None
    for path in subjects.rglob("*.png"):  # flat: only the names tell
        (tmp_path / path.parts[-3]).mkdir(exist_ok=True)
        (tmp_path / path.parts[-3] / path.name).write_bytes(path.read_bytes())
    (line,) = [note for note in load(tmp_path).report.notes if "groups=" in note]
    expression = re.search(r'groups=r"(.*)"\)', line)[1]
    assert len(set.union(*sides(load(tmp_path, groups=expression)))) == 8, "s0_ on the left is s0_ on the right"


def test_numbered_pictures_alone_raise_no_suspicion(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for k in range(12):
            noise = np.random.default_rng(k + 100 * ord(label)).integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / label / f"image_{k:04}.png")
    assert not [note for note in load(tmp_path).report.notes if "groups" in note]


def test_a_cut_that_tears_groups_apart_is_told(subjects, tmp_path):
    for path in subjects.rglob("*.png"):
        part = "test" if path.stem[-1] == "4" else "train"
        folder = tmp_path / part / path.parts[-3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    split = load(tmp_path, groups=r"(s\d)_")
    assert "8 groups: train 7, val 1, test 8." in str(split.report)
    assert "cut tears groups apart" in str(split.report) and "of its 16 pictures" in str(split.report)


# ------------------------------------------------------------------------ what is computed from groups


def test_an_interval_over_groups_is_that_of_as_many_pictures_where_a_group_is_always_right_or_wrong():
    right = np.random.default_rng(0).random(40) < 0.7
    groups = np.arange(40)
    once, five = picture_interval(right, groups), picture_interval(np.repeat(right, 5), np.repeat(groups, 5))
    np.testing.assert_allclose(once, five, atol=0.01)
    assert five.high - five.low > 1.8 * np.diff(picture_interval(np.repeat(right, 5))[1:])
    apart = np.repeat(right, 5), np.repeat(right[::-1], 5)
    wide = picture_difference(*apart, groups=np.repeat(groups, 5))
    assert wide.high - wide.low > 1.8 * np.diff(picture_difference(*apart)[1:])
    assert not picture_interval(np.ones(8), np.arange(8) // 4).known, "two groups say nothing"


def test_one_group_a_picture_is_as_no_groups():
    chance = np.random.default_rng(1)
    first, second = chance.random((2, 300)) < 0.8
    for plain, grouped in (
        (picture_interval(first), picture_interval(first, np.arange(300))),
        (picture_difference(first, second), picture_difference(first, second, groups=np.arange(300))),
    ):
        np.testing.assert_allclose(plain, grouped, atol=0.004)


def test_scores_before_training_never_ask_about_a_group_that_they_have_seen():
    """Features that tell the speaker and nothing of the word: right among the same speaker's, else by luck."""
    chance = np.random.default_rng(0)
    groups = chance.permutation(np.repeat(np.arange(24), 5))
    y = groups % 3  # each speaker says one word
    X = chance.normal(size=(24, 400))[groups] + 0.1 * chance.normal(size=(120, 400))
    assert evidence.nearest_neighbours(X, y) > 0.95 and evidence.stage_sweep({"codes": X}, y)["codes"] > 0.95
    assert evidence.nearest_neighbours(X, y, groups=groups) < 0.7
    assert evidence.stage_sweep({"codes": X}, y, groups)["codes"] < 0.7


def test_a_comparison_on_one_cut_is_over_its_groups(tiny_split):
    test = tiny_split.test
    grouped = tlkit.ImageSet(test.images, test.labels, groups=torch.arange(len(test)) // 2)
    split = tlkit.Split("own", ["dark", "light"], tiny_split.train, tiny_split.val, grouped, 8, 0)
    ways = {"one": tlkit.linear_probe, "other": partial(tlkit.linear_probe, kind="softmax")}
    table = tlkit.compare(ways, split, seeds=[0])
    assert "8 groups of test pictures" in str(table) + table.verdict("one", "other")


def test_groups_must_match_the_pictures():
    with pytest.raises(ValueError, match="4 pictures but 3 groups"):
        tlkit.ImageSet(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4) % 2, groups=torch.arange(3))
