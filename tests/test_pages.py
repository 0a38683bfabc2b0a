"""The executed lessons as pages: a tiny course is run and published."""

import re
import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import tlkit
from tlkit import course as home
from tlkit.figures.style import as_html, new_figure
from tools import cli, pages

VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "a", "version_major": 2, "version_minor": 0}}
SHOWS = """
from tqdm.auto import tqdm
import tlkit
from tlkit.figures import plots

print("12 of 17 <b>right</b>")
tlkit.show(plots.plot_bars({"probe": [0.9, 0.8]}, title="bars"))
for _ in tqdm(range(3), "drawing"):
    pass
tlkit.Guess("How many?", ["few", "many"])
"""


def _cell(ident, source, kind=new_code_cell):
    return kind(source, id=ident)


def _lesson(title, *cells):
    card = _cell("cost-card", "**Cost**: about 1 min on 2 CPU cores, 0 MB downloaded.", new_markdown_cell)
    cells = [_cell("title", f"# {title}", new_markdown_cell), card, *cells]
    return new_notebook(cells=cells, metadata={"tlkit": {"idea": "An idea"}})


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Three lessons with few cells, the middle one with solutions."""
    lessons = tmp_path_factory.mktemp("course") / "lessons"
    shutil.copytree(home.COURSE / "lessons" / "pictures", lessons / "pictures")
    (lessons / "solutions").mkdir()
    links = """## Next
