"""The executed course as static pages: ``python -m tools html``.

Of nbconvert's own pages, which Jupyter brings along, with a frame around them. Jupyter Book and MyST would be another
tool to install and to configure, and run the lessons by themselves; here the pages are of the run that is tested.
"""

import base64
import io
import posixpath
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

# JupyterLab and nbval bring these four; no lesson needs this module.
import jinja2
import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from PIL import Image

from tlkit import checks, course
from tlkit.bars import tqdm
from tlkit.disk.words import languages, name_of, spoken_in
from tlkit.language import ENGLISH, said
from tools import map_page
from tools.notebooks import execute

__all__: list[str] = []

TITLE = "Transfer learning, run"
TEMPLATES = Path(__file__).parent / "templates"
_VIEW = "application/vnd.jupyter.widget-view+json"
_BAR = re.compile(r"[^\n\r]*\d+%\|[^\n\r]*[\n\r]*|\r")  # what tqdm writes
_COLUMNS = re.compile(r"\S  +\S")
_WIDE = 700  # pixels; a figure that is wider keeps its words readable on a phone, and scrolls
_FITS = 34  # characters of code in a line on a phone; longer ones scroll


def html(numbers: Sequence[str] = (), out: str = "site", language: str | None = None) -> None:
    """Run lessons and their solutions, and write a page for each, the map as ``map.html``, and an index.

    The pages of another language than English lie in a folder of its name; each page has links to its others.

    Parameters
    ----------
    numbers : the beginnings of the lessons' files, ``["03"]``; by default all
    language : ``"vi"``, to write these alone; by default the pages of every language
    out : folder for the pages; pages of other lessons in it stay, and are linked

    Raises
    ------
    ValueError
        If there is no such lesson or language, or a cell fails; the message names the notebook and the cell.
    """
    chosen, site, known = course.lessons(numbers), Path(out), languages()
    spoken = known if language is None else [checks.choose("language", language, known)]
    folders = {each: "" if each == ENGLISH else f"{each}/" for each in spoken}
    sources = {each: _sources(chosen, each) for each in spoken}
    to_come = {_address(path) for paths in sources.values() for path in paths}
    to_come |= {f"{folder}{name}" for folder in folders.values() for name in ("index.html", map_page.NAME)}

    def exists(address: str) -> bool:
        return address in to_come or (site / address).is_file()

    site.mkdir(parents=True, exist_ok=True)
    shutil.copy(TEMPLATES / "course" / "course.css", site)
    for each, folder in folders.items():
        (site / folder / "solutions").mkdir(parents=True, exist_ok=True)
        pictures = [_in(spoken, Path("pictures", "world.png")) for spoken in (each, ENGLISH)]
        shutil.copy(next(path for path in pictures if path.exists()), site / folder)
        with spoken_in(each):
            map_page.write_map_page(site / folder)
            for path in tqdm(sources[each], desc=f"pages, {each}"):
                page = lesson_page(execute(path)[0], path, exists)
                (site / _address(path)).write_text(page, encoding="utf-8")
            (site / folder / "index.html").write_text(index_page(exists, each), encoding="utf-8")
    print(f"Open {site / folders[spoken[0]] / 'index.html'} in a browser.")


def _sources(chosen: Sequence[Path], language: str) -> list[Path]:
    """The notebooks of lessons and solutions in a language."""
    both = [*chosen, *(path.parent / "solutions" / path.name for path in chosen)]
    folder = course.COURSE / "lessons"
    return [path for path in (_in(language, path.relative_to(folder)) for path in both) if path.exists()]


def _in(language: str, address: Path) -> Path:
    """Where a notebook lies in a language."""
    return course.COURSE / "lessons" / ("" if language == ENGLISH else language) / address


def _language_of(path: Path) -> tuple[str, Path]:
    """The language of a notebook, and its path among those of that language."""
    address = path.relative_to(course.COURSE / "lessons")
    first = address.parts[0]
    return (first, address.relative_to(first)) if first in languages() else (ENGLISH, address)


def lesson_page(notebook: NotebookNode, path: Path, exists: Callable[[str], bool]) -> str:
    """The page of an executed notebook.

    Parameters
    ----------
    notebook : as ``execute`` returns it; changed in place
    path : where it was read
    exists : whether there will be a page at an address in the site
    """
    still(notebook)
    exporter = HTMLExporter(
        template_name="course", extra_template_basedirs=[str(TEMPLATES)], exclude_anchor_links=True, embed_images=True
    )
    exporter.environment.globals["say"] = said
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(path.parent)}})
    soup = BeautifulSoup(body, "html.parser")
    here = _address(path)
    _mend_links(soup, here, exists)
    _add_anchors(soup)
    _let_scroll(soup)
    language, own = _language_of(path)
    lessons = [_in(language, lesson.relative_to(course.COURSE / "lessons")) for lesson in course.lessons()]
    row = [_entry(lesson) for lesson in lessons if path == lesson or exists(_address(lesson))]
    # Solutions have no neighbours.
    k = [entry["address"] for entry in row].index(here) if own.parent == Path() else len(row)
    return _page(
        title=_title(notebook),
        root="../" * here.count("/"),
        home="../" * (len(own.parts) - 1),
        content=str(soup),
        language=language,
        others=_others(language, own.with_suffix(".html").as_posix(), exists),
        previous=row[k - 1] if 0 < k < len(row) else None,
        next=row[k + 1] if k + 1 < len(row) else None,
    )


