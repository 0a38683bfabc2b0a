"""The larger widgets: the decision map, the stages, the fine-tuning desk and the augmentation desk."""

import threading
import time
from collections.abc import Callable

import ipywidgets
import torch
from matplotlib.axes import Axes
from torch import Tensor

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import Split
from tlkit.figures import galleries, plots, style
from tlkit.history import History
from tlkit.nets.backbones import load_backbone
from tlkit.study.decision import DecisionMap, load_map
from tlkit.study.map_plots import example_strip, plot_map, plot_stages
from tlkit.study.survey import recompute
from tlkit.transfer.network_ways import two_phase
from tlkit.transfer.results import NetworkResult, Result
from tlkit.transfer.ways import WAYS
from tlkit.widgets.controls import Panel, show_widget, size_slider, stop_buttons

__all__ = ["augmentation_desk", "decision_map", "fine_tuning_desk", "stage_picker"]


class LiveRun:
    """Run and stop buttons, a line of text, and a training that follows them in a thread of its own.

    Training in a thread keeps the notebook free to hear the stop button. ``wait()`` is for scripts.

    Parameters
    ----------
    start : function from ``on_epoch_end`` to a Result; called when the run button is pressed
    on_epoch : function of the History, called after every epoch
    """

    def __init__(self, start: Callable[[Callable], Result], on_epoch: Callable[[History], None]):
        self._start, self._on_epoch = start, on_epoch
        self.run = ipywidgets.Button(description="run it now", icon="play", button_style="primary")
        self.stop = ipywidgets.Button(description="stop", icon="stop", disabled=True)
        self.budget = ipywidgets.BoundedIntText(
            value=30, min=1, max=3600, description="seconds", layout={"width": "160px"}
        )
        self.said = ipywidgets.HTML()
        self.result: Result | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.run.on_click(lambda _: self._begin())
        self.stop.on_click(lambda _: self._stopping.set())

    @property
    def controls(self) -> list[ipywidgets.Widget]:
        return [self.run, self.stop, self.budget, self.said]

    def wait(self) -> None:
        """Return when the training has ended."""
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        self.run.disabled, self.stop.disabled = True, False
        self.said.value = "Running …"
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        began: list[float] = []

        def on_epoch_end(history: History) -> bool:
            began.append(time.perf_counter())  # drawing the pictures, before the first epoch, does not count
            self._on_epoch(history)
            self.said.value = f"Epoch {len(history.loss)}, {history.seconds[-1]:.1f} s of training"
            return self._stopping.is_set() or time.perf_counter() - began[0] > self.budget.value

        try:
            self.result = self._start(on_epoch_end)
            stopped = self.result.history.stopped if isinstance(self.result, NetworkResult) else ""
            asked = "as asked" if self._stopping.is_set() else "as the time is up"
            ended = f" {stopped.replace('as asked', asked)}" if stopped else ""
            self.said.value = (
                f"<b>{self.result.val_accuracy:.1%}</b> on val, {self.result.seconds:.1f} s of training.{ended}"
            )
        except Exception as error:  # whatever it is, it must reach the reader and not die in the thread
            self.said.value = f"<b>It did not run:</b> {error}"
        finally:
            self.run.disabled, self.stop.disabled = False, True


# ------------------------------------------------------------------------------ decision map


class DecisionMapPanel(Panel):
    """See ``decision_map``."""

    def __init__(self, measured: DecisionMap, dataset: str, per_class: int, reveal: bool):
        self._measured, self._resetting = measured, False
        self._stops, self._sizes = stop_buttons(dataset), size_slider(per_class, measured.sizes)
        self._votes = {
            way: ipywidgets.BoundedIntText(
                value=0,
                min=0,
                max=9999,
                description=way,
                layout={"width": "168px"},
                style={"description_width": "98px"},
            )
            for way in WAYS
        }
        self._reveal = ipywidgets.ToggleButton(
            value=reveal, description="show what was measured", layout={"width": "220px"}
        )
        self._said = ipywidgets.HTML(layout={"min_height": "100px"})
        self._examples = ipywidgets.HTML()
        self._way = ipywidgets.Dropdown(options=list(WAYS), value="fine-tuning", layout={"width": "160px"})
        self.live = LiveRun(self._run, self._on_epoch)
        self._curve = ipywidgets.HTML(layout={"overflow": "auto"})
        for control in (self._stops, self._sizes):
            control.observe(self._new_question, "value")  # before the picture is drawn again
        hands = ipywidgets.HTML("<b>Hands up</b> for each way:")
        rows = [
            [self._stops, self._sizes],
            [hands, *self._votes.values(), self._reveal],
        ]
        self._open(rows, [self._stops, self._sizes, self._reveal, *self._votes.values()], height=320)
        live = ipywidgets.HBox([self._way, *self.live.controls], layout={"flex_flow": "row wrap"})
        *above, picture = self._box.children
        self._box.children = (*above, self._examples, picture, self._said, live, self._curve)

    def _figure(self) -> Axes:
        dataset, size = self._stops.value, self._sizes.value
        advice = self._measured.recommend(dataset, size)
        said = str(advice) if self._reveal.value else str(advice).split("\nMeasured")[0]
        self._said.value = said.replace("\n", "<br>")
        self._examples.value = example_strip(dataset)
        votes = {way: box.value for way, box in self._votes.items()}
        return plot_map(self._measured, dataset, size, votes, self._reveal.value)

    def _new_question(self, change: dict) -> None:
        self._resetting = True  # five boxes to empty, one picture to draw
        for box in self._votes.values():
            box.value = 0
        self._resetting = False

    def _draw(self, change: dict | None = None) -> None:
        if not self._resetting:
            super()._draw(change)

    def _ipython_display_(self) -> None:
        show_widget(self._box, self._examples.value + self._still, self._alt)

    def _run(self, on_epoch_end: Callable) -> Result:
        way = self._way.value
        self._curve.value = ""
        self._cell = f"{way} on {self._stops.value}, {self._sizes.value} images per class"
        extra = {"on_epoch_end": on_epoch_end} if WAYS[way].trains else {}
        return recompute(self._stops.value, self._sizes.value, way, **extra)

    def _on_epoch(self, history: History) -> None:
        axes = plots.plot_training({"now": history}, f"Live: {self._cell}")
        self._curve.value = style.as_html(axes, dpi=80)


