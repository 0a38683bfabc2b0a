"""What an interrupted training leaves behind, and when it keeps the best epoch."""

import pytest
import torch
from fake_server import leave_free

import tlkit
from tlkit.history import History
from tlkit.transfer import training_run
from tlkit.transfer.feeding import Feed


def _network():
    return tlkit.load_backbone(pretrained=False, device="cpu").new_head(2)


# -------------------------------------------------------------------------------- patience


def _told(*accuracies):
    """A stand-in for what the network answers on val: right on these shares of the pictures, epoch by epoch."""
    epochs = iter(accuracies)

    def answers(self):
        right = round(next(epochs) * len(self.images))
        truth = torch.arange(len(self.images)) % 2
        return torch.where(torch.arange(len(truth)) < right, truth, 1 - truth)

    return answers


@pytest.mark.parametrize(
    ("accuracies", "patience", "epochs", "kept"),
    [
        ((0.5, 0.75, 0.75, 0.5, 0.25), 2, 4, 2),  # equals are no improvement, and the first of them is kept
        ((0.5, 0.25, 0.75, 0.5, 1.0), 2, 5, 5),
        ((0.5, 0.25, 0.75, 0.5, 0.25), 5, 5, 3),  # the best epoch, though patience never ends
        ((0.5, 0.25, 1.0, 1.0, 1.0), 1, 2, 1),
        ((0.0, 0.0, 0.0, 0.0, 0.0), 3, 4, 1),
    ],
)
def test_patience_keeps_the_best_epoch(small, monkeypatch, accuracies, patience, epochs, kept):
    monkeypatch.setattr(Feed, "answers", _told(*accuracies))
    states = []
    network = _network()
    history = tlkit.train_network(
        network, small, small, 5, batch_size=16, patience=patience,
        on_epoch_end=lambda _: states.append(network.head.weight.detach().clone()),
    )  # fmt: skip
    assert history.kept == kept and history.stopped == "" and history.val_accuracy == list(accuracies[:epochs])
    assert network.head.weight.equal(states[kept - 1])
    assert len(states) == kept or not network.head.weight.equal(states[-1])


def test_without_patience_the_last_epoch_is_kept(small, monkeypatch):
    monkeypatch.setattr(Feed, "answers", _told(1.0, 0.5))
    states, network = [], _network()
    history = tlkit.train_network(
        network,
        small,
        small,
        2,
        batch_size=16,
        on_epoch_end=lambda _: states.append(network.head.weight.clone()),
    )
    assert history.kept == 0 and network.head.weight.equal(states[-1])


def test_a_run_that_is_stopped_keeps_its_best_epoch_too(small, monkeypatch):
    monkeypatch.setattr(Feed, "answers", _told(1.0, 0.5, 0.5))
    history = tlkit.train_network(
        _network(), small, small, 5, batch_size=16, patience=4, on_epoch_end=lambda h: len(h.loss) == 2
    )
    assert history.kept == 1 and history.stopped == "Stopped after epoch 2 of 5, as asked."


@pytest.mark.parametrize("patience", [0, -1, 1.5, "3", True])
def test_a_senseless_patience_is_refused(small, patience):
    with pytest.raises((ValueError, TypeError), match="patience must be") as caught:
        tlkit.train_network(_network(), small, small, 1, patience=patience)
    assert len(str(caught.value).splitlines()) == 1


def test_patience_without_val_is_refused(small, tiny_split):
    with pytest.raises(ValueError, match="patience goes by the accuracy on val, but val is not looked at"):
        tlkit.train_network(_network(), small, None, 1, patience=2)
    for way in (tlkit.two_phase, tlkit.pretrained_start, tlkit.from_scratch):
        with pytest.raises(ValueError, match="val is not looked at"):
            way(tiny_split, patience=2, val_each_epoch=False, device="cpu")


