"""The SVM solver against scikit-learn's LinearSVC with a tight tolerance, and its proof against plain arithmetic."""

import warnings

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tlkit.transfer import svm
from tlkit.transfer.svm import fit_svms

CS = (1e-5, 1e-3, 1e-1, 10.0)


def _blobs(n, d, classes, seed=0, spread=0.5):
    """ReLU'd, correlated rows like codes, standardised."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    hidden = spread * random.normal(size=(classes, 8))[y] + random.normal(size=(n, 8))
    X = np.maximum(0, hidden @ random.normal(size=(8, d)) + random.normal(size=(n, d)))
    return StandardScaler().fit_transform(X).astype(np.float32), y


def _unbalanced():
    X, _ = _blobs(150, 12, 2)
    return X, (np.arange(150) % 50 == 0).astype(int)


def _constant():
    X, y = _blobs(80, 10, 3)
    return np.hstack([X, np.zeros((80, 3), X.dtype)]), y


def _duplicated():
    """Every row three times, once with another class."""
    X, y = _blobs(30, 50, 3)
    return np.vstack([X, X, X]), np.concatenate([y, y, (y + 1) % 3])


SETS = {
    "n < d": lambda: _blobs(40, 90, 3),
    "n > d": lambda: _blobs(150, 20, 5),
    "n > d, far apart": lambda: _blobs(150, 20, 5, spread=3),
    "two classes": lambda: _blobs(60, 15, 2),
    "17 classes": lambda: _blobs(136, 40, 17),
    "unbalanced": _unbalanced,
    "constant features": _constant,
    "duplicated rows": _duplicated,
}


@pytest.fixture(scope="module", params=SETS)
def data(request):
    return SETS[request.param]()


@pytest.fixture(scope="module")
def tight(data):
    """Liblinear, by the formulation that converges sooner."""
    X, y = data
    dual = X.shape[1] > len(X)
    return [LinearSVC(C=C, dual=dual, tol=1e-8, max_iter=100_000, random_state=0).fit(X, y) for C in CS]


def _objectives(fitted, X, y):
    """P(w) and the dual value at 2 C slack of each class, in float64 and by the book."""
    X = np.hstack([X, np.ones((len(X), 1))]).astype(np.float64)
    W = np.hstack([fitted.coef_, fitted.intercept_[:, None]])
    columns = fitted.classes_[1:] if len(fitted.classes_) == 2 else fitted.classes_
    primal, dual = [], []
    for w, name in zip(W, columns):
        signs = np.where(y == name, 1.0, -1.0)
        slack = np.maximum(0, 1 - signs * (X @ w))
        alpha = 2 * fitted.C * slack
        primal.append(w @ w / 2 + fitted.C * (slack**2).sum())
        dual.append(alpha.sum() - ((X.T @ (alpha * signs)) ** 2).sum() / 2 - (alpha**2).sum() / (4 * fitted.C))
    return np.array(primal), np.array(dual)


def _near_tie(scores):
    if scores.ndim == 1:
        return np.abs(scores) < 0.02
    first, second = np.sort(scores, 1)[:, [-1, -2]].T
    return first - second < 0.02


def test_it_finds_the_optimum_that_liblinear_finds(data, tight):
    X, y = data
    for ours, theirs in zip(fit_svms(X, y, CS), tight):
        best = _objectives(theirs, X, y)[0]
        assert (ours.objective_ <= best * (1 + 1e-3)).all()
        assert ours.coef_.shape == theirs.coef_.shape and ours.intercept_.shape == theirs.intercept_.shape
        clear = ~_near_tie(theirs.decision_function(X))
        np.testing.assert_array_equal(ours.predict(X)[clear], theirs.predict(X)[clear])


def test_asked_for_more_it_gives_more(data, tight):
    X, y = data
    for ours, theirs in zip(fit_svms(X, y, CS, 1e-9), tight):
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=2e-3)


@pytest.mark.parametrize("tol", [0.5, 1e-2, 1e-4])
def test_the_optimum_lies_within_the_gap(data, tight, tol):
    X, y = data
    for ours, theirs in zip(fit_svms(X, y, CS, tol), tight):
        best = _objectives(theirs, X, y)[0]
        assert (ours.gap_ <= tol).all()
        assert (ours.objective_ * (1 - ours.gap_) <= best * (1 + 1e-9)).all()


def test_objective_and_gap_are_those_of_plain_arithmetic(data):
    X, y = data
    for fitted in fit_svms(X, y, CS, 1e-2):
        primal, dual = _objectives(fitted, X, y)
        np.testing.assert_allclose(fitted.objective_, primal, rtol=1e-9)
        np.testing.assert_allclose(fitted.gap_, (primal - dual) / primal, atol=1e-9)


def test_newtons_method_alone_gets_there_too(data, monkeypatch):
    monkeypatch.setattr(svm, "_together", lambda problem, W, *rest: W)
    assert all((fitted.gap_ <= 1e-4).all() for fitted in fit_svms(*data, CS))


def test_conjugate_gradients_alone_get_there_while_C_is_small(data, monkeypatch):
    monkeypatch.setattr(svm, "NEWTON_STEPS", 0)
    assert all((fitted.gap_ <= 1e-4).all() for fitted in fit_svms(*data, CS[:2]))


def test_the_exact_length_is_where_the_slope_ends():
    random = np.random.default_rng(0)
    problem = svm._Problem(*(svm.torch.from_numpy(random.normal(size=shape)) for shape in [(40, 6), (3, 40)]), 0.7)
    problem.signs = problem.signs.sign()
    W = svm.torch.from_numpy(random.normal(size=(3, 6)))
    at = problem.look(W)
    _, after = problem.step(W, at, -at.gradient)
    slope = (after.gradient * at.gradient).sum(1).abs()
    assert (slope <= 0.03 * at.gradient.square().sum(1)).all() and (after.objective < at.objective).all()


def test_the_same_input_gives_the_same_bits():
    X, y = _blobs(200, 60, 7)
    first, again = fit_svms(X, y, CS), fit_svms(X, y, CS)
    assert all((one.coef_ == two.coef_).all() for one, two in zip(first, again))


def test_the_answers_come_in_the_order_of_the_question():
    X, y = _blobs(60, 10, 3)
    fitted = fit_svms(X, y, (10.0, 1e-3, 10.0))
    assert [each.C for each in fitted] == [10.0, 1e-3, 10.0]
    assert fitted[0].objective_.sum() > fitted[1].objective_.sum()


def test_it_says_so_where_the_optimum_is_not_reached(monkeypatch):
    X, y = _blobs(150, 20, 5)
    monkeypatch.setattr(svm, "NEWTON_STEPS", 1)
    monkeypatch.setattr(svm, "_together", lambda problem, W, *rest: W)
    with pytest.warns(UserWarning, match=r"C = 10 may be .* 0.0001 was asked for"):
        fit_svms(X, y, (10.0,))
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_svms(X, y, (10.0,))
