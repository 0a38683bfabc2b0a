"""Files of arrays: cut as they come, by any usual names; what is damaged, foreign or too large is refused in words."""

import io
import zipfile

import numpy as np
import pytest
from folder_makers import is_short, numbers, sizes

import tlkit
from tlkit.folders import array_files


def arrays(start, count, size=16):
    """Flat pictures, red the class and green the number from ``start`` on, and labels ``(n, 1)`` as of MedMNIST."""
    labels = np.arange(start, start + count)[:, None] % 2
    colours = np.concatenate([40 * labels, labels * 0, labels * 0], 1)
    colours[:, 1] = np.arange(start, start + count)
    return np.broadcast_to(colours[:, None, None], (count, size, size, 3)).astype(np.uint8), labels


def load(path, **options):
    return tlkit.load_arrays(path, image_size=16, quiet=True, **options)


def saved(path, **columns):
    np.savez_compressed(path, **columns)
    return path


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test"),
        ("X_train", "Y_train", "X_dev", "Y_dev", "X_test", "Y_test"),
    ],
    ids=["MedMNIST", "Keras", "dev"],
)
def test_its_own_cut_is_kept(empty_cache, tmp_path, names):
    cut = [arrays(0, 16), arrays(16, 6), arrays(22, 8)]
    path = saved(tmp_path / "cells.npz", **dict(zip(names, [array for pair in cut for array in pair])))
    split = load(path, class_names={"0": "calm", "1": "ill"})
    assert sizes(split) == {"train": 16, "val": 6, "test": 8} and split.draw is None and split.name == "cells"
    assert split.class_names == ["calm", "ill"] and numbers(split.val) == [
        (0, 16),
        (0, 18),
        (0, 20),
        (1, 17),
        (1, 19),
        (1, 21),
    ]
    assert "Came cut into parts, which stay: train 16, val 6, test 8." in str(split.report)
    assert split.per_class == 8 and split.seed == 0


def test_one_that_is_whole_is_dealt_and_so_is_a_missing_part(empty_cache, tmp_path):
    images, labels = arrays(0, 24)
    for name, columns in {
        "named": {"images": images, "labels": labels, "ids": np.arange(24)},
        "by position": {"arr_0": images, "arr_1": labels},
    }.items():
        assert load(saved(tmp_path / f"{name}.npz", **columns)).draw is not None
    first, second = arrays(0, 16), arrays(16, 8)
    columns = dict(train_images=first[0], train_labels=first[1], test_images=second[0], test_labels=second[1])
    assert "No val: it is dealt from train" in str(load(saved(tmp_path / "two.npz", **columns)).report)
    with np.load(tmp_path / "two.npz") as opened:
        assert sizes(tlkit.load_arrays(opened, image_size=16, quiet=True))["test"] == 8


