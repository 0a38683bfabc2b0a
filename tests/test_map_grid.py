"""The map drawn as a map says who won, by how much, and where the rule loses: in colours and in words."""

import matplotlib
import pytest
from map_makers import photo_map
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle

import tlkit
from tlkit.figures import style
from tlkit.figures.colours import WAY_COLOURS
from tlkit.study import map_grid
from tlkit.study.places import RULE

matplotlib.use("agg")


def _fields(axes):
    """The coloured places of a panel, and those that are hatched."""
    places = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [patch for patch in places if not patch.get_hatch()], [patch for patch in places if patch.get_hatch()]


def _colour(patch):
    return patch.get_facecolor()[:3]


def test_every_place_of_the_shipped_map_has_the_colour_of_its_winner_and_its_verdict():
    measured = tlkit.load_map()
    axes = tlkit.plot_winners(measured)
    coloured, hatched = _fields(axes)
    places = [(dataset, size) for dataset in measured.datasets for size in measured.sizes]
    assert len(coloured) == len(places) == 16
    loses = 0
    for patch, (dataset, size) in zip(coloured, places):
        best, second, *_ = measured.ranking(dataset, size)
        lead = measured.at(dataset, size).difference(best, second)
        assert _colour(patch) == pytest.approx(to_rgb(WAY_COLOURS[best]))
        assert (patch.get_alpha() or patch.get_facecolor()[3]) == (map_grid._STRONG if lead.clear else map_grid._PALE)
        assert f"{dataset} {size}: {best}, {tlkit.points(lead)}, over {second}" in axes.figure.alt_text
        shown = tlkit.points(lead.mean).removesuffix(" points").replace("-", "−")
        assert shown in [text.get_text() for text in axes.texts]
        advice = measured.recommend(dataset, size)
        over = [mark for mark in hatched if mark.get_xy() == patch.get_xy()]
        assert bool(over) == (advice.winner != advice.rule and advice.margin.low > 0), (dataset, size)
        loses += bool(over)
    assert f"the rule loses at {loses} of 16 places" in axes.figure.alt_text and loses == len(hatched)


def test_the_frames_are_the_rule_and_hold_their_places():
    measured = tlkit.load_map()
    axes = tlkit.plot_winners(measured)
    frames = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    said = [text.get_text() for text in axes.texts]
    assert len(frames) == 4 and all(f"rule: {way}" in said for way in RULE.values())
    coloured, _ = _fields(axes)
    places = [(dataset, size) for dataset in measured.datasets for size in measured.sizes]
    for patch, place in zip(coloured, places):
        x, y = patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2
        (around,) = [frame for frame in frames if frame.get_path().contains_point((x, y))]
        assert around.get_edgecolor()[:3] == pytest.approx(to_rgb(WAY_COLOURS[RULE[tlkit.quadrant(*place)]]))


def test_each_network_of_each_world_is_a_panel():
    photos = photo_map("squeezenet1_1", "efficientnet_lite0")
    panels = tlkit.plot_winners(tlkit.load_map(), photos).figure.axes
    titles = [axes.get_title("left").strip() for axes in panels]
    assert titles == ["Drawn pictures, minivgg", "Photos, squeezenet1_1", "Photos, efficientnet_lite0"]
    assert [len(_fields(axes)[0]) for axes in panels] == [16, 15, 15]
    assert [label.get_text() for label in panels[1].get_yticklabels()] == ["5", "20", "40 or 60"]


def test_sizes_share_a_row_only_where_no_target_has_both():
    assert map_grid.rows_of(photo_map()) == [[5], [20], [40, 60]]
    assert map_grid.rows_of(tlkit.load_map()) == [[5], [20], [100], [300]]
    one = photo_map(datasets=["flowers17"])
    assert map_grid.rows_of(one) == [[5], [20], [40]]


def test_a_place_that_cannot_be_judged_is_not_judged():
    few = photo_map(best=lambda *_: "scratch", draws=2)
    found = tlkit.plot_winners(few).figure
    assert "too little measured to judge the rule" in found.alt_text and not _fields(found.axes[0])[1]
    holes = [("dtd", 5, way) for way in tlkit.WAYS if way != "probe"] + [("digits", 5, "earlier stage")]
    part = photo_map(best=lambda *_: "scratch", leave_out=holes)
    figure = tlkit.plot_winners(part).figure
    assert "dtd 5: not measured yet" in figure.alt_text
    assert "digits 5: scratch" in figure.alt_text and "nothing to judge the rule by yet" in figure.alt_text
    assert "the rule loses at 13 of 13 places so far" in figure.alt_text
    said = [text.get_text() for text in figure.axes[0].texts]
    assert "not yet" in said and "scratch*" in said
    assert "* a way is not measured yet" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_it_is_drawn_in_lines_with_its_words():
    image = style.as_html(tlkit.plot_winners(photo_map()))
    assert 'alt="The measured map: ' in image and "tlkit-figure" in image, "it turns dark in a dark page"
