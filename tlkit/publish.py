"""What the course ships and a command makes again: the weights, the pictures, the cost cards."""

import datetime
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import safetensors.torch
import torch
from tqdm.auto import tqdm

from tlkit import checks, plots
from tlkit.backbones import WEIGHTS, load_backbone
from tlkit.cache import cache_folder, write_atomically
from tlkit.cards import read_card, write_card
from tlkit.data import Split, load_dataset, recipe
from tlkit.features import extract_features
from tlkit.intervals import mean_interval
from tlkit.probes import LinearProbe
from tlkit.training import accuracy, train_from_scratch, train_network
from tlkit.world import OFFLINE_DATASETS

__all__: list[str] = []

COURSE = Path(__file__).parents[1]
TARGETS = [name for name, world in OFFLINE_DATASETS.items() if world.similarity]


def pretrain(
    epochs: int = 10, per_class: int = 300, seed: int = 0, device: str = "auto", out: str | None = None
) -> None:
    """Train ``minivgg`` on ``atlas`` and write its weights and card.

    After an interrupt the same call goes on from the last whole epoch.
    """
    checks.count("epochs", epochs, 1)
    folder = Path(out) if out else WEIGHTS
    folder.mkdir(parents=True, exist_ok=True)
    split = load_dataset("atlas", per_class=per_class, seed=seed)
    print(split)
    network = load_backbone("minivgg", pretrained=False, seed=seed, device=device)
    checkpoint = cache_folder() / f"pretrain-{epochs}-{per_class}-{seed}-{recipe()}.pt"
    history = train_network(
        network,
        split.train,
        split.val,
        epochs,
        learning_rate=3e-3,
        batch_size=128,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        desc="pretraining",
    )
    reached = accuracy(network, split.test)
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    content = safetensors.torch.save(state)
    card = {
        "name": "minivgg",
        "what": "A small VGG with BatchNorm: conv1 ... conv5, fc6, fc7 and the classifier fc8",
        "weights": sum(parameter.numel() for parameter in network.parameters()),
        "source": "atlas",
        "source_classes": len(split.class_names),
        "source_accuracy": round(reached, 4),
        "held_out_images": len(split.test),
        "seed": seed,
        "command": f"python -m tlkit pretrain --epochs {epochs} --per-class {per_class} --seed {seed}",
        "seconds": round(history.seconds[-1]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}; trained on {network.mean.device.type}",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
    }
    write_atomically(folder / "minivgg.safetensors", lambda part: part.write_bytes(content))
    write_atomically(folder / "minivgg.toml", lambda part: part.write_text(write_card(card), encoding="utf-8"))
    print(f"{reached:.1%} of {len(split.test):,} held-out pictures right; written to {folder}")


# ------------------------------------------------------------------------------ pictures


def pictures() -> None:
    """Draw the contact sheets of ``datasets/`` and the three pictures of the README."""
    for name in OFFLINE_DATASETS:
        split = load_dataset(name, per_class=20)
        axes = plots.plot_split(split, columns=10) if name in TARGETS else _atlas_sheet(split)
        _save(axes, COURSE / "datasets" / f"{name}.jpg")
    folder = COURSE / "lessons" / "pictures"
    folder.mkdir(exist_ok=True)
    names = ["atlas (source)", *TARGETS]
    rows = []
    for name in OFFLINE_DATASETS:
        one_each = load_dataset(name, per_class=1).train.images
        rows.append(one_each[torch.linspace(0, len(one_each) - 1, 10).long()])
    title = "The source, and four targets ever further from it"
    _save(plots.plot_pictures(torch.cat(rows), names, title), folder / "world.png")
    seeds = range(5)
    reached: dict[str, list[float]] = {"linear SVM on\nCNN codes": [], "the same network\nfrom scratch": []}
    probe, scratch = reached.values()
    for seed in tqdm(seeds, desc="probe against scratch"):
        split = load_dataset("flowers", per_class=10, seed=seed)
        backbone = load_backbone("minivgg")
        codes = {part: extract_features(backbone, getattr(split, part).images) for part in ("train", "val", "test")}
        svm = LinearProbe("svm").fit(codes["train"], split.train.labels, codes["val"], split.val.labels)
        probe.append(svm.score(codes["test"], split.test.labels))
        network, _ = train_from_scratch(split, seed=seed)
        scratch.append(accuracy(network, split.test))
        if seed == 0:
            predicted = svm.predict(codes["test"])
            _save(
                plots.plot_mistakes(split.test.images, split.test.labels, predicted, split.class_names),
                folder / "mistakes.png",
            )
    _save(plots.plot_bars(reached, title="17 species, 10 photos each"), folder / "probe_against_scratch.png")
    for name, values in reached.items():
        print(name.replace("\n", " "), mean_interval(values))


