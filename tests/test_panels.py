"""Every widget, driven through every setting of its controls; on the ipywidgets of Colab by make test-colab."""

import base64
import html
import re
import time
from xml.etree import ElementTree

import ipywidgets
import numpy as np
import pytest

import tlkit
from tlkit.figures import plots, style
from tlkit.history import History
from tlkit.widgets import display


@pytest.fixture(scope="module")
def pieces():
    return tlkit.load_dataset("plates", 5)


def _alt(panel):
    return html.unescape(re.search('alt="([^"]*)"', panel._picture.value)[1])


def _places(panel):
    """Every target, and every size at the last of them."""
    yield from ((stop, panel.controls.sizes.value) for stop in _drive(panel.controls.stops))
    yield from ((panel.controls.stops.value, size) for size in _drive(panel.controls.sizes))


def _drive(control):
    """Put a control through every value it can take; numbers through their ends and middle."""
    if isinstance(control, (ipywidgets.ToggleButton, ipywidgets.Checkbox)):
        values = [True, False]
    elif hasattr(control, "options"):
        values = [option[1] if isinstance(option, tuple) else option for option in control.options]
    else:
        values = [control.min, control.max, (control.min + control.max) // 2]
    for value in values:
        control.value = value
        yield value


def _static(shown_by, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append(data))
    shown_by._ipython_display_()
    return shown[0]


def _check_fallback(panel, monkeypatch):
    data = _static(panel, monkeypatch)
    assert 'src="data:image/' in data["text/html"] and len(data["text/plain"]) > 20
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel._box.model_id
    assert panel._picture.layout.min_height.endswith("px"), "the page must not jump"


def test_the_picker_offers_every_target_and_size(monkeypatch):
    picker = tlkit.dataset_picker("flowers", 20, sizes=(5, 20, 100))
    for stop in _drive(picker._stops):
        for size in _drive(picker._sizes):
            assert (picker.dataset, picker.per_class) == (stop, size) and stop in _alt(picker)
            assert picker.is_default == ((stop, size) == ("flowers", 20))
            words = " ".join(tlkit.quadrant(stop, size)).replace("small", "few").replace("large", "many")
            assert all(word in picker._said.value for word in words.split())
            assert ("run the cells below again" in picker._said.value) == (not picker.is_default)
    picker.choose("plates", 5)
    assert repr(picker.load(3)) == repr(tlkit.load_dataset("plates", 5, 3))
    assert picker.load(0, per_class=20).per_class == 20
    _check_fallback(picker, monkeypatch)


def test_claims_are_held_on_the_default_and_reported_elsewhere():
    picker, held = tlkit.dataset_picker("flowers", 20), {"water is wet": True, "fire <is> wet": np.bool_(False)}
    assert repr(picker.claims({"water is wet": True})) == "The one claim of the text holds in this run."
    for strict in (picker.claims, tlkit.claims):
        with pytest.raises(AssertionError, match="the lesson says: fire <is> wet. This run found otherwise"):
            strict(held)
        with pytest.raises(AssertionError, match="one statement or more"):
            strict({})
    picker.choose(per_class=5)
    elsewhere = picker.claims(held)
    assert repr(elsewhere) == "1 of 2 claims of the text hold here; not: fire <is> wet."
    assert elsewhere.missed == ["fire <is> wet"]
    unfolded = elsewhere._repr_html_()
    assert "<li>✓ water is wet</li><li>✗ fire &lt;is&gt; wet</li>" in unfolded and "<is>" not in unfolded
    assert repr(tlkit.claims({"a": True, "b": 1 < 2})) == "All 2 claims of the text hold in this run."


def test_the_picker_refuses_what_it_does_not_have():
    with pytest.raises(ValueError, match="Did you mean 'flowers'"):
        tlkit.dataset_picker("flower")
    with pytest.raises(ValueError, match="per_class must be one of 5, 20, 100, 300, but it is 7"):
        tlkit.dataset_picker("flowers", 7)
    with pytest.raises(ValueError, match="must be one of"):
        tlkit.dataset_picker().choose(per_class=8)


def test_the_map_shows_rule_votes_and_measurement(monkeypatch):
    panel, measured = tlkit.decision_map("flowers", 5, reveal=False), tlkit.load_map()
    assert "not shown yet" in _alt(panel) and "Measured" not in panel.said.value
    for shown in _drive(panel.reveal):
        for stop, size in _places(panel):
            advice = measured.recommend(stop, size)
            assert f"You are at {stop} with {size} images per class" in _alt(panel)
            assert f"Rule of the literature: {advice.rule}" in panel.said.value
            assert (f"{advice.winner} is best on val" in panel.said.value) == shown
    for way, box in panel.votes.items():
        for _ in _drive(box):
            pass
        assert box.description == way and box.value > 0
    panel.controls.sizes.value = 5
    assert not any(box.value for box in panel.votes.values()), "another place is another question"
    _check_fallback(tlkit.decision_map(), monkeypatch)


def test_a_figure_that_answers_a_control_is_drawn_in_lines_and_as_large_as_asked():
    axes = plots.plot_training({"now": History([1.0], [0.5], [1.0])}, "Live")
    inches = axes.figure.get_figwidth()
    for dpi, shown in ((None, 110), (80, 80)):
        image = style.as_html(axes, dpi)
        assert f"width:{inches * shown:.0f}px" in image
        source = base64.b64decode(re.search('data:image/svg[+]xml;base64,([^"]*)', image)[1])
        assert ElementTree.fromstring(source).tag.endswith("svg")


@pytest.mark.trains
def test_the_map_runs_a_cell_live_and_can_be_stopped():
    panel = tlkit.decision_map("tissue", 5)
    for way in ("probe", "pretrained start"):  # one that is solved, and one that trains
        panel.way.value = way
        panel.live.run.click()
        panel.live.wait()
        assert panel.live.result.way == way and "on val" in panel.live.said.value, panel.live.said.value
        assert not panel.live.run.disabled and panel.live.stop.disabled
    assert "accuracy on val by epochs: now ends at" in html.unescape(panel.curve.value)
    panel.way.value, panel.live.budget.value = "scratch", 1
    for stop in (True, False):  # by its button, and when its time is up
        panel.live.run.click()
        if stop:
            panel.live.stop.click()
        panel.live.wait()
        why = "as asked" if stop else "as the time is up"
        assert re.search(f"Stopped after epoch .* of 30, {why}.", panel.live.said.value)


def test_a_failure_in_a_live_run_is_told(monkeypatch):
    panel = tlkit.decision_map("tissue", 5)
    monkeypatch.setattr("tlkit.study.survey.recompute", lambda *args, **kwargs: 1 / 0)
    panel.live.run.click()
    panel.live.wait()
    assert "It did not run" in panel.live.said.value and not panel.live.run.disabled


def test_a_click_while_it_runs_starts_nothing(monkeypatch):
    panel, started = tlkit.decision_map("tissue", 5), []
    slow = "tlkit.study.survey.recompute"
    monkeypatch.setattr(slow, lambda *args, **kwargs: (started.append(1), time.sleep(0.2))[1])
    panel.live.run.click()
    panel.live.run.click()
    panel.live.wait()
    assert started == [1]


def test_the_stage_picker_reads_every_place_and_every_stage(monkeypatch):
    panel, measured = tlkit.stage_picker("tissue", 20), tlkit.load_map()

    def check(stop, size, stage):
        mean = tlkit.accuracy_interval(measured.stage_sweep(stop, size)[stage])
        assert f"{stop}, {size} images per class" in _alt(panel) and f"{stage} {mean}" in _alt(panel)

    for place in _places(panel):
        check(*place, panel.stage.value)
    for stage in _drive(panel.stage):
        check(*place, stage)
    _check_fallback(panel, monkeypatch)


@pytest.mark.trains
def test_the_fine_tuning_desk_trains_what_it_is_told(pieces, monkeypatch):
    desk = tlkit.fine_tuning_desk(pieces)
    assert "nothing yet" in _alt(desk)
    _check_fallback(desk, monkeypatch)
    seen = []
    monkeypatch.setattr("tlkit.widgets.desks.two_phase", lambda *args, **kwargs: (seen.append(kwargs), 1 / 0)[1])
    names = {"unfreeze_last": desk._unfreeze, "learning_rate": desk._rate, "backbone_factor": desk._factor}
    for name, control in (names | {"epochs": desk._epochs}).items():
        for value in _drive(control):
            desk.live.run.click()
            desk.live.wait()
            assert seen[-1][name] == value
    assert {kwargs["unfreeze_last"] for kwargs in seen} == set(range(8))
    monkeypatch.undo()
    desk = tlkit.fine_tuning_desk(pieces)
    desk._epochs.value = 1
    for count in range(4):
        desk.live.run.click()
        desk.live.wait()
        assert "on val" in desk.live.said.value, desk.live.said.value
        assert f"{count + 1}: from conv1 on" in _alt(desk) and "after 2 epochs" in _alt(desk)
    assert "1: from" not in _alt(desk) and "2: from" in _alt(desk), "three runs stay in the picture"


def test_the_augmentation_desk_shows_what_it_does(pieces, monkeypatch):
    desk = tlkit.augmentation_desk(pieces.train.images[:4])
    controls = [desk._flip_h, desk._flip_v, desk._rotation, desk._scale, desk._crop]
    for control in controls:
        assert len({desk._picture.value for _ in _drive(control)}) > 1
    desk._rotation.value, desk._scale.value, desk._crop.value = 30, 1.2, 0.7
    desk._flip_h.value, desk._flip_v.value = False, True
    assert desk.augmentation == tlkit.Augmentation(False, True, 30, 1.2, 0.7)
    _check_fallback(desk, monkeypatch)


def test_the_desk_says_so_when_it_was_stopped_in_the_first_phase(tiny_split, monkeypatch):
    desk = tlkit.fine_tuning_desk(tiny_split)
    desk._epochs.value = 50
    on_epoch = desk.live._on_epoch
    monkeypatch.setattr(desk.live, "_on_epoch", lambda history: (on_epoch(history), desk.live.stop.click()))
    desk.live.run.click()
    desk.live.wait()
    assert "Stopped after epoch 1 of 50, as asked. That was the first phase" in desk.live.said.value
    assert "nothing was fine-tuned" in desk.live.said.value and desk.live.result.way == "new head"
