"""An SVM for every C of a sweep: tlkit's solver, against scikit-learn's LinearSVC one by one and in processes.

Each setting of LinearSVC runs once. The fastest that comes within 0.1 % of the optimum everywhere is the
yardstick, on one core and on as many as tlkit has. With ``max_iter`` at the course's 5,000 some end above that;
if all do, the nearest is the yardstick, and the note has its distance.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from joblib import Parallel, delayed
from side_by_side import Options, Row, in_turn, rows_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from tqdm.auto import tqdm

import tlkit
from tlkit.transfer.svm import fit_svms

CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
CLASSES = 17
SETTINGS = {
    f"LinearSVC {'dual' if dual else 'primal'}, tol {tol:g}": dict(dual=dual, tol=tol, max_iter=5000, random_state=0)
    for dual in (True, False)
    for tol in (1e-2, 1e-4)
}
CLOSE = 1e-3  # of the optimum
PATIENCE = 3  # a setting that takes so many times as long as another is given up

Data = tuple[np.ndarray, np.ndarray]


def measure(options: Options) -> Iterator[Row]:
    if options.quick:
        yield from _sweep("102 x 64, like codes", _like_codes(102, 64), CS[:3], options)
        return
    works: dict[str, Callable[[], Data]] = {
        f"{n:,} x {d:,}, like codes": partial(_like_codes, n, d) for n, d in ((680, 1280), (680, 4096), (5100, 512))
    }
    for dataset, stage in (("flowers", "fc7"), ("tissue", "conv4")):
        for per_class in (20, 100):
            works[f"{dataset} {stage}, {per_class} a class"] = partial(_features, dataset, stage, per_class)
    for name, make in works.items():
        yield from _sweep(name, make(), CS, options)


def _like_codes(n: int, d: int) -> Data:
    """ReLU'd, correlated features whose classes overlap."""
    random = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    hidden = 0.5 * random.normal(size=(CLASSES, 64))[y] + random.normal(size=(n, 64))
    X = hidden @ random.normal(size=(64, d)) / 8 + 0.5 * random.normal(size=(n, d)) - 0.3
    return np.maximum(0, X).astype(np.float32), y


def _features(dataset: str, stage: str, per_class: int) -> Data:
    train = tlkit.load_dataset(dataset, per_class=per_class).train
    return tlkit.extract_features(tlkit.load_backbone(), train.images, stage), train.labels.numpy()


def _sweep(name: str, data: Data, Cs: tuple[float, ...], options: Options) -> list[Row]:
    X, y = StandardScaler().fit_transform(data[0]), data[1]
    title, jobs = f"SVM sweep, {name}", torch.get_num_threads()
    # No optimum lies below the dual value of a solution, and that of a tight one is close.
    lowest = {svm.C: svm.objective_ * (1 - svm.gap_) for svm in fit_svms(X, y, Cs, tol=1e-7)}
    tried = _try_each(X, y, lowest)
    best = _best(tried)
    contestants = {"tlkit": partial(fit_svms, X, y, Cs)}
    if torch.cuda.is_available():
        contestants["tlkit, on the GPU"] = partial(fit_svms, X, y, Cs, device="cuda")
    contestants |= {f"{best}, jobs {many}": partial(_linear_svcs, best, X, y, Cs, many) for many in sorted({1, jobs})}
    rows = rows_of(title, in_turn(contestants, options.runs), f"{best}, jobs {jobs}")
    for row in rows:
        ours = row.contestant.startswith("tlkit")
        row.note = _distance(_above(contestants[row.contestant](), X, y, lowest) if ours else tried[best].above)
    rows[0].note += f"; {_work(X, y, Cs)}; threads {jobs}"
    return rows + [_once(title, setting, trial) for setting, trial in tried.items() if setting != best]


def _work(X: np.ndarray, y: np.ndarray, Cs: tuple[float, ...]) -> str:
    n, d = X.shape
    return f"{n:,} x {d:,} standardised, {len(np.unique(y))} classes, C = {Cs[0]:g} ... {Cs[-1]:g} by decades"


def _fit(setting: str, X: np.ndarray, y: np.ndarray, C: float) -> LinearSVC:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the note says how near it came
        return LinearSVC(C=C, **SETTINGS[setting]).fit(X, y)


def _linear_svcs(setting: str, X: np.ndarray, y: np.ndarray, Cs: tuple[float, ...], jobs: int) -> list[LinearSVC]:
    """In processes; the largest C takes longest, so it comes first."""
    return Parallel(n_jobs=jobs)(delayed(_fit)(setting, X, y, C) for C in sorted(Cs, reverse=True))


@dataclass
class _Trial:
    """One sweep with one setting: the seconds, how far above the optimum it ends at worst, and where it was left."""

    seconds: float = 0.0
    above: float = 0.0
    left_at: float | None = None


def _try_each(X: np.ndarray, y: np.ndarray, lowest: Mapping[float, np.ndarray]) -> dict[str, _Trial]:
    """A sweep with each setting; where a loose tolerance was given up, a tighter one is not tried."""
    tried: dict[str, _Trial] = {}
    for setting in tqdm(SETTINGS, desc="settings", leave=False):
        if any(trial.left_at and SETTINGS[setting]["dual"] == SETTINGS[name]["dual"] for name, trial in tried.items()):
            continue
        patience = PATIENCE * min((trial.seconds for trial in tried.values() if not trial.left_at), default=np.inf)
        trial = tried[setting] = _Trial()
        for C in sorted(lowest):
            if trial.seconds > patience:
                trial.left_at = C
                break
            start = time.perf_counter()
            svm = _fit(setting, X, y, C)
            trial.seconds += time.perf_counter() - start
            trial.above = max(trial.above, _above([svm], X, y, lowest))
    return tried


def _best(tried: Mapping[str, _Trial]) -> str:
    """The fastest of those that come close; if none does, the closest."""
    finished = {setting: trial for setting, trial in tried.items() if trial.left_at is None}
    close = {setting: trial for setting, trial in finished.items() if trial.above <= CLOSE}
    if close:
        return min(close, key=lambda setting: close[setting].seconds)
    return min(finished, key=lambda setting: finished[setting].above)


def _once(title: str, setting: str, trial: _Trial) -> Row:
    note = _distance(trial.above) if trial.left_at is None else f"given up before C = {trial.left_at:g}"
    return Row(title, f"{setting}, jobs 1, once", trial.seconds, note=note)


def _distance(above: float) -> str:
    return f"objective at most {100 * above:.2g} % above the optimum"


def _above(fitted: Iterable[LinearSVC], X: np.ndarray, y: np.ndarray, lowest: Mapping[float, np.ndarray]) -> float:
    return max(float((_objective(svm, X, y) / lowest[svm.C] - 1).max()) for svm in fitted)


def _objective(svm: LinearSVC, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """|w|^2 / 2 + C sum(max(0, 1 - margin)^2) of each class, in plain float64."""
    signs = np.where(y[:, None] == svm.classes_, 1.0, -1.0)
    slack = np.maximum(0, 1 - signs * (X.astype(np.float64) @ svm.coef_.T + svm.intercept_))
    return ((svm.coef_**2).sum(1) + svm.intercept_**2) / 2 + svm.C * (slack**2).sum(0)
