"""What a network answers, and how often it is right."""

import torch
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import ImageSet
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import autocast, batch_size_for
from tlkit.transfer.balance import check_class_weight, mean_recall

__all__ = ["accuracy", "predict"]


@torch.inference_mode()
def predict(network: Backbone, images: Tensor, batch_size: int | None = None) -> Tensor:
    """The most likely class of every picture, int64 ``(n,)``, in evaluation mode."""
    checks.images(images, checks.instance("network", network, Backbone).smallest)
    if batch_size is not None:
        checks.count("batch_size", batch_size, 1)
    device, was_training = network.device, network.training
    network.eval()
    batches = images.split(batch_size or batch_size_for(device, *images.shape[2:]))
    try:
        with autocast(device):
            return torch.cat([network(batch).argmax(1) for batch in batches]).cpu()
    finally:
        network.train(was_training)


def accuracy(network: Backbone, part: ImageSet, class_weight: str | None = None) -> float:
    """The share of pictures that the network gets right, 0 to 1; with ``class_weight`` the mean of the classes'.

    A set whose classes are in another order than those that the network was trained on is scored by
    their names, as far as both are known.

    Raises
    ------
    ValueError
        If the network was trained on other classes.
    """
    checks.instance("network", network, Backbone)
    checks.instance("part", part, ImageSet)
    check_class_weight(class_weight)
    return score(predict(network, part.images), part.labels_as(network.class_names), class_weight)


def score(answers: Tensor, labels: Tensor, class_weight: str | None) -> float:
    """The accuracy of answers, or with ``class_weight`` the mean of the classes' own accuracies."""
    if class_weight:
        return mean_recall(labels.numpy(), answers.numpy())
    return (answers == labels).float().mean().item()
