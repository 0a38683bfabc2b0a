"""Sets that come cut into parts: the cut stays, and a part never becomes a class."""

import os
import shutil

import pytest
import torch
from folder_makers import classes, flat, load, numbers, parts, sizes, table

from tlkit.data import photos

pytestmark = pytest.mark.filterwarnings("error")

THREE = [
    ("train", "val", "test"),
    ("Training", "Validation", "Testing"),
    ("seg_train", "seg_val", "seg_test"),
    ("Training", "Validierung", "Test"),
    ("entrenamiento", "validacion", "prueba"),
    ("treino", "validacao", "teste"),
    ("apprentissage", "validation", "test"),
    ("huan_luyen", "kiem_dinh", "kiem_tra"),
    ("训练", "验证", "测试"),
    ("train", "val", "eval"),
]


@pytest.mark.parametrize("names", THREE, ids="-".join)
def test_the_cut_stays_as_it_is(empty_cache, tmp_path, names):
    split = load(parts(tmp_path / "set", *names), seed=3)
    assert split.class_names == ["ash", "birch"] and split.draw is None and split.report.left_out == {}
    for k, part in enumerate((split.train, split.val, split.test)):
        assert numbers(part) == [(label, 50 * k + n) for label in (0, 1) for n in range(4)]
    assert "Came cut into parts, which stay: train 8, val 8, test 8." in str(split.report)


def _beside(root):
    parts(root, "train", "test")
    for name in ("pred", "annotations", "images", "__MACOSX", "unlabeled"):
        flat(root / name / "1.png", 200)
    (root / "README.md").write_text("words")
    flat(root / "stray.png", 201)


def _with_files_inside(root):
    parts(root, "train", "test")
    (root / "train" / "README.md").write_text("words")
    table(root / "train" / "metadata.csv", "name,size", "1.png,16")
    (root / "test" / "ash" / "readme.txt").write_text("words")


def _doubled(root):
    parts(root / "data", "seg_train/seg_train", "seg_test/seg_test")


def _copied(root):
    parts(root, "train", "test")
    shutil.copytree(root, root.parent / "copy")
    (root.parent / "copy").rename(root / "hymenoptera_data")


def _copied_into_a_part(root):
    parts(root, "train", "test")
    shutil.copytree(root / "train", root.parent / "copy")
    (root.parent / "copy").rename(root / "train" / "train")


def _unknown_third(root):
    parts(root, "img_train", "img_test", "img_more")


