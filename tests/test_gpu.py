"""What a GPU must do as a CPU does; each test is skipped where there is none."""

import numpy as np
import pytest
import torch

import tlkit
from tlkit.nets import devices
from tlkit.transfer import training_run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


def test_features_are_those_of_the_cpu(pictures):
    one, other = (
        tlkit.extract_features(tlkit.load_backbone(device=device), pictures, precision="float32")
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_network_learns_in_every_precision(small, monkeypatch, dtype):
    for module in (devices, training_run):
        monkeypatch.setattr(module, "pick_precision", lambda *_: dtype)
    network = tlkit.load_backbone(pretrained=False, device="cuda").new_head(2)
    history = tlkit.train_network(network, small, small, epochs=8, batch_size=16)
    assert history.val_accuracy[-1] > 0.9


@pytest.mark.parametrize("way", list(tlkit.WAYS))
def test_every_way_runs_there_and_predicts(way, tiny_split):
    settings = {} if "probe" in way or "stage" in way else {"epochs": 1}
    result = tlkit.WAYS[way](tiny_split, device="cuda", **settings)
    assert 0 <= result.open_test() <= 1 and len(result.predict(tiny_split.val.images)) == len(tiny_split.val)


def test_augmented_pictures_train_there(small):
    network = tlkit.load_backbone(pretrained=False, device="cuda").new_head(2)
    augment = tlkit.Augmentation(flip_horizontal=True, rotation=20, crop=0.7)
    history = tlkit.train_network(network, small, None, epochs=1, augment=augment)
    assert np.isfinite(history.loss).all()
