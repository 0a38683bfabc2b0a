"""Where a reader stands on the map, and what follows; without a widget."""

import pytest
import torch
from map_makers import photo_map
from PIL import Image

import tlkit
from tlkit.data import photos, pictures
from tlkit.study.decision import DecisionMap
from tlkit.transfer.ways import CHOICES
from tlkit.widgets import examples, tiles
from tlkit.widgets.map_model import MapModel
from tlkit.widgets.places_here import PlaceHere

NETWORKS = ("squeezenet1_1", "efficientnet_lite0")


@pytest.fixture(scope="module")
def maps():
    return [tlkit.load_map(), photo_map(*NETWORKS)]


def _stands(model):
    return model.network, model.dataset, model.per_class


def test_it_moves_between_worlds_and_networks_and_stays_as_near_as_it_can(maps):
    model = MapModel(maps, "tissue", 300)
    assert (model.worlds, model.world, model.networks) == (["drawn", "photos"], "drawn", ["minivgg"])
    model.choose(world="photos")
    assert _stands(model) == ("squeezenet1_1", "digits", 60) and model.networks == list(NETWORKS)
    model.choose(network="efficientnet_lite0")
    assert _stands(model) == ("efficientnet_lite0", "digits", 60) and model.board.networks == ["efficientnet_lite0"]
    model.choose(dataset="flowers17")
    assert model.per_class == 40, "as far as it reaches"
    model.choose(world="drawn")
    assert _stands(model) == ("minivgg", "tissue", 300), "as it was left"
    model.choose(world="photos")
    assert _stands(model) == ("efficientnet_lite0", "flowers17", 40)


def test_a_network_that_lacks_the_target_goes_to_the_most_similar():
    few = DecisionMap(photo_map(NETWORKS[0]).rows + photo_map(NETWORKS[1], datasets=["cifar10", "dtd"]).rows)
    model = MapModel(few, "spoken_digits", 60)
    model.choose(network=NETWORKS[1])
    assert _stands(model) == (NETWORKS[1], "dtd", 60)


def test_one_map_has_nothing_to_switch():
    model = MapModel(photo_map(), "dtd", 5)
    assert model.worlds == ["photos"] and not model.has_networks and MapModel(None, "flowers", 5).worlds[0] == "drawn"


def test_what_is_not_on_the_map_is_refused(maps):
    for wrong, message in (
        ({"world": "dream"}, "no world called"),
        ({"network": "alexnet"}, "no network called"),
        ({"dataset": "dtdd"}, "no target dataset called"),
        ({"per_class": 7}, "per_class must be one of 5, 20, 100, 300, but it is 7"),
    ):
        model = MapModel(maps, "flowers", 5)
        with pytest.raises(ValueError, match=message):
            model.choose(**wrong)
        assert _stands(model) == ("minivgg", "flowers", 5)
    with pytest.raises(ValueError, match="per_class must be one of 5, 20, 40, but it is 60"):
        MapModel(maps, "flowers17", 60)
    with pytest.raises(ValueError, match="no target dataset called 'flowers'"):
        MapModel(photo_map(), "flowers", 5)


def test_every_place_of_every_network_keeps_its_hands(maps):
    model = MapModel(maps, "flowers", 5)
    model.raise_hand("probe")
    model.set_hands("scratch", 3)
    model.lower_hand()
    assert model.hands == {"probe": 1, "scratch": 2}
    model.choose(world="photos")
    model.lower_hand()
    model.lower_hand("probe")
    assert not model.hands, "nobody has fewer than no hands"
    model.raise_hand("fine-tuning")
    model.choose(network=NETWORKS[1])
    assert not model.hands
    model.choose(world="drawn")
    assert model.hands == {"probe": 1, "scratch": 2}


def test_what_follows_is_that_of_the_network(maps):
    model = MapModel(maps, "dtd", 20)
    assert model.rule == "earlier stage" and model.advice == maps[1].of(NETWORKS[0]).recommend("dtd", 20)
    assert model.words == str(model.advice) and model.chance == 0.1, "ten of its 47 classes"
    model.revealed = False
    assert model.words.endswith("Rule of the literature: earlier stage.") and "Measured" not in model.words
    model.choose(dataset="flowers17")
    assert model.chance == 1 / 17 and MapModel(maps, "tissue", 5).chance == 1 / 17


