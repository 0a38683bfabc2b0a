"""Near-copies: every kind is found, different pictures are not taken for copies, and no pair is on two sides."""

import io

import numpy as np
import pytest
import torch
from folder_makers import is_short, load
from PIL import Image, ImageFilter, ImageOps
from sklearn.datasets import load_digits

import tlkit
from tlkit.data import near_copies
from tlkit.data.near_copies import groups_of, search
from tlkit.data.pictures import as_square
from tlkit.world.catalogue import draw_pictures


def _scene(number, side=120):
    """Coarse and fine blobs of colour, wider than high: no two numbers alike."""
    random = np.random.default_rng(number)
    layers = [random.uniform(0, 255, (rows, rows + 2, 3)).astype(np.uint8) for rows in (4, 14)]
    coarse, fine = (Image.fromarray(layer).resize((side * 5 // 4, side), Image.BICUBIC) for layer in layers)
    return Image.blend(coarse, fine, 0.4)


def _again(image, quality=90):
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=quality)
    return Image.open(kept).convert("RGB")


def _cut(image, left, top, right=0.0, bottom=0.0):
    wide, high = image.size
    return image.crop((round(wide * left), round(high * top), round(wide * (1 - right)), round(high * (1 - bottom))))


KINDS = {
    "saved at quality 50": lambda image: _again(image, 50),
    "scaled to 0.9": lambda image: image.resize([round(side * 0.9) for side in image.size]),
    "scaled to 0.6": lambda image: image.resize([round(side * 0.6) for side in image.size]),
    "scaled to 2": lambda image: image.resize([side * 2 for side in image.size]),
    "cut at the left": lambda image: _cut(image, 0.05, 0),
    "cut at the top": lambda image: _cut(image, 0, 0.04),
    "cut at two sides": lambda image: _cut(image, 0, 0.02, 0.03, 0),
    "brighter": lambda image: image.point(lambda value: min(255, round(value * 1.15))),
    "darker": lambda image: image.point(lambda value: round(value * 0.85)),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "mirrored": ImageOps.mirror,
    "mirrored and cut": lambda image: ImageOps.mirror(_cut(image, 0.03, 0.02)),
}


def _squares(images):
    return torch.stack([torch.from_numpy(as_square(image, 64).copy()) for image in images])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_copy_is_found_and_nothing_else(kind):
    scenes = [_scene(number) for number in range(12)]
    rows, similarity = search(_squares(scenes + [_again(KINDS[kind](scene)) for scene in scenes]))
    assert sorted(rows.tolist()) == [[k, k + 12] for k in range(12)]
    assert near_copies.SAME <= similarity.min() <= similarity.max() <= 1.001
    assert similarity.equal(similarity.sort(descending=True).values)


def _of_one_class(kind):
    """Forty different pictures that look alike: drawn flowers of one species, or zeros written by hand."""
    if kind == "flowers":
        rows = torch.arange(40)
        return draw_pictures("flowers", "train", torch.zeros_like(rows), rows, 0, 64)
    found = load_digits()
    zeros = torch.from_numpy(255 - 15 * found.images[found.target == 0][:40]).float()[:, None]
    return torch.nn.functional.interpolate(zeros, size=64, mode="bicubic").clamp(0, 255).byte().repeat(1, 3, 1, 1)


@pytest.mark.parametrize("kind", ["flowers", "zeros"])
def test_different_pictures_of_a_class_are_no_copies(kind):
    images = _of_one_class(kind)
    assert len(search(images)[0]) == 0
    rows, _ = search(torch.cat([images, images[:10]]))
    assert sorted(rows.tolist()) == [[k, 40 + k] for k in range(10)]


def test_colour_tells_a_red_ball_from_a_blue_one_and_plain_pictures_are_copies_of_none():
    balls = torch.full((4, 3, 64, 64), 200, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    inside = (x - 30) ** 2 + (y - 34) ** 2 < 300
    for ball, channel in zip(balls[:3], (0, 2, 2)):
        ball[:, inside] = 40
        ball[channel, inside] = 220
    assert search(balls)[0].tolist() == [[1, 2]]
    flat = torch.arange(20, 60, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 64, 64)
    assert len(search(flat.contiguous())[0]) == 0
    assert len(search(balls[:1])[0]) == 0


def test_a_copy_of_a_copy_and_what_is_in_a_group_are_one_group():
    rows = torch.tensor([[0, 1], [1, 2], [4, 5]])
    assert groups_of(rows, 7).tolist() == [0, 0, 0, 1, 2, 2, 3]
    told = torch.tensor([9, 8, 7, 5, 5, 6, 9])
    joined = groups_of(rows, 7, told)
    assert len(joined.unique()) == 2 and len({*joined[[0, 1, 2, 6]].tolist()}) == 1 == len(
        {*joined[[3, 4, 5]].tolist()}
    )
    assert groups_of(torch.empty(0, 2, dtype=torch.int64), 3).unique().tolist() == [0, 1, 2]


def test_found_pairs_are_kept_and_the_pictures_are_not_asked_for_again(empty_cache):
    images = _squares([_scene(1), _scene(2), _again(_scene(1))])
    first = near_copies.find(lambda: images, "three")
    again = near_copies.find(lambda: pytest.fail("it looked again"), "three")
    assert first.rows.tolist() == again.rows.tolist() == [[0, 2]] and first.similarity.equal(again.similarity)


def _folder(root, count=12, classes=("ash", "birch"), again=KINDS["scaled to 0.9"]):
    """Class folders of scenes, each once more as a near-copy."""
    for k, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            scene = _scene(100 * k + number)
            scene.save(root / name / f"{number}.png")
            again(scene).save(root / name / f"{number} again.jpg")
    return root


def _scenes(part):
    """Which scenes are in a part: the nearest of all."""
    known = _squares([_scene(100 * k + number) for k in range(2) for number in range(12)]).float()
    return set(torch.cdist(part.images.float().flatten(1), known.flatten(1)).argmin(1).tolist())


def test_no_pair_is_on_two_sides_in_any_draw_and_the_report_names_them(empty_cache, tmp_path, capsys):
    split = load(_folder(tmp_path), image_size=64, quiet=False)
    said = capsys.readouterr().out
    assert "24 pairs of near-copies" in said and "again.jpg" in said and "21 more" in said
    assert len(split.report.near_copies) == 24 and split.report.near_copies[0].similarity > 0.9
    assert {tuple(sorted((pair.first, pair.second))) for pair in split.report.near_copies} == {
        (f"{name}/{k} again.jpg", f"{name}/{k}.png") for name in ("ash", "birch") for k in range(12)
    }
    for seed in range(10):
        drawn = split.draw(seed)
        sides = [_scenes(part) for part in (drawn.train, drawn.val, drawn.test)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 24
        assert len(drawn.train) + len(drawn.val) + len(drawn.test) == 48 and not drawn.report.copies_in_test.any()
    assert len(split.train.groups.unique()) == len(split.train) / 2


def test_one_argument_switches_it_off_in_every_draw(empty_cache, tmp_path):
    split = load(_folder(tmp_path), image_size=64, near_copies=False)
    sides = [_scenes(part) for part in (split.train, split.val, split.test)]
    assert sum(map(len, sides)) > 24 and not split.report.near_copies and split.train.groups is None
    assert not split.draw(1).report.near_copies and "near-copies" not in str(split.report)
    with pytest.raises(ValueError, match="near_copies=False") as caught:
        split.report.first_copies()
    assert is_short(caught)


def test_the_first_ten_pairs_can_be_looked_at(empty_cache, tmp_path):
    images, names = load(_folder(tmp_path), image_size=64).report.first_copies()
    assert images.shape == (20, 3, 64, 64) and len(names) == 10 and "again.jpg" in names[0]
    assert search(images)[0].sort(1).values.tolist() and len(search(images)[0]) == 10
    tlkit.plot_pictures(images, names)


def test_pairs_are_found_whatever_the_size_of_the_pictures(empty_cache, tmp_path):
    _folder(tmp_path, 4)
    named = [{pair[:2] for pair in load(tmp_path, image_size=size).report.near_copies} for size in (16, 64, 100)]
    assert named[0] == named[1] == named[2] and len(named[0]) == 8


def test_two_labels_for_one_picture_are_said(empty_cache, tmp_path):
    _folder(tmp_path, 6)
    _again(_scene(0)).save(tmp_path / "birch" / "stray.jpg")
    said = str(load(tmp_path, image_size=64).report)
    assert "in two classes" in said and "stray.jpg" in said and "(ash and birch" in said or "(birch and ash" in said


def test_pairs_across_a_cut_are_said_and_can_be_left_out_of_the_test(empty_cache, tmp_path):
    for part, start in (("train", 0), ("test", 20)):
        for k, name in enumerate(("ash", "birch")):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(start, start + 8):
                _scene(100 * k + number).save(tmp_path / part / name / f"{number}.png")
    ImageOps.mirror(_scene(2)).save(tmp_path / "test" / "ash" / "seen.jpg")
    split = load(tmp_path, image_size=64)
    assert "1 of the 17 pictures of test" in str(split.report) and "seen.jpg" in str(split.report)
    fair = split.test.where(~split.report.copies_in_test)
    assert len(split.test) == 17 and len(fair) == 16
    assert not _scenes(fair) & _scenes(split.train) or len(search(torch.cat([fair.images, split.train.images]))[0]) == 0


def test_groups_and_near_copies_are_kept_together(empty_cache, tmp_path):
    for number in range(24):
        where = tmp_path / ("ash", "birch")[number % 2] / f"subject{number // 2 % 6}"
        where.mkdir(parents=True, exist_ok=True)
        _scene(number).save(where / f"{number}.png")
    where = tmp_path / "ash" / "subject5"
    _again(_scene(0)).save(where / "of subject0.jpg")
    split = load(tmp_path, image_size=64, groups="folders")
    assert sum(len(part.groups.unique()) for part in (split.train, split.val, split.test)) == 5


def test_a_class_of_nothing_but_copies_is_dealt_all_the_same_and_said(empty_cache, tmp_path):
    _folder(tmp_path, 6)
    (tmp_path / "film").mkdir()
    for number in range(8):
        _again(_scene(500), 60 + 5 * number).save(tmp_path / "film" / f"{number}.jpg")
    split = load(tmp_path, image_size=64)
    assert "near-copies of one another in film" in str(split.report)
    assert all((part.labels == 2).any() for part in (split.train, split.val, split.test))
    assert len(near_copies.groups_of(torch.empty(0, 2).long(), 3)) == 3


def test_borders_make_no_copies(empty_cache, tmp_path):
    _folder(tmp_path, 4, again=KINDS["scaled to 0.9"])
    for k in range(8):
        _scene(900 + k).resize((200, 80)).save(tmp_path / "ash" / f"wide {k}.png")
    for fit in ("crop", "pad", "squash"):
        report = load(tmp_path, image_size=64, fit=fit).report
        assert len(report.near_copies) == 8, fit


def test_arrays_are_looked_through_as_files_are(empty_cache):
    scenes = [_scene(number) for number in range(24)]
    images = _squares([*scenes, *(ImageOps.mirror(_again(scene)) for scene in scenes[:12])])
    labels = torch.tensor([*range(24), *range(12)]) % 2
    split = tlkit.load_arrays(images, labels, image_size=64, quiet=True)
    assert len(split.report.near_copies) == 12
    for seed in range(6):
        of = [set(part.groups.tolist()) for part in (split.train, split.val, split.test)]
        assert sum(map(len, of)) == len(set.union(*of)) == 24
        split = split.draw(seed)
    assert tlkit.load_arrays(images, labels, image_size=64, quiet=True, near_copies=False).train.groups is None
