"""Features: the right numbers, computed once, whatever the batch and the mode."""

import numpy as np
import pytest
import torch

import tlkit


def test_rows_are_the_activations(backbone, pictures):
    rows = tlkit.extract_features(backbone, pictures, precision="float32")
    assert rows.dtype == np.float32 and rows.shape == (8, 512) and (rows >= 0).all()
    with torch.inference_mode():
        np.testing.assert_allclose(rows, backbone.activations(pictures).numpy(), rtol=1e-4, atol=1e-4)


def test_convolutional_stages_are_averaged_to_a_grid_or_kept_whole(backbone, pictures):
    whole = tlkit.extract_features(backbone, pictures, "conv3", grid=None, precision="float32")
    assert whole.shape == (8, 128 * 8 * 8)
    one = tlkit.extract_features(backbone, pictures, "conv3", grid=1, precision="float32")
    np.testing.assert_allclose(one, whole.reshape(8, 128, 64).mean(2), rtol=1e-4, atol=1e-5)


def test_neither_the_batch_nor_the_mode_matters(backbone, pictures, empty_cache, monkeypatch):
    expected = tlkit.extract_features(backbone, pictures, precision="float32")
    monkeypatch.setenv("TLKIT_CACHE", str(empty_cache / "other"))
    backbone.train()
    try:
        rows = tlkit.extract_features(backbone, pictures, batch_size=3, precision="float32")
        assert backbone.training
    finally:
        backbone.eval()
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-4)


def test_they_are_computed_once(backbone, pictures, empty_cache, monkeypatch):
    first = tlkit.extract_features(backbone, pictures)
    monkeypatch.setattr(tlkit.Backbone, "sweep", lambda *_: pytest.fail("computed twice"))
    np.testing.assert_array_equal(tlkit.extract_features(backbone, pictures), first)


def test_the_cache_knows_weights_stage_relu_grid_and_pictures(backbone, pictures, empty_cache):
    other = tlkit.load_backbone(pretrained=False, device="cpu")
    tlkit.extract_features(backbone, pictures)
    tlkit.extract_features(other, pictures)
    tlkit.extract_features(backbone, pictures, "fc6")
    tlkit.extract_features(backbone, pictures, relu=False)
    tlkit.extract_features(backbone, pictures.flip(-1))
    for grid in (1, 2):
        tlkit.extract_features(backbone, pictures, "conv3", grid=grid)
    for precision in ("float32", "bfloat16"):  # one of them is what "auto" is here
        tlkit.extract_features(backbone, pictures, precision=precision)
    assert len([path for path in (empty_cache / "features").iterdir() if path.is_dir()]) == 8


def test_sixteen_bits_round_and_no_more(backbone, flowers):
    exact = tlkit.extract_features(backbone, flowers.val.images, precision="float32")
    rounded = tlkit.extract_features(backbone, flowers.val.images, precision="bfloat16")
    assert np.abs(rounded - exact).max() > 0 and np.abs(rounded - exact).mean() < 0.01 * exact.mean()
    probe = tlkit.LinearProbe().fit(
        tlkit.extract_features(backbone, flowers.train.images), flowers.train.labels.numpy()
    )
    assert np.mean(probe.predict(rounded) == probe.predict(exact)) > 0.97


def test_an_interrupted_run_goes_on_and_gives_the_same(backbone, empty_cache, monkeypatch):
    images = torch.randint(0, 256, (600, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    original, seen = tlkit.Backbone.sweep, []

    def interrupted(network, chunk, *rest):
        if len(chunk) > 1:  # one picture alone is a look at what the network is
            seen.append(len(chunk))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return original(network, chunk, *rest)

    monkeypatch.setattr(tlkit.Backbone, "sweep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tlkit.extract_features(backbone, images, batch_size=256)
    rows = tlkit.extract_features(backbone, images, batch_size=256)
    assert seen == [256, 256, 88, 88], "only the last chunk was made again"
    monkeypatch.setenv("TLKIT_CACHE", str(empty_cache / "other"))
    np.testing.assert_array_equal(rows, tlkit.extract_features(backbone, images))


def test_features_that_cannot_be_kept_are_handed_over(backbone, pictures, empty_cache, monkeypatch):
    expected = tlkit.extract_features(backbone, pictures)
    monkeypatch.setenv("TLKIT_CACHE", str(empty_cache / "other"))
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("tlkit.disk.tables._write", lambda *_: (_ for _ in ()).throw(full))
    with pytest.warns(UserWarning, match="Could not keep the fc7 features in the cache .*disk"):
        rows = tlkit.extract_features(backbone, pictures)
    np.testing.assert_array_equal(rows, expected)


def test_bad_settings_are_refused_before_work(backbone, pictures):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        tlkit.extract_features(backbone, pictures, batch_size=0)
    with pytest.raises(ValueError, match="There is no stage called 'conv9'"):
        tlkit.extract_features(backbone, pictures, "conv9")


def test_a_receptive_field_is_what_can_change_an_answer(backbone):
    image = torch.full((1, 3, 64, 64), 128, dtype=torch.uint8)
    for stage, expected in (("conv1", (4, 2)), ("conv2", (10, 4)), ("conv3", (22, 8))):
        sees, pace = tlkit.receptive_field(backbone, stage)
        assert (sees, pace) == expected
        plain = backbone.activations(image, stage)[0, :, 4, 4]
        changed = []
        for column in range(64):
            other = image.clone()
            other[..., column] = 255
            changed.append(not torch.equal(backbone.activations(other, stage)[0, :, 4, 4], plain))
        columns = [k for k, change in enumerate(changed) if change]
        assert columns[-1] - columns[0] + 1 <= sees and len(columns) >= sees - 2
    with pytest.raises(ValueError, match="fc6 is fully connected"):
        tlkit.receptive_field(backbone, "fc6")


def test_top_patches_are_cut_where_the_channel_fires_most(backbone, flowers):
    images = flowers.train.images
    patches, rows = tlkit.top_patches(backbone, images, "conv2", channel=7, count=5, size=10)
    assert patches.shape == (5, 3, 10, 10) and patches.dtype == torch.uint8 and len(set(rows.tolist())) == 5
    with torch.inference_mode():
        strength = torch.cat([backbone.activations(b, "conv2")[:, 7].amax((1, 2)) for b in images.split(32)])
    assert strength[rows].tolist() == pytest.approx(strength.sort(descending=True).values[:5].tolist(), rel=1e-4)
    windows = images[rows].unfold(2, 10, 1).unfold(3, 10, 1)  # (5, 3, 55, 55, 10, 10)
    found = (windows == patches[:, :, None, None]).all(-1).all(-1).all(1)
    assert found.flatten(1).any(1).all(), "each patch is a window of its picture"
    with pytest.raises(ValueError, match="channel must be from 0 to 63"):
        tlkit.top_patches(backbone, images, "conv2", channel=64)
