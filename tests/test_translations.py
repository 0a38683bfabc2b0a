"""Translations: none is older than its English, the code is the same, and what must agree does."""

import json
import shutil

import pytest

from tlkit import course as home
from tlkit.disk.words import languages, words_of
from tools import badges, cli, translation_checks, translation_tables, translations
from tools.notebooks import write_notebook

OTHERS = languages()[1:]


def _cells(path):
    return {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


def test_there_is_another_language():
    assert "vi" in OTHERS


def test_everything_is_translated_and_made_anew():
    translations.translations(check=True)


@pytest.mark.parametrize("language", OTHERS)
def test_the_code_is_that_of_the_english_lesson_but_for_one_line(language):
    line = f'tlkit.use_language("{language}")'
    for source in translation_tables.sources():
        if source.address.endswith(".md"):
            continue
        english, made = _cells(source.path), _cells(home.COURSE / source.place(language))
        assert list(english) == list(made)
        lines = 0
        for ident, cell in english.items():
            assert cell["cell_type"] == made[ident]["cell_type"] and cell["metadata"] == made[ident]["metadata"]
            if cell["cell_type"] == "code":
                code = "".join(made[ident]["source"])
                lines += code.splitlines().count(line)
                assert code.replace(f"\n{line}", "") == "".join(cell["source"]), (source.address, ident)
        assert lines == 1, source.address


@pytest.mark.parametrize("language", OTHERS)
def test_links_of_a_translation_lead_somewhere(language):
    for source in translation_tables.sources():
        place = home.COURSE / source.place(language)
        text = place.read_text(encoding="utf-8")
        cells = () if place.suffix == ".md" else _cells(place).values()
        shown = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"] or [text]
        for _, target in (found for each in shown for found in translations._LINK.findall(each)):
            address = target.partition("#")[0]
            if address and ":" not in address:
                assert (place.parent / address).exists(), (source.address, target)


# ---------------------------------------------------------------------------- a course of two cells


TABLE = """[idea]
text = "Một ý"

[title]
text = '''
# 00 · Một?

Hai.
'''

[text]
text = '''
17 loài hoa, xem [ở đây](../README.md) và `x = 1`: 0,95 trên 1.360 ảnh. ![Một hình.](pictures/a.png)
'''
"""
ENGLISH = "17 species, see [here](../README.md) and `x = 1`: .95 of 1,360 pictures. ![A figure.](pictures/a.png)"


def _cell(ident, text, kind="markdown"):
    return {"cell_type": kind, "id": ident, "metadata": {}, "source": text} | (
        {"outputs": [], "execution_count": None} if kind == "code" else {}
    )


@pytest.fixture
def course(tmp_path, monkeypatch):
    """One lesson, one language."""
    lessons = tmp_path / "lessons"
    (lessons / "vi" / "tables").mkdir(parents=True)
    (lessons / "vi" / "words").mkdir()
    (lessons / "vi" / "language.toml").write_text(
        'name = "Tiếng Việt"\n[terms]\nspecies = ["loài"]\n', encoding="utf-8"
    )
    (lessons / "vi" / "words" / "all.toml").write_text('"two" = "hai"\n', encoding="utf-8")
    (lessons / "vi" / "tables" / "00_one.toml").write_text(TABLE, encoding="utf-8")
    set_up = _cell("set-up", "import tlkit", "code")
    title, shows = _cell("title", "# 00 · One?\n\nTwo."), _cell("shows", "print('two')", "code")
    cells = [title, set_up, _cell("text", ENGLISH), shows]
    about = {"tlkit": {"idea": "An idea"}}
    notebook = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    write_notebook(lessons / "00_one.ipynb", notebook)
    (tmp_path / "README.md").write_text("# A\n", encoding="utf-8")
    monkeypatch.setattr(home, "COURSE", tmp_path)
    monkeypatch.setattr(translation_tables, "DOCUMENTS", ())
    monkeypatch.setattr(translation_checks, "needed_words", dict)
    return lessons


def _change(path, ident, text):
    notebook = home.read_notebook(path)
    next(cell for cell in notebook["cells"] if cell["id"] == ident)["source"] = text
    write_notebook(path, notebook)


def _said(capsys, *arguments):
    capsys.readouterr()
    code = cli.main(["translations", *arguments])
    printed = capsys.readouterr()
    return code, (printed.out + printed.err).strip().splitlines()


FINE = ["Every text is translated, and none is older than its English."]


def test_a_lesson_is_made_from_its_english_and_a_table(course, capsys):
    assert _said(capsys, "--check") == (1, ["lessons/vi/00_one.ipynb: not made anew; run make translations"])
    assert _said(capsys) == (0, FINE) and _said(capsys, "--check") == (0, FINE)
    made = _cells(course / "vi" / "00_one.ipynb")
    assert "".join(made["title"]["source"]) == "# 00 · Một?\n\nHai."
    assert "".join(made["set-up"]["source"]) == 'import tlkit\ntlkit.use_language("vi")'
    text = "".join(made["text"]["source"])
    assert "[ở đây](../../README.md)" in text and "(../pictures/a.png)" in text
    assert home.read_notebook(course / "vi" / "00_one.ipynb")["metadata"]["tlkit"]["idea"] == "Một ý"
    assert "of = " in (course / "vi" / "tables" / "00_one.toml").read_text(encoding="utf-8")


def test_a_changed_cell_is_stale_that_one_alone_and_the_reader_gets_the_english(course, capsys):
    _said(capsys)
    _change(course / "00_one.ipynb", "text", f"{ENGLISH} And more.")
    stale = "vi, 00_one, text: stale, its English has changed; translate it again, and delete its line of"
    assert _said(capsys) == (0, [stale])
    assert _said(capsys, "--check") == (1, [stale])
    made = _cells(course / "vi" / "00_one.ipynb")
    assert "".join(made["text"]["source"]).startswith(f"*{translations.NOT_YET}*\n\n17 species, see [here]")
    assert "".join(made["title"]["source"]) == "# 00 · Một?\n\nHai."
    table = course / "vi" / "tables" / "00_one.toml"
    before, after = table.read_text(encoding="utf-8").split("[text]\n")
    table.write_text(f"{before}[text]\n{after.partition(chr(10))[2]}", encoding="utf-8")  # translated again
    assert _said(capsys) == (0, FINE)


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("0,95", "0,59", "numbers: lacks 0.95 and adds 0.59"),
        ("1.360", "1.36", "numbers: lacks 1360.0 and adds 1.36"),
        ("(../README.md)", "(README.md)", "links: lacks ../README.md and adds README.md"),
        ("`x = 1`", "`x = 2`", "code: lacks `x = 1` and adds `x = 2`"),
        ("loài", "giống", "'species' should be loài"),
        ("17 loài", "- 17 loài", "0 lines begin with '- ', but here 1"),
    ],
)
def test_what_must_agree_with_the_english_is_compared(course, capsys, was, now, says):
    table = course / "vi" / "tables" / "00_one.toml"
    table.write_text(table.read_text(encoding="utf-8").replace(was, now), encoding="utf-8")
    assert _said(capsys) == (0, [f"vi, 00_one, text: {says}"])


