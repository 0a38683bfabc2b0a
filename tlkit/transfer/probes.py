"""Linear probes: three linear classifiers on frozen features, with scikit-learn's conventions."""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.special import log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.transfer.balance import check_class_weight, mean_recall
from tlkit.transfer.svm import fit_svms

__all__ = ["PROBES", "LinearProbe"]

PROBES = ("svm", "softmax", "one-vs-rest")
_MOST_JOBS = 1024
_DEFAULT_CS = {"svm": (1e-3, 1e-2, 1e-1), "softmax": (1e-3, 1e-2, 1e-1, 1.0), "one-vs-rest": (1e-3, 1e-2, 1e-1, 1.0)}


class LinearProbe(ClassifierMixin, BaseEstimator):
    """A linear classifier on features.

    Features are standardised with the mean and spread of the training rows alone. Given a
    validation set, ``fit`` tries every ``C`` and keeps the one that does best there (the smallest
    of equals, so the strongest regularisation).

    Parameters
    ----------
    kind : {"svm", "softmax", "one-vs-rest"}
        A linear SVM (hinge loss squared, one class against the rest; ``tlkit.transfer.svm`` fits it for every
        ``C`` at once), multinomial logistic regression, or one binary logistic regression for each class.
    Cs : tuple of float, optional
        Inverse strengths of the L2 penalty to choose from. By default 1e-3, 1e-2, 1e-1 for the SVM
        and 1e-3 ... 1 for the others, whose loss is flatter. Without a validation set the middle
        one is used.
    seed : int
        Changes nothing: no kind of probe depends on luck.
    n_jobs : int
        How many values of ``C`` are tried at once; -1 uses every core. The SVM does not need it.
    class_weight : "balanced", optional
        scikit-learn's: rows of a small class weigh more. Then val chooses by the mean of the classes' own accuracies.
    cv : int, optional
        Without a validation set, choose ``C`` by cross-validation in so many folds, each with its share of every
        class; fewer where a class has fewer rows. As many as a class has rows leave out one of each class in turn.

    Attributes
    ----------
    classes_ : array (k,)
    C_ : float, the chosen one
    val_scores_ : dict from C to accuracy on val, or on the folds that were left out, balanced if asked for (empty
        without either)
    model_ : the fitted scikit-learn pipeline
    """

    def __init__(
        self,
        kind: str = "svm",
        Cs: tuple[float, ...] | None = None,
        seed: int = 0,
        n_jobs: int = -1,
        class_weight: str | None = None,
        cv: int | None = None,
    ):
        self.kind = kind
        self.Cs = Cs
        self.seed = seed
        self.n_jobs = n_jobs
        self.class_weight = class_weight
        self.cv = cv

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        X_val: np.ndarray | None = None,
        y_val: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> "LinearProbe":
        """Fit on features ``X`` (n, d) and labels ``y`` (n,); choose C on ``X_val``, ``y_val``.

        With ``cv``, rows of one of the ``groups`` (n,) are never in two folds.

        Raises
        ------
        ValueError
            For an unknown kind, features or labels that do not match, fewer than two classes, or folds that
            cannot be made.
        """
        checks.choose("probe", self.kind, PROBES)
        check_class_weight(self.class_weight)
        checks.seed(self.seed)
        if checks.count("n_jobs", self.n_jobs, -1, _MOST_JOBS) == 0:
            raise ValueError("n_jobs must be -1 (every core) or at least 1, but it is 0.")
        Cs = sorted(_DEFAULT_CS[self.kind] if self.Cs is None else checks.numbers("Cs", self.Cs).tolist())
        if not all(C > 0 for C in Cs):
            raise ValueError(f"Cs must be finite numbers above 0, but it is {self.Cs}.")
        X, y = _rows("training", X, y)
        if groups is not None:
            groups = _groups(groups, len(X))
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError("A classifier needs at least two classes, but all labels are the same.")
        self.n_features_in_ = X.shape[1]
        self.val_scores_: dict[float, float] = {}
        if self.cv is not None:
            if X_val is not None:
                raise ValueError("C is chosen on a validation set or by cross-validation (cv), not by both.")
            self.val_scores_ = self._cross_validate(Cs, X, y, groups)
            self.C_ = max(Cs, key=self.val_scores_.get)  # the first of equals
            (self.model_,) = self._fit_each([self.C_], X, y)
            return self
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
        scores = [self._accuracy(y_val, model.predict(X_val)) for model in models]
        best = int(np.argmax(scores))
        self.val_scores_ = dict(zip(Cs, scores))
        self.C_, self.model_ = Cs[best], models[best]
        return self

    def _cross_validate(
        self, Cs: list[float], X: np.ndarray, y: np.ndarray, groups: np.ndarray | None
    ) -> dict[float, float]:
        """Accuracy of each C on rows that its classifier has not seen, nor others of their groups."""
        units = np.arange(len(y)) if groups is None else np.asarray(groups)
        fewest = min(len(np.unique(units[y == label])) for label in self.classes_)
        if fewest < 2:
            what = "rows" if groups is None else "groups"
            raise ValueError(f"Cross-validation leaves {what} of each class out, so every class needs at least two.")
        folds = StratifiedKFold if groups is None else StratifiedGroupKFold
        answers = {C: np.empty_like(y) for C in Cs}
        for learn, left_out in folds(min(checks.count("cv", self.cv, 2), fewest)).split(X, y, groups):
            for C, model in zip(Cs, self._fit_each(Cs, X[learn], y[learn])):
                answers[C][left_out] = model.predict(X[left_out])
        return {C: self._accuracy(y, given) for C, given in answers.items()}

    def _accuracy(self, y: np.ndarray, answers: np.ndarray) -> float:
        """The share of right answers, or with ``class_weight`` the mean of the classes' own."""
        return mean_recall(y, answers) if self.class_weight else float(np.mean(answers == y))

    def _fit_each(self, Cs: list[float], X: np.ndarray, y: np.ndarray) -> list[Pipeline]:
        """A fitted pipeline for each C."""
        if self.kind == "svm":
            scaler = self._scaler(X)
            svms = fit_svms(scaler.transform(X), y, Cs, class_weight=self.class_weight)
            return [make_pipeline(scaler, svm) for svm in svms]
        # Threads, because BLAS lets go of the interpreter while it works; with one BLAS thread each, because several
        # wait for each other longer than products of this size take: up to thirty times as long.
        with threadpool_limits(1, "blas"):
            fits = Parallel(n_jobs=self.n_jobs, prefer="threads", return_as="generator")(
                delayed(self._pipeline(C).fit)(X, y) for C in Cs
            )
            return list(tqdm(fits, total=len(Cs), desc=f"{self.kind}: choosing C", leave=False, delay=2))

    def _scaler(self, X: np.ndarray) -> StandardScaler:
        return StandardScaler().fit(X)

    def _pipeline(self, C: float) -> Pipeline:
        classifier = LogisticRegression(C=C, max_iter=1000, class_weight=self.class_weight)
        return make_pipeline(
            StandardScaler(), classifier if self.kind == "softmax" else OneVsRestClassifier(classifier)
        )

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most likely class of each row, (n,)."""
        check_is_fitted(self, "model_")
        return self.model_.predict(_features("new", X, self.n_features_in_))

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The score of each class for each row, (n, k); for two classes (n,), as in scikit-learn."""
        check_is_fitted(self, "model_")
        return self.model_.decision_function(_features("new", X, self.n_features_in_))

    def rule(self) -> "LinearRule":
        """The fitted probe as plain numbers: what can be saved, and needs no scikit-learn to answer."""
        check_is_fitted(self, "model_")
        scaler, classifier = self.model_[0], self.model_[-1]
        one_by_one = getattr(classifier, "estimators_", [classifier])
        coef = np.concatenate([each.coef_ for each in one_by_one])
        intercept = np.concatenate([each.intercept_ for each in one_by_one])
        if len(self.classes_) == 2:  # scikit-learn keeps the second of two classes alone
            other = 0.0 if self.kind == "softmax" else -1.0
            coef, intercept = np.concatenate([other * coef, coef]), np.concatenate([other * intercept, intercept])
        return LinearRule(self.kind, scaler.mean_, scaler.scale_, coef, intercept, self.classes_)


