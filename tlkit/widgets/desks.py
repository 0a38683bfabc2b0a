"""Desks to try things at: fine-tuning with settings of one's own, and augmentation."""

from collections.abc import Callable

import ipywidgets
import torch
from matplotlib.axes import Axes
from torch import Tensor

from tlkit import checks
from tlkit.data.augment import Augmentation, load_operations
from tlkit.data.splits import Split
from tlkit.figures import galleries, plots
from tlkit.history import History
from tlkit.language import said
from tlkit.nets.backbones import check_backbone, load_backbone
from tlkit.transfer.network_ways import two_phase
from tlkit.transfer.results import Result
from tlkit.widgets.live import LiveRun
from tlkit.widgets.redrawn import Panel

__all__ = ["augmentation_desk", "fine_tuning_desk"]

_MOST_VIEWS = 20  # rows of a figure


class FineTuningDesk(Panel):
    """See ``fine_tuning_desk``."""

    def __init__(self, split: Split, backbone: str):
        self._split, self._backbone = split, backbone
        stages = load_backbone(backbone, device="cpu").stage_names
        parts = [(said(f"from {stage} on"), len(stages) - k) for k, stage in enumerate(stages)]
        options = [(said("the head alone"), 0), *parts[::-1]]
        self._unfreeze = ipywidgets.Dropdown(options=options, value=len(stages), description=said("unfreeze"))
        self._rate = ipywidgets.SelectionSlider(
            options=[(f"{rate:g}", rate) for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)],
            value=3e-3,
            description=said("head rate"),
        )
        self._factor = ipywidgets.SelectionSlider(
            options=[(f"x {factor:g}", factor) for factor in (0.01, 0.03, 0.1, 0.3, 1.0)],
            value=0.1,
            description=said("stages'"),
        )
        self._epochs = ipywidgets.BoundedIntText(
            value=8, min=1, max=100, description=said("epochs"), layout={"width": "150px"}
        )
        self._runs: dict[str, History] = {}
        self._count = 0
        self.live = LiveRun(self._run, self._on_epoch)
        settings = [self._unfreeze, self._rate, self._factor, self._epochs]
        self._open([settings, self.live.controls], [], height=320)

    def _run(self, on_epoch_end: Callable) -> Result:
        first = self._unfreeze.label
        self._count += 1
        self._name = f"{self._count}: {first}, {self._rate.label} {self._factor.label}"
        # Two earlier runs stay in the picture to compare with.
        self._runs = dict(list(self._runs.items())[-2:]) | {self._name: History()}
        return two_phase(
            self._split,
            self._backbone,
            epochs=self._epochs.value,
            head_epochs=self._epochs.value,
            unfreeze_last=self._unfreeze.value,
            learning_rate=self._rate.value,
            backbone_factor=self._factor.value,
            on_epoch_end=on_epoch_end,
        )

    def _on_epoch(self, history: History) -> None:
        self._runs[self._name] = history
        self._draw()

    def _figure(self) -> Axes:
        return plots.plot_training(self._runs, f"{self._split.name}, {self._split.per_class} images per class")


def fine_tuning_desk(split: Split, backbone: str = "minivgg") -> FineTuningDesk:
    """Freeze, unfreeze, choose the rates, and watch the two phases live; three runs stay in the picture."""
    checks.instance("split", split, Split)
    check_backbone(backbone)
    return FineTuningDesk(split, backbone)


class AugmentationDesk(Panel):
    """See ``augmentation_desk``."""

    def __init__(self, images: Tensor, views: int):
        load_operations()  # now, so that no control has to wait for it
        self._images, self._views = checks.images(images), checks.count("views", views, 1, _MOST_VIEWS)
        box = {"indent": False, "layout": {"width": "170px"}}
        self._flip_h = ipywidgets.Checkbox(value=True, description=said("flip left-right"), **box)
        self._flip_v = ipywidgets.Checkbox(value=False, description=said("flip top-bottom"), **box)
        self._rotation = ipywidgets.IntSlider(value=0, min=0, max=180, step=15, description=said("rotation °"))
        self._scale = ipywidgets.FloatSlider(value=1.0, min=1.0, max=2.0, step=0.1, description=said("scale"))
        self._crop = ipywidgets.FloatSlider(value=1.0, min=0.3, max=1.0, step=0.1, description=said("crop"))
        sliders = [self._rotation, self._scale, self._crop]
        for slider in sliders:
            slider.continuous_update = False
        flips = [self._flip_h, self._flip_v]
        self._open([flips, sliders], [*flips, *sliders], height=280)

    @property
    def augmentation(self) -> Augmentation:
        """What the controls say, to train with."""
        return Augmentation(
            self._flip_h.value,
            self._flip_v.value,
            self._rotation.value,
            round(self._scale.value, 1),
            round(self._crop.value, 1),
        )

    def _figure(self) -> Axes:
        return plot_views(self._images, self.augmentation, self._views)


def plot_views(images: Tensor, augmentation: Augmentation, views: int = 3) -> Axes:
    """Pictures as they are in the first row, and other views of them below."""
    seen = [images]
    for view in range(views):
        # One at a time, so that each picture has luck of its own.
        seen.append(torch.cat([augmentation(one[None], 97 * view + k) for k, one in enumerate(images)]))
    return galleries.plot_pictures(torch.cat(seen), ["as it is", *(f"{said('view')} {k + 1}" for k in range(views))])


def augmentation_desk(images: Tensor, views: int = 3) -> AugmentationDesk:
    """Choose the operations and see what they do to some pictures; ``desk.augmentation`` is for training."""
    return AugmentationDesk(images, views)
