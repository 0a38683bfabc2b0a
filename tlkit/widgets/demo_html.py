"""What the page for a projector shows, as HTML made from the model of the map and a live run."""

import html
import time
from textwrap import shorten

from tlkit.figures.colours import WAY_COLOURS
from tlkit.figures.pictograms import pictogram
from tlkit.intervals import points
from tlkit.language import said
from tlkit.study.decision import left_out
from tlkit.study.places import quadrant
from tlkit.transfer.ways import CHOICES, TWO_LINES
from tlkit.widgets.live_comparison import LiveComparison
from tlkit.widgets.map_model import MapModel
from tlkit.widgets.tiles import tiles_of

__all__: list[str] = []

_WORDS = {"small": "few", "large": "many", "similar": "similar", "different": "very different"}
QUESTION = "<h1>Which way wins here?</h1>"
CLOSED = "<b>Votes are closed; r opens them.</b>"


def question(model: MapModel, has_choice: bool) -> str:
    """The place, in whose pictures and words the room decides."""
    return f"<div>{QUESTION}{place(model, has_choice)}</div>{tiles_of(model.dataset)}"


def place(model: MapModel, has_choice: bool) -> str:
    """Where the model stands, in words."""
    field = " and ".join(_WORDS[word] for word in quadrant(model.dataset, model.per_class))
    pictures = said("Photos" if model.world == "photos" else "Drawn pictures")
    network = f'<p class="network">{pictures}, {model.network}</p>' if has_choice else ""
    here = said(f"<b>{model.dataset}, {model.per_class}</b> per class: {field}")
    return f"<p>{here}</p>{network}"


def name(model: MapModel, way: str) -> str:
    """A way with its key and its pictogram, and how many hands it has."""
    key, short = list(CHOICES).index(way) + 1, said(TWO_LINES.get(way, way)).replace("\n", " ")
    return f"<b>{key}</b><span>{short}</span>{pictogram(way)}<b>{model.hands[way]}</b>"


def bar(model: MapModel, way: str, live: LiveComparison | None) -> str:
    """One way's share of the hands and, once revealed, what was measured and what a live run has found."""
    hands = model.hands
    share = hands[way] / max(1, hands.total())
    lanes, says = f'<i class="hands" style="width:{share:.1%}"></i>', said(f"{way}: {share:.0%} of the hands")
    cells = f'<span></span><span class="share">{f"{share:.0%}" if hands.total() else ""}</span>'
    if model.revealed:
        lane, cells, words = _measured(model, way)
        lanes, says = lanes + lane, says + words
    if live:
        now = live.accuracy.get(way)
        # Before the answer is shown, a number would give it away.
        found = "–" if now is None else f"◆ {now:.1%}" if model.revealed else said("◆ done")
        cells += f'<span class="now">{found}</span>'
        lanes += f'<i class="live" style="left:{now:.2%}">◆</i>' if now is not None and model.revealed else ""
        says += "" if now is None else said(f"; live {now:.1%}" if model.revealed else "; live: done")
    shown = " revealed" if model.revealed else ""
    return f'<div class="track{shown}" role="img" aria-label="{html.escape(says)}">{lanes}</div>{cells}'


def _measured(model: MapModel, way: str) -> tuple[str, str, str]:
    """What was measured of a way: in the track, beside it, and in words."""
    if way in model.missing:
        return _marks(model.chance), "<span></span><b>–</b><span></span>", f"; {said('not measured yet')}"
    (mean, low, high), seconds = model.accuracy[way], model.seconds[way]
    known = f'<i class="whisker" style="left:{low:.2%};width:{high - low:.2%}"></i>' if low == low else ""
    lane = f'<i class="measured" style="width:{mean:.2%};background:{WAY_COLOURS[way]}"></i>'
    took = f"{seconds:.{0 if seconds >= 10 else 1}f} s"
    best = "★" if model.advice and way == model.advice.winner else ""
    cells = f"<span>{best}</span><b>{mean:.1%}</b><span>{took}</span>"
    return f"{lane}{_marks(model.chance)}{known}", cells, said(f"; measured {model.accuracy[way]}, {took}")


