"""What the course shows and a command makes again: its pictures and its cost cards."""

import datetime
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes

from tlkit import course
from tlkit.bars import tqdm
from tlkit.data.splits import Split, load_dataset
from tlkit.disk.cards import read_card, write_card
from tlkit.disk.words import languages, spoken_in
from tlkit.figures import galleries, pictograms, plots
from tlkit.figures.style import translate
from tlkit.intervals import accuracy_interval
from tlkit.language import ENGLISH
from tlkit.study.decision import load_map
from tlkit.study.map_grid import plot_winners
from tlkit.study.map_plots import plot_overview
from tlkit.transfer.network_ways import from_scratch
from tlkit.transfer.probe_ways import linear_probe
from tlkit.transfer.results import Result
from tlkit.transfer.ways import WAYS
from tlkit.world.catalogue import OFFLINE_DATASETS
from tlkit.world.faces import FACE_SETS, FaceSet, draw_faces
from tools import drawings
from tools.notebooks import execute, write_notebook
from tools.ways_page import ways_page

__all__: list[str] = []

TARGETS = [name for name, world in OFFLINE_DATASETS.items() if world.similarity]


def pictures() -> None:
    """Draw the contact sheets of ``datasets/`` and pictures of README and lessons, and write the page of the ways."""
    folder = course.COURSE / "lessons" / "pictures"
    folder.mkdir(exist_ok=True)
    for name in OFFLINE_DATASETS:
        split = load_dataset(name, per_class=20)
        axes = galleries.plot_split(split, columns=10) if name in TARGETS else _atlas_sheet(split)
        _save(axes, course.COURSE / "datasets" / f"{name}.jpg")
    for people in FACE_SETS.values():
        _save(_people_sheet(people), course.COURSE / "datasets" / f"{people.name}.jpg")
    for way in WAYS:
        (folder / pictograms.file_name(way)).write_text(pictograms.pictogram(way) + "\n", encoding="utf-8")
    page = ways_page(load_map())
    (course.COURSE / "lessons" / "WAYS.md").write_text(page, encoding="utf-8")
    reached, svm, split = _probe_against_scratch()
    shown = split.test.images, split.test.labels, svm.test_answers, split.class_names
    for name, draw in {
        "first_minute.jpg": drawings.first_minute,
        "network.png": drawings.network_strip,
        "world.png": _world_strip,
        "map.png": lambda: plot_overview(load_map()),
        "winners.png": lambda: plot_winners(load_map("drawn"), load_map("photos")),
        "mistakes.png": lambda: galleries.plot_mistakes(*shown),
        "probe_against_scratch.png": lambda: plots.plot_bars(reached, title="17 species, 10 photos each"),
    }.items():
        for language in languages():
            with spoken_in(language):
                place = folder if language == ENGLISH else folder.parent / language / folder.name
                place.mkdir(parents=True, exist_ok=True)
                _save(draw(), place / name)
    for name, values in reached.items():
        print(name.replace("\n", " "), accuracy_interval(values))


def _people_sheet(people: FaceSet) -> Axes:
    """All ten pictures of twenty people."""
    labels = torch.linspace(0, people.people - 1, 20).long()
    plan = [("train", k) for k in range(5)] + [("val", k) for k in range(2)] + [("test", k) for k in range(3)]
    columns = [draw_faces(people.name, part, labels, torch.full_like(labels, k), 0, 64) for part, k in plan]
    names = [people.class_names[k] for k in labels]
    title = f"{people.name}: 10 pictures of each of 20 people"
    return galleries.plot_pictures(torch.stack(columns, 1).flatten(0, 1), names, title)


def _world_strip() -> Axes:
    """Ten classes of each dataset, a row each."""
    rows = []
    for name in OFFLINE_DATASETS:
        one_each = load_dataset(name, per_class=1).train.images
        rows.append(one_each[torch.linspace(0, len(one_each) - 1, 10).long()])
    title = "The source, and four targets made to lie ever further from it"
    return galleries.plot_pictures(torch.cat(rows), ["atlas (source)", *TARGETS], title)


