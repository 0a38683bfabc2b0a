"""Several ways, one interface: they repeat, they count, they keep the test set closed."""

from functools import partial

import pytest
import torch
from sklearn.metrics import accuracy_score

import tlkit
from tlkit.study.comparison import Comparison
from tlkit.transfer.feeding import Feed

QUICK = {name: {"epochs": 2} for name, way in tlkit.WAYS.items() if way.trains}


@pytest.fixture(scope="module", params=list(tlkit.WAYS))
def result(request, tiny_split):
    watched = {"val_each_epoch": True} if tlkit.WAYS[request.param].trains else {}
    return tlkit.WAYS[request.param](tiny_split, seed=1, device="cpu", **watched, **QUICK.get(request.param, {}))


def test_every_way_reports_what_it_did(result, tiny_split):
    assert result.way in tlkit.WAYS and 0 <= result.val_accuracy <= 1 and result.seconds > 0
    if tlkit.WAYS[result.way].trains:
        each = result.history.loss, result.history.val_accuracy, result.history.seconds
        assert [len(values) for values in each] == [result.epochs] * 3
    network = tlkit.load_backbone(device="cpu").new_head(2)
    whole = sum(p.numel() for p in network.parameters())
    expected = {"probe": 2 * 513, "fine-tuning": whole, "pretrained start": whole, "scratch": whole}
    expected["scaled start"] = whole
    if result.way in expected:
        assert result.trained_parameters == expected[result.way]
    elif result.way == "all stages":
        assert 0 < result.trained_parameters <= 2 * (1760 + 1) and result.val_by_stage.keys() == {result.stage}
    else:
        width = tlkit.extract_features(network, tiny_split.val.images, result.stage).shape[1]
        assert result.trained_parameters == 2 * (width + 1)
        assert result.val_by_stage.keys() == set(network.stage_names)
        assert result.val_accuracy == max(result.val_by_stage.values()) == result.val_by_stage[result.stage]


def test_the_test_set_is_opened_by_one_call_only(result, tiny_split, monkeypatch):
    again = tlkit.WAYS[result.way](tiny_split, seed=1, device="cpu", **result.settings)
    assert again.test_accuracy is None and again.test_answers is None
    assert again.open_test() == accuracy_score(tiny_split.test.labels, again.predict(tiny_split.test.images))
    monkeypatch.setattr(again.classifier, "answers", lambda images: pytest.fail("opened a second time"))
    assert again.open_test() == again.test_accuracy


def test_its_settings_make_it_again(result, tiny_split):
    again = tlkit.WAYS[result.way](tiny_split, result.backbone, result.seed, device="cpu", **result.settings)
    assert type(again) is type(result) and again.classifier.stage == result.classifier.stage
    if tlkit.WAYS[result.way].trains:
        assert again.history.loss == result.history.loss
        theirs = result.network.state_dict()
        assert all(tensor.equal(theirs[name]) for name, tensor in again.network.state_dict().items())
    assert again.val_accuracy == result.val_accuracy


def test_a_class_too_few_is_refused(tiny_split):
    red = tiny_split.train.labels == 1
    only = tlkit.ImageSet(tiny_split.train.images[red], tiny_split.train.labels[red])
    split = tlkit.Split("reds", ["dull", "red"], only, tiny_split.val, tiny_split.test, per_class=8, seed=0)
    for way in tlkit.WAYS.values():
        with pytest.raises(ValueError, match="reds has training pictures of one class only. A classifier needs"):
            way(split, device="cpu")


@pytest.mark.parametrize("way", list(tlkit.WAYS))
def test_one_image_per_class_is_enough_to_try(way, tiny_split):
    one = tlkit.Split("reds", ["dull", "red"], tiny_split.train.first(1), tiny_split.val, tiny_split.test, 1, 0)
    assert 0 <= tlkit.WAYS[way](one, device="cpu", **QUICK.get(way, {})).open_test() <= 1


def test_names_are_checked_before_work_starts(tiny_split):
    with pytest.raises(ValueError, match="no backbone called 'vgg'"):
        tlkit.linear_probe(tiny_split, backbone="vgg")
    with pytest.raises(ValueError, match="Did you mean 'softmax'"):
        tlkit.linear_probe(tiny_split, kind="softmaxx")
    for way in (tlkit.two_phase, tlkit.pretrained_start, tlkit.from_scratch):
        with pytest.raises(ValueError, match="epochs must be at least 1"):
            way(tiny_split, epochs=0)


