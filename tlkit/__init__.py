"""tlkit: the helpers of the transfer-learning course.

Everything a lesson uses is here; each name's docstring says where it lives and where it comes from.
"""

from tlkit.backbones import BACKBONES, Backbone, load_backbone, pick_device
from tlkit.cache import cache_folder
from tlkit.data import ImageSet, Split, load_dataset
from tlkit.environment import check_environment
from tlkit.features import extract_features
from tlkit.intervals import Interval, mean_interval
from tlkit.plots import plot_bars, plot_curves, plot_mistakes, plot_neighbours, plot_pictures, plot_split, show
from tlkit.probes import PROBES, LinearProbe
from tlkit.training import History, accuracy, predict, train_from_scratch, train_network
from tlkit.widgets import Guess
from tlkit.world import OFFLINE_DATASETS

__version__ = "0.1.0"
__all__ = [
    "BACKBONES",
    "OFFLINE_DATASETS",
    "PROBES",
    "Backbone",
    "Guess",
    "History",
    "ImageSet",
    "Interval",
    "LinearProbe",
    "Split",
    "accuracy",
    "cache_folder",
    "check_environment",
    "extract_features",
    "load_backbone",
    "load_dataset",
    "mean_interval",
    "pick_device",
    "plot_bars",
    "plot_curves",
    "plot_mistakes",
    "plot_neighbours",
    "plot_pictures",
    "plot_split",
    "predict",
    "show",
    "train_from_scratch",
    "train_network",
]