@dataclass(frozen=True)
class LinearRule:
    """A fitted probe as plain numbers, float64.

    Attributes
    ----------
    kind : one of ``PROBES``
    mean, scale : arrays (d,), by which features are standardised
    coef, intercept : arrays (k, d) and (k,), a row for each class, of two classes too
    classes : int array (k,)
        The labels of those rows: the classes that the training set had.
    """

    kind: str
    mean: np.ndarray
    scale: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    classes: np.ndarray

    def fits(self, width: int, classes: int) -> bool:
        """Whether it can be used on features of this width, for that many classes; false if it is damaged."""
        k, numbers = len(self.classes), (self.mean, self.scale, self.coef, self.intercept)
        if [array.shape for array in numbers] != [(width,), (width,), (k, width), (k,)] or k < 2:
            return False
        own = self.classes.ndim == 1 and self.classes.dtype.kind == "i" and set(self.classes) <= set(range(classes))
        return own and len(set(self.classes)) == k and all(np.isfinite(array).all() for array in numbers)

    def decisions(self, X: np.ndarray, classes: int) -> np.ndarray:
        """The score of each of the labels 0 ... ``classes - 1``, (n, classes); -inf for one that was not trained."""
        found = np.full((len(X), classes), -np.inf)
        for start in range(0, len(X), 4096):  # float64 takes twice the memory of the features
            rows = slice(start, start + 4096)
            found[rows, self.classes] = ((X[rows] - self.mean) / self.scale) @ self.coef.T + self.intercept
        return found

    def scores(self, decisions: np.ndarray) -> np.ndarray:
        """Probabilities from what ``decisions`` gave; an SVM has none, so its decision scores stay as they are."""
        if self.kind == "svm":
            return decisions
        return softmax(decisions if self.kind == "softmax" else log_expit(decisions), axis=1)


