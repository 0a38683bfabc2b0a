"""Scores across sets go by the names of classes."""

import pytest

import tlkit


def _named(part, *names):
    return tlkit.ImageSet(part.images, part.labels, names)


def test_a_network_is_scored_by_the_names_of_classes(tiny_split):
    network = tlkit.load_backbone("minivgg", device="cpu").new_head(2)
    tlkit.train_network(network, tiny_split.train, tiny_split.val, epochs=2)
    assert network.class_names == ("dull", "red")
    right = tlkit.accuracy(network, tiny_split.test)
    turned = tlkit.ImageSet(tiny_split.test.images, 1 - tiny_split.test.labels, ("red", "dull"))
    assert tlkit.accuracy(network, turned) == right != 1 - right
    plain = tlkit.ImageSet(tiny_split.test.images, tiny_split.test.labels)
    assert tlkit.accuracy(network, plain) == right, "without names the numbers count"
    more = _named(tiny_split.test, "dull", "red", "never seen")
    assert tlkit.accuracy(network, more) == right
    assert network.new_head(2).class_names is None


def test_pictures_of_other_classes_are_refused(tiny_split):
    network = tlkit.load_backbone("minivgg", device="cpu").new_head(2)
    with pytest.raises(ValueError, match="not trained on: blue.\nIt knows: dull, red") as caught:
        tlkit.train_network(network, tiny_split.train, _named(tiny_split.val, "dull", "blue"), epochs=1)
    assert len(str(caught.value).splitlines()) == 2 and network.class_names is None
    network.class_names = ("dull", "red")
    with pytest.raises(ValueError, match="classes that the network was not trained on"):
        tlkit.accuracy(network, _named(tiny_split.test, "cat", "dog"))


def test_the_parts_of_a_split_know_its_classes(tiny_split):
    assert {getattr(tiny_split, part).class_names for part in ("train", "val", "test")} == {("dull", "red")}
    assert tiny_split.train.first(2).class_names == ("dull", "red")