def test_a_probe_learns_from_all_views(tiny_split, monkeypatch):
    rows = []
    original = tlkit.LinearProbe.fit
    monkeypatch.setattr(
        tlkit.LinearProbe, "fit", lambda self, X, *rest: (rows.append(len(X)), original(self, X, *rest))[1]
    )
    mirror = tlkit.Augmentation(flip_horizontal=True, views=3)
    tlkit.linear_probe(tiny_split, augment=mirror, device="cpu")
    tlkit.linear_probe(tiny_split, device="cpu")
    assert rows == [48, 16]


def test_without_labels_for_val_a_probe_chooses_within_train(tiny_split):
    shuffled = tlkit.ImageSet(tiny_split.val.images, tiny_split.val.labels.roll(1))
    wrong = tlkit.Split("reds", ["dull", "red"], tiny_split.train, shuffled, tiny_split.test, per_class=8, seed=0)
    for way in (tlkit.linear_probe, tlkit.earlier_stage):
        found, other = (way(split, cv=4, device="cpu") for split in (tiny_split, wrong))
        assert found.val_by_stage == other.val_by_stage and found.stage == other.stage
        assert found.open_test() == other.open_test() and 0 <= found.val_accuracy <= 1
        again = way(tiny_split, device="cpu", **found.settings)
        assert again.val_by_stage == found.val_by_stage
    with pytest.raises(ValueError, match="Give cv or augment, not both"):
        tlkit.linear_probe(tiny_split, cv=4, augment=tlkit.Augmentation(flip_vertical=True))


def test_two_phases_train_the_head_first_and_then_the_last_stages(tiny_split, monkeypatch):
    seen = []
    original = tlkit.transfer.network_ways.train_network
    monkeypatch.setattr(
        tlkit.transfer.network_ways,
        "train_network",
        lambda network, *a, **k: (seen.append((network.frozen, k.get("groups"))), original(network, *a, **k))[1],
    )
    result = tlkit.two_phase(tiny_split, epochs=2, head_epochs=3, unfreeze_last=2, device="cpu")
    assert [frozen for frozen, _ in seen] == [7, 5] and seen[0][1] is None
    assert [group["name"] for group in seen[1][1]] == ["head", "fc7", "fc6"]
    assert result.history.head_epochs == 3 and result.epochs == 5
    assert tlkit.two_phase(tiny_split, epochs=2, unfreeze_last=0, device="cpu").epochs == 2


@pytest.mark.parametrize("patience", [None, 5])
def test_a_stop_in_the_first_phase_is_not_called_fine_tuning(tiny_split, patience):
    result = tlkit.two_phase(
        tiny_split, epochs=4, head_epochs=5, device="cpu", patience=patience, on_epoch_end=lambda h: len(h.loss) == 2
    )
    assert result.way == "new head" and result.epochs == 2 == result.history.head_epochs
    assert (
        "Stopped after epoch 2 of 5, as asked. That was the first phase: the new head alone" in result.history.stopped
    )
    assert result.trained_parameters == 2 * 513, "the head alone"
    shipped = tlkit.load_backbone(device="cpu").stages.state_dict()
    assert all(tensor.equal(shipped[name]) for name, tensor in result.network.stages.state_dict().items())


def test_a_stop_in_the_second_phase_is_fine_tuning(tiny_split):
    result = tlkit.two_phase(tiny_split, epochs=4, head_epochs=2, device="cpu", on_epoch_end=lambda h: len(h.loss) == 3)
    assert result.way == "fine-tuning" and result.epochs == 3
    assert result.history.stopped == "Stopped after epoch 1 of 4, as asked."
    head_alone = tlkit.two_phase(tiny_split, epochs=2, unfreeze_last=0, device="cpu", on_epoch_end=lambda h: True)
    assert head_alone.way == "fine-tuning" and head_alone.settings["unfreeze_last"] == 0, "as its settings say"


def test_a_rate_that_explodes_in_the_first_phase_is_not_called_fine_tuning(tiny_split):
    with pytest.warns(UserWarning, match="no longer a number"):
        result = tlkit.two_phase(tiny_split, epochs=3, learning_rate=1e30, device="cpu")
    assert result.way == "new head" and result.history.stopped.endswith("nothing was fine-tuned.")


