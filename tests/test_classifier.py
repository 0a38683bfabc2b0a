"""A photo comes in, a name comes out: every way, read as in training, never a size taken silently."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import expit
from sklearn.metrics import balanced_accuracy_score, recall_score

import tlkit
from tlkit.data import pictures
from tlkit.figures import answer_plots
from tlkit.transfer import naming
from tlkit.transfer.reports import report_on

QUICK = {name: {"epochs": 2} for name, way in tlkit.WAYS.items() if way.trains}


@pytest.fixture(scope="module", params=list(tlkit.WAYS))
def result(request, tiny_split):
    return tlkit.WAYS[request.param](tiny_split, device="cpu", **QUICK.get(request.param, {}))


@pytest.fixture(scope="module")
def probe(tiny_split):
    return tlkit.linear_probe(tiny_split, kind="softmax", device="cpu")


@pytest.fixture
def photos(tmp_path):
    """Photos of another size and shape than the training's: two files, one below, and what is no photo."""
    random = np.random.default_rng(0)
    folder = tmp_path / "new photos"
    (folder / "below").mkdir(parents=True)
    for name, red in (("a.png", 100), ("below/b.jpg", 0), ("c.png", 100)):
        values = random.integers(0, 120, (90, 150, 3), dtype=np.uint8)
        values[..., 0] += red
        Image.fromarray(values).save(folder / name)
    (folder / "notes.txt").write_text("a text")
    (folder / "empty.jpg").touch()
    (folder / ".hidden.png").write_bytes((folder / "a.png").read_bytes())
    return folder


# -------------------------------------------------------------------------------- photo files


def test_every_way_names_photos_as_it_would_name_what_its_reader_reads(result, photos):
    found = result.predict_photos(photos)
    assert found.files == ["a.png", "c.png", "below/b.jpg"]
    read = [pictures.read_picture(photos / name, 32) for name in found.files]
    images = torch.from_numpy(np.stack(read))
    np.testing.assert_allclose(found.scores, result.classifier.scores(images), rtol=1e-4, atol=1e-4)
    named = [row["name"] for row in found.rows]
    assert named == [result.split.class_names[k] for k in result.predict(images)]
    assert found.left_out.keys() == {"notes.txt", "empty.jpg"} and "0 bytes" in found.left_out["empty.jpg"]


def test_probabilities_add_up_and_an_svm_says_that_it_has_none(result, photos):
    found, images = result.predict_photos(photos), result.split.val.images
    scores = result.classifier.scores(images)
    assert (scores.argmax(1) == result.predict(images)).all() and scores.shape == (16, 2)
    if not tlkit.WAYS[result.way].trains:
        assert found.scores_are == "decision score" and "no probabilities" in str(found)
    else:
        np.testing.assert_allclose(scores.sum(1), 1)
        assert found.scores_are == "probability" and "%" in str(found) and "no probabilities" not in str(found)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_the_numbers_of_a_probe_answer_as_scikit_learn_does(kind, classes):
    random = np.random.default_rng(0)
    y = np.arange(80) % classes
    X = (random.normal(size=(80, 6)) + y[:, None] * [1, 0, -1, 0, 0.5, 0]).astype(np.float32)
    probe = tlkit.LinearProbe(kind).fit(X, y)
    rule, model = probe.rule(), probe.model_
    decisions = rule.decisions(X, classes)
    np.testing.assert_array_equal(decisions.argmax(1), probe.predict(X))
    if kind == "svm":
        own = decisions[:, 1] if classes == 2 else decisions
        np.testing.assert_allclose(own, probe.decision_function(X), atol=1e-4)
        assert rule.scores(decisions) is decisions
    else:
        np.testing.assert_allclose(rule.scores(decisions), model.predict_proba(X), atol=1e-5)
    if kind == "one-vs-rest" and classes == 4:
        apart = expit(decisions)
        np.testing.assert_allclose(rule.scores(decisions), apart / apart.sum(1, keepdims=True))


def test_a_class_without_training_pictures_is_never_named(tiny_split):
    names = ["dull", "never seen", "red"]
    parts = {
        part: tlkit.ImageSet(getattr(tiny_split, part).images, getattr(tiny_split, part).labels * 2)
        for part in ("train", "val", "test")
    }
    split = tlkit.Split("gap", names, **parts, per_class=8, seed=0)
    for kind in ("softmax", "one-vs-rest"):
        result = tlkit.linear_probe(split, kind=kind, device="cpu")
        scores = result.classifier.scores(split.test.images)
        assert (scores[:, 1] == 0).all() and set(result.predict(split.test.images)) <= {0, 2}
        np.testing.assert_allclose(scores.sum(1), 1)
    assert "no picture" in str(result.report())