def _probe_against_scratch() -> tuple[dict[str, list[float]], Result, Split]:
    """The result of lesson 02 on five seeds, and the first probe with its pictures, for its mistakes."""
    probe, scratch, first = [], [], ()
    for seed in tqdm(range(5), desc="probe against scratch"):
        split = load_dataset("flowers", per_class=10, seed=seed)
        svm = linear_probe(split, seed=seed)
        probe.append(svm.open_test())
        scratch.append(from_scratch(split, seed=seed).open_test())
        first = first or (svm, split)
    return {"linear SVM on\nCNN codes": probe, "the same network\nfrom scratch": scratch}, *first


def _atlas_sheet(split: Split) -> Axes:
    """Four pictures of every class, four classes to a row: a hundred rows would be too many."""
    images = split.train.first(4).images.unflatten(0, (4, len(split.class_names))).transpose(0, 1).flatten(0, 1)
    rows = [f"{first} …" for first in split.class_names[::4]]
    return galleries.plot_pictures(images, rows, "atlas: 4 pictures of each class, 4 classes to a row")


def _save(axes: Axes, path: Path) -> None:
    translate(axes.figure)
    quality = {"quality": 88} if path.suffix == ".jpg" else {}  # a tenth of the size for a sheet of pictures
    axes.figure.savefig(path, dpi=110, bbox_inches="tight", pil_kwargs=quality)
    print(path.relative_to(course.COURSE), "-", axes.figure.alt_text[:100])


# ---------------------------------------------------------------------------- cost cards

# On Linux getrusage would tell at least what the process had that started the kernel.
_MEASURE = """
import pathlib as _pathlib, re as _re, resource as _resource, sys as _sys
_status, _unit = _pathlib.Path("/proc/self/status"), 1 if _sys.platform == "darwin" else 1024
_most = _re.search("VmHWM: *(\\d+)", _status.read_text().expandtabs()) if _status.exists() else None
print(_unit * (int(_most[1]) if _most else _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss))
"""


def measure(path: Path, environment: dict[str, str]) -> tuple[float, int]:
    """Run a lesson with these variables set: its seconds, and the most bytes of memory that its kernel had."""
    notebook, seconds = execute(path, environment, last_cell=_MEASURE)
    return seconds, int(notebook.cells[-1].outputs[0]["text"])


def costs(numbers: Sequence[str] = ()) -> None:
    """Run lessons on an empty cache and write seconds and memory where readers see them.

    ``numbers`` names them by the beginning of their files, ``["03"]``; by default all are run. The
    others keep what was measured before, with its day and its machine.
    """
    device, table = _device(), _read_table()
    machine = f"{os.cpu_count()} CPU cores, {platform.machine()}, Python {platform.python_version()}"
    for path in tqdm(course.lessons(numbers), desc="lessons"):
        with tempfile.TemporaryDirectory() as empty:
            seconds, peak = measure(path, {"TLKIT_CACHE": empty, "TLKIT_SHARED_CACHE": ""})
        table[f"{path.stem}-{device}-seconds"] = round(seconds)
        table[f"{path.stem}-{device}-megabytes"] = round(peak / 1e6)
        table[f"{path.stem}-{device}-measured"] = datetime.date.today().isoformat()
        table[f"{path.stem}-{device}-machine"] = machine
        table[f"{path.stem}-download"] = 0  # with an empty cache every lesson runs without photos
    _table().write_text("# Written by: make costs\n" + write_card(dict(sorted(table.items()))), encoding="utf-8")
    write_costs()


def _device() -> str:
    return "gpu" if torch.cuda.is_available() else "cpu"


def _table() -> Path:
    return course.COURSE / "lessons" / "costs.toml"


def _read_table() -> dict:
    return read_card(_table()) if _table().exists() else {}


def expected_seconds(stem: str) -> int | None:
    """What a lesson took where it was measured, on a GPU if there is one here; None if it was not."""
    table = _read_table()
    return table.get(f"{stem}-{_device()}-seconds", table.get(f"{stem}-cpu-seconds"))


