"""Folders without class folders: names that carry the class, by ``labels=``; and what is said where nobody can tell."""

import json

import pytest
from folder_makers import classes, flat, is_short, load, numbers, parts, rows_of, sizes, table

import tlkit


def named(root, names=("ash", "birch"), count=4, pattern="{}.{}.png", start=0):
    """Flat pictures in one folder, with the class in the name of each."""
    for k, name in enumerate(names):
        for number in range(start, start + count):
            flat(root / pattern.format(name, number), 40 * k, number)
    return root


@pytest.mark.parametrize(
    ("pattern", "labels"),
    [
        ("{}.{}.png", r"^(\w+)\."),
        ("{}_{}.png", r"(.+)_"),
        ("{} ({}).png", r"(.+) \("),
        ("pictures/{1}-{0}.png", r"-(.+)\.png"),
        ("{}_{}.png", lambda path: path.split("_")[0]),
    ],
)
def test_names_carry_the_class(empty_cache, tmp_path, pattern, labels):
    root = named(tmp_path / "set", pattern=pattern)
    split = load(root, labels=labels)
    assert split.report.read == {"ash": 4, "birch": 4} and split.report.left_out == {}
    every = sorted(numbers(split.train) + numbers(split.val) + numbers(split.test))
    assert every == [(label, k) for label in range(2) for k in range(4)]
    assert split.draw(1).seed == 1 and split.draw(1).report.read == split.report.read


def test_folders_of_parts_stay_parts(empty_cache, tmp_path):
    for k, part in enumerate(("train", "test")):
        named(tmp_path / "set" / part, start=50 * k, pattern="{}_{}.png")
    flat(tmp_path / "set" / "ash_99.png", 0, 99)
    split = load(tmp_path / "set", labels=r"(\w+)_\d+\.")
    assert sizes(split)["test"] == 8 and {k for _, k in numbers(split.test)} == {50, 51, 52, 53} and split.draw is None
    assert split.report.left_out == {"ash_99.png": "it lies beside the parts"}
    apart = load(train=tmp_path / "set" / "train", test=tmp_path / "set" / "test", labels=r"(.+)_")
    assert numbers(apart.test) == numbers(split.test)


def test_what_has_no_class_in_its_name_is_left_out(empty_cache, tmp_path):
    root = named(tmp_path / "set")
    flat(root / "stray.png", 99, 99)
    split = load(root, labels=r"^(ash|birch)\.")
    assert split.report.left_out == {"stray.png": "labels= finds no class in its path"}


def test_a_zip_may_have_one_folder_around(empty_cache, tmp_path):
    import shutil

    named(tmp_path / "in" / "set")
    path = shutil.make_archive(tmp_path / "set", "zip", tmp_path / "in")
    assert load(path, labels=r"^(\w+)\.").report.read == {"ash": 4, "birch": 4}


def test_a_table_is_told_its_column(empty_cache, tmp_path):
    root = classes(tmp_path / "set")
    rows = [f"{row},{k % 2}" for k, row in enumerate(rows_of(root))]
    path = table(root / "all.csv", "file,label,side", *rows)
    assert load(path, labels="side").class_names == ["0", "1"]
    assert load(root, labels="side").class_names == ["0", "1"] and load(root).class_names == ["ash", "birch"]
    for asked, said in (("lable", "no column of classes called 'lable'. Did you mean 'label'"), ("(a)", "is a table")):
        with pytest.raises(ValueError, match=said) as caught:
            load(path, labels=asked)
        assert is_short(caught)


def test_json_lines_beside_the_pictures(empty_cache, tmp_path):
    for part in ("train", "test"):
        root = named(tmp_path / part, start=9 * (part == "test"))
        rows = [{"file_name": path.name, "label": path.name.split(".")[0]} for path in sorted(root.glob("*.png"))]
        (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert load(tmp_path / "train").report.read == {"ash": 4, "birch": 4}
    assert sizes(load(tmp_path))["test"] == 8


# --- What nobody can read


def too_few(root, **options):
    with pytest.raises(ValueError, match="too few classes") as caught:
        load(root, **options)
    assert is_short(caught)
    return str(caught.value)


@pytest.mark.parametrize("pattern", ["{}.{}.png", "{}_{}.png", "{} ({}).png", "{}{}.png", "all/{}-{}.png"])
def test_names_that_seem_to_carry_the_class_are_said_with_an_argument_that_reads_them(empty_cache, tmp_path, pattern):
    root = named(tmp_path / "set", pattern=pattern)
    said = too_few(root)
    assert "finds ash 4, birch 4" in said
    call = said[said.index("load_folder(") : said.index(" finds")]
    split = eval(call, {"load_folder": lambda path, labels: load(path, labels=labels)})
    assert split.report.read == {"ash": 4, "birch": 4}


@pytest.mark.parametrize("pattern", ["{1:03}{0[0]}.png", "IMG_{1}{0[0]}.png"])
def test_numbers_are_not_taken_for_classes(empty_cache, tmp_path, pattern):
    said = too_few(named(tmp_path / "set", names=("7", "8"), pattern=pattern, count=12))
    assert "with the columns file and label" in said and 'labels=r"(.+)_"' in said


def test_a_table_that_was_not_used_is_named(empty_cache, tmp_path):
    root = named(tmp_path / "set", names=("1",), pattern="{0}{1}.png")
    table(root / "boxes.csv", "image,left,top", "10.png,3,4")
    said = too_few(root)
    assert "boxes.csv was not used: it needs a column of files" in said and "it has: image, left, top" in said


def test_labels_that_find_nothing_are_refused(empty_cache, tmp_path):
    root = named(tmp_path / "set")
    for asked, said in (
        (r"^(cat)\.", "finds a class in none of 8 paths .*'ash.0.png'"),
        ("label", "has no table with a column 'label', and as a regular expression labels needs one bracket"),
        (r"(\w+)\.(\d+)", "has 2 brackets"),
        (lambda path: path.split("/")[3], "stopped at the path 'ash.0.png': IndexError"),
    ):
        with pytest.raises(ValueError, match=f"(?s){said}") as caught:
            load(root, labels=asked)
        assert is_short(caught)
    with pytest.raises(TypeError, match="labels must be a regular expression"):
        load(root, labels=3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="There is no picture in"):
        load(tmp_path / "empty", labels="(.)")


def test_a_split_needs_no_numbers(tiny_split):
    split = tlkit.Split("reds", tiny_split.class_names, tiny_split.train, tiny_split.val, tiny_split.test)
    assert (split.per_class, split.seed) == (8, 0)
    one = tlkit.Split("one", ["a", "b", "c"], tiny_split.train.first(1), tiny_split.val, tiny_split.test)
    assert one.per_class == 1


def test_parts_of_a_set_are_seen_by_the_other_way_as_before(empty_cache, tmp_path):
    root = parts(tmp_path / "set", "train", "test")
    assert numbers(load(root, labels=r"^\w+/(\w+)/").test) == numbers(load(root).test)
