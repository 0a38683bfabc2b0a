"""The decision map as one file, ``map.html``, for a browser tab: no kernel, no server, no network.

What it shows is written by the functions that draw the page of ``make demo``, once for each place of the map. The
script of the file (``templates/map/map.js``) counts hands and says which of it shows, and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from tlkit.course import COURSE
from tlkit.disk.cache import write_atomically
from tlkit.language import in_use, said, said_html
from tlkit.study.decision import DecisionMap, boards_of
from tlkit.study.places import card_of, world_of
from tlkit.transfer.ways import CHOICES
from tlkit.widgets import demo_html
from tlkit.widgets.map_model import MapModel
from tlkit.widgets.tiles import tiles_of, words_of

__all__: list[str] = []

NAME = "map.html"
_FOLDERS = (
    Path(__file__).parent / "templates" / "map",
    COURSE / "lessons" / "demo" / "voila" / "templates" / "projector",  # for its looks and its keys
)


def write_map_page(site: Path) -> None:
    """Write ``map.html`` in the language in use into a folder, whole or not at all."""
    text = map_page()
    write_atomically(site / NAME, lambda part: part.write_text(text, encoding="utf-8"))


def map_page(measured: Iterable[DecisionMap] | None = None) -> str:
    """The page as HTML; of other maps than those that ship with the course, if there are any."""
    models = _models(list(boards_of(measured).values()))
    loader = jinja2.FileSystemLoader(_FOLDERS)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    parts = _everywhere(models[0]) | {"places": [_place(model) for model in models], "strips": _strips(models)}
    return environment.get_template("page.html.j2").render(parts | {"language": in_use(), "say": said})


def _words(text: str) -> Markup:
    """HTML of the page in the language in use."""
    return Markup(said_html(text))


def _models(boards: Sequence[DecisionMap]) -> list[MapModel]:
    """A model for each place, which stands there and has been nowhere else: the page remembers where a reader was."""
    found = []
    for board in boards:
        for dataset in board.datasets:
            first = next(other for other in boards if dataset in other.datasets)  # where a new model stands
            for size in board.sizes_of(dataset):
                model = MapModel(boards, dataset, first.sizes_of(dataset)[0], revealed=False)
                model.choose(network=board.networks[0], dataset=dataset, per_class=size)
                found.append(model)
    return found


def _everywhere(model: MapModel) -> dict[str, object]:
    """What is the same at every place: the question, and what shows before the answer."""
    ways = [
        {"way": way, "name": _words(demo_html.name(model, way)), "bar": _words(demo_html.bar(model, way, None))}
        for way in CHOICES
    ]
    return {
        "question": _words(demo_html.QUESTION),
        "ways": ways,
        "legend": said(demo_html.legend(model, None)),
        "invitation": _words(demo_html.answer(model)),
        "keys": _words(demo_html.keys(model, can_train=False)),
        "closed": _words(demo_html.CLOSED),
        "rooms": [_room(model, [way]) for way in CHOICES] + [_room(model, list(CHOICES))],
        "switches": ["world"] * (len(model.worlds) > 1) + ["network"] * model.has_networks,
    }


def _room(model: MapModel, hands: list[str]) -> Markup:
    """What is said of a room that raised these hands."""
    for way in hands:
        model.raise_hand(way)
    heard = demo_html.room(model)
    for way in hands:
        model.lower_hand(way)
    return _words(heard)


def _place(model: MapModel) -> dict[str, object]:
    """What is shown at one place, and where its buttons lead."""
    place = {
        "address": _address(model),
        "targets": [
            _move(model, dataset=name) | {"title": said(card_of(name)["title"])} for name in model.board.datasets
        ],
        "sizes": [_move(model, per_class=size) for size in model.sizes],
        "network": _next(model, "network", model.networks),
        "words": _words(demo_html.place(model, len(model.worlds) > 1 or model.has_networks)),
    }
    model.revealed = True
    place |= {
        "bars": {way: _words(demo_html.bar(model, way, None)) for way in CHOICES},
        "legend": said(demo_html.legend(model, None)),
        "scale": _words(demo_html.scale(model, None)),
        "answer": _words(demo_html.answer(model)),
    }
    model.revealed = False
    return place | {"world": _next(model, "world", model.worlds)}


def _address(model: MapModel) -> str:
    return f"{model.world}/{model.network}/{model.dataset}/{model.per_class}"


def _next(model: MapModel, what: str, choices: list[str]) -> dict[str, object]:
    """The move to the next world or network; after the last comes the first."""
    return _move(model, **{what: choices[(choices.index(getattr(model, what)) + 1) % len(choices)]})


def _move(model: MapModel, **move: str | int) -> dict[str, object]:
    """What a button says that moves a reader from here, and where it leads."""
    here = {name: getattr(model, name) for name in ("world", "network", "dataset", "per_class")}
    model.choose(**move)
    to = _address(model)
    model.choose(**here)
    return {"label": str(*move.values()), "to": to}


def _strips(models: Sequence[MapModel]) -> list[tuple[list[str], Markup]]:
    """Each target's places, and its pictures; photos may not be passed on, so of them the words of their card."""
    at = defaultdict(list)
    for model in models:
        at[model.dataset].append(_address(model))
    show = {"drawn": tiles_of, "photos": words_of}
    return [(addresses, _words(show[world_of(name)](name))) for name, addresses in at.items()]
