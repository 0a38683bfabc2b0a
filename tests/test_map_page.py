"""The map as one file: whole, small, true to the measured maps, and nothing of it lies elsewhere."""

import html
import re
from collections import defaultdict
from html.parser import HTMLParser

import numpy as np
import pytest
from bs4 import BeautifulSoup
from map_makers import photo_map

import tlkit
from tlkit.intervals import points
from tlkit.study.decision import boards_of
from tlkit.study.places import RULE, quadrant
from tlkit.transfer.ways import CHOICES
from tools import map_page

VOID = {"meta", "link", "img", "br"}


@pytest.fixture(scope="module")
def text():
    return map_page.map_page()


@pytest.fixture(scope="module")
def page(text):
    return BeautifulSoup(text, "html.parser")


@pytest.fixture(scope="module")
def boards():
    return boards_of()


def _addresses(page):
    return [choice["data-at"] for choice in page.select(".demo-choice")]


def _answers(page):
    """From each place to the bars of the ways and the verdict that its answer shows."""
    found = defaultdict(lambda: ({}, []))
    for way, row in zip(CHOICES, page.select(".demo-row"), strict=True):
        for bar in row.select("[data-at]"):
            found[bar["data-at"]][0][way] = bar
    for verdict in page.select(".demo-answer [data-at]"):
        found[verdict["data-at"]][1].append(verdict)
    return found


@pytest.fixture(scope="module")
def leads(page):
    """From each place to where its buttons lead, by what they say."""
    found = defaultdict(dict)
    for button in page.find_all("button", attrs={"data-to": True}):
        address = button.get("data-at") or button.find_parent(class_="demo-choice")["data-at"]
        found[address][button.get_text().split(":")[0]] = button["data-to"]
    return found


def test_it_is_one_small_well_formed_file(text, page):
    class Reader(HTMLParser):
        open = []

        def handle_starttag(self, tag, attributes):
            if tag not in VOID:
                self.open.append(tag)

        def handle_startendtag(self, tag, attributes):
            pass

        def handle_endtag(self, tag):
            assert self.open.pop() == tag, self.getpos()

    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [] and text.startswith("<!DOCTYPE html>")
    assert len(text.encode()) < 3_000_000
    assert page.html["lang"] == "en" and page.title.get_text() and len(page.find_all("h1")) == 1
    idents = [tag["id"] for tag in page.find_all(id=True)]
    assert len(idents) == len(set(idents))
    assert "{{" not in text and "{%" not in text


def test_it_asks_for_nothing(text, page):
    outside = re.findall(r"(?:https?:)?//[\w.]+[^\"' )]*", re.sub(r"data:image/\w+;base64,[\w+/=]*", "", text))
    assert set(outside) <= {"http://www.w3.org/2000/svg"}, "the name of a language, not an address"
    assert "default-src 'none'" in page.find("meta", attrs={"http-equiv": True})["content"], "the browser holds it too"
    fetched = [tag[name] for name in ("src", "srcset", "data", "href") for tag in page.find_all(**{name: True})]
    assert {address for address in fetched if not address.startswith("data:")} == {"index.html"}
    assert not page.find_all(["iframe", "object", "base", "form"]) and "@import" not in text
    assert not re.search(r"url\(|fetch\(|XMLHttp|WebSocket|import\(|sendBeacon|localStorage", text)


def test_every_place_is_reached_by_its_buttons(page, leads, boards):
    expected = {
        f"{world}/{network}/{dataset}/{size}"
        for (world, network), board in boards.items()
        for dataset in board.datasets
        for size in board.sizes_of(dataset)
    }
    assert len(expected) == len(_addresses(page)) and set(_addresses(page)) == expected
    seen, ahead = set(), [_addresses(page)[0]]
    while ahead:
        address = ahead.pop()
        if address not in seen:
            seen.add(address)
            ahead += leads[address].values()
    assert seen == expected
    for choice in page.select(".demo-choice"):
        pressed = choice.find_all("button", attrs={"aria-pressed": "true"})
        assert [button.get_text() for button in pressed] == choice["data-at"].split("/")[2:], "where one is, is marked"
        assert {button["data-to"] for button in pressed} == {choice["data-at"]}


def test_buttons_lead_where_those_of_the_demo_page_do(page, leads):
    from_flowers = leads["drawn/minivgg/flowers/300"]
    assert from_flowers["tissue"] == "drawn/minivgg/tissue/300" and from_flowers["5"] == "drawn/minivgg/flowers/5"
    assert from_flowers["w"] == "photos/efficientnet_lite0/flowers17/40", "as similar, and as many as there are"
    assert from_flowers["n"] == "drawn/minivgg/flowers/300"
    (only,) = page.select('[name="network"][data-at="drawn/minivgg/flowers/300"]')
    assert only.has_attr("disabled"), "there is one network"
    from_textures = leads["photos/efficientnet_lite0/dtd/60"]
    assert from_textures["n"] == "photos/squeezenet1_1/dtd/60" and from_textures["flowers17"].endswith("flowers17/40")
    assert leads["photos/squeezenet1_1/dtd/60"]["n"] == "photos/efficientnet_lite0/dtd/60"


