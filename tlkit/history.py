"""What happened in each epoch of a training, for whoever trains, draws or reports it."""

from dataclasses import dataclass, field

__all__ = ["History"]


@dataclass
class History:
    """What happened in each epoch.

    Attributes
    ----------
    loss : mean training loss
    val_accuracy : accuracy on val, 0 to 1, with ``class_weight`` the mean of the classes' own; empty if val was not
        watched
    seconds : training seconds since the start, without those spent on looking at val
    stopped : why training ended before its last epoch, or "" if it did not
    head_epochs : how many of the epochs trained the head alone, in a training of two phases
    kept : the epoch, counted from 1, whose weights the network has, if ``patience`` asked for the best on val; else 0
    """

    loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = ""
    head_epochs: int = 0
    kept: int = 0
    _made_by = "tlkit.train_network(...) gives one; of a way it is result.history."

    def __add__(self, later: "History") -> "History":
        """Two runs one after the other, as one."""
        before = self.seconds[-1] if self.seconds else 0.0
        seconds = self.seconds + [before + s for s in later.seconds]
        accuracies = self.val_accuracy + later.val_accuracy
        kept = len(self.loss) + later.kept if later.kept else self.kept
        return History(self.loss + later.loss, accuracies, seconds, later.stopped, self.head_epochs, kept)
