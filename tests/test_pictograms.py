"""The pictograms of the ways: what they show is what the ways do, on any page, and the files are those of the code."""

import re
from xml.etree import ElementTree

import pytest

import tlkit
from tlkit.course import COURSE
from tlkit.figures import pictograms
from tlkit.transfer.ways import CHOICES
from tlkit.widgets.demo import demo_page

STAGES = 4


def _counted(way):
    """How often each thing stands in a pictogram: told by its shapes, not by the table that it is made from."""
    shapes = list(ElementTree.fromstring(pictograms.pictogram(way)).iter())
    paths = [shape.get("d", "") for shape in shapes]
    return {
        "snowflake": sum(path.count("M") == 18 for path in paths),
        "flame": sum(path.startswith("M.6-8C") for path in paths),
        "die": sum(shape.get("r") == "2" for shape in shapes) / 5,
        "cut off": sum("stroke-dasharray" in shape.attrib for shape in shapes),
    }


@pytest.mark.parametrize("way", tlkit.WAYS.values(), ids=lambda way: way.name)
def test_it_shows_what_the_way_does(way):
    shows = _counted(way.name)
    frozen_first = not way.trains or way.name == "fine-tuning"
    whole = STAGES - shows["cut off"]
    assert shows["snowflake"] == (whole if frozen_first else 0)
    assert shows["die"] == (way.trains if way.pretrained else STAGES + 1), "a network's new head is random"
    assert shows["flame"] == (0 if not way.pretrained else whole if way.trains else 1), "or the linear classifier's"
    assert (shows["cut off"] > 0) == (way.name == "earlier stage")


def test_no_two_look_alike_and_every_one_can_stand_on_a_page_with_the_others():
    drawn = {way: pictograms.pictogram(way) for way in tlkit.WAYS}
    assert len({re.sub("<title>.*</title>", "", text) for text in drawn.values()}) == len(drawn)
    for way, text in drawn.items():
        root = ElementTree.fromstring(text)
        assert root[0].text == f"{way}: {pictograms.WORDS[way]}" and root.get("role") == "img"
        assert not re.search(r"\bid=|href=|<text|url\(", text), "nothing to clash, to fetch, or to be set in a font"
        assert 'width="153" height="24"' in pictograms.pictogram(way, 24)


def _luminance(colour):
    """As WCAG 2 defines it."""
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("#7B848C", "#FFFFFF"),  # lines on a light page
        ("#7B848C", "#111111"),  # and on a dark one
        ("#0072B2", "#DDEFFA"),  # the snowflake on its ice
        ("#D55E00", "#FFFFFF"),  # flame and die in their box, and the box on a light page
        ("#D55E00", "#111111"),
        ("#D55E00", "#DDEFFA"),  # frozen and trained, printed without colour
    ],
)
def test_its_parts_stand_out_without_colour_too(one, other):
    used = "".join(map(pictograms.pictogram, tlkit.WAYS)) + "#FFFFFF #111111"
    assert one in used and other in used
    darker, lighter = sorted(map(_luminance, (one, other)))
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_the_files_are_what_the_code_draws_and_the_page_of_the_ways_shows_them():
    page = (COURSE / "lessons" / "WAYS.md").read_text(encoding="utf-8")
    folder = COURSE / "lessons" / "pictures"
    names = [pictograms.file_name(way) for way in tlkit.WAYS]
    assert sorted(path.name for path in folder.glob("way_*")) == sorted(names)
    for way, name in zip(tlkit.WAYS, names):
        assert (folder / name).read_text(encoding="utf-8") == pictograms.pictogram(way) + "\n", "run: make pictures"
    shown = re.findall(r'<img src="pictures/([^"]+)"', page)
    assert set(shown) >= {pictograms.file_name(way) for way in CHOICES}
    assert shown == [name for name in names if name in shown], "in their order"


def test_who_votes_sees_them():
    page, panel = demo_page(), tlkit.decision_map()
    for way in CHOICES:
        assert pictograms.WORDS[way] in page.names[way].value
    (ballots,) = [row.children[1:-1] for row in panel._box.children if panel.reveal in getattr(row, "children", ())]
    for way, ballot in zip(CHOICES, ballots):
        drawn, box = ballot.children
        assert box is panel.votes[way] and pictograms.WORDS[way] in drawn.value
