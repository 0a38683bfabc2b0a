"""Two-phase fine-tuning: tlkit beside PyTorch's tutorial, an equally optimised loop, fastai and Keras.

Every contestant gets the same pictures, the same split, the same weights and the same machine to
itself, in a process of its own, in turn. All look at val after every epoch, and all seconds count
from the first picture on: opening files, codes and val too. Only the test pictures are looked at
outside the clock. ``tlkit`` opens its files with an empty cache, those of the test set too.
"""

import contextlib
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from finetune_tasks import tasks
from peers import fastai, keras
from side_by_side import PEERS, Options, Row, rows_of, skipped
from torch import nn
from tqdm.auto import tqdm
from tutorial import Clock, Run, Task, plain_process, tutorial

import tlkit
from tlkit.folders.loading import load_folder  # imported here, before any clock starts
from tlkit.history import History
from tlkit.nets import devices
from tlkit.transfer.network_ways import two_phase

TLKIT, (TUTORIAL, FASTAI, KERAS) = "tlkit", PEERS.values()
NOTHING_KEPT = "tlkit, but nothing kept"
OF_TLKIT = (TLKIT, NOTHING_KEPT)


def measure(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch, _process() as shared:
        # To see that it runs at all, one process for all spares the imports.
        run = (lambda contestant, task: shared.submit(contestant, task).result()) if options.quick else _alone
        for title, draw in tasks(options, Path(scratch)):
            runs, missing = _race(title, draw, options, run)
            yield from _rows(title, runs) + missing


# ------------------------------------------------------------------------------- the contestants


def ours(task: Task) -> Run:
    """``tlkit.two_phase``, twice from an empty cache: phase one alone, and both."""
    run = Run(note="two_phase with its defaults")

    def on_epoch_end(history: History) -> None:
        run.val.append(history.val_accuracy[-1])
        run.seconds.append(clock.seconds)

    train = partial(two_phase, seed=task.seed, head_epochs=task.head_epochs, device=task.device)
    with _empty_cache():
        clock = Clock()
        split = _split(task)
        run.decoding = clock.seconds
        result = train(split, _backbone(task), unfreeze_last=0, on_epoch_end=lambda history: None)  # nobody draws a bar
        run.phase_one = clock.seconds
        run.test_one = result.open_test()
    with _empty_cache():
        clock = Clock()
        result = train(_split(task), _backbone(task), epochs=task.epochs, on_epoch_end=on_epoch_end)
        run.both = clock.seconds
        run.test = result.open_test()
    return run


def nothing_kept(task: Task) -> Run:
    """The same training with the same settings, but every epoch runs the whole network: what keeping codes can save.

    Decoded once, in fast arithmetic, channels last, no augmentation, AdamW with a one-cycle rate.
    """
    run = Run(note="as two_phase, but for what it keeps")
    with _empty_cache():
        clock = Clock()
        split = _split(task)
        run.decoding = clock.seconds
        network = _backbone(task).new_head(task.classes, task.seed)
        _train(tlkit.freeze(network), split, task.head_epochs, task.seed, clock, run)
        run.phase_one = clock.seconds
        with clock.paused():
            run.test_one = tlkit.accuracy(network, split.test)
        _train(tlkit.unfreeze(network), split, task.epochs, task.seed + 1, clock, run)
        run.both = clock.seconds
        run.test = tlkit.accuracy(network, split.test)
    return run


def _train(network: tlkit.Backbone, split: tlkit.Split, epochs: int, seed: int, clock: Clock, run: Run) -> None:
    device, batch_size = network.device, min(32, len(split.train))
    groups = tlkit.parameter_groups(network, 3e-3)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, fused=device.type in ("cpu", "cuda"))
    steps = len(split.train) // batch_size
    rates, total = [group["lr"] for group in groups], max(3, epochs * steps)
    rise = max(0.1, 2 / total)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=total, pct_start=rise)
    shuffle = torch.Generator().manual_seed(seed)
    together = devices.batch_size_for(device, *split.train.images.shape[2:])
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(split.train), generator=shuffle)[: steps * batch_size].split(batch_size):
            with devices.autocast(device):
                x = torch.cat([network.prefix(part) for part in split.train.images[rows].split(together)])
                scores = network.rest(x)
            loss = nn.functional.cross_entropy(scores.float(), split.train.labels[rows].to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        run.val.append(tlkit.accuracy(network, split.val))
        run.seconds.append(clock.seconds)


@contextlib.contextmanager
def _empty_cache() -> Iterator[None]:
    os.environ.pop("TLKIT_SHARED_CACHE", None)  # of this contestant's process
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["TLKIT_CACHE"] = folder
        yield


def _backbone(task: Task) -> tlkit.Backbone:
    return tlkit.load_backbone(task.network, device=task.device, weights=task.weights)


def _split(task: Task) -> tlkit.Split:
    if task.folder is not None:
        return load_folder(task.folder, task.per_class, task.seed, task.size, quiet=True)
    sets = {
        part: tlkit.ImageSet(torch.from_numpy(task.pictures[part]).permute(0, 3, 1, 2).contiguous(), torch.tensor(y))
        for part, y in task.labels.items()
    }
    names = [str(label) for label in range(task.classes)]
    return tlkit.Split("drawn", names, **sets, per_class=task.per_class, seed=task.seed)


CONTESTANTS = {
    TLKIT: ours,
    NOTHING_KEPT: nothing_kept,
    TUTORIAL: tutorial,
    FASTAI: fastai,
    KERAS: keras,
}


# ---------------------------------------------------------------------------- the race, and its rows


def _race(
    title: str, draw: Callable[[int], Task], options: Options, run: Callable[[Callable, Task], Run]
) -> tuple[dict[str, list[Run]], list[Row]]:
    """The runs of each contestant, one a seed; and a row for each that could not run."""
    chosen = {*OF_TLKIT, *(PEERS[peer] for peer in options.peers or PEERS)}
    runs: dict[str, list[Run]] = {name: [] for name in CONTESTANTS if name in chosen}
    failed: list[Row] = []
    for seed in range(options.seeds):
        task = draw(seed)
        for name in tqdm(list(runs), desc=f"{title}, seed {seed}", unit="contestant"):
            try:
                runs[name].append(run(CONTESTANTS[name], task))
            except Exception as error:  # one that breaks must not cost the others their hours
                failed.append(skipped(f"finetune: {title}", name, _why(error)))
                del runs[name]
    return runs, failed


def _why(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed (tests/benchmarks/requirements.txt)"
    first, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}"


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), plain_process)


