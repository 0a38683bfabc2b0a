"""The page that puts the ways side by side: words of ours, numbers of the measured map."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from statistics import median

from tlkit.figures import pictograms
from tlkit.intervals import FEWEST
from tlkit.study.decision import DecisionMap
from tlkit.transfer.ways import CHOICES, WAYS

__all__: list[str] = []

_HEAD = """# The ways, side by side

The words are the course's; every number comes from [the measured map](../datasets/decision_map.csv): four drawn \
targets of 17 classes at {sizes} images per class, {seeds} draws of each; of the scaled start, a control that nobody \
would choose, three draws. Seconds are those of one draw, each \
measured alone on one core of the `seconds_machine` of [its card](../datasets/decision_map.toml). Another \
processor takes others, and so do photos with another network: measure your own with `tlkit.compare` \
([lesson 08](08_real_photos.ipynb)). This page is written by `make pictures`.

In the first row a photo goes through the stages of a network into its head. Blue, with a snowflake: frozen, it stays \
as it is. Orange: trained; with the five of a die it starts at random, with a flame it does not. Half and half: first \
frozen, then trained. What the scissors cut off is not used. Lines that gather carry the features of every stage \
to the classifier. Dice in a blue frame are drawn with the mean and spread of pretrained weights.

"""

_WORDS = {
    "probe": {
        "lesson": "[02](02_cnn_codes.ipynb)",
        "call": "`tlkit.linear_probe(split)`",
        "what is trained": "a linear classifier on CNN codes",
        "data wanted": "few images, much like the source",
        "risk": "Codes are made for the source: what another target needs, they may have left out.",
    },
    "earlier stage": {
        "lesson": "[03](03_svm_on_earlier_layers.ipynb)",
        "call": "`tlkit.earlier_stage(split)`",
        "what is trained": "a linear SVM on each stage; val chooses the stage",
        "data wanted": "few images, unlike the source; enough of them in val to choose a stage",
        "risk": "A small val set chooses the wrong stage. No stage is adapted, so it is overtaken as images come in.",
    },
    "all stages": {
        "lesson": "[03](03_svm_on_earlier_layers.ipynb)",
        "call": "`tlkit.all_stages(split)`",
        "what is trained": "one linear SVM on the features of all stages side by side, then on the best share of them",
        "data wanted": "few images, like the source or not: no stage need be chosen",
        "risk": "Stages that know nothing of the target are heard too: with very few images that costs points.",
    },
    "fine-tuning": {
        "lesson": "[04](04_two_phase_finetuning.ipynb)",
        "call": "`tlkit.two_phase(split)`",
        "what is trained": "first the new head alone, then the stages too, with small steps",
        "data wanted": "from few images on, where seconds allow",
        "risk": "Too high a rate, or no first phase, wrecks what was pretrained; BatchNorm drifts if it is not frozen.",
    },
    "pretrained start": {
        "lesson": "[05](05_pretrained_initialization.ipynb)",
        "call": "`tlkit.pretrained_start(split)`",
        "what is trained": "the whole network at full rate, from pretrained weights on",
        "data wanted": "many images; with fewer, enough steps, and seconds to spend on them",
        "risk": "With few images and few steps it forgets before it has learned.",
    },
    "scaled start": {
        "lesson": "[05](05_pretrained_initialization.ipynb)",
        "call": "`tlkit.scaled_start(split)`",
        "what is trained": "as from scratch; the random weights have the mean and spread of the pretrained ones",
        "data wanted": "none: it is a control, that tells features from their scale",
        "risk": "That of scratch.",
    },
    "scratch": {
        "lesson": "[05](05_pretrained_initialization.ipynb)",
        "call": "`tlkit.from_scratch(split)`",
        "what is trained": "the whole network, from random weights on",
        "data wanted": "many images, and nothing like them in what any network was pretrained on",
        "risk": "With few images it learns them by heart, after the longest training of all.",
    },
}


def ways_page(measured: DecisionMap) -> str:
    """The page as Markdown: a column for each way, words and measured numbers row by row."""
    targets = list(dict.fromkeys(row["dataset"] for row in measured.rows))
    places = list(product(targets, measured.sizes))
    sizes = ", ".join(map(str, measured.sizes))
    seeds = len({row["seed"] for row in measured.rows})
    ways = [way for way in WAYS if way in CHOICES or _having(measured, places, way)]
    lines = [f"| | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for title, entry in _rows(measured, targets, places):
        lines.append(f"| **{title}** | {' | '.join(entry(way) for way in ways)} |")
    return _HEAD.format(sizes=sizes, seeds=seeds) + "\n".join(lines) + "\n" + _notes(measured, places)


def _rows(
    measured: DecisionMap, targets: list[str], places: list[tuple[str, int]]
) -> Iterator[tuple[str, Callable[[str], str]]]:
    def word(name: str) -> tuple[str, Callable[[str], str]]:
        return name, lambda way: _WORDS[way][name]

    yield "in a picture", _picture
    yield word("what is trained")
    yield "weights trained, median", lambda way: _median(measured, places, way, "trained_parameters", 0)
    yield word("data wanted")
    for size in measured.sizes:
        title = f"best, or within the noise of the best, at {size} images per class"
        yield title, lambda way, size=size: _where(measured, targets, size, way)
    for size in (measured.sizes[0], measured.sizes[-1]):
        some = [(target, size) for target in targets]
        title = f"seconds, median, at {size} images per class"
        yield title, lambda way, some=some: _median(measured, some, way, "seconds", 1)
    yield word("risk")
    yield "at worst behind the best way", lambda way: _worst(measured, places, way)
    yield "best and worst draw apart, at most", lambda way: _spread(measured, places, way)
    yield word("lesson")
    yield word("call")


def _picture(way: str) -> str:
    return f'<img src="pictures/{pictograms.file_name(way)}" alt="{pictograms.WORDS[way]}" height="26">'


def _having(measured: DecisionMap, places: Sequence[tuple[str, int]], way: str) -> list[tuple[str, int]]:
    """The places where a way has draws enough for an interval: all, but of a control perhaps a few."""
    here = {place: measured.at(*place) for place in places}
    return [place for place in places if way in here[place].ways and len(here[place].values(way)) >= FEWEST]


def _median(measured: DecisionMap, places: Sequence[tuple[str, int]], way: str, what: str, digits: int) -> str:
    found = [v for place in _having(measured, places, way) for v in measured.at(*place).values(way, what)]
    return f"{median(map(float, found)):,.{digits}f}" if found else "not measured"


def _keeps_up(measured: DecisionMap, place: tuple[str, int], way: str) -> bool:
    """Whether the way that val prefers here does not beat this one by more than the noise.

    The winner is held against every other way, so each of these intervals is corrected for their number; controls,
    which nobody would choose, are not counted.
    """
    here, winner = measured.at(*place), measured.recommend(*place).winner
    return way == winner or not here.difference(winner, way, looks=len(CHOICES) - 1).low > 0


def _where(measured: DecisionMap, targets: list[str], size: int, way: str) -> str:
    if WAYS[way].control:
        return "a control"  # nobody would choose it, and three draws leave room for much
    tried = [target for target, _ in _having(measured, [(target, size) for target in targets], way)]
    found = [target for target in tried if _keeps_up(measured, (target, size), way)]
    return "everywhere" if len(found) == len(targets) else ", ".join(found) or ("nowhere" if tried else "not measured")


def _worst(measured: DecisionMap, places: list[tuple[str, int]], way: str) -> str:
    """The most points that its mean lies below the best mean, and at which place."""
    behind = {}
    for place in _having(measured, places, way):
        here = measured.at(*place)
        means = {each: here.values(each).mean() for each in here.ways}
        behind[place] = 100 * (max(means.values()) - means[way])
    if not behind:
        return "not measured"
    dataset, size = place = max(behind, key=behind.get)
    return f"{behind[place]:.0f} points ({dataset} {size})"


def _spread(measured: DecisionMap, places: list[tuple[str, int]], way: str) -> str:
    apart = {}
    for place in _having(measured, places, way):
        values = measured.at(*place).values(way)
        apart[place] = 100 * (values.max() - values.min())
    if not apart:
        return "not measured"
    dataset, size = place = max(apart, key=apart.get)
    return f"{apart[place]:.0f} points ({dataset} {size})"


def _notes(measured: DecisionMap, places: list[tuple[str, int]]) -> str:
    ways = {way: sum(_keeps_up(measured, place, way) for place in places) for way in CHOICES}
    counted = ", ".join(f"{way} at {count}" for way, count in ways.items())
    looks = len(CHOICES) - 1
    return (
        f"\nOf the {len(places)} places of the map, a way is best or within the noise of the best so often: {counted}. "
        "*Within the noise* is judged on test against the way that val prefers there, paired over draws "
        f"(95 % interval, corrected for the {looks} ways that are held against it). What starts at random had twice "
        "the epochs of the others. [Lesson 07](07_when_and_how.ipynb) walks through the map.\n"
    )
