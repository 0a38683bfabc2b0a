"""Drawn faces: the same everywhere, ten pictures of each, nobody in two sets, no shortcut by colour."""

import hashlib

import numpy as np
import pytest
import torch

import tlkit
from tlkit import course
from tlkit.data.splits import painter_version
from tlkit.disk.cards import read_card
from tlkit.nets import backbones
from tlkit.world.catalogue import OFFLINE_DATASETS
from tlkit.world.faces import FACE_SETS, draw_faces, genes_of


def test_a_picture_depends_neither_on_its_batch_nor_on_its_neighbours():
    labels, indices = torch.tensor([3, 150, 3, 77]), torch.tensor([0, 4, 2, 1])
    together = draw_faces("faces", "train", labels, indices, 0, 64)
    for k in range(4):
        alone = draw_faces("faces", "train", labels[k : k + 1], indices[k : k + 1], 0, 64)
        assert (together[k].int() - alone[0].int()).abs().max() <= 1


@pytest.mark.parametrize("name", FACE_SETS)
def test_a_larger_picture_shows_the_same_person(name):
    labels, indices = torch.arange(8), torch.zeros(8, dtype=torch.int64)
    small, large = (draw_faces(name, "train", labels, indices, 0, size).float() for size in (64, 128))
    halved = torch.nn.functional.avg_pool2d(large, 2)
    blurred = [torch.nn.functional.avg_pool2d(x, 4).flatten(1).numpy() for x in (small, halved)]
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(*blurred)) > 0.9


def test_there_are_ten_pictures_of_everybody_and_no_two_are_equal():
    split = tlkit.load_dataset("faces", per_class=5)
    seen = set()
    for part, each in ((split.train, 5), (split.val, 2), (split.test, 3)):
        assert part.images.shape == (200 * each, 3, 64, 64) and part.images.dtype == torch.uint8
        assert part.labels.bincount().tolist() == [each] * 200
        seen |= {picture.numpy().tobytes() for picture in part.images}
    assert len(seen) == 2000
    fewer = tlkit.load_dataset("faces", per_class=2)
    assert torch.equal(fewer.train.images, split.train.images[:400])
    assert torch.equal(fewer.test.images, split.test.images)


def test_an_eleventh_picture_is_refused():
    with pytest.raises(ValueError, match="per_class must be from 1 to 5, but it is 20"):
        tlkit.load_dataset("faces")


def test_nobody_is_in_both_sets_or_there_twice():
    rows = {
        name: torch.cat([gene.flatten(1) for gene in genes_of(name).values()], 1) for name in ("faces", "portraits")
    }
    everybody = torch.cat(list(rows.values()))
    apart = torch.cdist(everybody, everybody) + torch.eye(len(everybody)) * 9
    assert len(everybody) == 500 and apart.min() > 0.2
    names = [name for found in FACE_SETS.values() for name in found.class_names]
    assert len(names) == len(set(names)) == 500


def test_no_gene_goes_with_skin():
    genes = {name: gene.flatten(1).mean(1).numpy() for name, gene in genes_of("portraits").items()}
    skin = genes.pop("skin")
    assert skin.min() < 0.4 and skin.max() > 0.8, "from dark to light"
    for name, gene in genes.items():
        assert abs(np.corrcoef(skin, gene)[0, 1]) < 0.25, name


@pytest.mark.parametrize("where", [slice(None), slice(16, 48)], ids=["the picture", "its middle"])
def test_the_mean_colour_does_not_give_a_person_away(where):
    split = tlkit.load_dataset("faces", per_class=5)
    train, test = (part.images[:, :, where, where].float().mean((2, 3)) for part in (split.train, split.test))
    means = torch.stack([train[split.train.labels == k].mean(0) for k in range(200)])
    right = torch.cdist(test, means).argmin(1) == split.test.labels
    assert right.float().mean() < 0.06


def test_the_offline_world_and_its_version_know_nothing_of_faces():
    assert painter_version() == painter_version("tissue") != painter_version("faces") == painter_version("portraits")
    assert not set(FACE_SETS) & set(OFFLINE_DATASETS)


@pytest.mark.parametrize("name", FACE_SETS)
def test_cards_agree_with_the_sets(name):
    card, found = read_card(course.COURSE / "datasets" / f"{name}.toml"), FACE_SETS[name]
    assert card["name"] == name and card["classes"] == found.people
    sizes = [card[f"{part}_per_class"] for part in ("train", "val", "test")]
    assert sizes == [found.largest, found.val, found.test]
    assert (course.COURSE / "datasets" / card["contact_sheet"]).exists()
    assert {"title", "shows", "licence", "similarity", "how_made", "not_for", "citation"} <= set(card)


def test_the_second_backbone_is_that_of_its_card_and_knows_its_people():
    path = backbones.WEIGHTS / "minivgg-portraits.safetensors"
    card = read_card(path.with_suffix(".toml"))
    assert path.stat().st_size <= 4_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card["sha256"]
    assert "--per-class 60 " in card["command"], "lesson 12 says so"
    network = tlkit.load_backbone("minivgg-portraits", device="cpu")
    assert sum(p.numel() for p in network.parameters()) == card["weights"]
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
    labels, indices = torch.arange(300).repeat(6), torch.arange(6).repeat_interleave(300)
    assert len(labels) == card["held_out_images"]
    images = draw_faces("portraits", "test", labels, indices, card["seed"], 64)
    right = (tlkit.predict(network, images) == labels).float().mean().item()
    assert right == pytest.approx(card["source_accuracy"], abs=0.005)