def _alone(contestant: Callable[[Task], Run], task: Task) -> Run:
    """Run it in a process of its own, without progress bars; the others' has no setting of tlkit's either."""
    environment = dict(os.environ)
    os.environ["TQDM_DISABLE"] = "1"
    if contestant not in (ours, nothing_kept):
        os.environ.pop("GOMP_SPINCOUNT", None)
    try:
        with _process() as pool:
            return pool.submit(contestant, task).result()
    finally:
        os.environ.clear()
        os.environ.update(environment)


def _rows(title: str, runs: dict[str, list[Run]]) -> list[Row]:
    notes = {name: each[0].note for name, each in runs.items()}
    one, both = _collect(runs, "phase_one"), _collect(runs, "both")
    decoding = _collect(runs, "decoding")
    kept = {name: [a - b for a, b in zip(one[name], decoding[name])] for name in OF_TLKIT if name in runs}
    rows = _timed(f"{title}, phase one", one, TUTORIAL, notes)
    rows += _timed(f"{title}, phase one without decoding", kept, NOTHING_KEPT, notes)
    rows += _timed(f"{title}, both phases", both, TUTORIAL, notes)
    if TUTORIAL in runs:
        targets = [0.95 * max(run.val) for run in runs[TUTORIAL]]  # of the epoch that it keeps
        rows += _reached(f"{title}, until 95 % of the tutorial's val", targets, runs, TUTORIAL)
    if FASTAI in runs:
        targets = [run.val[-1] for run in runs[FASTAI]]
        rows += _reached(f"{title}, until fastai's last val", targets, runs, FASTAI)
    rows += _accuracies(f"{title}, test after phase one", _collect(runs, "test_one"))
    return rows + _accuracies(f"{title}, test at the end", _collect(runs, "test"))


def _collect(runs: dict[str, list[Run]], what: str) -> dict[str, list[float]]:
    """A number of each run, of those contestants that have it."""
    found = {name: [getattr(run, what) for run in each] for name, each in runs.items()}
    return {name: each for name, each in found.items() if None not in each}


def _timed(what: str, seconds: dict[str, list[float]], against: str, notes: dict[str, str]) -> list[Row]:
    if against not in seconds:
        return [skipped(f"finetune: {what}", "all", f"{against} did not run here")]
    rows = rows_of(f"finetune: {what}", seconds, against)
    for row in rows:
        row.note = notes[row.contestant]
    return rows


def _reached(what: str, targets: list[float], runs: dict[str, list[Run]], against: str) -> list[Row]:
    """Seconds until val is first as high as its target of each draw."""
    first = {name: [_first(run, target) for run, target in zip(each, targets)] for name, each in runs.items()}
    always = {name: each for name, each in first.items() if None not in each}
    note = f"first {statistics.mean(targets):.1%}"
    never = {name: sum(s is None for s in each) for name, each in first.items() if None in each}
    return _timed(what, always, against, dict.fromkeys(runs, note)) + [
        Row(f"finetune: {what}", name, None, note=f"not reached in {count} of {len(targets)} draws")
        for name, count in never.items()
    ]


def _first(run: Run, target: float) -> float | None:
    return next((seconds for seconds, val in zip(run.seconds, run.val) if val >= target), None)


def _accuracies(what: str, shares: dict[str, list[float]]) -> list[Row]:
    percent = {name: [100 * share for share in each] for name, each in shares.items()}
    return [
        Row(f"finetune: {what}", name, statistics.mean(each), "%", spread=(min(each), max(each)), note="mean of draws")
        for name, each in percent.items()
    ]
