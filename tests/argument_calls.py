"""For every public function and class a small call that is right, and what kind each argument is.

What an argument is goes by its name, unless ``OWN_KIND`` says otherwise. A name that is new to both fails the walk,
and so does a public name without a call.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from map_makers import photo_map
from PIL import Image
from torch import nn

import tlkit

NAMES_OF = {
    "Cs": "Cs",
    "anything": "answer",
    "augment": "augment",
    "axes": "axes",
    "backbone": "backbone",
    "claims": "held",
    "class names": "class_names options",
    "colours": "mean std",
    "cores": "n_jobs",
    "count": "classes columns count epochs head_epochs jobs pace passes per_class rows size smallest views window",
    "counts": "sizes",
    "device": "device",
    "features": "X X_val",
    "flag": "flip_horizontal flip_vertical log_x near_copies overwrite own_photo pretrained quiet relu "
    "reveal val_each_epoch",
    "function": "draw on_epoch_end",
    "index": "channel last number unfreeze_last",
    "interval": "difference",
    "intervals": "intervals",
    "labels": "labels nearest predicted y y_val",
    "large count": "batch_size cv grid looks patience pictures together",
    "map": "measured",
    "mapping": "answers curves gains histories maps sweeps values",
    "name": "by class_weight dataset first fit kind language lesson mark meadow name names option precision "
    "second shift stage through truth way",
    "network": "after before network",
    "new path": "checkpoint out",
    "not negative": "weight_decay",
    "numbers": "x",
    "part": "part pool queries test train val",
    "path": "folder path weights",
    "photos": "photos",
    "pictures": "images",
    "pixels": "image_size",
    "rate": "backbone_factor learning_rate seconds",
    "result": "result",
    "row names": "row_names",
    "seed": "seed",
    "seeds": "seeds",
    "share": "crop share stage_decay strength warm_up",
    "split": "split",
    "stage names": "stages",
    "text": "data_licence desc question title xlabel ylabel",
    "texts": "about",
    "ways": "ways",
}  # fmt: skip
KIND_OF = {name: kind for kind, names in NAMES_OF.items() for name in names.split()}
OWN_KIND = {
    ("Augmentation", "rotation"): "degrees",
    ("Augmentation", "scale"): "factor",
    ("Backbone", "head"): "head",
    ("Backbone", "image_size"): "large count",
    ("Backbone", "name"): "backbone name",
    ("Backbone", "smallest"): "large count",
    ("Backbone", "stages"): "stages",
    ("DecisionMap.of", "backbone"): "name",
    ("ImageSet", "groups"): "groups",
    ("ImageSet.first", "per_class"): "large count",
    ("LinearProbe.fit", "groups"): "targets",
    ("load_arrays", "groups"): "groups",
    ("load_arrays", "per_class"): "large count",
    ("load_folder", "groups"): "path reader",
    ("load_folder", "labels"): "path reader",
    ("LinearProbe.fit", "y"): "targets",
    ("LinearProbe.fit", "y_val"): "targets",
    ("Progress.export", "path"): "new path",
    ("Result.predict_photos", "top"): "large count",
    ("Result.report", "part"): "name",
    ("Split", "name"): "text",
    ("Split", "per_class"): "large count",
    ("Split", "reading"): "anything",
    ("Split", "report"): "anything",
    ("accuracy_interval", "accuracies"): "draws",
    ("answer_balance", "answers"): "answers",
    ("compare", "split"): "split or function",
    ("draw_meadow", "labels"): "answers",
    ("load_dataset", "classes"): "classes",
    ("load_folder", "per_class"): "large count",
    ("load_folder", "test"): "path",
    ("load_folder", "train"): "path",
    ("load_folder", "val"): "path",
    ("mean_interval", "values"): "draws",
    ("name_photo", "model"): "result",
    ("name_photo", "pictures"): "part",
    ("plot_split", "columns"): "large count",
    ("plot_training", "histories"): "histories",
    ("plot_winners", "maps"): "map",
    ("quadrant", "per_class"): "large count",
    ("run_map", "backend"): "name",
    ("run_map", "datasets"): "names",
    ("run_map", "per_class"): "counts",
    ("run_map", "scheduler"): "scheduler",
    ("run_map", "seeds"): "count",
    ("save_model", "folder"): "new path",
    ("shifted", "part"): "name",
    ("train_network", "groups"): "parameter groups",
}
NONE_TOO = {  # where None says something, though it is no default
    ("Backbone.new_head", "seed"),
    ("ImageSet.labels_as", "class_names"),
    ("extract_features", "grid"),
    ("train_network", "val"),
}
RECORDS = {"History"}  # what a training writes down as it goes, and nobody else makes
MAPPINGS = {"OFFLINE_DATASETS", "WAYS", "PROBES"}  # public, and nothing to call


def make_kit(folder: Path) -> SimpleNamespace:
    """What the calls need, made once; files go into ``folder``."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 2
    images = torch.randint(0, 256, (48, 3, 32, 32), generator=random, dtype=torch.uint8)
    parts = [tlkit.ImageSet(images[k::3], labels[k::3]) for k in range(3)]
    split = tlkit.Split("noise", ["a", "b"], *parts, per_class=8, seed=0)
    backbone = tlkit.load_backbone("minivgg", device="cpu")
    head = tlkit.load_backbone("minivgg", device="cpu").new_head(2)
    probe = tlkit.linear_probe(split, backbone, device="cpu")
    stages = {"conv": nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())}
    X, y = np.random.default_rng(0).normal(size=(16, 4)), split.train.labels.numpy()
    for k, picture in enumerate(images[:6].permute(0, 2, 3, 1).numpy()):
        (folder / "pictures" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / "pictures" / "ab"[k % 2] / f"{k}.png")
    return SimpleNamespace(
        images=images[:16], labels=split.train.labels.tolist(), split=split, part=parts[0], backbone=backbone,
        head=head, probe=probe, stages=stages, X=X, y=y, map=photo_map(), meadow=tlkit.draw_meadow([0, 1]),
        guess=tlkit.Guess("Which?", ["a", "b"]), quiz=tlkit.Quiz("03"), fitted=tlkit.LinearProbe().fit(X, y),
        folder=folder, pictures=folder / "pictures", model=tlkit.save_model(probe, folder / "models" / "one"),
    )  # fmt: skip


