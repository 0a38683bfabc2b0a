"""What people fine-tune with now: fastai and Keras, each with its own recipe, on the task of ``tutorial``.

As there, nothing here imports tlkit. Libraries are imported before the clock starts.
"""

import os

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms
from tutorial import Clock, Photos, Run, Task, load_network, middle


def fastai(task: Task) -> Run:
    """fastai's ``vision_learner(...).fine_tune``: one epoch frozen, four unfrozen, its defaults otherwise."""
    from fastai.vision import all as fv
    from fastai.vision import learner

    clock, run = Clock(), Run(note="its fine_tune: 1 + 4 epochs, batches of 64")
    fv.set_seed(task.seed)
    items = [pair for part in ("train", "val") for pair in zip(task.pictures[part], task.labels[part])]
    count = len(task.labels["train"])
    block = fv.DataBlock(
        blocks=(fv.ImageBlock, fv.CategoryBlock(vocab=list(range(task.classes)))),
        get_x=fv.ItemGetter(0),
        get_y=fv.ItemGetter(1),
        splitter=fv.IndexSplitter(range(count, len(items))),
        item_tfms=fv.Resize(task.size),
        batch_tfms=fv.Normalize.from_stats(task.mean, task.std),
    )
    loaders = block.dataloaders(items, bs=min(64, count), device=torch.device(task.device))
    known = learner.model_meta.get(getattr(models, task.network, None), {})
    learn = fv.vision_learner(
        loaders,
        lambda pretrained: load_network(task),
        normalize=False,  # done above: it knows the statistics of its own list of networks only
        cut=-1,
        splitter=known.get("split", learner.default_split),
        metrics=fv.accuracy,
    )

    class Watch(fv.Callback):
        order = 60  # after fastai's own record of the epoch

        def after_epoch(self):
            run.val.append(float(self.learn.recorder.values[-1][-1]))
            run.seconds.append(clock.seconds)

    with learn.no_bar(), learn.no_logging():
        learn.fine_tune(4 if task.epochs > 1 else 1, cbs=[Watch()])
        run.both = clock.seconds
        scores, _ = learn.get_preds(dl=loaders.test_dl([(picture, 0) for picture in task.pictures["test"]]))
    run.test = (scores.argmax(1) == torch.tensor(task.labels["test"])).float().mean().item()
    return run


def keras(task: Task) -> Run:
    """Keras' guide to transfer learning on the torch backend: frozen with Adam 1e-3, then unfrozen with 1e-5.

    As in the guide, pictures are decoded once and kept, flipped and turned at random, 64 a batch,
    and BatchNorm stays in inference mode throughout.
    """
    os.environ["KERAS_BACKEND"] = "torch"  # has to be set before the import
    import keras as k

    k.utils.set_random_seed(task.seed)
    clock, run = Clock(), Run(note="Adam, batches of 64, pictures decoded once")
    loaders = {part: _keras_loader(task, part) for part in ("train", "val")}
    run.decoding = clock.seconds
    with k.device(task.device):
        model = _keras_model(k, task)
        base = model.layers[0]
        watch = k.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (run.val.append(logs["val_accuracy"]), run.seconds.append(clock.seconds))
        )
        for trainable, rate, epochs in ((False, 1e-3, task.head_epochs), (True, 1e-5, task.epochs)):
            base.trainable = trainable
            loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(k.optimizers.Adam(rate), loss, metrics=["accuracy"])
            model.fit(loaders["train"], validation_data=loaders["val"], epochs=epochs, callbacks=[watch], verbose=0)
            run.both = clock.seconds
            with clock.paused():
                run.test = model.evaluate(_keras_loader(task, "test"), verbose=0, return_dict=True)["accuracy"]
            if not trainable:
                run.phase_one, run.test_one = run.both, run.test
    return run


def _keras_model(k, task: Task):
    network = load_network(task)
    if task.network == "minivgg":
        layers = [network.features, *network.classifier[:-1]]
    else:
        layers = [network.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()]

    class Classifier(k.Model):
        def __init__(self):
            super().__init__()
            self.base = k.layers.TorchModuleWrapper(nn.Sequential(*layers))
            self.dropout, self.head = k.layers.Dropout(0.2), k.layers.Dense(task.classes)

        def call(self, x, training=None):
            return self.head(self.dropout(self.base(x, training=False), training=training))

    return Classifier()


class _Kept(Dataset):
    """Decoded pictures in memory, turned and flipped on the way out."""

    def __init__(self, images: Tensor, labels: list[int], transform: transforms.Compose):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.transform(self.images[row]), self.labels[row]


def _keras_loader(task: Task, part: str) -> DataLoader:
    decode = transforms.Compose([*middle(task), transforms.PILToTensor()])
    images = torch.cat([images for images, _ in DataLoader(Photos(task, part, decode), 64, num_workers=2)])
    turned = [transforms.RandomHorizontalFlip(), transforms.RandomRotation(36)] if part == "train" else []
    to_input = [transforms.ConvertImageDtype(torch.float32), transforms.Normalize(task.mean, task.std)]
    kept = _Kept(images, task.labels[part], transforms.Compose([*turned, *to_input]))
    return DataLoader(kept, 64, shuffle=part == "train")
