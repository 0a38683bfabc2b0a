"""The number of similarity and the advice made from it, against the stops and against the measured map."""

import pytest

import tlkit
from tlkit.study.places import RULE, SIMILAR, STOPS, quadrant
from tlkit.world.catalogue import OFFLINE_DATASETS


@pytest.fixture(scope="module")
def found(backbone):
    return {name: tlkit.advise(tlkit.load_dataset(name, per_class=5), backbone, device="cpu") for name in STOPS}


def test_the_number_falls_from_stop_to_stop(found, backbone):
    numbers = [found[name].similarity for name in STOPS]
    assert all(first > second + 0.02 for first, second in zip(numbers, numbers[1:])), numbers
    source = tlkit.similarity(tlkit.load_dataset("atlas", per_class=2), backbone, device="cpu")
    assert source > 0.95 > numbers[0]


def test_the_advice_is_the_rule_at_that_place_of_the_map(found):
    for name, advice in found.items():
        assert (advice.size, advice.likeness) == quadrant(name, 5)
        assert advice.way == RULE[quadrant(name, 5)]


def test_where_it_is_sure_of_few_images_the_measured_map_agrees(found):
    """An earlier stage is advised only where it beats the codes on the map, and codes only where it does not."""
    measured = tlkit.load_map()
    sure = [advice for advice in found.values() if advice.sure]
    assert {advice.dataset for advice in sure} == {"flowers", "tissue"}
    for advice in sure:
        gain = measured.at(advice.dataset, 5).difference("earlier stage", "probe")
        assert (gain.low > 0) == (advice.way == "earlier stage")


def test_over_the_whole_map_the_advice_is_better_than_most_habits(found):
    """Mean points lost against the best way of each of the sixteen places."""
    measured = tlkit.load_map()
    lost = {habit: [] for habit in ("the advice", *tlkit.WAYS)}
    for name, few in found.items():
        for size in measured.sizes:
            reached = {way: interval.mean for way, interval in measured.recommend(name, size).accuracy.items()}
            best = max(reached.values())
            advised = RULE["small" if size <= 20 else "large", few.likeness]
            for habit, losses in lost.items():
                losses.append(best - reached[advised if habit == "the advice" else habit])
    mean = {habit: sum(losses) / len(losses) for habit, losses in lost.items()}
    assert all(mean["the advice"] < mean[habit] for habit in ("probe", "earlier stage", "scratch")), mean


def test_doubts_are_said(tiny_split, found):
    assert "border" in str(found["herbarium"]) and "Not sure" in str(found["herbarium"])
    between = tlkit.advise(tlkit.load_dataset("flowers", per_class=40), device="cpu")
    assert between.size == "large" and any("size" in doubt for doubt in between.doubts)
    assert str(found["tissue"]).count("\n") == 2 and "compare" in str(found["tissue"])


def test_a_network_that_forgot_its_source_is_refused(tiny_split):
    for network in (tlkit.load_backbone(pretrained=False, device="cpu"), tlkit.load_backbone(device="cpu").new_head(3)):
        with pytest.raises(ValueError, match="random weights or a new head"):
            tlkit.advise(tiny_split, network, device="cpu")


def test_every_similar_stop_is_called_similar(found):
    for name, advice in found.items():
        assert (advice.likeness == "similar") == (OFFLINE_DATASETS[name].similarity <= SIMILAR)