def npz_of(path, members):
    """An .npz of what is given as bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def header(shape, descr="|u1"):
    """The header of an array of this shape, without the array."""
    raw = io.BytesIO()
    np.lib.format.write_array_header_1_0(raw, {"descr": descr, "fortran_order": False, "shape": shape})
    return raw.getvalue()


IMAGES, LABELS = arrays(0, 12)


def wrong_file(case, folder):
    path = folder / "x.npz"
    if case == "cut short":
        path.write_bytes(saved(path, images=IMAGES, labels=LABELS).read_bytes()[:-50])
    elif case == "a flipped byte":
        np.savez(path, images=IMAGES, labels=LABELS)
        raw = bytearray(path.read_bytes())
        raw[1000] ^= 255
        path.write_bytes(raw)
    elif case == "objects":
        np.savez(path, images=IMAGES, labels=np.array([{}] * 12, dtype=object))
    elif case == "ragged":
        np.savez(path, images=np.array([IMAGES[0], IMAGES[0][:9]], dtype=object), labels=LABELS)
    elif case == "a text":
        path.write_text("no arrays")
    elif case == "empty":
        path.touch()
    elif case == "a folder":
        path.mkdir()
    elif case == "pictures":
        npz_of(path, {"a/1.png": b"", "b/1.png": b""})
    elif case == "a bad header":
        npz_of(path, {"images.npy": b"\x93NUMPY\x01\0\x0a\0{'descr': ", "labels.npy": header((3,)) + b"abc"})
    elif case == "less than it says":
        npz_of(path, {"images.npy": header((10**9, 28, 28)), "labels.npy": header((10**9,))})
    elif case == "a negative shape":
        npz_of(path, {"images.npy": header((-5, 28, 28)) + b"x", "labels.npy": header((5,)) + b"abcde"})
    elif case == "no labels":
        np.savez(path, images=IMAGES, ids=LABELS[:5])
    elif case == "two of each":
        np.savez(path, left=IMAGES, right=IMAGES, labels=LABELS)
    elif case == "two kinds of labels":
        np.savez(path, images=IMAGES, kind=LABELS, place=LABELS)
    elif case == "no train":
        np.savez(path, test_images=IMAGES, test_labels=LABELS)
    elif case == "flat":
        np.savez(path, images=IMAGES.reshape(12, -1), labels=LABELS)
    elif case == "an array alone":
        path = folder / "x.npy"
        np.save(path, IMAGES)
    elif case == "a table":
        path = folder / "x.csv"
        path.write_text("file,label\n")
    return path


WRONG = {
    "cut short": "is no .npz, or is damaged",
    "a flipped byte": "x.npz is damaged",
    "objects": "labels is of Python objects, which are not opened",
    "ragged": "images is of Python objects.*pictures of one size",
    "a text": "is no .npz, or is damaged. Read it with its own library",
    "empty": "is no .npz, or is damaged",
    "a folder": r"is a folder: tlkit.load_folder\(path\)",
    "not there": "x.npz is not there",
    "pictures": r"zip of other files \(a/1.png, b/1.png\).*tlkit.load_folder",
    "a bad header": "x.npz is damaged",
    "less than it says": "damaged .images.npy is shorter than its header says",
    "a negative shape": "x.npz is damaged",
    "no labels": r"a label for each.*It has: images \(12, 16, 16, 3\), ids \(5, 1\)",
    "two of each": "It has: left .*, right",
    "two kinds of labels": "It has: images .*, kind .*, place",
    "no train": "train_images, train_labels",
    "flat": r"\(n, h, w\).*It has: images \(12, 768\)",
    "an array alone": r"One array alone: load_arrays\(np.load\(images\), np.load\(labels\)\)",
    "a table": "A table of files: tlkit.load_folder",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_file_of_arrays_is_refused(empty_cache, tmp_path, case):
    path = wrong_file(case, tmp_path)
    with pytest.raises(ValueError, match=f"(?s){WRONG[case]}") as caught:
        load(path)
    assert is_short(caught)


def test_a_bomb_is_seen_by_its_header(empty_cache, tmp_path, monkeypatch):
    """Zeros that take a thousandth packed: what they are unpacked counts, and none of it is read."""
    path = saved(tmp_path / "bomb.npz", images=np.zeros((500, 64, 64, 3), np.uint8), labels=np.arange(500) % 2)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(array_files, "LARGEST", 2**20)
    monkeypatch.setattr(array_files, "_array", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ValueError, match="(?s)would take 0.0 GB of memory.*TLKIT_LIMITS=6"):
        load(path)


def test_the_other_doors_name_this_one(empty_cache, tmp_path):
    path = saved(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    with pytest.raises(ValueError, match=r"holds arrays.*tlkit.load_arrays\(") as caught:
        tlkit.load_folder(path)
    assert is_short(caught)
    with pytest.raises(ValueError, match=r"x.npz holds arrays.*tlkit.load_arrays\(") as caught:
        tlkit.load_folder(tmp_path, quiet=True)
    assert is_short(caught)
    for given in (IMAGES, [(IMAGES[0], 1)]):
        with pytest.raises(TypeError, match=r"(?s)must be a path.*tlkit.load_arrays\(images, labels\)"):
            tlkit.load_folder(given)
    with pytest.raises(TypeError, match="leave labels out"):
        tlkit.load_arrays(path, LABELS)