def test_too_little_measured_is_said():
    model = MapModel(photo_map(leave_out=[("dtd", 20, "earlier stage")]), "dtd", 20)
    assert model.advice is None and model.words.endswith("earlier stage. Not measured yet: earlier stage.")
    assert set(model.accuracy) == set(model.seconds) == set(CHOICES) - {"earlier stage"}


# --------------------------------------------------------------------- on this machine


def test_a_place_says_what_it_lacks_and_how_to_get_it(empty_cache, monkeypatch):
    monkeypatch.setattr("tlkit.nets.backbones.weights_are_here", lambda name: name == "minivgg")
    assert PlaceHere("minivgg", "tissue", 5).lacks() == "" == PlaceHere("minivgg", "digits", 5).lacks()
    assert PlaceHere("squeezenet1_1", "dtd", 5).lacks() == (
        "dtd and squeezenet1_1 are not here yet. Once, with network: python -m tlkit fetch dtd squeezenet1_1"
    )
    assert PlaceHere("minivgg", "dtd", 5).lacks().startswith("dtd is not here yet.")


def test_a_place_runs_with_its_network_and_its_pictures():
    place = PlaceHere("minivgg", "digits", 5, 32)
    (draw,) = place.draws(3)
    assert draw().train.images.shape == (50, 3, 32, 32) and draw().seed == 3
    result = place.run("probe", 3)
    assert result.backbone == "minivgg" and torch.equal(result.split.train.images, draw().train.images)
    counts = [draw().per_class for draw in PlaceHere("minivgg", "tissue", 45).draws(0)]
    assert counts == [1, 21, 41, 45], "in portions, to stop in between"


def test_a_run_says_what_only_pytorch_knows_to_be_missing(monkeypatch):
    monkeypatch.setattr("tlkit.widgets.places_here._weights_are_here", lambda network: False)
    with pytest.raises(ValueError, match="resnet18 is not here yet. .*python -m tlkit fetch resnet18"):
        PlaceHere("resnet18", "digits", 5).run("probe")


@pytest.fixture
def a_copy(empty_cache):
    """Of cifar10, with a colour for each class, and a second picture that nobody may read."""
    for k, name in enumerate(photos.card("cifar10")["class_names"]):
        folder = photos.folder_of("cifar10") / name
        folder.mkdir(parents=True)
        Image.new("RGB", (32, 32), (20 * k, 0, 0)).save(folder / "1.png")
        (folder / "2.png").write_text("no picture")
    return empty_cache


def test_examples_of_a_set_that_is_here_are_read_one_by_one(a_copy, monkeypatch):
    read, original = [], pictures.read_picture
    monkeypatch.setattr(pictures, "read_picture", lambda path, *rest: (read.append(path), original(path, *rest))[1])
    shown = examples.pictures_of("cifar10", 4)
    assert shown.shape == (4, 3, 64, 64) and shown[:, 0, 0, 0].tolist() == [0, 60, 120, 180] and len(read) == 4
    assert not (a_copy / "photos").exists(), "the set is not decoded"
    assert "4 pictures of cifar10" in tiles.strip_of("cifar10", 4)
    assert tiles.tiles_of("cifar10", 40).count("<img") == 10, "as many as there are classes"


def test_a_set_that_is_not_here_is_shown_in_the_words_of_its_card(empty_cache):
    about = tlkit.study.places.card_of("spoken_digits")
    for shown in (tiles.strip_of("spoken_digits"), tiles.tiles_of("spoken_digits")):
        assert about["title"] in shown and about["shows"][:60] in shown and "<img" not in shown
    assert about["similarity"] in tiles.strip_of("spoken_digits")
    assert "10 pictures of digits" in tiles.strip_of("digits"), "which are always here"
    assert "6 pictures of herbarium" in tiles.tiles_of("herbarium")