def test_its_numbers_are_those_of_the_maps(page):
    maps, verdicts = {world: tlkit.load_map(world) for world in ("drawn", "photos")}, set()
    for address, (bars, (answer,)) in _answers(page).items():
        world, network, dataset, size = address.split("/")
        place, measured = (dataset, int(size)), maps[world].of(network)
        here = measured.at(*place)
        for way, bar in bars.items():
            says = bar.select_one(".track")["aria-label"]
            if way not in here.ways:
                assert says.endswith("not measured yet") and bar.b.get_text() == "–"
                continue
            mean = np.mean(here.values(way))
            assert f"measured {here.accuracy(way)}" in says and bar.b.get_text() == f"{mean:.1%}"
            assert f"width:{mean:.2%}" in bar.select_one(".measured")["style"]
        verdicts.add(answer.b.get_text())
        if RULE[quadrant(*place)] not in here.ways:
            assert answer.b.get_text() == "Nobody can say yet." and "★" not in "".join(map(str, bars.values()))
            continue
        advice = measured.recommend(*place)
        assert answer.b.get_text() == str(advice).splitlines()[-1] and f"Rule: {advice.rule}." in answer.get_text()
        assert points(advice.margin) in answer.get_text()
        assert [way for way, bar in bars.items() if "★" in bar.get_text()] == [advice.winner]
    assert len(_answers(page)) == len(_addresses(page)) and {"The rule holds.", "Here the rule loses."} <= verdicts


def test_nothing_gives_the_answer_away(page):
    for part in page.select("[data-if=asked], .demo-question, .demo-choice, .demo-way, .demo-keys, .demo-legend"):
        said = part.get_text() + " ".join(tag.get("aria-label", "") for tag in part.find_all(True))
        assert "measured" not in said and "★" not in said and "rule" not in said.lower()
    for found in page.select(".measured, .whisker, .chance, .room"):
        assert found.find_parent(attrs={"data-if": "revealed"})


def test_every_picture_has_words_and_no_photo_is_passed_on(page):
    for strip in page.select(".strip"):
        world = strip.parent["data-at"].split("/")[0]
        pictures = strip.find_all("img")
        assert len(pictures) == (6 if world == "drawn" else 0), "not even those that are always here"
        words = strip["aria-label"] if pictures else strip.get_text()
        assert len(words) > 40 and (strip.get("role") == "img") == bool(pictures)
    every = page.find_all("img")
    assert len(every) == 24 and all(image.find_parent(attrs={"role": "img"}) for image in every)
    assert all(drawing.find("title").get_text() for drawing in page.find_all("svg"))
    shown = [address for strip in page.select(".strip") for address in strip.parent["data-at"].split()]
    assert sorted(shown) == sorted(_addresses(page))


def test_every_key_and_button_has_a_part_to_play(text, page):
    names = {name for button in page.find_all("button") for name in button.get("class", []) if name.startswith("demo-")}
    hands = {f"demo-{which}-{k}" for which in ("up", "down") for k in range(1, len(CHOICES) + 1)}
    assert names == hands | {f"demo-{name}" for name in ("reveal", "undo", "world", "network", "dark", "help")}
    assert "train" not in page.select_one("[data-if=helping]").get_text(), "nothing can be trained here"
    for button in page.find_all("button"):
        assert button["type"] == "button" and (button.get("aria-label") or button.get_text(strip=True))
        assert {"data-to", "data-hand", "data-switch"} & set(button.attrs)
    rooms = [html.unescape(room.get_text()) for room in page.select("#rooms span")]
    assert rooms == [f" Room (grey): {way}." for way in [*CHOICES, "undecided"]]


def test_a_map_of_ones_own():
    page = BeautifulSoup(map_page.map_page([photo_map(leave_out=[("dtd", 20, "scratch")])]), "html.parser")
    assert not page.select(".demo-world, .demo-network"), "nothing to choose from"
    bars, (answer,) = _answers(page)["photos/squeezenet1_1/dtd/20"]
    assert bars["scratch"].b.get_text() == "–" and "Not measured yet: scratch." in answer.get_text()
    assert len(_addresses(page)) == 15


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "map.html").write_text("of yesterday")
    monkeypatch.setattr(map_page, "map_page", lambda: "begins, and \ud800 cannot be written")
    with pytest.raises(UnicodeEncodeError):
        map_page.write_map_page(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["of yesterday"]
    monkeypatch.setattr(map_page, "map_page", lambda: "of today ★")
    map_page.write_map_page(tmp_path)
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["of today ★"]
