"""Scores of frozen features, each against an oracle or a property; and the table that keeps them."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

import tlkit
from tlkit.cli import main
from tlkit.disk.cards import read_card
from tlkit.study import evidence, evidence_table


def clouds(rows, width, apart=1.5, classes=3, seed=0):
    """Features with a few strong directions, and classes ``apart`` from each other."""
    rng, y = np.random.default_rng(seed), np.arange(rows) % classes
    X = rng.normal(size=(rows, width)) * np.geomspace(3, 0.3, width)
    X[:, :classes] += apart * np.eye(classes)[y]
    return X, y


@pytest.mark.parametrize("k", [1, 5])
def test_the_neighbours_are_those_of_scikit_learn_leaving_one_out(k):
    X, y = clouds(60, 8)
    theirs = cross_val_predict(KNeighborsClassifier(k, metric="cosine"), X, y, cv=LeaveOneOut())
    assert evidence.nearest_neighbours(X, y, k) == pytest.approx(np.mean(theirs == y))
    assert evidence.nearest_neighbours(7 * X, 10 - y, k) > 0.3  # labels need not count from 0


def test_classes_of_unequal_size_have_the_same_say():
    X = np.r_[np.tile([1.0, 0.0], (90, 1)), np.tile([0.0, 1.0], (6, 1)), np.tile([1.0, 0.0], (4, 1))]
    y = np.r_[np.zeros(90, int), np.ones(10, int)]
    assert evidence.nearest_neighbours(X, y) == pytest.approx((1 + 0.6) / 2)
    (swept,) = evidence.stage_sweep({"codes": X + 1e-3 * np.arange(100)[:, None]}, y).values()
    assert swept == pytest.approx((1 + 0.6) / 2, abs=0.05)


@pytest.mark.parametrize(("rows", "width"), [(40, 6), (30, 50)], ids=["more rows", "more features"])
def test_logme_is_the_highest_marginal_likelihood(rows, width):
    """Weights integrated out by hand, y is Gaussian with covariance I / beta + X X' / alpha: maximised numerically."""
    X, y = clouds(rows, width)
    highest = []
    for label in range(3):
        target = (y == label).astype(float)

        def minus_evidence(logs, target=target):
            covariance = np.exp(-logs[1]) * np.eye(rows) + np.exp(-logs[0]) * X @ X.T
            return -multivariate_normal(np.zeros(rows), covariance).logpdf(target)

        found = [minimize(minus_evidence, start, method="Nelder-Mead") for start in ([0, 0], [3, 3])]
        highest.append(max(-each.fun for each in found))
    assert evidence.logme(X, y) == pytest.approx(np.mean(highest) / rows, abs=1e-5)


def test_scores_do_not_change_where_they_should_not():
    X, y = clouds(90, 8)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    assert evidence.logme(X @ turn, 2 - y) == pytest.approx(evidence.logme(X, y))
    assert evidence.h_score(4 * X @ turn + 3, 2 - y) == pytest.approx(evidence.h_score(X, y))
    assert evidence.nearest_neighbours(4 * X @ turn, y) == evidence.nearest_neighbours(X, y)


def test_every_score_rises_where_classes_lie_farther_apart():
    near, far = clouds(90, 8, apart=0.5), clouds(90, 8, apart=6)
    for score in (evidence.nearest_neighbours, evidence.logme, evidence.h_score):
        assert score(*far) > score(*near) + 0.1
    assert evidence.h_score(*far) < 2  # as many directions as three classes have


def test_the_plain_h_score_is_the_limit_of_many_rows():
    X, y = clouds(30_000, 4)
    means = np.stack([X[y == label].mean(0) for label in range(3)])
    plain = np.trace(np.linalg.inv(np.cov(X.T)) @ np.cov(means.T, bias=True))
    assert evidence.h_score(X, y) == pytest.approx(plain, rel=0.01)


def test_the_sweep_is_that_of_the_probe_and_sees_no_test_picture(flowers, backbone):
    found = evidence.gather(flowers, backbone)
    assert list(found.stages) == backbone.stage_names and found.pictures == len(flowers.train)
    codes = tlkit.extract_features(backbone, flowers.train.images)
    probe = tlkit.LinearProbe(Cs=(1e-2,), cv=5).fit(codes, flowers.train.labels.numpy())
    assert found.stages["fc7"] == pytest.approx(probe.val_scores_[1e-2])
    assert found.stages["conv1"] + 0.2 < found.stages["fc7"]
    shut = tlkit.Split("mine", flowers.class_names, flowers.train, flowers.train, flowers.train, 5, 0)
    assert evidence.gather(shut, backbone).stages == found.stages


def test_a_table_grows_by_backbone_and_says_what_it_was_made_from(tmp_path, capsys):
    out = tmp_path / "evidence.csv"
    command = ["evidence", "--out", str(out), "--datasets", "flowers", "--per-class", "2", "--device", "cpu"]
    assert main([*command, "--seeds", "1"]) == 0
    assert main([*command, "--seeds", "2"]) == 0
    rows = evidence_table.load_evidence(out).rows
    scores = [row["score"] for row in rows if row["seed"] == 1]
    assert scores == ["features", *["stage sweep"] * 7, "neighbours", "LogME", "H-score", "confidence"]
    assert [row["stage"] for row in rows if row["score"] == "stage sweep"][:2] == ["conv1", "conv2"]
    card = read_card(out.with_suffix(".toml"))
    assert card["rows"] == len(rows) == 24 and card["world"] and card["weights"] and card["features"]
    text = out.with_suffix(".toml").read_text().replace(card["weights"], "of another network")
    out.with_suffix(".toml").write_text(text.partition("card_sha256")[0])
    assert main([*command, "--seeds", "3"]) == 1 and "other weights" in capsys.readouterr().err


def test_bad_requests_are_refused_before_work_starts(tmp_path):
    for wrong in ({"seeds": 0}, {"jobs": 0}, {"backbone": "minivg"}, {"datasets": ["flower"]}, {"per_class": [0]}):
        with pytest.raises(ValueError):
            evidence_table.run_evidence(tmp_path / "table.csv", **wrong)
    assert not (tmp_path / "table.csv").exists()