def _marks(chance: float) -> str:
    """Thin lines at 0, 50 and 100 %, and at what a blind guess gets."""
    ticks = "".join(f'<i class="tick" style="left:{at}%"></i>' for at in (0, 50, 100))
    return f'{ticks}<i class="chance" style="left:{chance:.2%}"></i>'


def scale(model: MapModel, live: LiveComparison | None) -> str:
    """What the lines mean, below the last bar; its cells are those of the bars, so that it is as wide."""
    if not model.revealed:
        return ""
    words = f'<i class="chance" style="left:{model.chance:.2%}">{said(f"chance, {model.chance:.0%}")}</i>'
    words += '<i style="left:100%">100%</i>'  # 50 % is plain to see, and in the way of what chance gets
    now = '<span class="now"></span>' if live else ""
    return f'<div class="track scale">{words}</div><span></span><b></b><span></span>{now}'


def legend(model: MapModel, live: LiveComparison | None) -> str:
    """What the colours of the bars mean."""
    if not model.revealed:
        return "grey: hands; snowflake: frozen; flame: trained; die: trained from random weights"
    return "grey: hands; colour: test (95 %); ◆: live" if live else "grey: hands; colour: test (95 %)"


def answer(model: MapModel) -> str:
    """An invitation to vote, or, once revealed, what became of the rule and of the room's guess."""
    hands = model.hands
    if not model.revealed:
        counted = said(f"<b>Hands up!</b> {hands.total()} so far.")
        keys = f"Keys <b>1</b> to <b>{len(CHOICES)}</b> count a hand, <b>r</b> reveals, <b>?</b> shows all keys."
        return f"<p>{counted}</p><p>{said(keys)}</p>"
    rule = f'{said(f"Rule: <b>{model.rule}</b>.")}<span class="room">{room(model)}</span>'
    if (advice := model.advice) is None:
        return f"<b>{said('Nobody can say yet.')}</b> {rule}<br>{left_out(model.missing)}"
    found = f"★ best on val: <b>{advice.winner}</b>, on test {points(advice.margin)}, against {advice.rival}."
    return f"<b>{str(advice).splitlines()[-1]}</b> {rule}<br>{said(found)}{left_out(advice.missing)}"


def room(model: MapModel) -> str:
    """What most hands were raised for, in words that follow a sentence; nothing where no hand is up."""
    hands = model.hands
    most = max(hands.values(), default=0)
    chosen = [way for way in CHOICES if most and hands[way] == most]
    words = said(f"Room (grey): <b>{chosen[0] if len(chosen) == 1 else 'undecided'}</b>.") if chosen else ""
    return f" {words}" if chosen else ""


def keys(model: MapModel, can_train: bool = True) -> str:
    """What the keys do."""
    does = {"← →": "target", "↑ ↓": "images per class", f"1–{len(CHOICES)}": "a hand", "Backspace": "take back"}
    does |= {"r</b> or <b>Enter": "reveal"} | ({"l": "train live, and stop"} if can_train else {})
    does |= {"w": "drawn or photos"} if len(model.worlds) > 1 else {}
    does |= {"n": "network"} if model.has_networks else {}
    does |= {"d": "dark or light", "?": "back", "F11": "full screen"}
    return " &nbsp; ".join(f"<b>{key}</b> {said(words)}" for key, words in does.items())


def progress(model: MapModel, live: LiveComparison) -> str:
    """What a live run does, or how it ended; numbers only when they give nothing away."""
    if live.why:
        left = f"Not finished: {', '.join(live.left)}." if live.left else "All ways finished."
        left = said(left if live.accuracy else "No way finished.")
        shows = f" {said('<b>r</b> shows it.')}" if live.accuracy and not model.revealed else ""
        return f"◆ {html.escape(shorten(said(live.why), 120))} {left}{shows}"
    passed = time.perf_counter() - live.began
    fill = f"animation-duration:{live.seconds}s;animation-delay:-{passed:.1f}s"
    doing = said(live.doing)
    if model.revealed and live.reached is not None:
        doing = f"{doing}, {live.reached:.1%} {said('on val')}"
    return f'◆ {said("Live:")} {doing} <span class="clock"><i style="{fill}"></i></span>'