def test_patience_ends_each_phase_and_val_is_that_of_the_kept_epoch(tiny_split, monkeypatch):
    shares = iter([0.5, 0.75, 0.5, 0.5, 0.25, 0.75, 0.5, 0.5])  # four epochs of the head, four of all

    def answers(self):
        right = round(next(shares) * len(self.images))
        truth = tiny_split.val.labels
        return torch.where(torch.arange(len(truth)) < right, truth, 1 - truth)

    monkeypatch.setattr(Feed, "answers", answers)
    result = tlkit.two_phase(tiny_split, epochs=9, patience=2, device="cpu")
    assert result.way == "fine-tuning" and result.history.head_epochs == 4 and result.epochs == 8
    assert result.history.kept == 6 and result.val_accuracy == 0.75 and result.history.stopped == ""
    assert result.settings["patience"] == 2


def test_scratch_starts_from_random_weights_and_beats_chance(flowers):
    result = tlkit.from_scratch(flowers, epochs=10, device="cpu", val_each_epoch=True)
    assert len(result.history.loss) == 10 and result.history.val_accuracy[-1] > 3 / 17


def test_val_is_scored_after_each_epoch_only_where_somebody_waits_for_it(tiny_split):
    train = partial(tlkit.from_scratch, tiny_split, epochs=2, device="cpu")
    result = train()
    assert result.history.val_accuracy == [] and len(result.history.loss) == 2 and 0 <= result.val_accuracy <= 1
    with pytest.raises(ValueError, match="no accuracy on val to plot in 'mine'.*\nGive val_each_epoch=True"):
        tlkit.plot_training({"mine": result.history})
    seen = []
    for watched in (train(val_each_epoch=True), train(patience=5), train(on_epoch_end=lambda h: seen.append(h))):
        assert len(watched.history.val_accuracy) == 2 and watched.history.loss == result.history.loss
        assert watched.val_accuracy == result.val_accuracy == tlkit.accuracy(result.network, tiny_split.val)
    assert len(seen) == 2


# --------------------------------------------------------------------------------- compare


def test_compare_pairs_the_same_draws():
    ways = {"mirrored": partial(tlkit.linear_probe, augment=tlkit.Augmentation(flip_horizontal=True, views=2))}
    table = tlkit.compare(ways | {"plain": tlkit.linear_probe}, tlkit.load_dataset("flowers", 5), seeds=range(3))
    assert table.ways == ["mirrored", "plain"]
    for seed in range(3):
        alone = tlkit.linear_probe(tlkit.load_dataset("flowers", 5, seed), seed=seed)
        assert table.values("plain")[seed] == pytest.approx(alone.open_test(), abs=1e-4)
    by_hand = tlkit.mean_interval(table.values("mirrored") - table.values("plain"))
    assert table.difference("mirrored", "plain") == by_hand
    clear = by_hand.low > 0 or by_hand.high < 0
    assert table.verdict("mirrored", "plain").endswith("clear of the noise" if clear else "inside the noise")
    assert "plain" in str(table) and "<td>mirrored</td>" in table._repr_html_()
    assert "mirrored" in table.plot("A title").figure.alt_text


def test_compare_refuses_what_it_cannot_do(tiny_split):
    with pytest.raises(ValueError, match="Did you mean 'scratch'"):
        tlkit.compare(["probe", "scrach"], tiny_split)
    with pytest.raises(ValueError, match="at least one way and one seed"):
        tlkit.compare(["probe"], tiny_split, seeds=[])
    with pytest.raises(ValueError, match="names a seed twice"):
        tlkit.compare(["probe"], tiny_split, seeds=[0, 1, 0])
    table = tlkit.compare(["probe"], tiny_split, seeds=[4], device="cpu")
    assert table.rows[0]["seed"] == 4 and "over 16 test pictures of one cut" in str(table)


def test_differences_are_paired_by_seed_even_in_an_unfinished_map():
    rows = [
        {"way": way, "stage": "", "chosen": 1, "seed": seed, "accuracy": 0.5 + 0.1 * seed + bonus}
        for way, bonus, seeds in (("a", 0.02, (0, 1, 2)), ("b", 0.0, (2, 3, 1)))
        for seed in seeds
    ]
    assert Comparison(rows).difference("a", "b").mean == pytest.approx(0.02)


def test_answers_on_a_real_target_are_balanced(flowers):
    result = tlkit.linear_probe(flowers)
    result.open_test()
    given = torch.bincount(torch.as_tensor(result.test_answers), minlength=17)
    assert given.min() >= 4 and given.max() <= 90