def _way(k: SimpleNamespace, **more: object) -> dict:
    return dict(split=k.split, backbone=k.backbone, device="cpu") | more


def _training(k: SimpleNamespace) -> dict:
    return dict(network=k.head, train=k.part, val=k.part, epochs=1)


_SHARES = {"a": [0.5, 0.6, 0.8]}
_NAMES = ["a", "b"]

CALLS = {
    "Augmentation": lambda k: dict(flip_horizontal=True),
    "Augmentation.__call__": lambda k: dict(images=k.images),
    "Backbone": lambda k: dict(
        name="mine", stages=k.stages, head=nn.Linear(2, 2), mean=(0.5,) * 3, std=(0.5,) * 3, image_size=32, smallest=8
    ),
    "Backbone.activations": lambda k: dict(images=k.images),
    "Backbone.new_head": lambda k: dict(classes=2),
    "Comparison.difference": lambda k: dict(first="probe", second="scratch"),
    "Comparison.plot": lambda k: {},
    "DecisionMap.at": lambda k: dict(dataset="digits", per_class=5),
    "DecisionMap.of": lambda k: dict(backbone="squeezenet1_1"),
    "Guess": lambda k: dict(question="Which?", options=_NAMES),
    "Guess.choose": lambda k: dict(option="a"),
    "Guess.compare": lambda k: dict(truth="a"),
    "ImageSet": lambda k: dict(images=k.images, labels=k.part.labels),
    "ImageSet.first": lambda k: dict(per_class=1),
    "ImageSet.labels_as": lambda k: dict(class_names=["b", "a"]),
    "LinearProbe.fit": lambda k: dict(X=k.X, y=k.y, X_val=k.X, y_val=k.y),
    "LinearProbe.predict": lambda k: dict(X=k.X),
    "LinearProbe": lambda k: {},
    "Quiz": lambda k: dict(lesson="03"),
    "Quiz.choose": lambda k: dict(number=1, option=k.quiz.questions[0]["option"][0]["says"]),
    "Progress.export": lambda k: dict(path=k.folder / "Ada.json"),
    "Result.predict": lambda k: dict(images=k.images),
    "Result.predict_photos": lambda k: dict(photos=k.pictures),
    "Result.report": lambda k: dict(part="val"),
    "Split": lambda k: dict(
        name="mine", class_names=_NAMES, train=k.part, val=k.part, test=k.part, per_class=8, seed=0
    ),
    "accuracy": lambda k: dict(network=k.head, part=k.part),
    "accuracy_interval": lambda k: dict(accuracies=[0.5, 0.6, 0.8]),
    "advise": lambda k: dict(split=k.split, backbone=k.backbone, device="cpu"),
    "answer_balance": lambda k: dict(answers=k.labels, classes=2),
    "as_convolutions": lambda k: dict(backbone=k.backbone),
    "augmentation_desk": lambda k: dict(images=k.images[:2], views=1),
    "average_slider": lambda k: {},
    "average_weights": lambda k: dict(before=k.head, after=k.head),
    "cache_folder": lambda k: {},
    "check": lambda k: dict(name="03.1", answer=...),
    "check_environment": lambda k: {},
    "claims": lambda k: dict(held={"one and one is two": True}),
    "compare": lambda k: dict(ways=["probe"], split=k.split, seeds=[0]),
    "dataset_picker": lambda k: {},
    "decision_map": lambda k: {},
    "demo_page": lambda k: {},
    "draw_meadow": lambda k: dict(labels=[0]),
    "all_stages": lambda k: _way(k, stages=["fc6", "fc7"], share=0.5),
    "earlier_stage": lambda k: _way(k, stages=["fc6", "fc7"]),
    "extract_features": lambda k: dict(backbone=k.backbone, images=k.images),
    "fetch": lambda k: dict(names="efficientnet_lite0"),
    "fine_tuning_desk": lambda k: dict(split=k.split),
    "freeze": lambda k: dict(backbone=k.head),
    "from_scratch": lambda k: _way(k, epochs=1, passes=1),
    "is_here": lambda k: dict(names="flowers17"),
    "linear_probe": _way,
    "load_arrays": lambda k: dict(images=k.images, labels=k.labels, image_size=16, quiet=True),
    "load_backbone": lambda k: dict(device="cpu"),
    "load_dataset": lambda k: dict(name="flowers", per_class=1),
    "load_folder": lambda k: dict(path=k.pictures, image_size=32, quiet=True),
    "load_map": lambda k: {},
    "load_model": lambda k: dict(folder=k.model, device="cpu"),
    "mean_interval": lambda k: dict(values=[0.1, 0.2, 0.4]),
    "model_zoo": lambda k: dict(folder=k.model.parent),
    "name_photo": lambda k: dict(model=k.probe),
    "parameter_groups": lambda k: dict(backbone=k.head, learning_rate=0.1),
    "plot_answers": lambda k: dict(images=k.images, labels=k.labels, answers={"a": k.labels}, class_names=_NAMES),
    "plot_bars": lambda k: dict(values=_SHARES),
    "plot_curves": lambda k: dict(x=[1, 2], curves={"a": np.full((3, 2), 0.5)}, xlabel="x"),
    "plot_differences": lambda k: dict(gains={"a": tlkit.mean_interval([0.1, 0.2, 0.4])}),
    "plot_heat": lambda k: dict(meadow=k.meadow, maps={"poppy": np.zeros((4, 4))}),
    "plot_mistakes": lambda k: dict(images=k.images, labels=k.labels, predicted=[0] * 16, class_names=_NAMES),
    "plot_neighbours": lambda k: dict(
        queries=k.part.first(1), pool=k.part, nearest=np.zeros((2, 2), int), class_names=_NAMES
    ),
    "plot_pictures": lambda k: dict(images=k.images, row_names=_NAMES),
    "plot_split": lambda k: dict(split=k.split, columns=2),
    "plot_stages": lambda k: dict(sweeps={"a": {"conv1": [0.1, 0.2, 0.4]}}),
    "plot_training": lambda k: dict(histories={"a": tlkit.History([1.0], [0.5], [1.0])}),
    "plot_winners": lambda k: dict(maps=k.map),
    "points": lambda k: dict(difference=0.1),
    "predict": lambda k: dict(network=k.head, images=k.images),
    "pretrained_start": lambda k: _way(k, epochs=1, passes=1),
    "quadrant": lambda k: dict(dataset="flowers", per_class=5),
    "real_or_offline": lambda k: dict(dataset="flowers17", backbone="alexnet"),
    "receptive_field": lambda k: dict(backbone=k.backbone, stage="conv1"),
    "recompute": lambda k: dict(dataset="flowers", per_class=1, way="probe", device="cpu", image_size=32),
    "run_map": lambda k: dict(
        out=k.folder / "map.csv", datasets=["flowers"], per_class=[1], ways=["probe"], seeds=1, image_size=32
    ),
    "save_model": lambda k: dict(result=k.probe, folder=k.folder / "models" / "two", overwrite=True),
    "scaled_start": lambda k: _way(k, epochs=1, passes=1),
    "shifted": lambda k: dict(split=k.split, shift="dusk"),
    "show": lambda k: dict(axes=tlkit.plot_bars(_SHARES)),
    "show_progress": lambda k: {},
    "similarity": lambda k: dict(split=k.split, backbone=k.backbone, device="cpu"),
    "stage_picker": lambda k: {},
    "top_patches": lambda k: dict(backbone=k.backbone, images=k.images, stage="conv1", channel=0),
    "train_network": _training,
    "two_phase": lambda k: _way(k, epochs=1, head_epochs=1, passes=1),
    "unfreeze": lambda k: dict(backbone=k.head),
    "upload_folder": lambda k: {},
    "use_language": lambda k: dict(language="en"),
}
# Whose right call takes seconds, or looks at the whole machine: it is made elsewhere.
SLOW = {"advise", "check_environment", "dataset_picker", "decision_map", "demo_page", "fetch", "fine_tuning_desk",
        "load_dataset", "recompute", "run_map", "stage_picker"}  # fmt: skip
OWNERS = {
    "Augmentation.__call__": lambda k: tlkit.Augmentation(flip_horizontal=True),
    "Backbone.activations": lambda k: k.backbone,
    "Backbone.new_head": lambda k: k.head,
    "Comparison.difference": lambda k: k.map.at("digits", 5),
    "Comparison.plot": lambda k: k.map.at("digits", 5),
    "DecisionMap.at": lambda k: k.map,
    "DecisionMap.of": lambda k: k.map,
    "Guess.choose": lambda k: k.guess,
    "Guess.compare": lambda k: k.guess,
    "ImageSet.first": lambda k: k.part,
    "ImageSet.labels_as": lambda k: k.split.train,
    "LinearProbe.fit": lambda k: tlkit.LinearProbe(),
    "LinearProbe.predict": lambda k: k.fitted,
    "Progress.export": lambda k: tlkit.show_progress(),
    "Quiz.choose": lambda k: k.quiz,
    "Result.predict": lambda k: k.probe,
    "Result.predict_photos": lambda k: k.probe,
    "Result.report": lambda k: k.probe,
}