def index_page(exists: Callable[[str], bool], language: str = ENGLISH) -> str:
    """The page that lists the lessons that have a page, with their ideas and costs."""
    folder = "" if language == ENGLISH else f"{language}/"
    lessons = [_in(language, path.relative_to(course.COURSE / "lessons")) for path in course.lessons()]
    entries = [_entry(path) for path in lessons if path.exists() and exists(_address(path))]
    for entry in entries:
        solutions = f"solutions/{entry['href']}"
        entry["solutions"] = solutions if exists(f"{folder}{solutions}") else None
    return _page(
        title=said(TITLE),
        root="../" * bool(folder),
        home="",
        lessons=entries,
        map=exists(f"{folder}{map_page.NAME}") and map_page.NAME,
        language=language,
        others=_others(language, "index.html", exists),
    )


def _others(language: str, own: str, exists: Callable[[str], bool]) -> list[dict[str, str]]:
    """The same page in the other languages: their names, and links from here."""
    folders = {each: "" if each == ENGLISH else f"{each}/" for each in languages()}
    up = "../" * (f"{folders[language]}{own}".count("/"))
    there = [each for each, folder in folders.items() if each != language and exists(f"{folder}{own}")]
    return [{"language": each, "name": name_of(each), "href": f"{up}{folders[each]}{own}"} for each in there]


def still(notebook: NotebookNode) -> None:
    """Keep of every widget what it shows without a front end, and nothing of bars and of exercises that wait."""
    for cell in notebook.cells:
        kept = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith(f"… {said('Exercise')}"):
                continue  # not filled in; nobody can, here
            if data.pop(_VIEW, None):
                output.metadata["still"] = True
                if "text/html" not in data:
                    continue  # a bar of tqdm, or a part of another widget
            elif data and not any(data.values()):
                continue  # where a bar was
            if output.output_type == "stream":
                output.text = _BAR.sub("", output.text)
                if not output.text.strip():
                    continue
            kept.append(output)
        if "outputs" in cell:
            cell.outputs = kept


def _mend_links(soup: BeautifulSoup, here: str, exists: Callable[[str], bool]) -> None:
    """Links between notebooks lead to their pages; of other files of the course, and of badges, the words stay."""
    for badge in soup.find_all("img", src=re.compile("^https?:")):
        badge.replace_with(badge["alt"])
    for link in soup.find_all("a", href=True):
        if re.match(r"#|[a-z]+:", link["href"]):
            continue
        target, mark, fragment = link["href"].partition("#")
        target = re.sub(r"\.ipynb$", ".html", target)
        if exists(posixpath.normpath(posixpath.join(posixpath.dirname(here), target))):
            link["href"] = target + mark + fragment
        else:
            link.unwrap()


def _add_anchors(soup: BeautifulSoup) -> None:
    """Every heading has an address, and no level is left out below the title."""
    used: dict[str, int] = {}
    if not soup.h2:
        for heading in soup.find_all("h3"):
            heading.name = "h2"
    for heading in soup.find_all(["h2", "h3", "h4"]):
        words = heading.get_text()
        name = re.sub(r"\W+", "-", words.lower()).strip("-")
        used[name] = used.get(name, 0) + 1
        heading["id"] = f"{name}-{used[name]}" if used[name] > 1 else name
        label = f"{said('Link to:')} {words}"
        anchor = soup.new_tag("a", href=f"#{heading['id']}", **{"class": "anchor", "aria-label": label})
        anchor.string = "#"
        heading.append(anchor)


def _let_scroll(soup: BeautifulSoup) -> None:
    """Sentences wrap; code and columns scroll in a box of their own, by keyboard too."""
    for block in soup.find_all("pre"):
        if block.find_parent(class_="output") and not _COLUMNS.search(block.get_text()):
            block["class"] = [*block.get("class", []), "says"]
        elif any(len(line) > _FITS for line in block.get_text().splitlines()):
            block["tabindex"] = "0"
    for table in soup.find_all("table"):
        for corner in table.find_all(lambda tag: tag.name == "th" and not tag.get_text(strip=True)):
            corner.name = "td"  # it heads nothing
        table.wrap(_scroll_box(soup, "Table"))
    for figure in soup.select(".output img[src^='data:']"):
        if _width(figure) > _WIDE:
            whole = figure.find_parent(class_="tlkit-sheet") or figure
            whole["class"] = [*whole.get("class", []), "wide"]
            whole.wrap(_scroll_box(soup, "Figure"))


def _width(figure: Tag) -> int:
    """In pixels: as its style says, or else its file."""
    if stated := re.match(r"width:(\d+)px", figure.get("style", "")):
        return int(stated[1])
    with Image.open(io.BytesIO(base64.b64decode(figure["src"].partition(",")[2]))) as picture:
        return picture.width


def _scroll_box(soup: BeautifulSoup, label: str) -> Tag:
    return soup.new_tag("div", **{"class": "scroll", "tabindex": "0", "role": "group", "aria-label": said(label)})


def _address(path: Path) -> str:
    """Where the page of a notebook lies in the site."""
    return path.relative_to(course.COURSE / "lessons").with_suffix(".html").as_posix()


def _title(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def _entry(path: Path) -> dict[str, str]:
    """What the index says of a lesson."""
    notebook = nbformat.read(path, as_version=4)
    cost = next(cell.source for cell in notebook.cells if cell.id == "cost-card")
    return {
        "title": _title(notebook),
        "address": _address(path),
        "href": path.name.replace(".ipynb", ".html"),
        "idea": notebook.metadata.tlkit.idea,
        "cost": re.split(r", |: ", cost)[1],
    }


def _page(**parts: object) -> str:
    loader = jinja2.FileSystemLoader(TEMPLATES / "course")
    page = jinja2.Environment(loader=loader, autoescape=True).get_template("page.html.j2")
    return page.render(parts | {"course": said(TITLE), "say": said})
