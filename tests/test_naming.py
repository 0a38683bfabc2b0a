"""One photo is named while somebody looks: a click, a file, and every file that is no picture."""

import base64
import html
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

import tlkit
from tlkit.transfer.naming import PhotoNames
from tlkit.widgets import display
from tlkit.widgets.naming_html import Naming, naming_html, naming_of


@pytest.fixture(scope="module")
def result(flowers):
    return tlkit.linear_probe(flowers)


@pytest.fixture
def namer(result):
    return tlkit.name_photo(result, own_photo=True)


def _file(picture, kind="PNG"):
    content = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(content, kind)
    return content.getvalue()


def _upload(namer, name, content, version=8):
    """What the button sends: ipywidgets 8 a tuple of dicts, 7 a dict."""
    value = ({"name": name, "content": memoryview(content)},) if version == 8 else {name: {"content": content}}
    namer._on_upload({"new": value})
    return namer._said.value


def _found(scores, scores_are="probability", top=3):
    names = [f"class {k}" for k in range(len(scores))]
    found = PhotoNames(names, scores_are, top)
    found.add(["a photo"], torch.zeros(1, 3, 8, 8, dtype=torch.uint8), np.array([scores]))
    return found


def test_every_click_shows_the_likely_names_and_the_truth(namer, result):
    val = result.split.val
    rows = np.linspace(0, len(val) - 1, 12).astype(int)
    scores, names = result.classifier.scores(val.images[rows]), result.split.class_names
    for k, button in enumerate(namer._buttons):
        button.click()
        naming, truth = namer.naming, names[val.labels[rows[k]]]
        assert [name for name, _, _ in naming.best] == [names[j] for j in np.argsort(-scores[k])[:3]]
        assert naming.truth == truth and torch.equal(naming.picture, val.images[rows[k]])
        right = naming.best[0][0] == truth
        assert ("✓ It says" in namer._said.value) == right and ("but it is" in namer._said.value) != right
        chosen = [other for other in namer._buttons if "tlkit-chosen" in other._dom_classes]
        assert chosen == [button]
    assert len(namer._buttons) == 12
    with pytest.raises(ValueError, match="picture must be"):
        namer.click(12)


def test_test_pictures_are_shown_once_the_test_was_opened(flowers):
    result = tlkit.linear_probe(flowers)
    assert torch.equal(tlkit.name_photo(result)._shown.images[0], flowers.val.images[0])
    result.open_test()
    assert torch.equal(tlkit.name_photo(result)._shown.images[0], flowers.test.images[0])


def test_the_nearest_are_those_whose_codes_lie_nearest(namer, result, flowers):
    train, val = (tlkit.extract_features(result.classifier.backbone, p.images) for p in (flowers.train, flowers.val))
    nearest = np.argsort(np.linalg.norm(train - val[-1], axis=1))[:5]
    namer.click(11)
    assert all(torch.equal(shown, flowers.train.images[row]) for (shown, _), row in zip(namer.naming.near, nearest))
    assert [name for _, name in namer.naming.near] == [
        flowers.class_names[flowers.train.labels[row]] for row in nearest
    ]
    assert namer._said.value.count("training picture: ") == 5


@pytest.mark.parametrize("version", [7, 8])
def test_an_own_photo_gets_the_names_that_predict_photos_gives(namer, result, version, tmp_path):
    content = _file(result.split.test.images[3].repeat_interleave(4, 1).repeat_interleave(4, 2))
    (tmp_path / "mine.png").write_bytes(content)
    (expected,) = result.predict_photos(tmp_path / "mine.png").rows
    said = _upload(namer, "mine.png", content, version)
    assert [name for name, _, _ in namer.naming.best] == [expected["name"], expected["name_2"], expected["name_3"]]
    assert namer.naming.truth is None and "no other names" in said and len(namer.naming.near) == 5
    assert not any("tlkit-chosen" in button._dom_classes for button in namer._buttons)
    namer.read(tmp_path / "mine.png")
    assert namer._said.value == said