def _cores(table: dict, stem: str) -> str:
    """On what a lesson was measured: ``2 CPU cores``."""
    machine = table.get(f"{stem}-cpu-machine")
    return f"{machine.split()[0]} CPU cores" if machine else "a CPU"


def cost_line(stem: str) -> str:
    """The cost card of one lesson as a line of text."""
    table = _read_table()
    if f"{stem}-download" not in table:
        return "**Cost**: not measured yet. Run: make costs"
    cpu, gpu = (
        minutes(table.get(f"{stem}-{device}-seconds"), machine)
        for device, machine in (("cpu", _cores(table, stem)), ("gpu", "a GPU"))
    )
    memory = max(table.get(f"{stem}-{device}-megabytes", 0) for device in ("cpu", "gpu")) / 1000
    cost = f"**Cost**: {cpu}, {gpu}, {table[f'{stem}-download']} MB downloaded, {memory:.1f} GB of memory at most."
    wanted = course.can_fetch(course.COURSE / "lessons" / f"{stem}.ipynb")
    if len(wanted) == 2:
        return f"{cost} With {wanted[0]} and {wanted[1]}: {_megabytes(wanted)} MB once, and longer."
    return f"{cost} With {' and '.join(wanted)}: {_megabytes(wanted)} MB once, and longer." if wanted else cost


def _megabytes(names: Sequence[str]) -> int:
    from tlkit.fetching import megabytes

    return round(sum(map(megabytes, names)))


def minutes(seconds: int | None, machine: str = "") -> str:
    """Seconds in the words of a cost card: ``under half a minute``, ``about 1½ min``; ``machine`` took them."""
    if seconds is None:
        return f"not measured on {machine} yet" if machine else "–"
    whole, half = divmod(round(seconds / 30), 2)
    about = f"{whole}{'½' * half}"
    if machine and seconds < 60:
        return f"under half a minute on {machine}" if seconds < 30 else f"under 1 min on {machine}"
    if seconds < 60:
        return "under half a minute" if seconds < 30 else "under 1 min"
    return f"about {about} min on {machine}" if machine else f"about {about} min"


def readme_table() -> str:
    """The table of lessons in the README; where they were measured on several machines, each says on which."""
    table = _read_table()
    machines = {_cores(table, path.stem) for path in course.lessons() if f"{path.stem}-cpu-seconds" in table}
    same = len(machines) == 1
    head = ["lesson", "idea", "".join(machines) if same else "CPU", "GPU", "download"]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for path in course.lessons():
        idea = course.read_notebook(path)["metadata"]["tlkit"]["idea"]
        seconds = {device: table.get(f"{path.stem}-{device}-seconds") for device in ("cpu", "gpu")}
        cpu = minutes(seconds["cpu"], "" if same or not seconds["cpu"] else _cores(table, path.stem))
        gpu, wanted, most = minutes(seconds["gpu"]), course.can_fetch(path), table.get(f"{path.stem}-download", 0)
        download = f"{most} MB, or {_megabytes(wanted)} MB" if wanted else f"{most} MB"
        rows.append(f"| [{path.stem}](lessons/{path.name}) | {idea} | {cpu} | {gpu} | {download} |")
    return "\n".join(rows)


def write_costs() -> None:
    """Copy the measured costs into every lesson's cost card and into the README."""
    for path in course.lessons():
        notebook = course.read_notebook(path)
        card = next(cell for cell in notebook["cells"] if cell["id"] == "cost-card")
        card["source"] = [cost_line(path.stem)]
        write_notebook(path, notebook)
    readme = course.COURSE / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split("<!-- lessons: begin -->", 1)
    after = rest.split("<!-- lessons: end -->", 1)[1]
    readme.write_text(
        f"{before}<!-- lessons: begin -->\n{readme_table()}\n<!-- lessons: end -->{after}", encoding="utf-8"
    )
