"""Classes of unequal size: weights against scikit-learn's, and what they do to training, choosing and advice."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight

import tlkit
from tlkit.transfer.balance import class_weights, mean_recall
from tlkit.transfer.svm import fit_svms

CS = (1e-4, 1e-2, 1.0)


@pytest.fixture(scope="module", params=[2, 3, 6])
def rows(request):
    """Correlated rows of overlapping classes, each half as large as the one before it."""
    classes, random = request.param, np.random.default_rng(request.param)
    y = np.repeat(np.arange(classes), [160 // 2**k for k in range(classes)])
    X = random.normal(size=(classes, 12))[y] * 0.5 + random.normal(size=(len(y), 12))
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32), y


def test_weights_and_accuracy_are_scikit_learns(rows):
    _, y = rows
    expected = compute_class_weight("balanced", classes=np.unique(y), y=y)
    np.testing.assert_allclose(class_weights(torch.from_numpy(y), len(expected)), expected)
    assert class_weights(torch.from_numpy(y), len(expected))[torch.from_numpy(y)].mean() == pytest.approx(1)
    answers = np.random.default_rng(0).permutation(y)
    assert mean_recall(y, answers) == pytest.approx(balanced_accuracy_score(y, answers))


def test_a_class_that_is_not_there_changes_nothing():
    with_gap = class_weights(torch.tensor([0, 0, 0, 2]), 4)
    np.testing.assert_allclose(with_gap[[0, 2]], [4 / 6, 2])
    assert with_gap.isfinite().all() and mean_recall(np.array([0, 0, 2]), np.array([0, 1, 2])) == 0.75


@pytest.mark.parametrize("wide", [False, True], ids=["n > d", "n < d"])
def test_balanced_svms_are_those_of_liblinear(rows, wide):
    X, y = rows
    if wide:
        X = np.hstack([X, np.random.default_rng(1).normal(size=(len(X), 400)).astype(np.float32)])
    for ours in fit_svms(X, y, CS, 1e-6, class_weight="balanced"):
        theirs = LinearSVC(C=ours.C, class_weight="balanced", dual=wide, tol=1e-8, max_iter=200_000).fit(X, y)
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=5e-3)
        assert (ours.gap_ <= 1e-6).all()


def test_the_proof_of_a_balanced_svm_is_plain_arithmetic(rows):
    X, y = rows
    weights = dict(zip(np.unique(y), compute_class_weight("balanced", classes=np.unique(y), y=y)))
    for fitted in fit_svms(X, y, CS, 1e-2, class_weight="balanced"):
        one = np.hstack([X, np.ones((len(X), 1))]).astype(np.float64)
        columns = fitted.classes_[1:] if len(fitted.classes_) == 2 else fitted.classes_
        for k, name in enumerate(columns):
            w = np.append(fitted.coef_[k], fitted.intercept_[k])
            rest = weights[fitted.classes_[0]] if len(fitted.classes_) == 2 else 1.0
            signs, costs = np.where(y == name, 1.0, -1.0), fitted.C * np.where(y == name, weights[name], rest)
            slack = np.maximum(0, 1 - signs * (one @ w))
            alpha = 2 * costs * slack
            primal = w @ w / 2 + (costs * slack**2).sum()
            dual = alpha.sum() - ((one.T @ (alpha * signs)) ** 2).sum() / 2 - (alpha**2 / (4 * costs)).sum()
            assert fitted.objective_[k] == pytest.approx(primal, rel=1e-9)
            assert fitted.gap_[k] == pytest.approx((primal - dual) / primal, abs=1e-9)


def test_where_classes_are_equal_balance_changes_nothing():
    X, y = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32), np.arange(60) % 3
    for plain, balanced in zip(fit_svms(X, y, CS), fit_svms(X, y, CS, class_weight="balanced")):
        np.testing.assert_array_equal(plain.coef_, balanced.coef_)


@pytest.mark.parametrize("kind", ["softmax", "one-vs-rest"])
def test_balanced_probes_are_scikit_learns(rows, kind):
    X, y = rows
    oracle = LogisticRegression(C=0.01, max_iter=1000, class_weight="balanced")
    oracle = oracle if kind == "softmax" else OneVsRestClassifier(oracle)
    probe = tlkit.LinearProbe(kind, Cs=(0.01,), class_weight="balanced").fit(X, y)
    np.testing.assert_allclose(
        probe.decision_function(X), oracle.fit(probe.model_[0].transform(X), y).decision_function(X), rtol=1e-5
    )


@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_balanced_val_chooses_by_the_mean_of_the_classes(rows, kind):
    X, y = rows
    probe = tlkit.LinearProbe(kind, Cs=(1e-5, 1e-2), class_weight="balanced").fit(X[::2], y[::2], X[1::2], y[1::2])
    reached = balanced_accuracy_score(y[1::2], probe.predict(X[1::2]))
    assert probe.val_scores_[probe.C_] == pytest.approx(reached) == max(probe.val_scores_.values())


# ------------------------------------------------------------------------------ in every way


@pytest.fixture(scope="module")
def unequal(small):
    """40 training pictures of one class and 3 of the other; val has 4 of one and 20 of the other."""

    def part(counts, start):
        rows = [(small.labels == k).nonzero().flatten()[start:][:count] for k, count in enumerate(counts)]
        return torch.cat(rows)

    random = torch.Generator().manual_seed(1)
    labels = torch.tensor([0] * 40 + [1] * 3)
    images = torch.randint(0, 255, (43, 3, 32, 32), generator=random, dtype=torch.uint8)
    images[labels == 1, 0] = (images[labels == 1, 0].int() + 25).clamp(max=255).to(torch.uint8)
    rows = part((4, 20), 0)
    val = tlkit.ImageSet(small.images[rows], small.labels[rows])
    return tlkit.Split("reds", ["dull", "red"], tlkit.ImageSet(images, labels), val, val, per_class=22, seed=0)


QUICK = {name: {"epochs": 1} for name, way in tlkit.WAYS.items() if way.trains}


@pytest.mark.parametrize("way", list(tlkit.WAYS))
def test_every_way_balances_and_says_what_val_says(way, unequal):
    result = tlkit.WAYS[way](unequal, class_weight="balanced", device="cpu", **QUICK.get(way, {}))
    assert result.settings["class_weight"] == "balanced"
    truth, answers = unequal.val.labels.numpy(), result.predict(unequal.val.images)
    assert result.val_accuracy == pytest.approx(mean_recall(truth, answers))
    if tlkit.WAYS[result.way].trains:
        unseen = tlkit.WAYS[way](unequal, class_weight="balanced", device="cpu", val_each_epoch=False, **QUICK[way])
        assert unseen.val_accuracy == pytest.approx(result.val_accuracy)


def test_a_balanced_loss_is_the_mean_of_the_classes_own(unequal, monkeypatch):
    """Before the first step, the weighted loss of all pictures is the mean of the losses of the two classes."""
    network = tlkit.load_backbone(device="cpu").new_head(2)
    losses = torch.nn.functional.cross_entropy(network(unequal.train.images), unequal.train.labels, reduction="none")
    expected = torch.stack([losses[unequal.train.labels == k].mean() for k in (0, 1)]).mean().item()
    tlkit.freeze(network)
    history = tlkit.train_network(
        network, unequal.train, None, 1, learning_rate=1e-9, batch_size=43, class_weight="balanced"
    )
    assert history.loss[0] == pytest.approx(expected, rel=0.02)  # 16 bits, where the processor has them


def test_weights_let_a_rare_class_be_seen(small):
    """Two classes that overlap, 40 against 4: unweighted, the rare one is hardly ever named."""
    random = np.random.default_rng(0)
    y = np.repeat([0, 1], [400, 20])
    X = (random.normal(size=(420, 5)) + y[:, None] * 0.8).astype(np.float32)
    for kind in tlkit.PROBES:
        named = [
            (tlkit.LinearProbe(kind, class_weight=weight).fit(X, y).predict(X)[y == 1] == 1).mean()
            for weight in (None, "balanced")
        ]
        assert named[1] > named[0] + 0.3, (kind, named)


@pytest.mark.parametrize("bad", ["balance", "Balanced", True, {0: 1.0, 1: 5.0}, 2.0])
@pytest.mark.parametrize("way", list(tlkit.WAYS))
def test_another_class_weight_is_refused_before_work_starts(way, bad, tiny_split):
    with pytest.raises(ValueError, match="no class_weight called .* There are: balanced.") as caught:
        tlkit.WAYS[way](tiny_split, class_weight=bad, device="cpu")
    assert len(str(caught.value).splitlines()) == 1


# ------------------------------------------------------------------------------------ advice


def _split_of(counts, val):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.zeros(len(labels), 3, 32, 32, dtype=torch.uint8)
    names = [f"class {k}" for k in range(len(counts))]
    mean = round(sum(counts) / len(counts))
    return tlkit.Split("mine", names, tlkit.ImageSet(images, labels), val, val, mean, 0)


@pytest.mark.parametrize(
    ("counts", "size", "doubt"),
    [
        ((400, 5), "large", "202 images per class are the mean, and the smallest class has 5, which are few"),
        ((300, 110), "large", ""),
        ((300, 40), "large", ""),
        ((30, 5), "small", ""),
        ((30, 20, 13), "large", "the smallest class has 13, which are few"),
        ((20, 20), "small", ""),
    ],
)
def test_advice_looks_at_the_smallest_class_too(counts, size, doubt, small, backbone):
    split = _split_of(counts, small)
    advice = tlkit.advise(split, backbone, device="cpu")
    assert split.fewest == advice.fewest == min(counts) and advice.size == size
    about_size = [told for told in advice.doubts if "the smallest class" in told]
    assert bool(about_size) == bool(doubt) and all(doubt in "; ".join(about_size) for _ in about_size)
    assert (f"(the smallest class has {min(counts)})" in str(advice)) == (min(counts) < split.per_class)
    assert all(told in str(advice) for told in advice.doubts)


def test_a_class_without_training_pictures_is_the_smallest(small):
    assert tlkit.Split("mine", ["a", "b", "c"], small, small, small, 16, 0).fewest == 0
