"""The advice: what it rests on, what it says, and when it does not know."""

from dataclasses import replace

import pytest

import tlkit
from tlkit.study.places import RULE, SIMILAR, STOPS, quadrant
from tlkit.transfer.ways import CHOICES
from tlkit.world.catalogue import OFFLINE_DATASETS


@pytest.fixture(scope="module")
def found(backbone):
    return {name: tlkit.advise(tlkit.load_dataset(name, per_class=5), backbone, device="cpu") for name in STOPS}


def test_the_number_falls_from_stop_to_stop(found, backbone):
    numbers = [found[name].similarity for name in STOPS]
    assert all(first > second + 0.02 for first, second in zip(numbers, numbers[1:])), numbers
    source = tlkit.similarity(tlkit.load_dataset("atlas", per_class=2), backbone, device="cpu")
    assert source > 0.95 > numbers[0]


def test_the_rule_is_that_of_its_place_on_the_map_and_is_said_beside_the_advice(found):
    for name, advice in found.items():
        assert (advice.size, advice.likeness) == quadrant(name, 5)
        assert advice.rule == RULE[quadrant(name, 5)] and f": {advice.rule}." in str(advice).splitlines()[1]
        assert (advice.likeness == "similar") == (OFFLINE_DATASETS[name].similarity <= SIMILAR)
    assert "near the border" in str(found["herbarium"]) and "near the border" not in str(found["tissue"])


def test_the_largest_gain_is_recommended_and_the_sweep_gives_that_of_an_earlier_stage(found):
    for advice in found.values():
        means = {way: gain.mean for way, gain in advice.gains.items()}
        assert set(means) == set(CHOICES) and list(means.values()) == sorted(means.values(), reverse=True)
        assert means["probe"] == 0 and advice.gains["probe"].low == advice.gains["probe"].high == 0
        *_, codes = advice.evidence.stages.values()
        assert means["earlier stage"] == pytest.approx(max(advice.evidence.stages.values()) - codes)
        transfers = [means[way] for way in means if way != "scratch"]
        assert means[advice.way] == max(transfers) and advice.rival != advice.way
        for gain in advice.gains.values():
            assert -codes <= gain.low <= gain.mean <= gain.high <= 1 - codes
        assert all(seconds > 0 for seconds in advice.seconds.values())


def test_few_pictures_of_tissue_are_for_an_earlier_stage_and_of_flowers_are_not(found):
    """As the map has it, though no place of the same dataset was looked at."""
    measured, tissue, flowers = tlkit.load_map(), found["tissue"], found["flowers"]
    assert (
        tissue.gains["earlier stage"].low > 0.02 and measured.at("tissue", 5).difference("earlier stage", "probe").clear
    )
    assert flowers.gains["earlier stage"].mean < 0.03


def test_where_no_stage_beats_the_codes_both_ways_of_a_probe_are_one(found):
    for advice in found.values():
        if advice.gains["earlier stage"].mean == 0:
            assert {advice.way, advice.rival} != {"probe", "earlier stage"}


def test_it_never_looks_at_places_of_the_same_dataset(found, backbone):
    for name, advice in found.items():
        assert len(advice.like) == 3 and name not in {place.dataset for place in advice.like}
    split = tlkit.load_dataset("tissue", per_class=5)
    renamed = tlkit.advise(replace(split, name="mine"), backbone, device="cpu")
    assert renamed.like[0].dataset == "tissue" and renamed.like[0].per_class == 5
    assert renamed.evidence.stages == found["tissue"].evidence.stages


def test_val_and_test_stay_closed(backbone):
    split = tlkit.load_dataset("flowers", per_class=5)
    blind = replace(split, val=split.train, test=split.train)
    assert tlkit.advise(blind, backbone, device="cpu").gains == tlkit.advise(split, backbone, device="cpu").gains


def test_doubts_are_said(found, backbone):
    text = str(found["flowers"])
    assert not found["flowers"].sure and f"Not sure: {found['flowers'].rival} may do as well" in text
    few = tlkit.advise(tlkit.load_dataset("flowers", per_class=2), backbone, device="cpu")
    assert any("2 images per class lie outside the map (5 to 300)" in doubt for doubt in few.doubts)
    sure = replace(found["flowers"], doubts=[])
    assert sure.sure and "Fairly sure." in str(sure) and "compare" in str(sure).splitlines()[-1]


def test_a_network_that_the_map_does_not_have_is_a_doubt(tiny_split):
    other = tlkit.load_backbone("efficientnet_lite0", device="cpu")
    other.name = "resnet18"
    assert any("the map was measured with" in doubt for doubt in tlkit.advise(tiny_split, other, device="cpu").doubts)


def test_what_can_not_be_looked_at_is_refused(tiny_split, backbone):
    with pytest.raises(ValueError, match="fewer than two classes") as caught:
        tlkit.advise(tlkit.load_dataset("flowers", per_class=1), backbone, device="cpu")
    assert len(str(caught.value).splitlines()) <= 2
    for network in (tlkit.load_backbone(pretrained=False, device="cpu"), tlkit.load_backbone(device="cpu").new_head(3)):
        with pytest.raises(ValueError, match="random weights or a new head"):
            tlkit.advise(tiny_split, network, device="cpu")


def test_a_class_with_one_picture_is_left_out_and_that_is_said(small, backbone):
    rows = [*range(0, 40, 2), *range(1, 40, 2), 41]
    labels = small.labels[rows].clone()
    labels[-1] = 2
    train = tlkit.ImageSet(small.images[rows], labels)
    split = tlkit.Split("mine", ["a", "b", "c"], train, train, train, 14, 0)
    advice = tlkit.advise(split, backbone, device="cpu")
    assert advice.evidence.pictures == 40 and any("fewer than two training pictures" in told for told in advice.doubts)
