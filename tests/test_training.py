"""The training loop: it learns, repeats, resumes, and stops when it must."""

import time

import numpy as np
import pytest
import torch

import tlkit
from tlkit.nets import devices
from tlkit.transfer import training_run
from tlkit.transfer.feeding import Feed


def _network():
    """With dropout, which minivgg itself has not, but many others have: it draws at random in every step."""
    network = tlkit.load_backbone(pretrained=False, device="cpu").new_head(2)
    network.stages["fc7"].append(torch.nn.Dropout(0.2))
    return network


def test_it_learns_and_reports_each_epoch(small):
    network = _network()
    history = tlkit.train_network(network, small, small, epochs=8, batch_size=16)
    assert len(history.loss) == len(history.val_accuracy) == len(history.seconds) == 8
    assert history.loss[-1] < history.loss[0] and history.val_accuracy[-1] > 0.9
    assert history.seconds == sorted(history.seconds)
    assert not network.training
    assert tlkit.accuracy(network, small) == pytest.approx(history.val_accuracy[-1])


def test_it_learns_in_float16_with_its_loss_scaled(small, monkeypatch):
    for module in (devices, training_run):  # as on a GPU that has no bfloat16
        monkeypatch.setattr(module, "pick_precision", lambda *_: torch.float16)
    network = _network()
    history = tlkit.train_network(network, small, small, epochs=8, batch_size=16)
    assert history.loss[-1] < history.loss[0] and history.val_accuracy[-1] > 0.9
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_val_is_only_watched_and_changes_nothing(small):
    watched, unwatched = _network(), _network()
    tlkit.train_network(watched, small, small, epochs=2, batch_size=16)
    history = tlkit.train_network(unwatched, small, None, epochs=2, batch_size=16)
    assert history.val_accuracy == [] and len(history.loss) == len(history.seconds) == 2
    torch.testing.assert_close(unwatched.head.weight, watched.head.weight, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_network(small):
    states = []
    for seed in (0, 0, 1):
        network, stream = _network(), torch.random.get_rng_state()
        tlkit.train_network(network, small, small, epochs=1, batch_size=16, seed=seed)
        states.append(network.head.weight.detach())
        assert torch.random.get_rng_state().equal(stream), "what others draw does not depend on it"
        torch.rand(7)  # nor does it depend on what others drew
    assert states[0].equal(states[1])
    assert not torch.allclose(states[0], states[2], rtol=1e-4, atol=1e-5)


def test_an_interrupted_run_goes_on_to_the_same_end(small, tmp_path):
    whole = _network()
    expected = tlkit.train_network(whole, small, small, epochs=4, batch_size=16)
    checkpoint, calls = tmp_path / "run.pt", []

    def interrupting(history):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tlkit.train_network(
            _network(), small, small, epochs=4, batch_size=16, checkpoint=checkpoint, on_epoch_end=interrupting
        )
    assert checkpoint.exists()
    resumed = _network()
    history = tlkit.train_network(resumed, small, small, epochs=4, batch_size=16, checkpoint=checkpoint)
    assert not checkpoint.exists() and len(history.loss) == 4
    assert history.seconds == sorted(history.seconds)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=0.02, atol=1e-3)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, rtol=1e-2, atol=1e-3, msg=name)


def test_a_damaged_checkpoint_is_named(small, tmp_path):
    (tmp_path / "run.pt").write_bytes(b"half a file")
    with pytest.raises(ValueError, match="run.pt is damaged. Delete it"):
        tlkit.train_network(_network(), small, small, epochs=1, checkpoint=tmp_path / "run.pt")


def test_a_diverging_loss_stops_says_why_and_keeps_the_last_good_weights(small, monkeypatch):
    network = _network()
    tlkit.train_network(network, small, None, epochs=2, batch_size=16, on_epoch_end=lambda h: len(h.loss) == 1)
    good = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    original, steps = training_run.step, []
    monkeypatch.setattr(
        training_run,
        "step",
        lambda *args: (steps.append(1), original(*args))[1] if len(steps) < 4 else torch.tensor(torch.nan),
    )
    again = _network()
    with pytest.warns(UserWarning, match="In epoch 2 .* no longer a number: the learning rate 0.002 is too high"):
        history = tlkit.train_network(again, small, small, epochs=2, batch_size=16)
    assert len(history.loss) == len(history.val_accuracy) == 1 and "as it was after epoch 1" in history.stopped
    for name, tensor in again.state_dict().items():
        torch.testing.assert_close(tensor, good[name], rtol=1e-3, atol=1e-4, msg=name)


def test_a_rate_that_explodes_leaves_finite_weights(small):
    network = _network()
    with pytest.warns(UserWarning, match=r"the learning rate 1e\+20 is too high, try a tenth"):
        tlkit.train_network(network, small, small, epochs=5, learning_rate=1e20, batch_size=16)
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values())


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 48), (2, 48), (3, 48), (10, 48), (4, 24), (5, 16)])
def test_even_the_shortest_training_has_a_cycle(small, epochs, batch_size):
    history = tlkit.train_network(_network(), small, None, epochs, batch_size=batch_size)
    assert len(history.loss) == epochs


def test_watch_follows_and_stops(small):
    lengths = []

    def on_epoch_end(history):
        lengths.append((len(history.loss), len(history.val_accuracy), len(history.seconds)))
        return len(lengths) == 3

    history = tlkit.train_network(_network(), small, small, epochs=8, batch_size=16, on_epoch_end=on_epoch_end)
    assert lengths == [(1, 1, 1), (2, 2, 2), (3, 3, 3)] and history.stopped == "Stopped after epoch 3 of 8, as asked."


def test_seconds_leave_out_the_looks_at_val(small, monkeypatch):
    original = Feed.answers
    monkeypatch.setattr(Feed, "answers", lambda self: (time.sleep(0.3), original(self))[1])
    start = time.perf_counter()
    history = tlkit.train_network(_network(), small, small, epochs=3, batch_size=16)
    assert history.seconds[-1] < time.perf_counter() - start - 0.8


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_senseless_learning_rates_are_refused(small, rate):
    with pytest.raises(ValueError, match="learning_rate must be a number above 0"):
        tlkit.train_network(_network(), small, small, epochs=1, learning_rate=rate)


def test_labels_beyond_the_head_are_refused(small):
    with pytest.raises(ValueError, match=r"label 5.*2 classes"):
        tlkit.train_network(_network(), tlkit.ImageSet(small.images, small.labels + 4), small, epochs=1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda y: y[:-1], ValueError, "48 pictures but 47 labels"),
        (lambda y: y - 1, ValueError, "count from 0, but among them is -1"),
        (lambda y: y.float(), TypeError, r"int64 tensor of shape \(n,\), but got torch.float32"),
        (lambda y: y[:, None], TypeError, r"got torch.int64 \(48, 1\)"),
        (lambda y: y.tolist(), TypeError, "but got list"),
    ],
)
def test_labels_that_do_not_match_their_pictures_are_refused(small, change, error, message):
    with pytest.raises(error, match=message):
        tlkit.ImageSet(small.images, change(small.labels))
