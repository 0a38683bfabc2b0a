"""A map of several networks, two worlds, and places that were not measured yet."""

import pytest
from map_makers import photo_map, photo_rows, row

import tlkit
from tlkit.disk.cards import read_card, write_card
from tlkit.study.decision import DecisionMap, boards_of, ledger_at
from tlkit.study.map_plots import plot_map, plot_overview
from tlkit.study.places import PHOTO_STOPS, STOPS
from tlkit.transfer.ways import CHOICES

NETWORKS = ("squeezenet1_1", "efficientnet_lite0")


@pytest.fixture
def two():
    return DecisionMap(photo_rows(NETWORKS[0]) + photo_rows(NETWORKS[1], best=lambda *_: "fine-tuning"))


def test_a_place_is_of_one_network(two):
    assert two.networks == list(NETWORKS)
    for ask in (two.at, two.recommend, two.stage_sweep, two.missing):
        with pytest.raises(ValueError, match=r"2 networks .*place is of one.\nChoose it first: measured.of\('squeeze"):
            ask("dtd", 5)
    assert two.of("squeezenet1_1").recommend("dtd", 5).winner == "probe"
    assert two.of("efficientnet_lite0").recommend("dtd", 5).winner == "fine-tuning"
    assert {found["backbone"] for found in two.of("efficientnet_lite0").at("dtd", 5).rows} == {"efficientnet_lite0"}
    with pytest.raises(ValueError, match="Did you mean 'squeezenet1_1'"):
        two.of("squeezenet1")


def test_a_map_knows_its_targets_and_how_far_each_reaches(two):
    assert two.datasets == list(PHOTO_STOPS) and two.sizes == [5, 20, 40, 60]
    assert two.sizes_of("flowers17") == [5, 20, 40] and two.sizes_of("digits") == [5, 20, 60]
    with pytest.raises(ValueError, match="no 60 images per class. It has: 5, 20, 40 of flowers17"):
        two.of("squeezenet1_1").at("flowers17", 60)


def test_maps_are_shown_one_world_and_one_network_at_a_time(two):
    drawn = tlkit.load_map()
    mixed = DecisionMap(two.rows + drawn.rows)  # even where they lie in one table
    for maps in ([drawn, two], [mixed]):
        boards = boards_of(maps)
        assert set(boards) == {("drawn", "minivgg"), *(("photos", name) for name in NETWORKS)}
        assert boards["drawn", "minivgg"].datasets == list(STOPS)
        assert len(boards["photos", NETWORKS[1]].rows) == len(two.rows) / 2
        assert boards["photos", NETWORKS[1]].recommend("dtd", 5).winner == "fine-tuning"
    assert ("drawn", "minivgg") in boards_of(), "what ships with the course"


def test_what_was_not_measured_yet_is_said():
    out = [("dtd", 5, "scratch"), ("digits", 5, "earlier stage")]
    out += [("cifar10", 5, way) for way in CHOICES if way != "probe"]
    measured = photo_map(leave_out=out)
    assert measured.missing("flowers17", 5) == [] and measured.missing("dtd", 5) == ["scratch"]
    found = measured.recommend("dtd", 5)
    assert found.missing == ["scratch"] and "scratch" not in found.accuracy
    assert "Not measured yet: scratch." in str(found).splitlines()[2]
    for place, missing in ((("digits", 5), "earlier stage"), (("cifar10", 5), "earlier stage, all stages")):
        with pytest.raises(ValueError, match=f"Not measured yet: {missing}"):
            measured.recommend(*place)
    assert measured.stage_sweep("digits", 5) == {} and measured.stage_sweep("cifar10", 5) == {}
    sweep = tlkit.plot_stages({"digits": {}}, "block1").figure
    assert "digits: not measured yet" in sweep.alt_text
    bars = plot_map(measured, "cifar10", 5)
    assert "probe 81.0%" in bars.figure.alt_text and "Not measured yet: earlier stage" in bars.figure.alt_text
    assert [text.get_text() for text in bars.texts].count("not measured\nyet") == 5


def test_a_way_keeps_its_colour_when_another_is_missing():
    whole, part = photo_map(), photo_map(leave_out=[("dtd", 5, "earlier stage")])
    colours = [plot_map(measured, "dtd", 5).patches[-1].get_facecolor() for measured in (whole, part)]
    assert colours[0] == colours[1], "the last bar is that of scratch"


def test_ways_are_ranked_by_the_draws_that_all_of_them_have():
    rows = [row("squeezenet1_1", "dtd", 5, "probe", seed, 0.5) for seed in range(3)]
    # Better in its first two draws, and far worse in one that the other has not got.
    rows += [
        row("squeezenet1_1", "dtd", 5, "fine-tuning", seed, value) for seed, value in enumerate((0.6, 0.6, 0.6, 0.0))
    ]
    measured = DecisionMap(rows)
    assert measured.ranking("dtd", 5) == ["fine-tuning", "probe"]
    apart = DecisionMap([found | {"seed": found["seed"] + 9 * (found["way"] == "probe")} for found in rows])
    with pytest.raises(ValueError, match="No draw of dtd, 5 images per class, has all ways"):
        apart.ranking("dtd", 5)


def test_the_size_of_the_pictures_comes_from_the_card(tmp_path):
    path = tmp_path / "map.csv"
    ledger_at(path).write(photo_rows(), {"image_size": 128})  # as a run writes it
    assert tlkit.load_map(path).image_size == 128
    path.with_suffix(".toml").write_text(write_card({"what": "no size"}))
    assert tlkit.load_map(path).image_size is None and tlkit.load_map().image_size is None


def test_a_map_holds_pictures_of_one_size_in_either_world(tmp_path):
    small = dict(datasets=["tissue"], per_class=[5], ways=["probe"], seeds=1, out=tmp_path / "map.csv")
    assert tlkit.run_map(**small, image_size=32).image_size == 32
    assert tlkit.load_map(small["out"]).image_size == 32 and read_card(tmp_path / "map.toml")["image_size_drawn"] == 32
    with pytest.raises(ValueError, match="measured with other image size"):
        tlkit.run_map(**small | {"seeds": 2})


def test_the_overview_goes_as_far_as_each_target_does():
    measured = photo_map(leave_out=[("dtd", size, "scratch") for size in (5, 20, 60)])
    figure = plot_overview(measured).figure
    assert len(figure.axes) == 5 and "flowers17, probe: 81%, 81%, 81%" in figure.alt_text
    assert "dtd, scratch" not in figure.alt_text and "digits, scratch: 71%" in figure.alt_text
    assert [axes.get_title("left") for axes in figure.axes] == list(PHOTO_STOPS)
    assert list(figure.axes[0].get_xticks()) == [5, 20, 40] and list(figure.axes[2].get_xticks()) == [5, 20, 60]
    lines = {line.get_label(): line.get_color() for line in figure.axes[0].get_lines()}
    others = {line.get_label(): line.get_color() for line in figure.axes[2].get_lines()}
    assert others == {way: lines[way] for way in others}, "a way has one colour"