def decision_map(
    dataset: str = "flowers", per_class: int = 5, measured: DecisionMap | None = None, reveal: bool = True
) -> DecisionMapPanel:
    """The decision map to play with: size, similarity, the room's vote, what was measured, and a run of your own.

    Parameters
    ----------
    dataset, per_class : where it opens
    measured : DecisionMap, optional
        Another map than the one that ships with the course.
    reveal : bool
        False hides the measurement until the button is pressed, so that a room can vote first.
    """
    return DecisionMapPanel(measured or load_map(), dataset, per_class, reveal)


# ------------------------------------------------------------------------------------ stages


class StagePicker(Panel):
    """See ``stage_picker``."""

    def __init__(self, measured: DecisionMap, dataset: str, per_class: int):
        self._measured = measured
        self._stops, self._sizes = stop_buttons(dataset), size_slider(per_class, measured.sizes)
        stages = list(measured.stage_sweep(dataset, per_class))
        self._stage = ipywidgets.SelectionSlider(
            options=stages, value=stages[-1], description="read at", continuous_update=False, layout={"width": "300px"}
        )
        controls = [self._stops, self._sizes, self._stage]
        self._open([controls], controls, height=320)

    def _figure(self) -> Axes:
        dataset, size = self._stops.value, self._sizes.value
        sweep = self._measured.stage_sweep(dataset, size)
        return plot_stages({dataset: sweep}, self._stage.value, f"{dataset}, {size} images per class")


def stage_picker(dataset: str = "tissue", per_class: int = 20, measured: DecisionMap | None = None) -> StagePicker:
    """Where to read the backbone: the measured accuracy of a linear SVM on each of its stages."""
    return StagePicker(measured or load_map(), dataset, per_class)


# ------------------------------------------------------------------------------- fine-tuning


class FineTuningDesk(Panel):
    """See ``fine_tuning_desk``."""

    def __init__(self, split: Split, backbone: str):
        self._split, self._backbone = split, backbone
        stages = load_backbone(backbone, device="cpu").stage_names
        options = [("the head alone", 0)] + [(f"from {stage} on", len(stages) - k) for k, stage in enumerate(stages)][
            ::-1
        ]
        self._unfreeze = ipywidgets.Dropdown(options=options, value=len(stages), description="unfreeze")
        self._rate = ipywidgets.SelectionSlider(
            options=[(f"{rate:g}", rate) for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)],
            value=3e-3,
            description="head rate",
        )
        self._factor = ipywidgets.SelectionSlider(
            options=[(f"x {factor:g}", factor) for factor in (0.01, 0.03, 0.1, 0.3, 1.0)],
            value=0.1,
            description="stages'",
        )
        self._epochs = ipywidgets.BoundedIntText(
            value=8, min=1, max=100, description="epochs", layout={"width": "150px"}
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
    return FineTuningDesk(split, backbone)


# ------------------------------------------------------------------------------ augmentation


class AugmentationDesk(Panel):
    """See ``augmentation_desk``."""

    def __init__(self, images: Tensor, views: int):
        self._images, self._views = checks.images(images), checks.count("views", views, 1)
        box = {"indent": False, "layout": {"width": "170px"}}
        self._flip_h = ipywidgets.Checkbox(value=True, description="flip left-right", **box)
        self._flip_v = ipywidgets.Checkbox(value=False, description="flip top-bottom", **box)
        self._rotation = ipywidgets.IntSlider(value=0, min=0, max=180, step=15, description="rotation °")
        self._scale = ipywidgets.FloatSlider(value=1.0, min=1.0, max=2.0, step=0.1, description="scale")
        self._crop = ipywidgets.FloatSlider(value=1.0, min=0.3, max=1.0, step=0.1, description="crop")
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
    return galleries.plot_pictures(torch.cat(seen), ["as it is", *(f"view {k + 1}" for k in range(views))])


def augmentation_desk(images: Tensor, views: int = 3) -> AugmentationDesk:
    """Choose the operations and see what they do to some pictures; ``desk.augmentation`` is for training."""
    return AugmentationDesk(images, views)