def test_histories_add_up_to_the_epoch_that_is_kept():
    first, second = (History([1.0] * n, [0.5] * n, [1.0] * n, kept=kept) for n, kept in ((4, 2), (3, 1)))
    assert (first + second).kept == 5 and (first + History()).kept == 2
    assert (History([1.0]) + History([1.0])).kept == 0


# ----------------------------------------------------------------------------- checkpoints


RUN = dict(epochs=3, batch_size=16)


def _interrupted(network, small, path, **settings):
    """Leave a checkpoint of one epoch; returns the settings of the run."""

    def interrupt(history):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tlkit.train_network(network, small, small, checkpoint=path, on_epoch_end=interrupt, **RUN | settings)


def test_an_interrupted_run_remembers_its_best_epoch(small, tmp_path, monkeypatch):
    monkeypatch.setattr(Feed, "answers", _told(1.0, 0.5, 0.5, 0.5))
    first = _network()
    _interrupted(first, small, tmp_path / "run.pt", patience=2, epochs=6)
    resumed = _network()
    history = tlkit.train_network(
        resumed, small, small, checkpoint=tmp_path / "run.pt", **RUN | {"patience": 2, "epochs": 6}
    )
    assert history.kept == 1 and len(history.loss) == 3 and resumed.head.weight.equal(first.head.weight)


def test_a_checkpoint_may_be_text_in_a_folder_that_is_not_there_yet(small, tmp_path):
    path = tmp_path / "a" / "b" / "run.pt"
    _interrupted(_network(), small, str(path))
    assert path.exists()
    tlkit.train_network(_network(), small, small, checkpoint=str(path), **RUN)
    assert not path.exists() and path.parent.is_dir()


def _changed(small):
    images = small.images.clone()
    images[3, 0, 0, 0] ^= 1
    return tlkit.ImageSet(images, small.labels)


def _relabelled(small):
    return tlkit.ImageSet(small.images, small.labels.flip(0))


OTHER = {
    "one pixel": (lambda n, s: dict(train=_changed(s)), "training pictures"),
    "labels": (lambda n, s: dict(train=_relabelled(s)), "training pictures"),
    "fewer pictures": (lambda n, s: dict(train=s.first(20)), "training pictures"),
    "val": (lambda n, s: dict(val=_changed(s)), "val pictures"),
    "no val": (lambda n, s: dict(val=None), "val pictures .* there, none here"),
    "another head": (lambda n, s: n.new_head(3) and {}, r"classes of the head \(2 there, 3 here\)"),
    "frozen stages": (lambda n, s: tlkit.freeze(n, "conv2") and {}, r"frozen stages \(none there, conv1, conv2 here\)"),
    "one stage of all": (lambda n, s: tlkit.unfreeze(n, stages=["conv2"]) and {}, "frozen stages .*conv1, conv3"),
    "another name": (lambda n, s: setattr(n, "name", "other") or {}, r"backbone \(minivgg there, other here\)"),
    "other layers": (lambda n, s: n.stages["fc6"].append(torch.nn.LayerNorm(512)) and {}, "layers"),
    "other weights": (lambda n, s: n.stages["fc6"][-2].weight.data.mul_(2) is None or {}, "starting weights"),
    "batch size": (lambda n, s: dict(batch_size=24), r"batch_size \(16 there, 24 here\)"),
    "epochs": (lambda n, s: dict(epochs=4), r"epochs \(3 there, 4 here\)"),
    "seed": (lambda n, s: dict(seed=1), r"seed \(0 there, 1 here\)"),
    "rate": (lambda n, s: dict(learning_rate=1e-4), r"learning rates \(\[0.002\] there, \[0.0001\] here\)"),
    "groups": (lambda n, s: dict(groups=tlkit.parameter_groups(n, 2e-3)), "learning rates .*weights of each rate"),
    "decay": (lambda n, s: dict(weight_decay=0.0), "weight_decay"),
    "warm-up": (lambda n, s: dict(warm_up=0.5), "warm_up"),
    "augmentation": (lambda n, s: dict(augment=tlkit.Augmentation(flip_horizontal=True)), "augment .None there"),
    "class weight": (lambda n, s: dict(class_weight="balanced"), r"class_weight \(None there, balanced here\)"),
    "patience": (lambda n, s: dict(patience=2), r"patience \(None there, 2 here\)"),
}


