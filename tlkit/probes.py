"""Linear probes: three linear classifiers on frozen features, with scikit-learn's conventions."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.svm import fit_svms

__all__ = ["PROBES", "LinearProbe"]

PROBES = ("svm", "softmax", "one-vs-rest")
_DEFAULT_CS = {"svm": (1e-3, 1e-2, 1e-1), "softmax": (1e-3, 1e-2, 1e-1, 1.0), "one-vs-rest": (1e-3, 1e-2, 1e-1, 1.0)}


class LinearProbe(ClassifierMixin, BaseEstimator):
    """A linear classifier on features.

    Features are standardised with the mean and spread of the training rows alone. Given a
    validation set, ``fit`` tries every ``C`` and keeps the one that does best there (the smallest
    of equals, so the strongest regularisation).

    Parameters
    ----------
    kind : {"svm", "softmax", "one-vs-rest"}
        A linear SVM (hinge loss squared, one class against the rest; ``tlkit.svm`` fits it for every
        ``C`` at once), multinomial logistic regression, or one binary logistic regression for each class.
    Cs : tuple of float, optional
        Inverse strengths of the L2 penalty to choose from. By default 1e-3, 1e-2, 1e-1 for the SVM
        and 1e-3 ... 1 for the others, whose loss is flatter. Without a validation set the middle
        one is used.
    seed : int
        Changes nothing: no kind of probe depends on luck.
    n_jobs : int
        How many values of ``C`` are tried at once; -1 uses every core. The SVM does not need it.

    Attributes
    ----------
    classes_ : array (k,)
    C_ : float, the chosen one
    val_scores_ : dict from C to accuracy on val (empty without a validation set)
    model_ : the fitted scikit-learn pipeline
    """

    def __init__(self, kind: str = "svm", Cs: tuple[float, ...] | None = None, seed: int = 0, n_jobs: int = -1):
        self.kind = kind
        self.Cs = Cs
        self.seed = seed
        self.n_jobs = n_jobs

    def fit(
        self, X: np.ndarray, y: np.ndarray, X_val: np.ndarray | None = None, y_val: np.ndarray | None = None
    ) -> "LinearProbe":
        """Fit on features ``X`` (n, d) and labels ``y`` (n,); choose C on ``X_val``, ``y_val``.

        Raises
        ------
        ValueError
            For an unknown kind, features or labels that do not match, or fewer than two classes.
        """
        checks.choose("probe", self.kind, PROBES)
        Cs = sorted(_DEFAULT_CS[self.kind] if self.Cs is None else self.Cs)
        if not Cs or not all(0 < C < np.inf for C in Cs):
            raise ValueError(f"Cs must be finite numbers above 0, but it is {self.Cs}.")
        X, y = _rows("training", X, y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError("A classifier needs at least two classes, but all labels are the same.")
        self.n_features_in_ = X.shape[1]
        self.val_scores_: dict[float, float] = {}
        if X_val is None:
            self.C_ = Cs[len(Cs) // 2]
            (self.model_,) = self._fit_each([self.C_], X, y)
            return self
        X_val, y_val = _rows("validation", X_val, y_val)
        if X_val.shape[1] != X.shape[1]:
            raise ValueError(
                f"Training rows have {X.shape[1]} features but validation rows {X_val.shape[1]}: "
                "extract both from the same stage."
            )
        models = self._fit_each(Cs, X, y)
        scores = [float(model.score(X_val, y_val)) for model in models]
        best = int(np.argmax(scores))
        self.val_scores_ = dict(zip(Cs, scores))
        self.C_, self.model_ = Cs[best], models[best]
        return self

    def _fit_each(self, Cs: list[float], X: np.ndarray, y: np.ndarray) -> list[Pipeline]:
        """A fitted pipeline for each C."""
        if self.kind == "svm":
            scaler = StandardScaler().fit(X)
            return [make_pipeline(scaler, svm) for svm in fit_svms(scaler.transform(X), y, Cs)]
        # Threads, because BLAS lets go of the interpreter while it works.
        fits = Parallel(n_jobs=self.n_jobs, prefer="threads", return_as="generator")(
            delayed(self._pipeline(C).fit)(X, y) for C in Cs
        )
        return list(tqdm(fits, total=len(Cs), desc=f"{self.kind}: choosing C", leave=False, delay=2))

    def _pipeline(self, C: float) -> Pipeline:
        classifier = LogisticRegression(C=C, max_iter=1000)
        return make_pipeline(
            StandardScaler(), classifier if self.kind == "softmax" else OneVsRestClassifier(classifier)
        )

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most likely class of each row, (n,)."""
        check_is_fitted(self, "model_")
        return self.model_.predict(X)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The score of each class for each row, (n, k); for two classes (n,), as in scikit-learn."""
        check_is_fitted(self, "model_")
        return self.model_.decision_function(X)


def _rows(which: str, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if y is None:
        raise ValueError(f"The {which} features came without their labels.")
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2:
        raise ValueError(f"The {which} features must have shape (n, d), but it is {X.shape}.")
    checks.same_length(f"rows of {which} features", len(X), "labels", len(y))
    if not np.isfinite(X).all():
        raise ValueError(f"The {which} features hold NaN or infinity: were the weights trained to the end?")
    return X, y
