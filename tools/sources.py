"""Pretraining the networks of lesson 15 and probing them, kept one by one."""

from collections.abc import Iterator
from pathlib import Path

from tlkit import checks
from tlkit.nets.devices import pick_device
from tlkit.study.better_sources import SHIPPED, ledger_at
from tlkit.study.ledger import facts, machine_here
from tlkit.study.source_networks import BATCH, EPOCHS, PER_CLASS, RATE, SMOOTHING, TARGET_PER_CLASS, measure_source
from tlkit.world import WORLD

__all__: list[str] = []

_WHAT = "Source accuracy and probe accuracy of networks pretrained for more and more epochs, and with smoothed labels"


def sources(
    out: str | Path = SHIPPED.name,
    seeds: int = 3,
    per_class: int = PER_CLASS,
    epochs: int = EPOCHS[-1],
    device: str = "auto",
) -> None:
    """Pretrain ``minivgg`` on ``atlas`` again and again, probe each network, and write a CSV file with its card.

    For each seed there is a training of its own for 1, 2, 4 ... up to ``epochs``, and one more of the most epochs
    with smoothed labels. The file is written after each network, so an interrupt loses only what was being trained:
    the same call goes on from there. A larger ``seeds`` adds draws.
    """
    checks.count("seeds", seeds, 1)
    checks.count("epochs", epochs, 1, EPOCHS[-1])
    lengths = [length for length in EPOCHS if length <= epochs]
    recipes = [*((length, 0.0) for length in lengths), (lengths[-1], SMOOTHING)]
    cells = [(seed, *recipe) for seed in range(seeds) for recipe in recipes]
    device = str(pick_device(device))

    def run(missing: list[tuple]) -> Iterator[list[dict]]:
        return (measure_source(*cell, per_class, device=device) for cell in missing)

    made_from = {"world": WORLD, "per_class": per_class, "target_per_class": TARGET_PER_CLASS}
    made_from |= {"learning_rate": RATE, "batch_size": BATCH}
    about = facts(_WHAT, f"python -m tools sources --seeds {seeds}", machine_here(f"computed on {device}"))
    rows = ledger_at(checks.path("out", out)).fill(cells, run, made_from, about)
    print(f"{len(rows)} rows in {out}")