def test_what_is_missing_or_no_longer_there_is_told(course, capsys):
    table = course / "vi" / "tables" / "00_one.toml"
    table.write_text(TABLE.replace("[text]", "[texts]"), encoding="utf-8")
    said = ["vi, 00_one, text: not translated", "vi, 00_one, texts: there is no such text"]
    assert _said(capsys) == (0, said)
    shutil.move(table, table.with_name("01_two.toml"))
    assert _said(capsys)[1][-1] == "vi, 01_two: there is no such notebook or page"


def test_words_that_no_code_says_are_told_and_two_texts_for_one_sentence_are_refused(course, capsys):
    words = course / "vi" / "words"
    (words / "all.toml").write_text('"two" = "hai"\n"nobody says this" = "không"\n', encoding="utf-8")
    assert _said(capsys) == (0, ["vi, words/all.toml, 'nobody says this': no code says this"])
    (words / "more.toml").write_text('"two" = "đôi"\n', encoding="utf-8")
    code, said = _said(capsys)
    assert code == 1 and said == ["more.toml has another text for 'two' than a table before it."]


def test_the_links_of_a_fork_make_nothing_stale_and_lead_to_the_translation(course, capsys):
    _said(capsys)
    title = badges.with_badges("# 00 · One?\n\nTwo.", badges.links("a/b", "main", "00_one.ipynb"))
    _change(course / "00_one.ipynb", "title", title)
    assert _said(capsys) == (0, FINE)
    made = "".join(_cells(course / "vi" / "00_one.ipynb")["title"]["source"])
    assert made.startswith("# 00 · Một?\n") and "/blob/main/lessons/vi/00_one.ipynb" in made
    assert "labpath=lessons%2Fvi%2F00_one.ipynb" in made


def test_a_page_is_cut_at_its_headings_and_a_glossary_at_its_terms():
    text = (
        "# A page\n\nText.\n\n```sh\n# no heading\n```\n\n## A *part*, and more\n- **one / two**: a\n- **three**: b\n"
    )
    assert list(translation_tables.blocks(text)) == ["a-page", "a-part-and-more"]
    assert list(translation_tables.blocks(text, by_term=True)) == ["a-page", "a-part-and-more", "one-two", "three"]


def test_numbers_are_read_as_each_language_writes_them():
    english = translation_checks.numbers("1,360 photos, .5 and 2.25; conv1, 03.1, `7` and [8](9.md)")
    assert english == translation_checks.numbers("1.360 ảnh, 0,5 và 2,25; conv1, 03.1, `7` và [8](9.md)", ",")
    assert sorted(english.elements()) == [0.5, 1, 2.25, 3.1, 8, 1360]


@pytest.mark.parametrize("language", OTHERS)
def test_words_with_holes_have_something_to_be_known_by(language):
    for english in words_of(language):
        literal = english.replace("{}", "").replace(" ", "")
        assert "{" not in english or (len(literal) > 1 and any(map(str.isalpha, literal))), english


def test_a_language_that_has_just_begun_shows_the_english(course, capsys):
    (course / "xx").mkdir()
    (course / "xx" / "language.toml").write_text('name = "X"\n[terms]\n', encoding="utf-8")
    assert languages() == ["en", "vi", "xx"]
    _, said = _said(capsys)
    assert [line for line in said if line.startswith("xx, 00_one")] == [
        f"xx, 00_one, {key}: not translated" for key in ("idea", "title", "text")
    ]
    made = _cells(course / "xx" / "00_one.ipynb")
    assert "".join(made["title"]["source"]) == f"*{translations.NOT_YET}*\n\n# 00 · One?\n\nTwo."
    assert 'tlkit.use_language("xx")' in "".join(made["set-up"]["source"])