def _atlas_sheet(split: Split) -> plots.Axes:
    """Four pictures of every class, four classes to a row: a hundred rows would be too many."""
    images = split.train.first(4).images.unflatten(0, (4, len(split.class_names))).transpose(0, 1).flatten(0, 1)
    rows = [f"{first} …" for first in split.class_names[::4]]
    return plots.plot_pictures(images, rows, "atlas: 4 pictures of each class, 4 classes to a row")


def _save(axes: plots.Axes, path: Path) -> None:
    quality = {"quality": 88} if path.suffix == ".jpg" else {}  # a tenth of the size for a sheet of pictures
    axes.figure.savefig(path, dpi=110, bbox_inches="tight", pil_kwargs=quality)
    print(path.relative_to(COURSE), "-", axes.figure.alt_text[:100])


# ---------------------------------------------------------------------------- cost cards

_MEASURE = """
import resource as _resource
print("peak", _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss)
"""


def costs() -> None:
    """Run every lesson on an empty cache and write seconds and memory where readers see them."""
    import nbformat
    from nbclient import NotebookClient

    device = "gpu" if torch.cuda.is_available() else "cpu"
    table = read_card(_table()) if _table().exists() else {}
    for path in tqdm(lessons(), desc="lessons"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell(_MEASURE))
        with tempfile.TemporaryDirectory() as empty:
            client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}})
            start = time.perf_counter()
            client.execute(env=os.environ | {"TLKIT_CACHE": empty})
            seconds = time.perf_counter() - start
        peak = int(notebook.cells[-1].outputs[0]["text"].split()[1]) * (1 if sys.platform == "darwin" else 1024)
        table[f"{path.stem}-{device}-seconds"] = round(seconds)
        table[f"{path.stem}-{device}-megabytes"] = round(peak / 1e6)
        table[f"{path.stem}-download"] = 0
    table[f"{device}-measured"] = datetime.date.today().isoformat()
    table[f"{device}-machine"] = f"{os.cpu_count()} CPU cores, {platform.machine()}, Python {platform.python_version()}"
    _table().write_text("# Written by: make costs\n" + write_card(table), encoding="utf-8")
    write_costs()


def lessons() -> list[Path]:
    """The notebooks of the course, in order."""
    return sorted((COURSE / "lessons").glob("[0-9][0-9]_*.ipynb"))


def _table() -> Path:
    return COURSE / "lessons" / "costs.toml"


def cost_line(stem: str) -> str:
    """The cost card of one lesson as a line of text."""
    table = read_card(_table())
    shown = []
    for device, words in (("cpu", "on " + table["cpu-machine"].split(",")[0]), ("gpu", "on a GPU")):
        seconds = table.get(f"{stem}-{device}-seconds")
        shown.append(f"{minutes(seconds)} {words}" if seconds else f"not measured {words} yet")
    memory = max(table.get(f"{stem}-{device}-megabytes", 0) for device in ("cpu", "gpu")) / 1000
    return (
        f"**Cost**: {', '.join(shown)}, {table[f'{stem}-download']} MB downloaded, {memory:.1f} GB of memory at most."
    )


def minutes(seconds: int | None) -> str:
    """Seconds in the words of a cost card: ``under 1/2 min``, ``about 2 min``."""
    if seconds is None:
        return "–"
    return "under 1/2 min" if seconds < 30 else "under 1 min" if seconds < 60 else f"about {round(seconds / 60)} min"


def readme_table() -> str:
    """The table of lessons in the README."""
    table = read_card(_table())
    rows = [f"| lesson | idea | {table['cpu-machine'].split(',')[0]} | GPU | download |", "|---|---|---|---|---|"]
    for path in lessons():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        idea = notebook["metadata"]["tlkit"]["idea"]
        cpu, gpu = (minutes(table.get(f"{path.stem}-{device}-seconds")) for device in ("cpu", "gpu"))
        rows.append(
            f"| [{path.stem}](lessons/{path.name}) | {idea} | {cpu} | {gpu} | {table[f'{path.stem}-download']} MB |"
        )
    return "\n".join(rows)


def write_costs() -> None:
    """Copy the measured costs into every lesson's cost card and into the README."""
    for path in lessons():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        card = next(cell for cell in notebook["cells"] if cell["id"] == "cost-card")
        card["source"] = [cost_line(path.stem)]
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    readme = COURSE / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split("<!-- lessons: begin -->", 1)
    after = rest.split("<!-- lessons: end -->", 1)[1]
    readme.write_text(
        f"{before}<!-- lessons: begin -->\n{readme_table()}\n<!-- lessons: end -->{after}", encoding="utf-8"
    )
