"""Linear SVMs, one class against the rest: every class and every C in one go, each with a proof of how good it is.

LinearSVC takes 1.5 to 66 times as long on the sweeps of this course (``make bench ARGS=svm``); its answers are the
oracle of the tests.

The problem is that of liblinear and of scikit-learn's ``LinearSVC`` (Hsieh et al. 2008). For each class, with
signs y = +1 for its rows and -1 for the rest, and for each C:

    minimise  P(w) = |w|^2 / 2 + C * sum_i max(0, 1 - y_i w.x_i)^2

where the bias is one more weight, on a constant 1. Where classes are to weigh the same, C has a factor for each row and
class, as in LinearSVC. LinearSVC takes one C after another, one class after another, one
row after another. Here the classes are the columns of a matrix, and each C starts from the solution of the one below:

1. *No more columns than rows.* With more features than rows, w lies in the span of the rows: a QR factorisation makes
   (n, d) into (n, n), and nothing is lost.
2. *All classes at once*, by conjugate gradients in float32. A row counts where it is inside the margin, and nearly all
   are while C is small. So the Hessian as if all were is a good preconditioner for every class: one factor for each C.
3. *Then what is left, class by class*, by the finite Newton method in float64 (Keerthi & DeCoste 2005). With a large C
   few rows are inside the margin: a Newton step is cheap, and a handful is enough.

Every step has the exact length. The proof: with slack_i = max(0, 1 - y_i w.x_i), the multipliers 2 C slack_i are
feasible in the dual problem, and the gap from P(w) down to the dual value there is |gradient of P|^2 / 2, with factors
or without. The optimum lies in between.

Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML 2008.
Keerthi & DeCoste, "A modified finite Newton method for fast solution of large scale linear SVMs", JMLR 6, 2005.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.svm import LinearSVC
from torch import Tensor

from tlkit.bars import tqdm
from tlkit.transfer.balance import class_weights

__all__: list[str] = []

NEWTON_STEPS = 100


def fit_svms(
    X: np.ndarray,
    y: np.ndarray,
    Cs: Sequence[float],
    tol: float = 1e-4,
    device: str | torch.device = "cpu",
    class_weight: str | None = None,
) -> list[LinearSVC]:
    """Fit a linear SVM with squared hinge loss for each C, one class against the rest.

    No luck is involved: the same input gives the same bits on one machine with one number of threads.

    Parameters
    ----------
    X : float array (n, d)
        Standardised features, finite.
    y : array (n,)
        Labels of at least two classes.
    Cs : sequence of float
        Inverse strengths of the L2 penalty, above 0.
    tol : float
        The largest relative duality gap, (P(w) - dual value) / P(w), of any class and C. Where it cannot be
        reached, a warning says so.
    device : str or torch.device
        Where to compute: the CPU or CUDA (MPS has no float64).
    class_weight : "balanced", optional
        As LinearSVC has it: C is multiplied by n / (classes * rows of the class) for the rows of a class, and with more
        than two classes it stays as it is for the rest.

    Returns
    -------
    list of LinearSVC
        Fitted, in the order of ``Cs``; ``coef_`` is a float64 array (k, d), or (1, d) for two classes. They have two
        more attributes: ``objective_``, P(w) of each class, and ``gap_``, its relative duality gap, both (k,).
    """
    classes, numbers = np.unique(y, return_inverse=True)
    exact, way_back = _rows(X, device)
    rows = exact.float()
    gram = rows.T @ rows
    signs = _signs(numbers, len(classes)).to(exact)
    costs = _costs(numbers, signs) if class_weight else None
    W = exact.new_zeros(len(signs), exact.shape[1])
    steps = 20 + exact.shape[1] // 20  # the time of a few Newton steps
    found = {}
    for C in tqdm(sorted(set(Cs)), desc="SVMs", leave=False, delay=2):
        # Half the tolerance, because the last word is in float64.
        W = _together(_Problem(rows, signs.float(), C, _float(costs)), W.float(), tol / 2, steps, _factor(gram, C))
        W, at = _one_by_one(_Problem(exact, signs, C, costs), W.double(), tol, rows)
        _warn_if_above(tol, at.gap.max().item(), C)
        found[C] = _classifier(C, classes, way_back(W), at, class_weight)
    return [found[C] for C in Cs]


@dataclass
class _Look:
    """What there is to know at some weights: margins (k, n), P (k,), its gradient (k, m), relative gap (k,)."""

    margins: Tensor
    objective: Tensor
    gradient: Tensor
    gap: Tensor


@dataclass
class _Problem:
    """One C, its factors (k, n) if there are any, and k classes: rows (n, m), signs (k, n). Weights are (k, m)."""

    rows: Tensor
    signs: Tensor
    C: float
    costs: Tensor | None = None

    def weigh(self, values: Tensor) -> Tensor:
        """One value for each class and row, times its factor."""
        return values if self.costs is None else self.costs * values

    def look(self, W: Tensor, margins: Tensor | None = None) -> _Look:
        margins = self.signs * (W @ self.rows.T) if margins is None else margins
        slack = (1 - margins).clamp_min(0)
        gradient = W - 2 * self.C * (self.weigh(self.signs * slack) @ self.rows)
        objective = W.square().sum(1) / 2 + self.C * self.weigh(slack.square()).sum(1)
        return _Look(margins, objective, gradient, gradient.square().sum(1) / 2 / objective)

    def step(self, W: Tensor, at: _Look, D: Tensor) -> tuple[Tensor, _Look]:
        """Go along D, for each class as far as is best."""
        change = self.signs * (D @ self.rows.T)
        length = _best_length(at.margins, change, self.weigh(change), (W * D).sum(1), D.square().sum(1), self.C)[
            :, None
        ]
        W = W + length * D
        return W, self.look(W, at.margins + length * change)


def _together(problem: _Problem, W: Tensor, tol: float, steps: int, factor: Tensor) -> Tensor:
    """Conjugate gradients (Polak & Ribiere) with one preconditioner, given as a Cholesky factor, for all classes."""
    at, D = problem.look(W), torch.zeros_like(W)
    before, along = at.gradient, torch.ones_like(at.gap)
    for _ in range(steps):
        if (at.gap <= tol).all():
            break
        Z = torch.cholesky_solve(at.gradient.T, factor).T
        D = (((at.gradient - before) * Z).sum(1) / along).clamp_min(0)[:, None] * D - Z
        D = torch.where(((at.gradient * D).sum(1) < 0)[:, None], D, -Z)  # never uphill
        before, along = at.gradient, (at.gradient * Z).sum(1)
        W, at = problem.step(W, at, D)
    return W


def _one_by_one(problem: _Problem, W: Tensor, tol: float, rows: Tensor) -> tuple[Tensor, _Look]:
    """Newton's method for the classes that are left, each with a Hessian of its own, from ``rows`` in float32."""
    at = problem.look(W)
    for _ in range(NEWTON_STEPS):
        left = (at.gap > tol).nonzero()[:, 0].tolist()
        if not left:
            break
        D = torch.zeros_like(W)
        for j in left:
            inside = rows[at.margins[j] < 1]
            if problem.costs is not None:
                inside = inside * problem.costs[j, at.margins[j] < 1, None].sqrt().to(inside)
            factor = _factor(inside.T @ inside, problem.C)
            D[j] = -torch.cholesky_solve(at.gradient[j, :, None].to(rows), factor)[:, 0]
        W, at = problem.step(W, at, D)
    return W, at