def _rows(which: str, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if y is None:
        raise ValueError(f"The {which} features came without their labels.")
    X, y = _features(which, X), np.asarray(y)
    is_whole = y.dtype.kind in "biuUS" or (y.dtype.kind == "f" and (y == y.round()).all())
    if y.ndim != 1 or not is_whole:
        kind = f"shape {y.shape}, {y.dtype}" if y.ndim else checks.shown(y.item())
        raise ValueError(f"The {which} labels y must be a list of whole numbers or of names, one a row, not {kind}.")
    checks.same_length(f"rows of {which} features", len(X), "labels", len(y))
    return X, y


def _groups(groups: np.ndarray, rows: int) -> np.ndarray:
    groups = np.asarray(groups)
    if groups.ndim != 1 or groups.dtype.kind not in "biuUS":
        raise ValueError(f"groups must name one group a row, but it is {groups.shape}, {groups.dtype}.")
    checks.same_length("rows", rows, "groups", len(groups))
    return groups


def _features(which: str, X: np.ndarray, width: int | None = None) -> np.ndarray:
    """Features as an array of numbers (n, d); else raise ValueError."""
    X = np.asarray(X)
    if X.ndim != 2 or not X.size or X.dtype.kind not in "fiub":
        raise ValueError(f"The {which} features X must be numbers of shape (n, d), but it is {X.shape}, {X.dtype}.")
    if width not in (None, X.shape[1]):
        raise ValueError(f"The {which} features X have {X.shape[1]} columns, but those of the training had {width}.")
    if not np.isfinite(X).all():
        raise ValueError(f"The {which} features hold NaN or infinity: were the weights trained to the end?")
    return X