@pytest.fixture(scope="module")
def left_behind(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("interrupted") / "run.pt"
    _interrupted(_network(), small, path)
    return path


@pytest.mark.parametrize(("change", "message"), OTHER.values(), ids=OTHER)
def test_a_checkpoint_of_another_run_is_refused_before_work_starts(change, message, left_behind, small, monkeypatch):
    network = _network()
    asked = dict(train=small, val=small, checkpoint=left_behind) | RUN | change(network, small)
    monkeypatch.setattr(training_run, "step", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(ValueError, match=f"run.pt belongs to another run: .*{message}") as caught:
        tlkit.train_network(network, asked.pop("train"), asked.pop("val"), **asked)
    assert len(str(caught.value).splitlines()) == 2 and left_behind.exists()


def test_the_network_of_the_interrupted_run_itself_goes_on(small, tmp_path):
    """In a notebook the cell is run again, and the network is no longer what it was when the run began."""
    network, fresh = _network(), _network()
    _interrupted(network, small, tmp_path / "run.pt")
    assert len(tlkit.train_network(network, small, small, checkpoint=tmp_path / "run.pt", **RUN).loss) == 3
    _interrupted(network, small, tmp_path / "run.pt")  # a second run begins where the first one ended
    (tmp_path / "run.pt").unlink()
    _interrupted(network, small, tmp_path / "run.pt")  # and a third, since the file is gone, where the second broke off
    with pytest.raises(ValueError, match="starting weights"):
        tlkit.train_network(fresh, small, small, checkpoint=tmp_path / "run.pt", **RUN)


def test_a_checkpoint_that_no_file_can_be_is_refused(small, tmp_path):
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "is a folder. Name a file in it"),
        (tmp_path / "file" / "run.pt", "cannot be written .a file lies in the way"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            tlkit.train_network(_network(), small, small, checkpoint=path, **RUN)
        assert len(str(caught.value).splitlines()) == 1


def test_what_a_stranger_puts_there_is_not_run(small, tmp_path):
    torch.save(
        {"settings": {}, "network": _network()}, tmp_path / "run.pt"
    )  # a whole object: it would have to run code
    with pytest.raises(ValueError, match="run.pt is damaged"):
        tlkit.train_network(_network(), small, small, checkpoint=tmp_path / "run.pt", **RUN)
    torch.save({"settings": {"epochs": 3, "seed": 0}}, tmp_path / "run.pt")  # of an older version of the course
    with pytest.raises(ValueError, match="training pictures .not said there"):
        tlkit.train_network(_network(), small, small, checkpoint=tmp_path / "run.pt", **RUN)


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(small, tmp_path, monkeypatch):
    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlkit.transfer.checkpoints.write_atomically", full)
    said = "Could not keep the checkpoint .*No space left on device.*; training goes on without. If it is interr"
    with pytest.warns(UserWarning, match=said) as told:
        history = tlkit.train_network(_network(), small, small, checkpoint=tmp_path / "run.pt", **RUN)
    assert len(history.loss) == 3 and len(told) == 1


def test_too_little_room_for_a_checkpoint_is_known_before_it_is_written(small, tmp_path, monkeypatch):
    monkeypatch.setattr("tlkit.transfer.checkpoints.write_atomically", lambda *_: pytest.fail("it was written"))
    leave_free(monkeypatch, 10**6)
    with pytest.warns(UserWarning, match="run.pt needs .* MB, but 1.0 MB are free in .*; training goes on") as told:
        history = tlkit.train_network(_network(), small, small, checkpoint=tmp_path / "run.pt", **RUN)
    assert len(history.loss) == 3 and len(told) == 1
