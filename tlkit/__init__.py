"""tlkit: the helpers of the transfer-learning course.

Everything a lesson uses is here; each name's docstring says what it does and where it comes from.
Names are fetched from their modules when first used. So ``import tlkit`` is quick, and
``tlkit.check_environment()`` can say what is missing, even if that is PyTorch.
"""

import importlib
import os

# On Linux, PyTorch's threads wait for each other by spinning. With two notebooks open on two cores
# they spin in each other's way, and both crawl at a tenth of their speed or less. So they may spin a little
# and then sleep, which costs up to an eighth where one runs alone (tests/benchmarks/NOTES.md has the values
# between). This must be said before PyTorch is loaded; a setting of yours is kept.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

_NAMES = {
    "fetching": ("fetch", "is_here", "real_or_offline"),
    "environment": ("check_environment",),
    "disk.cache": ("cache_folder",),
    "disk.words": ("use_language",),
    "world.catalogue": ("OFFLINE_DATASETS",),
    "world.meadow": ("draw_meadow",),
    "nets.averaging": ("average_weights",),
    "nets.backbone": ("Backbone",),
    "nets.backbones": ("load_backbone",),
    "nets.convolutional": ("as_convolutions",),
    "nets.freezing": ("freeze", "parameter_groups", "unfreeze"),
    "data.augment": ("Augmentation",),
    "data.shifts": ("shifted",),
    "data.splits": ("ImageSet", "Split", "load_dataset"),
    "folders.arrays": ("load_arrays",),
    "folders.loading": ("load_folder",),
    "history": ("History",),
    "intervals": ("accuracy_interval", "mean_interval", "points"),
    "figures.heat": ("plot_heat",),
    "figures.galleries": ("plot_answers", "plot_mistakes", "plot_neighbours", "plot_pictures", "plot_split"),
    "figures.plots": ("plot_bars", "plot_curves", "plot_differences", "plot_training"),
    "figures.style": ("show",),
    "transfer.features": ("extract_features", "receptive_field", "top_patches"),
    "transfer.probes": ("PROBES", "LinearProbe"),
    "transfer.results": ("answer_balance",),
    "transfer.sharing": ("load_model", "model_zoo", "save_model"),
    "transfer.network_ways": ("from_scratch", "pretrained_start", "scaled_start", "two_phase"),
    "transfer.probe_ways": ("all_stages", "earlier_stage", "linear_probe"),
    "transfer.scoring": ("accuracy", "predict"),
    "transfer.training": ("train_network",),
    "transfer.ways": ("WAYS",),
    "study.advice": ("advise",),
    "study.decision": ("load_map",),
    "study.evidence": ("similarity",),
    "study.places": ("quadrant",),
    "study.map_grid": ("plot_winners",),
    "study.map_plots": ("plot_stages",),
    "study.survey": ("recompute", "run_map"),
    "study.trials": ("compare",),
    "widgets.average_slider": ("average_slider",),
    "widgets.claims": ("claims",),
    "widgets.dataset_picker": ("dataset_picker",),
    "widgets.demo": ("demo_page",),
    "widgets.desks": ("augmentation_desk", "fine_tuning_desk"),
    "widgets.guess": ("Guess",),
    "widgets.naming": ("name_photo",),
    "widgets.panels": ("decision_map", "stage_picker"),
    "widgets.upload": ("upload_folder",),
    "exercises": ("check",),
    "exercises.overview": ("show_progress",),
    "exercises.quiz": ("Quiz",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"tlkit has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"tlkit.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