def test_a_photo_is_turned_upright_and_cut_as_in_training(probe, tmp_path):
    values = np.zeros((200, 120, 3), np.uint8)
    values[:70] = (255, 0, 0)
    upright = Image.fromarray(values)
    exif = upright.getexif()
    exif[0x0112] = 6  # as a phone held upright writes it: turned by a quarter
    upright.rotate(90, expand=True).save(tmp_path / "phone.png", exif=exif)
    upright.save(tmp_path / "plain.png")
    found = probe.predict_photos([tmp_path / "phone.png", str(tmp_path / "plain.png")])
    np.testing.assert_allclose(*found.scores, atol=1e-6)


def test_photos_are_read_a_few_at_a_time_and_the_rest_goes_on(probe, photos, monkeypatch):
    sizes = []
    monkeypatch.setattr("tlkit.transfer.classifier.batch_size_for", lambda *_: 2)
    monkeypatch.setattr(naming.PhotoNames, "add", lambda self, names, *_, add=naming.PhotoNames.add: (
        sizes.append(len(names)), add(self, names, *_))[1])  # fmt: skip
    both = [photos / "a.png", photos / "gone.png", photos / "c.png", photos / "notes.txt", photos / "below"]
    found = probe.predict_photos(both)
    assert len(found) == 3 and max(sizes) <= 2 and len(found.left_out) == 2
    assert any("no such file" in why for why in found.left_out.values())


def test_two_folders_may_hold_files_of_one_name(probe, photos, tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes((photos / "a.png").read_bytes())
        (tmp_path / name / "bad.png").write_text("no")
    found = probe.predict_photos(tmp_path / name for name in ("x", "y"))
    assert len(set(found.files)) == 2 and len(found.left_out) == 2


def test_the_table_names_the_best_first_and_shows_names_as_text(probe, photos):
    found = probe.predict_photos(photos / "a.png", top=9)  # more than there are classes
    (row,) = found.rows
    assert list(row) == ["file", "name", "score", "name_2", "score_2"] and row["score"] >= row["score_2"]
    assert str(found).splitlines()[0].split() == ["file", "name", "second"]
    odd = naming.PhotoNames(["<b>a</b>", "b"], "probability", 1)
    odd.add([f"<i>{k}.jpg" for k in range(30)], torch.zeros(30, 3, 8, 8, dtype=torch.uint8), np.full((30, 2), 0.5))
    assert "&lt;b&gt;" in odd._repr_html_() and "<i>" not in odd._repr_html_() and "10 more" in str(odd)
    axes = odd.plot()
    assert "24 of 30 photos" in axes.figure.alt_text and len(axes.images) == 24


def test_names_that_look_like_formulas_can_be_drawn(photos):
    axes = answer_plots.plot_names(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), ["a"], [("$5_x", "1%")], "probability")
    axes.figure.canvas.draw()
    report_on("a", "val", ["$5_x^", "$"], np.array([0, 1]), np.array([1, 1])).plot().figure.canvas.draw()


def test_nothing_of_a_photo_is_kept_in_the_cache(probe, photos, empty_cache):
    probe.predict_photos(photos)
    assert not (empty_cache / "features").exists()


# ---------------------------------------------------------------------------------- bad input


def _one(tensor_of):
    return lambda result, photos: result.predict(tensor_of(result.split.test.images))


