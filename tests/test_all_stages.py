"""All stages at once: the features of every stage side by side, and the best share of them."""

import dataclasses

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import tlkit
from tlkit.transfer.features import read_stages

STAGES = ["conv2", "conv4", "fc7"]
CS = (1e-3, 1e-2, 1e-1)


@pytest.fixture(scope="module")
def rows(flowers, backbone):
    """Features of train, val and test, each stage standardised and brought to the same spread, by hand."""
    sets = [
        {stage: tlkit.extract_features(backbone, part.images, stage) for stage in STAGES}
        for part in (flowers.train, flowers.val, flowers.test)
    ]
    widths = {stage: sets[0][stage].shape[1] for stage in STAGES}
    scalers = {stage: StandardScaler().fit(sets[0][stage]) for stage in STAGES}
    fair = {stage: np.sqrt(np.mean(list(widths.values())) / width) for stage, width in widths.items()}
    return [np.hstack([scalers[stage].transform(each[stage]) * fair[stage] for stage in STAGES]) for each in sets]


def oracles(rows, split, columns=slice(None)):
    """scikit-learn's SVM of each C, and what it reaches on val."""
    X, X_val = (part[:, columns] for part in rows[:2])
    fitted = [LinearSVC(C=C, dual=False, tol=1e-8, max_iter=100_000).fit(X, split.train.labels) for C in CS]
    return {svm: svm.score(X_val, split.val.labels) for svm in fitted}


def nearest(svms, coef):
    """The one with these weights: of two that are equally good on val, either may have been chosen."""
    return min(svms, key=lambda svm: np.abs(svm.coef_ - coef).max())


def test_it_is_scikit_learns_svm_on_all_features_side_by_side(flowers, backbone, rows):
    result = tlkit.all_stages(flowers, backbone, stages=STAGES, share=1)
    svms = oracles(rows, flowers)
    svm = nearest(svms, result.classifier.rules[result.stage].coef)
    assert np.mean(result.predict(flowers.test.images) == svm.predict(rows[2])) > 0.99  # a gap of 1e-4: test_svm.py
    assert result.val_accuracy == pytest.approx(max(svms.values()), abs=0.01) == pytest.approx(svms[svm], abs=0.01)
    assert result.stage == "conv2+conv4+fc7" and result.trained_parameters == svm.coef_.size + svm.intercept_.size


def test_a_share_is_the_features_whose_weights_are_longest(flowers, backbone, rows):
    whole = tlkit.all_stages(flowers, backbone, stages=STAGES, share=1)
    svm = nearest(oracles(rows, flowers), whole.classifier.rules[whole.stage].coef)
    kept = np.argsort(-np.linalg.norm(svm.coef_, axis=0))[: svm.coef_.shape[1] // 4]
    result = tlkit.all_stages(flowers, backbone, stages=STAGES, share=0.25)
    found = np.flatnonzero(result.classifier.rules[result.stage].coef.any(0))
    assert len(found) == len(kept)
    assert np.isin(found, kept).mean() > 0.95  # of nearly equal features either may be kept
    svms = oracles(rows, flowers, found)
    svm = nearest(svms, result.classifier.rules[result.stage].coef[:, found])
    assert np.mean(result.predict(flowers.test.images) == svm.predict(rows[2][:, found])) > 0.99
    assert result.val_accuracy == pytest.approx(max(svms.values()), abs=0.01)
    assert result.trained_parameters == len(svm.coef_) * (len(kept) + 1)


def test_val_chooses_the_share(flowers, backbone):
    from tlkit.transfer.probe_ways import SHARES

    each = {share: tlkit.all_stages(flowers, backbone, stages=STAGES, share=share) for share in SHARES}
    chosen = tlkit.all_stages(flowers, backbone, stages=STAGES)
    assert chosen.val_accuracy == max(result.val_accuracy for result in each.values())
    largest = max(share for share, result in each.items() if result.val_accuracy == chosen.val_accuracy)
    assert chosen.trained_parameters == each[largest].trained_parameters


def test_one_stage_alone_is_a_linear_probe(flowers, backbone):
    one = tlkit.all_stages(flowers, backbone, stages=["fc7"], share=1)
    probe = tlkit.linear_probe(flowers, backbone)
    np.testing.assert_array_equal(one.predict(flowers.test.images), probe.predict(flowers.test.images))
    assert one.val_accuracy == probe.val_accuracy


def test_all_of_them_are_the_default_and_the_backbone_stays_as_it_is(flowers, backbone):
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    result = tlkit.all_stages(flowers, backbone)
    assert result.stage.split("+") == backbone.stage_names and result.way == "all stages"
    assert all(tensor.equal(before[name]) for name, tensor in backbone.state_dict().items())
    assert (
        result.open_test()
        == result.test_by_stage[result.stage]
        == np.mean(result.predict(flowers.test.images) == flowers.test.labels.numpy())
    )


def test_it_can_be_balanced_and_learn_from_views(flowers, backbone):
    first = flowers.train.labels.numel() * 2 // 3  # so that classes differ in size
    few = dataclasses.replace(flowers, train=tlkit.ImageSet(flowers.train.images[:first], flowers.train.labels[:first]))
    plain = tlkit.all_stages(few, backbone, stages=STAGES)
    balanced = tlkit.all_stages(few, backbone, stages=STAGES, class_weight="balanced")
    views = tlkit.all_stages(few, backbone, stages=STAGES, augment=tlkit.Augmentation(flip_horizontal=True))
    seen = [result.classifier.scores(few.test.images) for result in (plain, balanced, views)]
    assert not np.allclose(seen[0], seen[1]) and not np.allclose(seen[0], seen[2])


def test_a_saved_one_gives_the_same_answers(tmp_path, flowers):
    result = tlkit.all_stages(flowers, stages=STAGES)
    again = tlkit.load_model(tlkit.save_model(result, tmp_path / "mine"))
    assert again.stage == "conv2+conv4+fc7"
    np.testing.assert_array_equal(again.scores(flowers.test.images), result.classifier.scores(flowers.test.images))


@pytest.mark.parametrize(
    "wrong, said",
    [
        (dict(share=0), "share"),
        (dict(share=1.5), "share is how much of the features is kept"),
        (dict(share="half"), "share"),
        (dict(stages=["conv9"]), "conv9"),
        (dict(stages=["conv1+conv2"]), "conv1"),
        (dict(stages=[]), "stages"),
    ],
)
def test_what_it_cannot_do_is_refused(flowers, backbone, wrong, said):
    with pytest.raises((ValueError, TypeError), match=said):
        tlkit.all_stages(flowers, backbone, **wrong)


def test_stages_are_read_side_by_side_in_the_order_of_their_names(backbone, pictures):
    both, alone = (read_stages(backbone, pictures, stages)[0] for stages in (["fc6+conv1"], ["conv1", "fc6"]))
    np.testing.assert_array_equal(both["fc6+conv1"], np.hstack([alone["fc6"], alone["conv1"]]))
