"""The page for a projector, driven by the events of its widgets; on the ipywidgets of Colab by make test-colab."""

import html
import json
import re
import threading
import time
from types import SimpleNamespace

import pytest
from map_makers import photo_map

import tlkit
from tlkit.course import COURSE
from tlkit.history import History
from tlkit.study import survey
from tlkit.transfer.ways import CHOICES
from tlkit.widgets import display
from tlkit.widgets.demo import demo_page

PROJECTOR = COURSE / "lessons" / "demo" / "voila" / "templates" / "projector"


@pytest.fixture
def page():
    return demo_page()


def _says(page, way):
    """What a bar tells those who do not see it."""
    return html.unescape(re.search('aria-label="([^"]*)"', page.bars[way].value)[1])


def test_reveal_shows_the_numbers_of_the_shipped_map_everywhere(page):
    measured = tlkit.load_map()
    for stop in page.controls.stops.options:
        for size in measured.sizes:
            page.controls.stops.value, page.controls.sizes.value = stop, size
            assert (page.model.dataset, page.model.per_class) == (
                stop,
                size,
            ) and f"{stop}, {size}" in page.place_text.value
            assert "%" not in page.answer.value and not any("measured" in _says(page, way) for way in CHOICES)
            page.reveal.value = True
            advice = measured.recommend(stop, size)
            for way in CHOICES:
                mean = tlkit.accuracy_interval(measured.at(stop, size).values(way))
                assert f"measured {mean}" in _says(page, way) and f"<b>{mean.mean:.1%}</b>" in page.bars[way].value
                assert f'class="measured" style="width:{mean.mean:.2%}' in page.bars[way].value
                assert ("★" in page.bars[way].value) == (way == advice.winner)
            assert str(advice).splitlines()[-1] in page.answer.value, "the verdict of the map"
            assert f"Rule: <b>{advice.rule}</b>" in page.answer.value
            noise = "clear of the noise" if advice.margin.low > 0 or advice.margin.high < 0 else "inside the noise"
            assert noise in page.answer.value


def test_hands_are_counted_taken_back_and_shown_beside_the_answer(page):
    ways = list(CHOICES)
    for k, way in enumerate(ways):
        for _ in range(k):
            page.up[way].click()
    assert [page.model.hands[way] for way in ways] == list(
        range(len(ways))
    ) and f"{sum(range(len(ways)))} so far" in page.answer.value
    page.down["fine-tuning"].click()
    page.down["probe"].click()
    page.undo.click()
    assert [page.model.hands[way] for way in ways] == [0, 1, 2, 2, 4, 4], "nobody has fewer than no hands"
    page.reveal.value = True
    assert "Room (grey): <b>undecided</b>" in page.answer.value
    page.reveal.value = False
    page.down["scratch"].click()
    page.reveal.value = True
    assert "Room (grey): <b>pretrained start</b>" in page.answer.value
    assert "25% of the hands; measured" in _says(page, "scratch")
    assert "<b>3</b>" in page.names["scratch"].value


def test_votes_are_closed_while_the_answer_is_shown(page):
    page.up["probe"].click()
    page.reveal.value = True
    for control in (page.up["scratch"], page.down["probe"], page.undo):
        page.live_line.value = ""
        control.click()
        assert "Votes are closed; r opens them" in page.live_line.value
        assert page.model.hands == {"probe": 1} and "100% of the hands" in _says(page, "probe")
    page.reveal.value = False
    assert "closed" not in page.live_line.value
    page.up["scratch"].click()
    assert page.model.hands == {"probe": 1, "scratch": 1}