BAD = {
    "a larger picture": (_one(lambda t: t.repeat(1, 1, 2, 3)), ValueError, "64 x 96 .* trained on 32 x 32"),
    "a larger picture, scores": (
        lambda r, _: r.classifier.scores(torch.zeros(1, 3, 224, 224, dtype=torch.uint8)), ValueError, "predict_photos"),
    "floats": (_one(lambda t: t / 255), TypeError, "Do not scale"),
    "one picture": (_one(lambda t: t[0]), ValueError, "picture\\[None\\].*predict_photos"),
    "channels last": (_one(lambda t: t.permute(0, 2, 3, 1)), ValueError, "permute"),
    "no picture": (_one(lambda t: t[:0]), ValueError, "no picture in it"),
    "a path as pictures": (lambda r, p: r.predict(str(p / "a.png")), TypeError, "predict_photos"),
    "a list as pictures": (lambda r, p: r.predict([p / "a.png"]), TypeError, "predict_photos"),
    "an array as pictures": (_one(lambda t: t.numpy()), TypeError, "torch.as_tensor"),
    "a tensor as photos": (lambda r, _: r.predict_photos(r.split.test.images), TypeError, "predict\\(images\\)"),
    "a picture as photo": (lambda r, p: r.predict_photos(Image.open(p / "a.png")), TypeError, "takes a path"),
    "a number": (lambda r, _: r.predict_photos(3), TypeError, "takes a path"),
    "numbers": (lambda r, _: r.predict_photos([3]), TypeError, "must be a path, .* not 3"),
    "no path": (lambda r, _: r.predict_photos(""), ValueError, "path of a photo is empty"),
    "an empty list": (lambda r, _: r.predict_photos([]), ValueError, "list is empty"),
    "a missing file": (lambda r, p: r.predict_photos(p / "gone.jpg"), ValueError, "gone.jpg cannot be read.*no such"),
    "a text file": (lambda r, p: r.predict_photos(p / "notes.txt"), ValueError, "not a picture"),
    "bad files": (lambda r, p: r.predict_photos([p / "empty.jpg", p / "notes.txt"]), ValueError, "2 files.*0 bytes"),
    "an address": (lambda r, _: r.predict_photos("https://example.org/a.jpg"), ValueError, "address on the web"),
    "top 0": (lambda r, p: r.predict_photos(p, top=0), ValueError, "top must be at least 1"),
    "top 1.5": (lambda r, p: r.predict_photos(p, top=1.5), TypeError, "whole number"),
    "no such part": (lambda r, _: r.report("tset"), ValueError, "Did you mean 'test'"),
    "the train part": (lambda r, _: r.report("train"), ValueError, "no part called 'train'"),
    "no columns": (lambda r, p: r.predict_photos(p).plot(columns=0), ValueError, "columns must be at least 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_met_with_words(case, probe, photos):
    call, kind, message = BAD[case]
    with pytest.raises(kind, match=f"(?s){message}") as caught:
        call(probe, photos)
    assert str(caught.value).count("\n") <= 2 and "tlkit.transfer.naming" not in str(caught.value)


def test_a_folder_without_a_file_is_said(probe, tmp_path):
    with pytest.raises(ValueError, match="There is no file in"):
        probe.predict_photos(tmp_path)


def test_pictures_that_are_no_squares_are_for_tensors_only(tiny_split, photos):
    wide = {
        part: tlkit.ImageSet(getattr(tiny_split, part).images.repeat(1, 1, 1, 2), getattr(tiny_split, part).labels)
        for part in ("train", "val", "test")
    }
    result = tlkit.linear_probe(tlkit.Split("wide", ["dull", "red"], **wide, per_class=8, seed=0), device="cpu")
    assert result.open_test() > 0.5
    with pytest.raises(ValueError, match="32 x 64 pixels, but photos are read as squares"):
        result.predict_photos(photos)


# ------------------------------------------------------------------------------------- report


def test_a_report_holds_what_scikit_learn_computes(result, monkeypatch):
    report = result.report()
    truth, answers = result.split.test.labels.numpy(), result.test_answers
    assert result.test_accuracy == pytest.approx(report.accuracy)
    np.testing.assert_allclose(report.recall, recall_score(truth, answers, average=None))
    assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, answers))
    assert report.confusion.sum() == 16 and report.pictures.tolist() == [8, 8] and "balanced" not in str(report)
    monkeypatch.setattr(result.classifier, "answers", lambda images: pytest.fail("test was opened a second time"))
    assert (result.report().confusion == report.confusion).all()


def test_a_report_on_val_leaves_test_closed(tiny_split):
    result = tlkit.linear_probe(tiny_split, device="cpu")
    assert result.report("val").accuracy == pytest.approx(result.val_accuracy) and result.test_accuracy is None


def test_unequal_classes_show_the_balanced_accuracy():
    truth = np.repeat([0, 1], [40, 4])
    report = report_on("cells", "test", ["healthy", "<ill>"], truth, np.zeros(44, int))
    assert "accuracy 90.9% of 44" in str(report) and "balanced accuracy 50.0%" in str(report)
    assert report.recall.tolist() == [1, 0] and "healthy 4" in str(report)
    assert "&lt;ill&gt;" in report._repr_html_() and "<ill>" not in report._repr_html_()


def test_of_many_classes_those_that_are_mixed_up_are_shown():
    truth = np.repeat(np.arange(200), 5)
    answers = truth.copy()
    answers[truth == 150] = 17
    answers[0] = 3
    report = report_on("pets", "test", [f"breed {k}" for k in range(200)], truth, answers)
    lines = str(report).splitlines()
    assert lines[1].startswith("breed 150  0%") and len(lines) < 40 and "30 of 200 classes" in lines[-1]
    axes = report.plot()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 20 and {"breed 0", "breed 3", "breed 17", "breed 150"} <= set(labels)
    assert axes.get_xticklabels()[-1].get_text() == "another class"
    assert "breed 150 taken for breed 17 (5)" in axes.figure.alt_text and "994 of 1000 right" in axes.figure.alt_text