def _inside_classes(root):
    for label in ("ash", "birch"):
        for k, part in enumerate(("train", "test")):
            classes(root / "made", 50 * k, names=("ash", "birch"))
            (root / label / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(root / "made" / label, root / label / part)
            shutil.rmtree(root / "made")


def _classes_at_the_top(root):
    classes(root, 0, 4)
    classes(root / "test", 50, 4)


def _masks(root):
    parts(root, "images/train", "images/test")
    for part in ("train", "test"):
        (root / "labels" / part).mkdir(parents=True)
        (root / "labels" / part / "1.txt").write_text("0 0 0 1 1")


def _table_a_part(root):
    for k, part in enumerate(("train", "test")):
        rows = []
        for label in (0, 1):
            for n in range(4):
                flat(root / part / f"{label}{n}.png", 40 * label, 50 * k + n)
                rows.append(f"{label}{n}.png,{('ash', 'birch')[label]}")
        table(root / part / "metadata.csv", "file_name,label", *rows)


def _tables_at_the_top(root):
    parts(root, "train", "test")
    for part in ("train", "test"):
        files = sorted((root / part).glob("*/*.png"))
        table(root / f"{part}.csv", "path,class", *(f"{p.relative_to(root).as_posix()},{p.parent.name}" for p in files))
    table(root / "sample_submission.csv", "path,class", "train/ash/0.png,birch")


def _unlabelled_val(root):
    parts(root, "train", "test")
    for n in range(3):
        flat(root / "val" / "images" / f"{n}.png", 200, n)


LAYOUTS = {
    "others beside": (_beside, 5),
    "files inside": (_with_files_inside, 3),
    "each wrapped in its own": (_doubled, 0),
    "a copy inside": (_copied, 1),
    "a copy inside of train": (_copied_into_a_part, 1),
    "a third with classes": (_unknown_third, 1),
    "inside of the classes": (_inside_classes, 0),
    "test beside the classes": (_classes_at_the_top, 0),
    "labels beside images": (_masks, 0),
    "a table in each": (_table_a_part, 0),
    "a table for each": (_tables_at_the_top, 0),
    "val without labels": (_unlabelled_val, 1),
}


@pytest.mark.parametrize("make, left_out", LAYOUTS.values(), ids=LAYOUTS)
def test_parts_are_found_by_structure_too(empty_cache, tmp_path, make, left_out):
    make(tmp_path / "set")
    split = load(tmp_path / "set")
    assert split.class_names == ["ash", "birch"] and split.draw is None
    assert numbers(split.test) == [(label, 50 + n) for label in (0, 1) for n in range(4)]
    dealt = numbers(split.train) + numbers(split.val)
    assert sorted(dealt) == [(label, n) for label in (0, 1) for n in range(4)], (
        "val is dealt from train, never from test"
    )
    assert len(split.report.left_out) == left_out, split.report
    assert "No val: it is dealt from train" in str(split.report)


def test_without_test_it_is_dealt_from_train_and_val_stays(empty_cache, tmp_path):
    split = load(parts(tmp_path / "set", "train", "val", count=8), per_class=2)
    assert sizes(split) == {"train": 4, "val": 16, "test": 6} and split.draw is None
    assert all(number >= 50 for _, number in numbers(split.val))
    assert not {*numbers(split.train)} & {*numbers(split.test)}
    assert all(number < 50 for _, number in numbers(split.test))


def test_a_seed_chooses_the_few_that_are_trained_on(empty_cache, tmp_path):
    root = parts(tmp_path / "set", "train", "val", "test", count=8)
    few, all_of_them, other = (load(root, per_class=n, seed=s) for n, s in ((2, 0), (None, 0), (2, 1)))
    assert torch.equal(few.train.images, all_of_them.train.images[:4]) and few.train.labels.tolist() == [0, 1, 0, 1]
    assert numbers(few.train) != numbers(other.train)
    assert torch.equal(few.test.images, other.test.images) and few.per_class == 2


def test_only_train_is_a_set_to_deal(empty_cache, tmp_path):
    root = parts(tmp_path / "set", "train", count=8)
    flat(root / "images" / "1.png", 200)
    split = load(root)
    assert split.class_names == ["ash", "birch"] and sizes(split) == {"train": 8, "val": 2, "test": 6}
    assert "Only train was found" in str(split.report) and "images" in split.report.left_out


def test_parts_by_name_may_lie_anywhere(empty_cache, tmp_path):
    classes(tmp_path / "here", 0)
    classes(tmp_path / "there", 50, names=("birch", "ash"))
    rows = [f"{path},{path.parent.name}" for path in sorted((tmp_path / "there").glob("*/*.png"))]
    held_out = table(tmp_path / "lists" / "held.csv", "filename,species", *rows)
    split = load(train=tmp_path / "here", test=held_out)
    assert split.class_names == ["ash", "birch"] and split.draw is None and split.name == "here"
    assert sizes(split) == {"train": 6, "val": 2, "test": 8}
    # The second class of that folder is ash: its red is 40, and its label is 0, by name.
    assert set(zip(split.test.images[:, 0, 0, 0].tolist(), split.test.labels.tolist())) == {(0, 1), (40, 0)}
    again = load(train=tmp_path / "here")
    assert sizes(again.draw(1)) == sizes(again) == {"train": 4, "val": 2, "test": 2}


def test_train_by_name_takes_each_subfolder_for_a_class(empty_cache, tmp_path):
    root = classes(tmp_path / "set", 0, 4, ("bus", "car", "train"))
    assert load(train=root).class_names == ["bus", "car", "train"]
    for label in ("cat", "dog"):
        classes(tmp_path / "rooms" / label, 10 if label == "dog" else 0, 4, ("indoor", "outdoor"))
    assert load(train=tmp_path / "rooms").report.read == {"cat": 8, "dog": 8}


def test_a_large_set_keeps_its_cut_and_stays_on_disk(empty_cache, tmp_path, monkeypatch):
    root = parts(tmp_path / "set", "train", "val", "test")
    usual = load(root)
    monkeypatch.setattr(photos, "WHOLE", 0)
    large = load(root)
    for part in ("train", "val", "test"):
        assert torch.equal(getattr(usual, part).images, getattr(large, part).images)
    assert large.train.images.untyped_storage().data_ptr() == large.test.images.untyped_storage().data_ptr()


# --- Classes that differ between the parts


def test_a_class_that_test_lacks_is_said(empty_cache, tmp_path):
    classes(tmp_path / "set" / "train", 0, 4, ("ash", "birch", "cedar"))
    classes(tmp_path / "set" / "test", 50, 4, ("cedar", "ash"))
    split = load(tmp_path / "set")
    assert split.class_names == ["ash", "birch", "cedar"] and split.test.labels.unique().tolist() == [0, 2]
    assert "Test has no picture of: birch." in str(split.report)


def test_a_class_that_train_lacks_is_left_out_and_said(empty_cache, tmp_path):
    classes(tmp_path / "set" / "train")
    classes(tmp_path / "set" / "test", 50, 4, ("ash", "birch", "yew"))
    split = load(tmp_path / "set")
    assert split.class_names == ["ash", "birch"] and len(split.test) == 8
    assert split.report.left_out == {"yew": "a class of test that train does not have (4 pictures)"}


def test_a_picture_in_train_and_test_stays_in_test(empty_cache, tmp_path):
    root = parts(tmp_path / "set", "train", "test")
    shutil.copy(root / "test" / "ash" / "50.png", root / "train" / "ash" / "leak.png")
    split = load(root)
    assert (0, 50) in numbers(split.test) and (0, 50) not in numbers(split.train) + numbers(split.val)
    assert list(split.report.left_out) == [os.path.join("train", "ash", "leak.png")]


def test_one_picture_of_a_class_is_said(empty_cache, tmp_path):
    classes(tmp_path / "set", 0, 30)
    for number in range(4):
        flat(tmp_path / "set" / "yew" / f"{number}.png", 90, number)
    said = str(load(tmp_path / "set").report)
    assert "Val has one picture of: yew." in said and "Test has one picture of: yew." in said


def test_numbered_subfolders_are_no_parts(empty_cache, tmp_path):
    for k, label in enumerate(("left", "right")):
        classes(tmp_path / "set" / label, 10 * k, 4, [f"subject{n:02}" for n in range(3)])
    split = load(tmp_path / "set")
    assert split.report.read == {"left": 12, "right": 12} and "the same subfolders" in str(split.report)
