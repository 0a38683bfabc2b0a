"""Photo sets and digits as splits like the drawn ones, their cards, and the upload widget."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from test_spectrograms import tone, write

import tlkit
from tlkit import cli, course, fetching
from tlkit.data import dealing, photo_sets, photos, splits
from tlkit.nets import zoo

LISTED = {"flowers17", "hymenoptera", "flowers102", "cifar10", "eurosat", "dtd", "histology", "spoken_digits"}


def _jpeg(seed):
    random = np.random.default_rng(seed)
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def seventeen(empty_cache, monkeypatch):
    """``flowers17`` with 8 small pictures a class, laid out as the archive lays them out."""
    about = photos.card("flowers17") | {"images": 17 * 8}
    monkeypatch.setattr(photos, "card", lambda name: about)
    folder = photos.folder_of("flowers17") / "jpg"
    folder.mkdir(parents=True)
    for number in range(1, 17 * 8 + 1):
        (folder / f"image_{number:04}.jpg").write_bytes(_jpeg(number))
    return about


@pytest.mark.parametrize("name", sorted(LISTED | {"digits"}))
def test_every_card_says_what_a_reader_must_know(name):
    card = tlkit.disk.cards.read_card(course.COURSE / "datasets" / f"{name}.toml")
    facts = {"title", "shows", "kind", "classes", "images", "megabytes", "similarity", "licence", "citation", "home"}
    assert facts <= set(card) and card["name"] == name
    assert len(card.get("class_names", range(card["classes"]))) == card["classes"]
    assert name != "spoken_digits" or ("speaker" in card["warning"] and "checksum" not in card["file"][0])
    if name not in ("digits", "spoken_digits"):  # GitHub makes an archive when it is asked, and publishes no checksum
        assert all(source["checksum"].split(":")[0] in ("md5", "sha256") for source in card["file"])
    assert all(url.startswith("http") for source in card.get("file", []) for url in source["urls"])
    row = f"| [{name}]({name}.toml)"
    line = next(line for line in (course.COURSE / "datasets" / "README.md").read_text().splitlines() if row in line)
    assert f"| {card['classes']} | {card['images']:,} | {card['megabytes']} |" in line


def test_the_cards_are_the_photo_sets():
    assert set(photo_sets.PHOTO_SETS) == LISTED


def test_flowers17_is_dealt_in_file_order_and_like_the_drawn_sets(seventeen):
    split = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    assert [len(part) for part in (split.train, split.val, split.test)] == [17 * 4, 17, 17 * 3]
    assert split.class_names[0] == "daffodil" and split.class_names[16] == "pansy"
    assert split.train.labels[:17].equal(torch.arange(17)), "class by class in turn"
    fewer = tlkit.load_dataset("flowers17", per_class=2, seed=0, image_size=32)
    assert fewer.train.images.equal(split.train.images[: 17 * 2]) and fewer.test.images.equal(split.test.images)
    other = split.draw(1)
    assert not other.test.images.equal(split.test.images) and other.per_class == 4
    everything = torch.cat([part.images.flatten(1) for part in (split.train, split.val, split.test)])
    assert len(everything.unique(dim=0)) == 17 * 8, "no photo in two parts"
    with pytest.raises(ValueError, match="from 1 to 4"):
        tlkit.load_dataset("flowers17", per_class=5)


def test_another_copy_under_the_same_names_is_decoded_anew(seventeen):
    kept = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    before = photos.copy_of("flowers17")
    assert (before["pictures"], before["of"]) == (136, 136) and photos.copy_of("flowers17") == before
    for number in range(1, 17 * 8 + 1):
        (photos.folder_of("flowers17") / "jpg" / f"image_{number:04}.jpg").write_bytes(_jpeg(number + 500))
    assert not tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32).train.images.equal(kept.train.images)
    assert photos.copy_of("flowers17")["blake2b"] != before["blake2b"]


def test_a_copy_with_a_picture_too_few_is_refused_where_classes_are_counted(seventeen):
    (photos.folder_of("flowers17") / "jpg" / "image_0003.jpg").unlink()
    with pytest.raises(ValueError, match="has 135 of the 136 pictures of flowers17") as caught:
        tlkit.load_dataset("flowers17", per_class=4)
    assert str(caught.value).count("\n") == 1


def test_a_copy_of_yours_may_have_a_folder_for_each_class(seventeen, empty_cache):
    for path in sorted((photos.folder_of("flowers17") / "jpg").iterdir()):
        kind = seventeen["class_names"][(int(path.stem[-4:]) - 1) // 8]
        (photos.folder_of("flowers17") / kind).mkdir(exist_ok=True)
        path.rename(photos.folder_of("flowers17") / kind / path.name)
    split = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    assert split.class_names == seventeen["class_names"] and len(split.train) == 17 * 4


@pytest.fixture
def three_textures(empty_cache):
    """A copy of ``dtd`` with three of its classes, eight pictures each."""
    for name in ("banded", "blotchy", "dotted"):
        folder = photos.folder_of("dtd") / "dtd" / "images" / name
        folder.mkdir(parents=True)
        for number in range(8):
            (folder / f"{name}_{number:04}.jpg").write_bytes(_jpeg(len(name) * 100 + ord(name[1]) + number))


def test_some_classes_of_a_set(three_textures):
    first = tlkit.load_dataset("dtd", per_class=3, image_size=32, classes=2)
    assert first.class_names == ["banded", "blotchy"] and first.train.labels.tolist() == [0, 1] * 3
    named = tlkit.load_dataset("dtd", per_class=3, image_size=32, classes=["dotted", "banded"])
    assert named.class_names == ["dotted", "banded"]
    assert named.draw(1).class_names == named.class_names, "another draw is of the same classes"
    mine = named.train.images[named.train.labels == 1]
    assert mine.equal(first.train.images[first.train.labels == 0]) or len(mine) == 3
    digits = tlkit.load_dataset("digits", per_class=5, classes=["7", "1", "0"])
    assert digits.class_names == ["7", "1", "0"] and digits.test.labels.unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("classes", "error", "words"),
    [
        (None, ValueError, "lacks 44 of 47 classes, for example braided.\nAsk for those that it has"),
        (3, ValueError, "lacks 1 of 3 classes, for example braided"),
        (["banded", "dotty"], ValueError, "Did you mean 'dotted'"),
        (["banded", "banded"], ValueError, "number of different classes must be at least 2"),
        (1, ValueError, "classes must be from 2 to 47"),
        (48, ValueError, "classes must be from 2 to 47"),
        ("banded", TypeError, "classes must be a whole number"),
    ],
)
def test_classes_that_can_not_be_had(three_textures, classes, error, words):
    with pytest.raises(error, match=words) as caught:
        tlkit.load_dataset("dtd", per_class=3, image_size=32, classes=classes)
    assert str(caught.value).count("\n") <= 1


def test_a_drawn_set_has_all_its_classes():
    with pytest.raises(ValueError, match="flowers is drawn"):
        tlkit.load_dataset("flowers", classes=3)


COLOURS = torch.tensor([[(k * 25) % 256, (k * 90) % 256, (k * 140) % 256] for k in range(10)], dtype=torch.uint8)


def _write_cifar(folder, each=8):
    """Files as those of the archive: in each a record of one colour for every class, in turn."""
    folder.mkdir(parents=True)
    labels = torch.arange(10, dtype=torch.uint8)
    block = torch.cat([labels[:, None], COLOURS.repeat_interleave(1024, dim=1)], dim=1)
    for number in range(each - 1):
        (folder / f"data_batch_{number}.bin").write_bytes(block.numpy().tobytes())
    (folder / "test_batch.bin").write_bytes(block.numpy().tobytes())
    (folder / "batches.meta.txt").write_text("airplane\n")


def test_cifar10_is_read_from_plain_bytes(empty_cache):
    _write_cifar(photos.folder_of("cifar10") / "cifar-10-batches-bin")
    split = tlkit.load_dataset("cifar10", per_class=4, seed=0, image_size=48)
    assert split.class_names[:3] == ["airplane", "automobile", "bird"]
    assert [len(part) for part in (split.train, split.val, split.test)] == [40, 10, 30]
    for part in (split.train, split.val, split.test):
        assert part.images.float().mean((2, 3)).round().to(torch.uint8).equal(COLOURS[part.labels])
    assert photos.copy_of("cifar10")["pictures"] == 80
    some = tlkit.load_dataset("cifar10", per_class=2, seed=0, image_size=48, classes=["dog", "cat"])
    assert some.train.images[0, :, 0, 0].equal(COLOURS[5]), "the dog's"


def test_cifar10_that_was_cut_short_is_refused(empty_cache):
    folder = photos.folder_of("cifar10") / "cifar-10-batches-bin"
    _write_cifar(folder)
    path = folder / "test_batch.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="test_batch.bin is no file of CIFAR-10's binary version"):
        tlkit.load_dataset("cifar10", per_class=4)


def test_speakers_are_heard_in_one_part_only(empty_cache):
    folder = photos.folder_of("spoken_digits") / "free-spoken-digit-dataset-1.0.10" / "recordings"
    folder.mkdir(parents=True)
    for digit in range(10):
        for speaker, name in enumerate(("anna", "bo", "cem", "dora", "eli", "fay")):
            for take in range(3):  # a tone for each digit, and a hum for each speaker
                sound = tone(400 + 300 * digit, 0.1) + tone(60 + 40 * speaker, 0.1) + 500 * take
                write(folder / f"{digit}_{name}_{take}.wav", sound)
    split = tlkit.load_dataset("spoken_digits", per_class=6, seed=0, image_size=32)
    assert split.class_names == list("0123456789") and split.train.labels[:10].equal(torch.arange(10))
    assert [len(part) for part in (split.train, split.val, split.test)] == [60, 20, 60]
    collection = photos.load("spoken_digits", 32)
    for seed in range(5):
        rows = dealing.deal_groups(collection.labels, list("0123456789"), 6, collection.groups, seed)
        heard = [set(collection.groups[mine].tolist()) for mine in rows.values()]
        assert sum(map(len, heard)) == 6 == len(set.union(*heard))
        again = tlkit.load_dataset("spoken_digits", per_class=6, seed=seed, image_size=32)
        assert again.test.images.equal(collection.take(rows)["test"])
    with pytest.raises(ValueError, match="from 1 to 9"):
        tlkit.load_dataset("spoken_digits", per_class=10, image_size=32)


def test_photos_are_decoded_once_for_all_seeds(seventeen, monkeypatch):
    first = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    monkeypatch.setattr(photos.pictures, "read_picture", lambda *a: pytest.fail("a photo was decoded again"))
    assert tlkit.load_dataset("flowers17", per_class=4, seed=3, image_size=32).train.images.shape == (68, 3, 32, 32)
    assert first.train.images.dtype == torch.uint8


def test_photos_that_are_not_here_say_how_to_get_them(empty_cache):
    with pytest.raises(ValueError, match=r'tlkit.fetch\("dtd"\)') as caught:
        tlkit.load_dataset("dtd")
    assert str(caught.value).count("\n") == 1


def test_photos_that_the_class_shares_are_here_and_are_not_fetched_again(seventeen, tmp_path, monkeypatch, capsys):
    filled = tmp_path / "cache"
    first = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "own"))
    assert not photos.is_here("flowers17")
    before = {path: path.stat().st_mtime_ns for path in filled.rglob("*")}
    monkeypatch.setenv("TLKIT_SHARED_CACHE", str(filled))
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    tlkit.fetch("flowers17")
    assert capsys.readouterr().out == "flowers17: already here.\n"
    monkeypatch.setattr(photos.pictures, "read_picture", lambda *a: pytest.fail("a photo was decoded again"))
    split = tlkit.load_dataset("flowers17", per_class=4, seed=0, image_size=32)
    assert split.train.images.equal(first.train.images) and not (tmp_path / "own" / "photo-sets").exists()
    assert {path: path.stat().st_mtime_ns for path in filled.rglob("*")} == before


def test_compare_deals_a_photo_set_anew_for_each_seed(seventeen):
    split = tlkit.load_dataset("flowers17", per_class=3, seed=0, image_size=32)
    found = tlkit.compare(["probe"], split, seeds=range(2), device="cpu")
    assert [row["seed"] for row in found.rows] == [0, 1] and found.rows[0]["dataset"] == "flowers17"


def test_digits_are_there_without_network(monkeypatch, empty_cache):
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    split = tlkit.load_dataset("digits", per_class=10, seed=0)
    assert split.class_names == list("0123456789") and split.train.images.shape == (100, 3, 64, 64)
    assert split.train.images.float().mean() > 128, "dark ink on white paper"
    assert split.test.labels.bincount().min() >= 60
    assert tlkit.linear_probe(split, device="cpu").open_test() > 0.6


def test_a_lesson_finds_the_real_pair_or_falls_back(empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(empty_cache))
    assert tlkit.real_or_offline("flowers17", "squeezenet1_1") == ("flowers", "minivgg")
    assert 'tlkit.fetch("flowers17", "squeezenet1_1")' in capsys.readouterr().out
    photos.folder_of("flowers17").mkdir(parents=True)
    weights = zoo.weights_file("squeezenet1_1")
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert tlkit.real_or_offline("flowers17", "squeezenet1_1") == ("flowers17", "squeezenet1_1")
    photos.folder_of("flowers17").rmdir()
    assert tlkit.real_or_offline("flowers17", "squeezenet1_1") == ("digits", "squeezenet1_1")
    assert 'again: tlkit.fetch("flowers17")' in capsys.readouterr().out
    with pytest.raises(ValueError, match="Did you mean 'flowers17'"):
        tlkit.is_here("flower17")


def test_the_fetch_command(empty_cache, monkeypatch, capsys):
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    assert cli.main(["fetch", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in (*LISTED, "alexnet", "vgg16", "inception_v3", "resnet18"))
    assert cli.main(["fetch", "--all-for", "02"]) == 0
    assert "needs nothing" in capsys.readouterr().out
    fetched = []
    monkeypatch.setattr(fetching, "_step", lambda name: lambda: fetched.append(name))
    (lesson,) = course.lessons(["08"])
    assert cli.main(["fetch", "--all-for", "08"]) == 0 and fetched == course.can_fetch(lesson) != []
    fetched.clear()
    every = dict.fromkeys(name for each in course.lessons(["0"]) for name in course.can_fetch(each))
    assert cli.main(["fetch", "--all-for", "0"]) == 0 and fetched == list(every), "of all lessons, each once"
    assert cli.main(["fetch"]) == 1 and "--list" in capsys.readouterr().err
    assert cli.main(["fetch", "--all-for", "99"]) == 1 and "There is no lesson" in capsys.readouterr().err


@pytest.mark.parametrize("version", [7, 8])
def test_an_uploaded_zip_becomes_a_split(version, empty_cache):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(12):
            archive.writestr(f"{'ab'[number % 2]}/{number}.jpg", _jpeg(number))
    upload = tlkit.upload_folder(32)
    name, content = "my photos.zip", file.getvalue()
    value = ({"name": name, "content": memoryview(content)},) if version == 8 else {name: {"content": content}}
    upload._on_upload({"new": value})
    assert isinstance(upload.split, splits.Split) and upload.split.class_names == ["a", "b"]
    assert "Read 12 pictures" in upload._said.value
    kept = upload.split
    upload._path.value = "/no/such/place"
    assert "Not read" in upload._said.value and upload.split is kept