def _factor(gram: Tensor, C: float) -> Tensor:
    """The Cholesky factor of the Hessian I + 2 C gram, lifted a little above the rounding of its largest entries."""
    hessian = 2 * C * gram
    hessian.diagonal().add_(1 + torch.finfo(gram.dtype).eps * hessian.trace())
    return torch.linalg.cholesky(hessian)


def _best_length(margins: Tensor, change: Tensor, weighed: Tensor, slope: Tensor, square: Tensor, C: float) -> Tensor:
    """The t >= 0 of each class that minimises P along its direction; ``weighed`` is the change times its factors.

    The derivative, slope + square t - 2 C sum(weighed max(0, 1 - margins - t change)), rises in straight pieces:
    Newton's method inside a bracket ends on the right piece, and there it is exact.
    """
    t, low, high = torch.ones_like(slope), torch.zeros_like(slope), torch.full_like(slope, torch.inf)
    for _ in range(30):
        slack = (1 - margins - t[:, None] * change).clamp_min(0)
        rise = slope + square * t - 2 * C * (weighed * slack).sum(1)
        low, high = torch.where(rise < 0, t, low), torch.where(rise > 0, t, high)
        curve = square + 2 * C * torch.where(slack > 0, change * weighed, 0).sum(1)
        to = t - rise / curve.clamp_min(torch.finfo(t.dtype).tiny)
        to = torch.where((to > low) & (to < high) | high.isinf(), to, (low + high) / 2)
        done = ((to - t).abs() <= 1e-2 * t).all()
        t = to
        if done:
            break
    return t


def _rows(X: np.ndarray, device: str | torch.device) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The rows with their constant 1, in no more columns than there are rows, and the way back for weights."""
    X = torch.as_tensor(X, dtype=torch.float64, device=device)
    X = torch.cat([X, X.new_ones(len(X), 1)], 1)
    more = X.shape[1] - len(X)
    if more <= 0:
        return X, lambda W: W
    # Q stays a product of reflections, because it is needed for a few columns only.
    reflections, scales = torch.geqrf(X.T)
    triangle = reflections[: len(X)].triu().T.contiguous()
    return triangle, lambda W: torch.ormqr(reflections, scales, torch.nn.functional.pad(W, (0, more)).T).T


def _signs(numbers: np.ndarray, classes: int) -> Tensor:
    """+1 where a row is of the class, else -1: (k, n), or (1, n) for the second of two classes."""
    own = torch.arange(1 if classes == 2 else 0, classes)[:, None] == torch.as_tensor(numbers)
    return own * 2 - 1


def _costs(numbers: np.ndarray, signs: Tensor) -> Tensor:
    """The factors of C (k, n) for balanced classes: the class's own weight for its rows, 1 for the rest of many."""
    labels = torch.as_tensor(numbers)
    weights = class_weights(labels, 0)[labels].to(signs)
    return weights[None] if len(signs) == 1 else torch.where(signs > 0, weights, 1.0)


def _float(costs: Tensor | None) -> Tensor | None:
    return None if costs is None else costs.float()


def _warn_if_above(tol: float, gap: float, C: float) -> None:
    if not gap <= tol:  # true for NaN too
        warnings.warn(
            f"The SVM with C = {C:g} may be {gap:.1g} above the best value, and {tol:g} was asked for: "
            "are the features standardised?",
            stacklevel=3,
        )


def _classifier(C: float, classes: np.ndarray, W: Tensor, at: _Look, class_weight: str | None) -> LinearSVC:
    """scikit-learn's classifier with the attributes that its own ``fit`` would set, and the proof."""
    svm, weights = LinearSVC(C=C, class_weight=class_weight), W.cpu().numpy()
    svm.coef_, svm.intercept_ = weights[:, :-1], weights[:, -1]
    svm.classes_, svm.n_features_in_ = classes, weights.shape[1] - 1
    svm.objective_, svm.gap_ = at.objective.cpu().numpy(), at.gap.cpu().numpy()
    return svm
