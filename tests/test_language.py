"""The language in use: figures, widgets, quizzes and checks speak it; nothing else changes."""

import pytest
from matplotlib.text import Text

import tlkit
from tlkit.figures.style import as_html, new_figure
from tlkit.language import said, said_html, use_words

WORDS = {
    "far too few": "quá ít",
    "fine-tuning": "tinh chỉnh",
    "pretrained start": "khởi đầu sẵn",
    "{} wins by {} points": "thắng {1} điểm: {0}",
    "It says <b>{}</b>, but it is <b>{}</b>.": "Mạng nói <b>{}</b>, nhưng đó là <b>{}</b>.",
    "You guessed: {}. So it is.": "Bạn đoán: {}. Đúng vậy.",
    "What's more?": "Gì nữa?",
    "a & b": "a và b",
}


@pytest.fixture(autouse=True)
def english_again():
    yield
    tlkit.use_language("en")


@pytest.fixture
def words():
    use_words("vi", WORDS)


def test_a_sentence_is_found_whole_with_holes_or_in_parts(words):
    assert said("far too few") == "quá ít" and said("nobody knows") == "nobody knows" and said("") == ""
    assert said("fine-tuning wins by 3.2 points") == "thắng 3.2 điểm: tinh chỉnh"
    assert said("far too few\nnobody knows") == "quá ít\nnobody knows"
    assert said("far too few: fine-tuning; x") == "quá ít: tinh chỉnh; x"
    assert said("far too few, fine-tuning") == "quá ít, tinh chỉnh" and said("far too few, x") == "far too few, x"
    assert said("You guessed: far too few. So it is. far too few") == "Bạn đoán: quá ít. Đúng vậy. quá ít"


def test_a_label_that_was_broken_is_broken_again(words):
    assert said("a\nstart") == "a\nstart" and said("pretrained\nstart") == "khởi đầu sẵn"


def test_words_on_a_page_keep_their_tags_and_what_was_escaped(words):
    assert said_html("<p>It says <b>rose</b>, but it is <b>a &amp; b</b>.</p>") == (
        "<p>Mạng nói <b>rose</b>, nhưng đó là <b>a &amp; b</b>.</p>"
    )
    assert said_html("<b>fine-tuning</b> <i>x</i>") == "<b>tinh chỉnh</b> <i>x</i>"
    assert said_html("<h1>What&#x27;s more?</h1>") == "<h1>Gì nữa?</h1>"
    assert said_html("a &amp; b") == "a và b"


def test_a_text_of_somebody_never_becomes_markup(words):
    assert "<script>" not in said_html("<p>You guessed: &lt;script&gt;. So it is.</p>")


def test_a_figure_speaks_it_in_title_axes_ticks_legend_and_alt_text(words):
    axes = new_figure(4, 3, alt="far too few. And x.")
    axes.set_title("fine-tuning wins by 2 points")
    axes.set_xlabel("far too few")
    axes.set_xticks([0, 1], ["fine-tuning", "b"])
    axes.plot([0, 1], [0, 1], label="pretrained start")
    axes.legend()
    shown = as_html(axes)
    there = {text.get_text() for text in axes.figure.findobj(Text)}
    assert {"thắng 2 điểm: tinh chỉnh", "quá ít", "tinh chỉnh", "b", "khởi đầu sẵn"} <= there
    assert 'alt="quá ít. And x."' in shown
