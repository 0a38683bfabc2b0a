"""Widgets: milliseconds from a control's change to the new picture, with the results at hand; the aim is 100.

Each control gets what the browser sends after a click, through every value it can take, many times
over. What the browser itself needs to show the picture is not in it. The note has the milliseconds
of computing too: they hardly change on a busy machine.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import ipywidgets
import numpy as np
from side_by_side import Options, Row
from tqdm.auto import tqdm

import tlkit
from tlkit.history import History
from tlkit.widgets.desks import FineTuningDesk

AIM = 100  # ms: what feels at once
WARM_UP = 1  # rounds, but of a quick look: the first draws the example pictures, and fills Matplotlib's caches


def measure(options: Options) -> list[Row]:
    warm_up, rounds = (0, 1) if options.quick else (WARM_UP, 5 * options.runs)
    rows = []
    for name, act in tqdm(list(_acts()), desc="controls", leave=False):
        taken = [_milliseconds(step) for _ in range(warm_up + rounds) for step in act][warm_up * len(act) :]
        rows.append(_row(name, *zip(*taken)))
    return rows


def _milliseconds(step: Callable[[], object]) -> tuple[float, float]:
    """What a step takes, and how much of it is computing."""
    start, computing = time.perf_counter(), time.process_time()
    step()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - computing)


def _row(name: str, taken: Sequence[float], computing: Sequence[float]) -> Row:
    middle, slow = statistics.median(taken), float(np.percentile(taken, 95))
    met = "met" if slow <= AIM else "met by the median" if middle <= AIM else "missed"
    note = f"95th percentile {slow:.0f} ms, computing {statistics.median(computing):.0f} ms; {AIM} ms {met}"
    return Row("widget", name, middle, "ms", spread=(min(taken), max(taken)), note=note)


def _acts() -> Iterator[tuple[str, list[Callable[[], object]]]]:
    """Each control with the steps of one round."""
    split = tlkit.load_dataset("flowers", per_class=5)
    board, stages = tlkit.decision_map(), tlkit.stage_picker()
    yield "decision_map: target", _through(board.controls.stops)
    yield "decision_map: images per class", _through(board.controls.sizes)
    yield "decision_map: drawn or photos", _through(board.controls.worlds)
    yield "decision_map: show, hide", _through(board.reveal)
    yield "decision_map: a vote", _through(board.votes["probe"], [1, 2, 3, 0])
    yield "stage_picker: target", _through(stages.controls.stops)
    yield "stage_picker: stage", _through(stages.stage)
    yield "dataset_picker: target", _through(tlkit.dataset_picker()._stops)
    yield (
        "augmentation_desk: rotation",
        _through(tlkit.augmentation_desk(split.train.images[:4])._rotation, [0, 30, 60]),
    )
    yield "fine_tuning_desk: an epoch of three runs", _epochs(tlkit.fine_tuning_desk(split))
    page = tlkit.demo_page()
    yield "demo_page: target", _through(page.controls.stops)
    yield "demo_page: images per class", _through(page.controls.sizes)
    yield "demo_page: drawn or photos", [page.world.click, page.world.click]
    yield "demo_page: show, hide", _through(page.reveal, [True, False])  # hidden at the end, so that hands count
    yield "demo_page: a hand", [page.up["probe"].click, page.undo.click]


def _through(control: ipywidgets.Widget, values: Sequence = ()) -> list[Callable[[], object]]:
    """Put a control through its values by the message that a browser sends."""
    if hasattr(control, "options"):
        states = [{"index": k} for k in range(len(control.options))]
    else:
        states = [{"value": value} for value in values or (False, True)]
    return [partial(control.set_state, state) for state in states]


def _epochs(desk: FineTuningDesk) -> list[Callable[[], object]]:
    """What a live run draws at its last epoch, with two earlier runs in the picture."""
    curve = [0.2, 0.5, 0.6, 0.7, 0.75, 0.78, 0.8, 0.8]
    desk._runs = {f"run {k}": History([1.0] * 8, curve, list(range(1, 9)), head_epochs=4) for k in range(3)}
    desk._name = "run 2"
    return [lambda: desk._on_epoch(desk._runs["run 2"])]
