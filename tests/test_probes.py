"""Linear probes against scikit-learn itself."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_info, threadpool_limits

import tlkit

ORACLES = {
    "svm": lambda C: LinearSVC(C=C, dual=False, tol=1e-8, max_iter=100_000),
    "softmax": lambda C: LogisticRegression(C=C, max_iter=1000),
    "one-vs-rest": lambda C: OneVsRestClassifier(LogisticRegression(C=C, max_iter=1000)),
}


@pytest.fixture(scope="module")
def blobs():
    random = np.random.default_rng(0)
    centres = random.normal(size=(5, 30)) * 0.6
    y = np.tile(np.arange(5), 80)
    X = (centres[y] + random.normal(size=(400, 30))).astype(np.float32) * 3 + 10
    return X[:200], y[:200], X[200:300], y[200:300], X[300:], y[300:]


@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_a_probe_is_scikit_learns_classifier_on_standardised_features(blobs, kind):
    X, y, _, _, X_test, _ = blobs
    probe = tlkit.LinearProbe(kind, Cs=(0.01,)).fit(X, y)
    oracle = make_pipeline(StandardScaler(), ORACLES[kind](0.01)).fit(X, y)
    np.testing.assert_array_equal(probe.predict(X_test), oracle.predict(X_test))
    # The SVM is solved to a gap of 1e-4 (test_svm.py), the others by the same code as the oracle.
    close = dict(atol=1e-2) if kind == "svm" else dict(rtol=1e-5)
    np.testing.assert_allclose(probe.decision_function(X_test), oracle.decision_function(X_test), **close)


def test_an_svm_of_two_classes_has_one_score_a_row(blobs):
    X, y, X_val, y_val, X_test, y_test = blobs
    probe = tlkit.LinearProbe().fit(X, y == 3, X_val, y_val == 3)
    assert probe.decision_function(X_test).shape == (len(X_test),)
    assert probe.model_[-1].coef_.shape == (1, 30) and probe.model_[-1].intercept_.shape == (1,)
    np.testing.assert_array_equal(probe.predict(X_test), probe.decision_function(X_test) > 0)
    assert probe.score(X_test, y_test == 3) == probe.model_.score(X_test, y_test == 3) > 0.7


@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_val_chooses_the_regularisation(blobs, kind):
    X, y, X_val, y_val, X_test, y_test = blobs
    probe = tlkit.LinearProbe(kind, Cs=(1e-6, 1e-2, 1e2)).fit(X, y, X_val, y_val)
    scores = {
        C: make_pipeline(StandardScaler(), ORACLES[kind](C)).fit(X, y).score(X_val, y_val) for C in (1e-6, 1e-2, 1e2)
    }
    assert probe.val_scores_ == pytest.approx(scores)
    assert scores[probe.C_] == max(scores.values())
    assert probe.score(X_test, y_test) > 0.6
    # Standardised with the training rows alone: val must not move the mean.
    np.testing.assert_allclose(probe.model_[0].mean_, X.mean(0), rtol=1e-5)


def test_it_follows_scikit_learns_conventions(blobs):
    X, y, *_ = blobs
    probe = tlkit.LinearProbe("softmax", Cs=(0.1, 1.0), seed=3)
    expected = {"kind": "softmax", "Cs": (0.1, 1.0), "seed": 3, "n_jobs": -1, "class_weight": None, "cv": None}
    assert clone(probe).get_params() == expected
    assert probe.fit(X, y) is probe and probe.n_features_in_ == 30
    assert probe.classes_.tolist() == [0, 1, 2, 3, 4]
    named = np.array(["a", "b", "c", "d", "e"])[y]
    assert set(tlkit.LinearProbe().fit(X, named).predict(X)) <= set("abcde")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, y[:-1]), "200 rows of training features but 199 labels"),
        (lambda X, y: (X, y * 0), "at least two classes"),
        (lambda X, y: (X[:, 0], y), r"shape \(n, d\)"),
        (lambda X, y: (X * np.nan, y), "NaN or infinity"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(blobs, change, message):
    X, y, *_ = blobs
    with pytest.raises(ValueError, match=message):
        tlkit.LinearProbe().fit(*change(X, y))


def test_wrong_settings_are_refused(blobs):
    X, y, X_val, *_ = blobs
    with pytest.raises(ValueError, match="Did you mean 'svm'"):
        tlkit.LinearProbe("svn").fit(X, y)
    for C in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0|finite"):
            tlkit.LinearProbe(Cs=(C,)).fit(X, y)
    with pytest.raises(ValueError, match="without their labels"):
        tlkit.LinearProbe().fit(X, y, X_val)
    with pytest.raises(ValueError, match="30 features but validation rows 29.*same stage"):
        tlkit.LinearProbe().fit(X, y, X_val[:, :29], np.zeros(len(X_val)))


# ------------------------------------------------------------------------ without a validation set


@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_cross_validation_chooses_as_scikit_learn_does(blobs, kind):
    X, y, *_, X_test, y_test = blobs
    Cs = (1e-6, 1e-2, 1e2)
    probe = tlkit.LinearProbe(kind, Cs=Cs, cv=4).fit(X, y)
    folds = StratifiedKFold(4)
    for C in Cs:
        oracle = cross_val_score(make_pipeline(StandardScaler(), ORACLES[kind](C)), X, y, cv=folds)
        assert probe.val_scores_[C] == pytest.approx(oracle.mean(), abs=0.011)  # two rows of 200
    assert probe.val_scores_[probe.C_] == max(probe.val_scores_.values())
    whole = tlkit.LinearProbe(kind, Cs=(probe.C_,)).fit(X, y)
    np.testing.assert_array_equal(probe.predict(X_test), whole.predict(X_test))  # fitted on all rows in the end


def test_a_small_class_has_fewer_folds_and_one_row_is_refused(blobs):
    X, y, X_val, y_val, _, _ = blobs
    first = np.concatenate([np.flatnonzero(y == k)[: 2 + k] for k in range(5)])  # 2, 3, ... 6 rows of a class
    probe = tlkit.LinearProbe(cv=50).fit(X[first], y[first])
    assert set(probe.val_scores_) == {1e-3, 1e-2, 1e-1}
    with pytest.raises(ValueError, match="every class needs at least two"):
        tlkit.LinearProbe(cv=5).fit(X[first[1:]], y[first[1:]])
    with pytest.raises(ValueError, match="cv must be at least 2"):
        tlkit.LinearProbe(cv=1).fit(X, y)
    with pytest.raises(ValueError, match="not by both"):
        tlkit.LinearProbe(cv=5).fit(X, y, X_val, y_val)


def _blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


@pytest.mark.parametrize("kind", ["softmax", "one-vs-rest"])
def test_each_fit_has_one_blas_thread_and_the_setting_comes_back(blobs, kind, monkeypatch):
    """Several wait for each other; fits of seconds then take half a minute."""
    X, y, *_ = blobs
    fit, seen = LogisticRegression.fit, []

    def watched(*given):
        seen.extend(_blas_threads())
        return fit(*given)

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    with threadpool_limits(2, "blas"):
        before = _blas_threads()
        tlkit.LinearProbe(kind).fit(X, y)
        assert _blas_threads() == before
    assert set(seen) <= {1} and len(seen) >= len(before)
