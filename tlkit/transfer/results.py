"""What a way reached: its validation accuracy, its cost, and the test set that is opened once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import Split
from tlkit.history import History
from tlkit.language import said
from tlkit.nets.backbone import Backbone
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.naming import PhotoNames
from tlkit.transfer.reports import Report, report_on

__all__ = ["NetworkResult", "ProbeResult", "Result", "answer_balance"]


@dataclass
class Result:
    """What one way reached on one split with one seed.

    Attributes
    ----------
    way, backbone : str
    split : Split
    seed : int
    settings : dict
        ``WAYS[way](split, backbone, seed, **settings)`` gives this result again: to the bit on one machine with one
        number of threads, nearly so on another.
    val_accuracy : float, 0 to 1
    seconds : float
        What training cost, with the frozen features it needs, without looking at val and test.
    trained_parameters : int
        The weights that were fitted to the target.
    classifier : Classifier
        What is left to use: it names pictures and photos. ``save_model`` keeps it.
    test_accuracy : float or None, and test_answers : int64 array (n,) or None
        Filled by ``open_test``.
    """

    way: str
    backbone: str
    split: Split
    seed: int
    settings: dict
    val_accuracy: float
    seconds: float
    trained_parameters: int
    classifier: Classifier = field(repr=False)
    test_accuracy: float | None = field(default=None, init=False)
    test_answers: np.ndarray | None = field(default=None, init=False, repr=False)

    def predict(self, images: Tensor) -> np.ndarray:
        """The most likely class of every picture, int64 ``(n,)``: see ``Classifier.predict``."""
        return self.classifier.predict(images)

    def predict_photos(self, photos: str | Path | Iterable[str | Path], top: int = 3) -> PhotoNames:
        """Name photo files, or a folder of them: see ``Classifier.predict_photos``."""
        return self.classifier.predict_photos(photos, top)

    def report(self, part: str = "test") -> Report:
        """Right how often in each class, and which class is taken for which.

        Parameters
        ----------
        part : {"test", "val"}
            To report on test opens it, once, as ``open_test`` does. While you still choose, look at val.
        """
        if checks.choose("part", part, ("test", "val")) == "test":
            self.open_test()
            truth, answers = self.split.test.labels, self.test_answers
        else:
            truth, answers = self.split.val.labels, self.predict(self.split.val.images)
        return report_on(self.split.name, part, self.split.class_names, truth.numpy(), answers)

    def open_test(self) -> float:
        """Open the test set, once everything is chosen; the accuracy there, 0 to 1.

        A second call gives the same number again and computes nothing. The answers themselves are
        kept in ``test_answers``.
        """
        if self.test_accuracy is None:
            self._score(self.classifier.answers(self.split.test.images), self.split.test.labels.numpy())
        return self.test_accuracy

    def _score(self, answers: dict[str, np.ndarray], truth: np.ndarray) -> None:
        self.test_answers = answers[self.classifier.stage]
        self.test_accuracy = float(np.mean(self.test_answers == truth))


@dataclass
class ProbeResult(Result):
    """What a linear classifier on a frozen backbone reached.

    Attributes
    ----------
    stage : str
        Where it reads the backbone.
    val_by_stage, test_by_stage : dict from stage to accuracy
        For every stage that was tried; the second is filled by ``open_test``.
    """

    val_by_stage: dict[str, float] = field(kw_only=True, repr=False)
    test_by_stage: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def stage(self) -> str:
        return self.classifier.stage

    def _score(self, answers: dict[str, np.ndarray], truth: np.ndarray) -> None:
        super()._score(answers, truth)
        self.test_by_stage = {stage: float(np.mean(given == truth)) for stage, given in answers.items()}


@dataclass
class NetworkResult(Result):
    """What a network that was trained reached.

    Attributes
    ----------
    network : Backbone
        The trained one.
    history : History
        The epochs one by one.
    epochs : int
        Rounds through the training pictures, in whole batches; of ``settings["passes"]`` passes each.
    """

    history: History = field(kw_only=True, repr=False)

    @property
    def network(self) -> Backbone:
        return self.classifier.network

    @property
    def epochs(self) -> int:
        return len(self.history.loss)


def answer_balance(answers: np.ndarray, classes: int) -> tuple[float, float]:
    """The smallest and the largest share of the answers that name one class; says them.

    A classifier that gives a few names to everything has a hole that its accuracy can hide.

    Raises
    ------
    ValueError, TypeError
        For answers that are no labels of so many classes.
    """
    checks.count("classes", classes, 1, checks.MANY)
    answers = checks.rows("answers", answers, classes)
    shares = np.bincount(answers, minlength=classes) / len(answers)
    low, high = float(shares.min()), float(shares.max())
    even = f"{1 / classes:.0%} would be even"
    print(said(f"Each of {classes} classes is named in {low:.0%} to {high:.0%} of the answers ({even})."))
    return low, high
