"""Drawn or photos, and which network: panels and projector; on the ipywidgets of Colab by make test-colab."""

import html
import re

import pytest
from map_makers import STAGES, photo_map

import tlkit
from tlkit.course import COURSE
from tlkit.nets import backbones
from tlkit.study import survey
from tlkit.transfer.ways import CHOICES
from tlkit.widgets import demo
from tlkit.widgets.demo import demo_page


@pytest.fixture
def maps(monkeypatch):
    """A drawn map, and one of photos with two networks, one of which is here."""
    monkeypatch.setattr(backbones, "weights_are_here", lambda name: name != "squeezenet1_1")
    photos = photo_map("squeezenet1_1", "efficientnet_lite0", leave_out=[("digits", 5, "earlier stage")])
    return [tlkit.load_map(), photos]


@pytest.fixture
def page(maps):
    return demo_page("tissue", 5, maps)


def _alt(panel):
    return html.unescape(re.search('alt="([^"]*)"', panel._picture.value)[1])


def _says(page, way):
    return html.unescape(re.search('aria-label="([^"]*)"', page.bars[way].value)[1])


def test_a_panel_of_one_map_offers_no_switch():
    panel = tlkit.decision_map(measured=tlkit.load_map())
    assert panel.controls.rows == [[panel.controls.stops, panel.controls.sizes]]


def test_the_panel_switches_between_worlds_and_networks(maps):
    panel = tlkit.decision_map("tissue", 300, maps)
    controls = panel.controls
    assert controls.rows[0] == [controls.worlds, controls.networks]
    panel.votes["probe"].value = 3
    controls.worlds.value = "photos"
    assert list(controls.stops.options) == ["flowers17", "cifar10", "dtd", "digits", "spoken_digits"]
    assert "You are at digits with 60 images per class" in _alt(panel) and not panel.votes["probe"].value
    for network in list(controls.networks.options):
        controls.networks.value = network
        for stop in controls.stops.options:
            controls.stops.value = stop
            for _, size in controls.sizes.options:
                controls.sizes.value = size
                assert f"You are at {stop} with {size} images per class" in _alt(panel)
                assert panel.said.value.startswith(f"{stop}, {size} images per class")
                if (stop, size) == ("digits", 5):
                    assert (
                        "Not measured yet: earlier stage." in panel.said.value and "Measured:" not in panel.said.value
                    )
    controls.worlds.value = "drawn"
    assert (controls.stops.value, controls.sizes.value, panel.votes["probe"].value) == ("tissue", 300, 3)


def test_a_run_that_cannot_be_is_not_begun_and_says_what_it_lacks(maps, empty_cache, monkeypatch):
    panel, started = tlkit.decision_map("digits", 20, maps), []
    monkeypatch.setattr(survey, "recompute", lambda *place, **kwargs: started.append(kwargs) or 1 / 0)
    assert panel.live.run.description == "not here yet"
    panel.live.run.click()
    assert "squeezenet1_1 is not here yet. Once, with network: python -m tlkit fetch squeeze" in panel.live.said.value
    assert not started and not panel.live.run.disabled
    panel.controls.networks.value = "efficientnet_lite0"
    assert panel.live.run.description == "run it now" and panel.live.said.value == ""
    panel.live.run.click()
    panel.live.wait()
    assert started[0]["backbone"] == "efficientnet_lite0" and started[0]["image_size"] == 96
    panel.controls.stops.value = "dtd"
    assert panel.live.run.description == "not here yet" and "fetch dtd" in panel.live.said.value
    assert "Describable textures" in panel._examples.value


def test_the_stage_picker_knows_the_stages_of_each_network(maps):
    panel = tlkit.stage_picker("tissue", 5, maps)
    panel.controls.worlds.value = "photos"
    assert "digits: not measured yet" in _alt(panel) and panel.stage.disabled
    panel.controls.sizes.value = 20
    assert list(panel.stage.options) == list(STAGES) and panel.stage.value == STAGES[-1] and not panel.stage.disabled
    for stage in panel.stage.options:
        panel.stage.value = stage
        assert "digits, 20 images per class (squeezenet1_1)" in _alt(panel) and f"{stage} " in _alt(panel)
    panel.controls.worlds.value = "drawn"
    assert panel.stage.value == "fc7"


def test_the_keys_that_switch_are_there_where_the_map_has_a_choice(page):
    alone = demo_page(measured=tlkit.load_map())
    for shown, has in ((page, True), (alone, False)):
        buttons = shown._box.children[-1].children
        assert ((shown.world in buttons), (shown.network in buttons)) == (has, has)
        assert ("Drawn pictures, minivgg" in shown.place_text.value) == has
    keys = (COURSE / "lessons" / "INSTRUCTOR.md").read_text(encoding="utf-8")
    for shown in (page, alone):
        shown.help.value = True
        assert ("<b>w</b> drawn or photos" in shown.answer.value) == (shown is page)
    assert all(f"\n| {key} | " in keys and f"\n{key}   " in demo.__doc__ for key in "wnld")
    page.help.value = False
    assert page.network.disabled and page.world.description == "w: photos"
    page.world.click()
    assert "<b>digits, 5</b> per class: few and very different" in page.place_text.value
    assert "Photos, squeezenet1_1" in page.place_text.value and page.world.description == "w: drawn"
    page.network.click()
    assert "Photos, efficientnet_lite0" in page.place_text.value and not page.network.disabled
    page.reveal.value = True
    assert "Nobody can say yet." in page.answer.value and "Not measured yet: earlier stage." in page.answer.value
    assert "not measured yet" in _says(page, "earlier stage") and "measured 8" in _says(page, "probe")
    page.world.click()
    assert not page.reveal.value and "<b>tissue, 5</b>" in page.place_text.value


def test_a_live_run_on_photos_takes_their_network_or_says_what_is_missing(page, empty_cache, monkeypatch):
    seen = []
    page.world.click()
    assert page.train.description == "l: not here"
    page.train.click()
    assert page.live is None and "python -m tlkit fetch squeezenet1_1" in page.live_line.value
    page.network.click()
    assert page.train.description == "l: train, 20 s"
    monkeypatch.setattr(survey, "split_at", lambda *place: seen.append(place))
    monkeypatch.setattr(survey, "recompute", lambda *place, **settings: seen.append((place, settings)) or 1 / 0)
    page.train.click()
    page.live.wait()
    assert page.live.left == list(CHOICES), "also the one that was not measured"
    assert seen[0] == ("digits", 5, 3, 96) and seen[1][0][:2] == ("digits", 5) and seen[1][0][3] == 3
    assert seen[1][1]["backbone"] == "efficientnet_lite0" and seen[1][1]["image_size"] == 96