FAULTS = {
    "notes.jpg": (b"not a photo at all", "not a picture that can be read here"),
    "empty.png": (b"", r"the file is empty \(0 bytes\)"),
    "holiday.heic": (b"\0\0\0\x18ftypheic" + bytes(64), "HEIC photo|damaged"),
    "film.mp4": (b"\0\0\0\x18ftypisom" + bytes(64), "a video, not a picture"),
    "album.zip": (b"PK\x03\x04" + bytes(64), "a zip file, not a picture: unpack it first"),
    "page.jpg": (b"<!DOCTYPE html><html>", "a web page, not a picture"),
    "half.png": (None, "damaged"),
    "dot.png": (_file(torch.zeros(3, 4, 4, dtype=torch.uint8)), "too small to show anything"),
    "<b>&.jpg": (b"no", "&lt;b&gt;&amp;.jpg cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_that_is_no_picture_is_told_by_its_own_name(namer, pictures, name):
    content, why = FAULTS[name]
    said = _upload(namer, name, content if content is not None else _file(pictures[0])[:400])
    assert said.startswith("<b>Not read.</b> ") and re.search(why, said), said
    assert f"{html.escape(name)} cannot be read as a photo" in said and "/tmp" not in said
    assert namer.naming is None, "the answer before is not taken for that of this file"
    assert "Not read" not in _upload(namer, "next.png", _file(pictures[1])), "and the next one is read"


def test_a_path_that_leads_nowhere_and_an_upload_that_was_taken_back(namer, tmp_path):
    namer.read("/no/such/photo.jpg")
    assert "there is no such file" in namer._said.value
    namer.read(tmp_path)
    assert "is a folder. Give one photo here" in namer._said.value and namer.naming is None
    before = namer._said.value
    namer._on_upload({"new": ()})
    assert namer._said.value == before


def test_a_loaded_model_names_own_photos_and_the_pictures_it_is_given(result, tmp_path, monkeypatch):
    model = tlkit.load_model(tlkit.save_model(result, tmp_path / "model"))
    alone = tlkit.name_photo(model)
    assert alone._buttons == [] and alone.naming is None and alone._upload in alone._box.children[0].children
    assert alone._upload.accept == "image/*" and not alone._upload.multiple, "a phone offers its camera"
    assert "phone" in _shown(alone, monkeypatch)["text/plain"]
    _upload(alone, "a.png", _file(result.split.test.images[0]))
    assert len(alone.naming.best) == 3 and alone.naming.near == []
    with_strip = tlkit.name_photo(model, result.split.val)
    assert len(with_strip._buttons) == 12 and with_strip._upload not in _all(with_strip._box)
    assert with_strip.naming.truth in model.class_names


def _all(widget):
    return [widget, *(each for child in getattr(widget, "children", ()) for each in _all(child))]


def test_a_trained_network_says_probabilities_of_two_classes(tiny_split):
    result = tlkit.two_phase(tiny_split, epochs=1, head_epochs=1)
    naming = tlkit.name_photo(result).naming
    assert [len(naming.best), naming.scores_are, len(naming.near)] == [2, "probability", 5]
    assert sum(length for _, _, length in naming.best) == pytest.approx(1)


def _shown(namer, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append(data))
    namer._ipython_display_()
    return shown[0]


def test_where_no_front_end_answers_the_first_answer_is_shown(namer, monkeypatch):
    data, naming = _shown(namer, monkeypatch), namer.naming
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == namer._box.model_id
    assert 'src="data:image/jpeg' in data["text/html"] and "It says" in data["text/html"]
    assert f"{naming.best[0][0]} {naming.best[0][1]}" in data["text/plain"] and naming.truth in data["text/plain"]
    assert all(len(alt) > 10 for alt in re.findall('alt="([^"]*)"', data["text/html"]))


def test_bars_are_as_long_as_what_they_say():
    naming = naming_of(_found([0.1, 0.7, 0.2]))
    assert naming.best == [("class 1", "70%", 0.7), ("class 2", "20%", 0.2), ("class 0", "10%", 0.1)]
    scores = naming_of(_found([-1.0, 1.0, 0.0, -np.inf], "decision score"))
    assert [length for _, _, length in scores.best] == [1.0, 0.5, 0.0], "from the least likely that was learned"
    same = naming_of(_found([0.0, 0.0], "decision score", top=2))
    assert [length for _, _, length in same.best] == [0.0, 0.0]
    page = naming_html(scores)
    assert re.findall(r'width:(\d+)%"', page) == ["100", "50", "0"] and "no probabilities" in page


def test_names_are_words_and_no_code():
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    evil = '<img src=x onerror="1">'
    page = naming_html(Naming(picture, [(evil, "1.00", 1.0)], "decision score", evil, [(picture, evil)]))
    assert "<img src=x" not in page and page.count("&lt;img src=x") == 4


def test_large_pictures_are_sent_small(pictures):
    large = pictures[0].repeat_interleave(16, 1).repeat_interleave(16, 2)
    page = naming_html(Naming(large, [("a", "1.00", 1.0)], "probability", None, [(large, "a")]))
    sent = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall('base64,([^"]+)', page)]
    assert [picture.size for picture in sent] == [(264, 264), (144, 144)]


def test_what_is_no_model_and_pictures_of_another_size_are_refused(result, small):
    for odd in ("my_model", result.classifier.backbone, None):
        with pytest.raises(TypeError, match="name_photo takes the result of a way .* not "):
            tlkit.name_photo(odd)
    with pytest.raises(ValueError, match="32 x 32 pixels, but this was trained on 64 x 64"):
        tlkit.name_photo(result, small)
