"""Classes of unequal size: weights that give each the same say, and the accuracy that goes with them."""

import numpy as np
import torch
from torch import Tensor

from tlkit import checks

__all__: list[str] = []


def check_class_weight(class_weight: str | None) -> None:
    """Raise ValueError unless it is None or ``"balanced"``."""
    if class_weight is not None:
        checks.choose("class_weight", class_weight, ["balanced"])


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """The weight of a picture of each class, n / (classes present * pictures of the class), float64 ``(classes,)``.

    So every class that is there has the same sum, and the mean over the pictures is 1 (scikit-learn's "balanced").
    """
    counts = torch.bincount(labels, minlength=classes)
    return len(labels) / (int((counts > 0).sum()) * counts.clamp(min=1).double())


def mean_recall(truth: np.ndarray, answers: np.ndarray) -> float:
    """Balanced accuracy: the mean, over the classes that are there, of the share of a class that is named rightly."""
    right = np.asarray(truth) == np.asarray(answers)
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))
