"""The plan for who has one hour tomorrow: what is rehearsed and named is there, and every number is held."""

import re
from math import ceil

from test_instructor import LESSONS, SECTIONS, TEXT, hold_to_the_map

import tlkit
from tlkit.course import COURSE
from tlkit.disk.cards import read_card

HOUR = re.search(r"^## You have one hour, and it is tomorrow\n(.+?)^## Where the numbers", TEXT, flags=re.M | re.S)[1]


def test_the_hour_opens_the_page_and_its_lessons_are_rehearsed():
    assert TEXT.index(HOUR) < TEXT.index("\n## Plan\n")
    numbers = re.search(r'`make rehearse ARGS="([\d ]+)"`', HOUR)[1].split()
    assert f"-m tools rehearse {' '.join(numbers)}`" in HOUR
    table = read_card(COURSE / "lessons" / "costs.toml")
    seconds = sum(table[f"{LESSONS[number].stem}-cpu-seconds"] for number in numbers)
    assert f"under {ceil(seconds / 60)} minutes on 2 CPU cores" in HOUR
    named = set(re.findall(r"“[^”]+” of lesson (\d\d)", HOUR))
    assert named and named == set(numbers)
    minutes = dict(re.findall(r"^\| (\d:\d\d) \| (\d+) \|", HOUR, flags=re.M))
    assert set(re.findall(r"\d:\d\d", HOUR)) == set(minutes), "what is said of lateness names a row"
    assert "four votes, three minutes each" in HOUR and minutes["0:40"] == "12"


def test_every_number_of_the_hour_is_expected_by_its_lesson_or_of_the_map():
    stated = re.search(r"^What the votes find \(\*\*Map\*\*\): (.+)$", HOUR, flags=re.M)[1]
    hold_to_the_map(stated)
    voted = re.search(r"four votes, three minutes each, at (.+?) \|", HOUR)[1]
    assert re.split(r", | and ", voted) == re.findall(r"(?:^|; )(\w+ \d+):", stated)
    expected = re.findall(r"Expect \(lesson (\d\d)\): (.+?)\.(?: |$)", HOUR, flags=re.M)
    assert {number for number, _ in expected} == {"00", "04"}
    for number, statements in expected:
        for words in statements.split(", "):
            assert words in SECTIONS[number].replace("At the head's", "at the head's"), words
    rest = HOUR.replace(stated, "")
    for _, statements in expected:
        rest = rest.replace(statements, "")
    assert not re.search(r"\d+ (%|points)", rest), "no number stands alone"
    measured = tlkit.load_map()
    first, second = measured.recommend("flowers", 5), measured.recommend("plates", 20)
    assert "The rule holds within the noise at the first, and loses at the second" in HOUR
    assert first.rule_holds and first.winner != first.rule and not second.rule_holds