def test_every_place_keeps_its_hands(page):
    page.up["probe"].click()
    page.reveal.value = True
    page.controls.stops.value = "plates"
    assert not page.reveal.value and not page.model.hands, "another place is another question"
    page.undo.click()
    page.controls.sizes.value = 20
    page.up["scratch"].click()
    page.up["scratch"].click()
    page.controls.stops.value, page.controls.sizes.value = "flowers", 5
    assert page.model.hands == {"probe": 1} and "1 so far" in page.answer.value
    page.undo.click()
    page.reveal.value = True
    assert "Room" not in page.answer.value
    page.controls.stops.value, page.controls.sizes.value = "plates", 20
    assert page.model.hands == {"scratch": 2}


def test_the_scale_and_the_legend_come_with_the_answer(page):
    assert page.scale.value == "" and page.legend.value.startswith("grey: hands; snowflake: frozen;")
    assert not any("chance" in bar.value for bar in page.bars.values())
    page.reveal.value = True
    for bar in page.bars.values():
        assert re.findall(r'class="(?:tick|chance)" style="left:([^"]+)%"', bar.value) == ["0", "50", "100", "5.88"]
    assert "chance, 6%" in page.scale.value and "colour: test (95 %)" in page.legend.value


def test_dark_and_light_and_the_keys(page):
    for night in (True, False, True):
        page.dark.value = night
        assert ("demo-night" in page._box._dom_classes) == night
    page.help.value = True
    assert "Backspace" in page.answer.value
    page.help.value = False
    assert "Hands up" in page.answer.value


def test_every_key_of_the_page_finds_its_button():
    page = demo_page(measured=[tlkit.load_map(), photo_map("squeezenet1_1", "efficientnet_lite0")])
    script = "".join((PROJECTOR / name).read_text(encoding="utf-8") for name in ("index.html.j2", "keys.js"))
    pressed = set(re.findall(r'(?:press\(|: )"([a-z]+-?)"', script))
    assert pressed == {"reveal", "live", "world", "network", "dark", "help", "undo", "up-"}
    found = set(re.findall(r"demo-([a-z]+-?\d?)", json.dumps(_classes(page._box))))
    assert pressed - {"up-"} <= found and {f"up-{k}" for k in range(1, len(CHOICES) + 1)} <= found


def _classes(widget):
    return [list(widget._dom_classes), [_classes(child) for child in getattr(widget, "children", ())]]


def test_a_live_run_finishes_every_way_on_a_fresh_draw(monkeypatch):
    page, seen, lines, clicked = demo_page("tissue", 5, seconds=600), [], [], threading.Event()
    page.live_line.observe(lambda change: lines.append(change["new"]), "value")
    monkeypatch.setattr(survey, "split_at", lambda *place: seen.append(place))

    def recompute(dataset, per_class, way, seed, backbone, image_size, **settings):
        assert (dataset, per_class, backbone) == ("tissue", 5, "minivgg")
        clicked.wait(60)  # a run may be ahead of the click that began it
        seen.append((way, seed, sorted(settings)))
        for epoch in range(1, 3):
            history = History([1.0] * epoch, [0.25] * epoch, [1.0] * epoch)
            assert not settings or settings["on_epoch_end"](history) is False
        assert not settings or ("epoch 2, 25.0% on val" if page.reveal.value else "epoch 2 ") in page.live_line.value
        return SimpleNamespace(history=History(), open_test=lambda: 0.5)

    monkeypatch.setattr(survey, "recompute", recompute)
    page.train.click()
    clicked.set()
    page.live.wait()
    cheapest = page.live.expected
    assert seen[-len(cheapest) :] == [
        (way, 5, ["on_epoch_end"] if CHOICES[way].trains else []) for way in sorted(cheapest, key=cheapest.get)
    ], "the cheapest first, on a draw that the map has not seen"
    assert page.live.left == [] and "All ways finished. <b>r</b> shows it." in page.live_line.value
    assert page.train.description == "l: train, 600 s"
    before = [line.split("<span")[0] for line in lines] + [bar.value.split("</div>")[1] for bar in page.bars.values()]
    assert all("◆ done" in bar.value and "live: done" in bar.value for bar in page.bars.values())
    assert not any("%" in words for words in before), "a number would give the answer away"
    assert not any("last run" in line for line in lines), "there was none"
    page.reveal.value = True
    assert all("live 50.0%" in _says(page, way) and "◆ 50.0%" in page.bars[way].value for way in CHOICES)
    page.train.click()
    page.live.wait()
    assert seen[-1][1] == 6, "another draw"