[next](02_last.ipynb#to-do), [solutions](solutions/01_tiny.ipynb), [card](../datasets/tissue.toml),
[a site](https://example.org), [![a badge](https://example.org/badge.svg)](https://example.org/lab), [below](#next)

## Next

## To do

| |b|
|---|---|
|1|2|
"""
    texts = [_cell("text", links, new_markdown_cell), _cell("shows", SHOWS)]
    texts.append(_cell("some-claims", 'tlkit.claims({"two is <less> than three": 2 < 3})'))
    solution = [_cell("task", "### A task\n[back](../01_tiny.ipynb)", new_markdown_cell)]
    for path, notebook in {
        "00_first.ipynb": _lesson("00 · First?"),
        "01_tiny.ipynb": _lesson("01 · Tiny <?", *texts),
        "02_last.ipynb": _lesson("02 · Last?"),
        "solutions/01_tiny.ipynb": _lesson("Solutions of 01", *solution),
    }.items():
        nbformat.write(notebook, lessons / path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, "COURSE", lessons.parent)
        yield lessons


@pytest.fixture(scope="module")
def site(course, tmp_path_factory):
    """The pages of the tiny course."""
    folder = tmp_path_factory.mktemp("site")
    assert cli.main(["html", "--out", str(folder)]) == 0
    return folder


def test_claims_are_one_line_that_unfolds_without_their_code(site):
    page = (site / "01_tiny.html").read_text(encoding="utf-8")
    assert "<summary>The one claim of the text holds in this run.</summary>" in page
    assert "✓ two is &lt;less&gt; than three" in page and "claims({" not in page


def _page(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_a_course_becomes_pages(site):
    every = {path.relative_to(site).as_posix(): _page(path) for path in site.rglob("*.html")}
    lessons = {"index.html", "00_first.html", "01_tiny.html", "02_last.html", "solutions/01_tiny.html"}
    assert set(every) == lessons | {"map.html"} and every["index.html"].find("a", href="map.html")
    for name in lessons:
        page = every[name]
        assert page.html["lang"] == "en" and page.title.get_text() and len(page.find_all("h1")) == 1, name
        assert page.find("a", class_="skip")["href"] == f"#{page.main['id']}"
        assert all(image["alt"].strip() for image in page.find_all("img"))
        assert not page.find_all(["script", "iframe"]), "nothing runs"
        fetched = [tag["href"] for tag in page.find_all("link")] + [tag["src"] for tag in page.find_all("img")]
        assert not [address for address in fetched if re.match(r"https?:|//", address)], "nothing is fetched"
        idents = [tag["id"] for tag in page.find_all(id=True)]
        assert len(idents) == len(set(idents))
        for link in page.find_all("a", href=True):
            address, _, fragment = link["href"].partition("#")
            if not re.match(r"https?:", address):
                target = (site / name).parent.joinpath(address).resolve() if address else site / name
                assert target.is_file(), (name, link)
                assert address or page.find(id=fragment), (name, link)


def test_a_lesson_shows_what_it_showed(site):
    page = _page(site / "01_tiny.html")
    assert page.h1.get_text() == "01 · Tiny <?"
    assert "12 of 17 <b>right</b>" in page.get_text()
    assert [image["alt"] for image in page.main.find_all("img")][0].startswith("bars, test accuracy (%): probe 85.0")
    guess = page.main.find_all(class_="output")[0]
    assert [item.get_text() for item in guess.find_all("li")] == ["few", "many"]
    assert "Here it stands still" in guess.get_text()
    text = str(page)
    assert "drawing" not in page.main.find(class_="output").get_text() and "widget-view" not in text
    assert not re.search(r"Loading|\d+%\||HBox|RadioButtons\(", text)
    links = {link.get_text(): link["href"] for link in page.main.find_all("a")}
    assert links["solutions"] == "solutions/01_tiny.html" and links["next"] == "02_last.html#to-do"
    assert links["a site"] == "https://example.org" and links["a badge"] == "https://example.org/lab"
    assert links["below"] == "#next"
    assert "card" not in links, "no page, no link: the words stay"
    assert "card" in page.main.get_text()
    assert page.table.parent["class"] == ["scroll"] and [head.get_text() for head in page.find_all("th")] == ["b"]
    solutions = _page(site / "solutions" / "01_tiny.html")
    assert solutions.find("a", string="back")["href"] == "../01_tiny.html"
    assert solutions.find("link", rel="stylesheet")["href"] == "../course.css"
    assert [heading["id"] for heading in page.find_all("h2")] == ["next", "next-2", "to-do"]
    assert solutions.h2["id"] == "a-task", "no level is left out"


def test_lessons_lead_to_one_another(course):
    path = course / "01_tiny.ipynb"
    page = BeautifulSoup(pages.lesson_page(nbformat.read(path, 4), path, lambda address: True), "html.parser")
    ways = [(link.get("rel"), link["href"]) for link in page.nav.find_all("a")]
    assert ways == [(["prev"], "00_first.html"), (None, "index.html"), (["next"], "02_last.html")]
    only = BeautifulSoup(pages.lesson_page(nbformat.read(path, 4), path, lambda address: False), "html.parser")
    assert [link["href"] for link in only.nav.find_all("a")] == ["index.html"]
    assert not only.main.find("a", string="solutions")
    index = BeautifulSoup(pages.index_page(lambda address: address.startswith("01")), "html.parser")
    (tiny,) = index.ol.find_all("li")  # a lesson without a page is not promised
    assert not tiny.find("a", string=re.compile("solutions"))
    assert tiny.a["href"] == "01_tiny.html" and "An idea." in tiny.get_text() and "about 1 min" in tiny.get_text()


def test_a_cell_that_fails_is_named(course, tmp_path, capsys):
    wrong = course / "09_wrong.ipynb"
    nbformat.write(_lesson("09 · Wrong?", _cell("wrong", "1 / 0")), wrong)
    assert cli.main(["html", "09", "--out", str(tmp_path)]) == 1
    wrong.unlink()
    said = capsys.readouterr().err
    assert '"wrong"' in said and "09_wrong.ipynb" in said and "ZeroDivisionError: division by zero" in said
    assert "Traceback" not in said and not (tmp_path / "09_wrong.html").exists()
    assert cli.main(["html", "00", "77", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "There is no lesson 77. There are: 00, 01, 02.\n"


@pytest.fixture
def two_languages(course):
    """The tiny course with one of its lessons in Vietnamese."""
    folder = course / "vi"
    (folder / "words").mkdir(parents=True)
    (folder / "language.toml").write_text('name = "Tiếng Việt"\n[terms]\n', encoding="utf-8")
    words = '"All lessons" = "Mọi bài"\n"Transfer learning, run" = "Chạy thật"\n"Exercise" = "Bài tập"\n'
    (folder / "words" / "all.toml").write_text(words, encoding="utf-8")
    waits = _cell("waits", "tlkit.check('00.1', ...)")
    nbformat.write(
        _lesson("00 · Đầu tiên?", _cell("set-up", "import tlkit\ntlkit.use_language('vi')"), waits),
        folder / "00_first.ipynb",
    )
    yield folder
    shutil.rmtree(folder)


def test_pages_of_two_languages_lead_to_each_other(two_languages, tmp_path):
    assert cli.main(["html", "00", "--out", str(tmp_path)]) == 0
    english, other = _page(tmp_path / "00_first.html"), _page(tmp_path / "vi" / "00_first.html")
    for page, language, there, name in (
        (english, "en", "vi/00_first.html", "Tiếng Việt"),
        (other, "vi", "../00_first.html", "English"),
    ):
        assert page.html["lang"] == language
        (link,) = page.nav.find_all("a", hreflang=True)
        assert (link["href"], link.get_text()) == (there, name) and link["lang"] != language
    assert other.find("a", string="Mọi bài")["href"] == "index.html" and other.title.get_text().endswith("· Chạy thật")
    assert other.find("link", rel="stylesheet")["href"] == "../course.css"
    assert "Bài tập" not in other.main.get_text(), "nobody can fill in an exercise of a page, in any language"
    index = _page(tmp_path / "vi" / "index.html")
    assert [link["href"] for link in index.ol.find_all("a")] == ["00_first.html"]
    assert index.main.find("a", hreflang="en")["href"] == "../index.html"
    assert (tmp_path / "vi" / index.img["src"]).is_file() and (tmp_path / "vi" / "map.html").is_file()
    assert _page(tmp_path / "index.html").main.find("a", hreflang="vi")["href"] == "vi/index.html"


def test_pages_of_one_language_alone_promise_no_other(two_languages, tmp_path, capsys):
    assert cli.main(["html", "00", "--language", "vi", "--out", str(tmp_path)]) == 0
    assert not _page(tmp_path / "vi" / "00_first.html").nav.find_all("a", hreflang=True)
    assert cli.main(["html", "00", "--language", "xx", "--out", str(tmp_path)]) == 1
    assert "en, vi" in capsys.readouterr().err


def _verdict(answer):
    found = tlkit.check("03.1", answer)
    return new_output("execute_result", {"text/plain": repr(found), "text/html": "<p>a verdict</p>"})


def test_only_what_stands_still_is_kept():
    outputs = [
        new_output("display_data", VIEW | {"text/plain": "HBox(children=…)"}),
        new_output("display_data", VIEW | {"text/html": "<p>still</p>", "text/plain": "Box()"}),
        new_output(
            "stream", name="stderr", text="drawing:  40%|████      | 2/5 [00:01<00:02]\rdrawing: 100%|███| 5/5\n"
        ),
        new_output("stream", name="stderr", text="a warning\n  9%|█   | 1/9\n"),
        new_output("display_data", {"text/html": "", "text/plain": ""}),
        _verdict(...),
        _verdict(lambda grid: grid.sum((2, 3))),
    ]
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs), new_markdown_cell("text")])
    pages.still(notebook)
    kept = notebook.cells[0].outputs
    assert [output.get("text", output.get("data", {}).get("text/html")) for output in kept] == [
        "<p>still</p>",
        "a warning\n",
        "<p>a verdict</p>",
    ], "nobody can fill in an exercise of a page; what the page did answer is kept"


@pytest.mark.parametrize(("inches", "scrolls"), [(5, False), (11, True)])
@pytest.mark.parametrize("framed", [False, True])
def test_a_wide_figure_scrolls(inches, scrolls, framed):
    axes = new_figure(inches, 2, "lines", framed)
    data = {"text/html": as_html(axes), "text/plain": "lines"}
    cells = [new_code_cell("draw()", id="code", outputs=[new_output("display_data", data)])]
    path = home.lessons()[0]
    page = BeautifulSoup(pages.lesson_page(_lesson("00 · A?", *cells), path, lambda address: False), "html.parser")
    figure = page.select_one(".output img")
    assert "tlkit-figure" in figure["class"]
    assert ("wide" in figure.get("class", [])) == (figure.find_parent(class_="scroll") is not None) == scrolls


def test_what_is_wide_scrolls_and_what_is_said_wraps():
    outputs = [
        new_output("stream", name="stdout", text="a long sentence of an output, which can go on in the next line\n"),
        new_output("stream", name="stdout", text="name      accuracy     seconds     seeds\n"),
        new_output("error", ename="ValueError", evalue="no <b>", traceback=["\x1b[31mFile /home/nobody\x1b[0m"]),
    ]
    source = "print('this line of code is a good deal longer than a phone is wide')"
    cells = [new_code_cell(source, id="code", outputs=outputs)]
    path = home.lessons()[0]
    page = BeautifulSoup(pages.lesson_page(_lesson("00 · A?", *cells), path, lambda address: False), "html.parser")
    code, said, columns, error = page.find_all("pre")
    assert code["tabindex"] == columns["tabindex"] == "0"
    assert said["class"] == ["says"] and not said.get("tabindex")
    assert error.get_text() == "ValueError: no <b>", "an error in words, without the machine's folders"