def test_a_live_run_keeps_to_its_budget_and_says_what_is_missing():
    page = demo_page("tissue", 20, seconds=1)
    tlkit.load_dataset("tissue", 20, seed=5)  # as after a rehearsal: the second is for training
    page.train.click()
    assert page.train.description == "l: stop"
    _until(lambda: "Time is up" in page.live_line.value)
    assert "scratch" in page.live.left, "all of them would take a minute"
    finished = set(page.live.accuracy)
    page.live.wait()
    assert set(page.live.accuracy) == finished, "nothing is added when the time is up"


def test_a_live_run_can_be_interrupted_and_started_again(page, monkeypatch):
    entered, leave = threading.Event(), threading.Event()

    def recompute(*place, **settings):
        entered.set()
        leave.wait(10)
        return SimpleNamespace(history=History(), open_test=lambda: 1 / 0)

    monkeypatch.setattr(survey, "recompute", recompute)
    monkeypatch.setattr(survey, "split_at", lambda *place: None)
    page.train.click()
    assert entered.wait(10)
    first = page.live
    page.train.click()  # at once, though the way is not done
    assert first.why == "Stopped." and "Stopped. No way finished." in page.live_line.value
    page.up["probe"].click()
    assert page.model.hands["probe"] == 1
    page.train.click()
    assert page.live is not first and "waiting for the last run" in page.live_line.value
    page.controls.sizes.value = 20
    assert page.live is None and page.live_line.value == "", "another question stops it too"
    leave.set()
    page._last.wait()
    assert page.live_line.value == "" and not page._last.accuracy


def test_an_svm_that_cannot_be_done_in_time_is_not_begun(monkeypatch):
    page, begun = demo_page("tissue", 300, seconds=2), []  # a probe takes more of one core
    monkeypatch.setattr(survey, "split_at", lambda *place: None)

    def recompute(dataset, per_class, way, seed, backbone, image_size, on_epoch_end):
        begun.append(way)
        return SimpleNamespace(history=History(stopped="Stopped after epoch 1 of 4, as asked."))

    monkeypatch.setattr(survey, "recompute", recompute)
    page.train.click()
    page.live.wait()
    assert set(begun) == {"fine-tuning", "pretrained start", "scratch"} and page.live.left == list(page.live.expected)


def test_a_failure_reaches_the_room(page, monkeypatch):
    monkeypatch.setattr(survey, "split_at", lambda *place: None)
    monkeypatch.setattr(survey, "recompute", lambda *place, **settings: 1 / 0)
    page.train.click()
    page.live.wait()
    assert "It did not run: division by zero" in page.live_line.value
    page.live.why = "It did not run: " + "no end of words " * 99
    page.reveal.value = True
    assert len(page.live_line.value) < 160, "the page has room for two lines"


def test_nonsense_is_refused():
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            demo_page(seconds=seconds)
    with pytest.raises(ValueError, match="per_class must be one of 5, 20, 100, 300, but it is 7"):
        demo_page(per_class=7)


def test_the_fallback_and_the_notebook(page, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append(data))
    page._ipython_display_()
    assert 'src="data:image/png' in shown[0]["text/html"] and "Which way wins" in shown[0]["text/plain"]
    notebook = json.loads((COURSE / "lessons" / "demo" / "decision_map.ipynb").read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3" and notebook["metadata"]["title"]
    assert all(not cell.get("outputs") for cell in notebook["cells"])


def _until(happened, seconds=30):
    end = time.perf_counter() + seconds
    while not happened():
        assert time.perf_counter() < end
        time.sleep(0.01)
