"""What every lesson and card promises: the anatomy, the costs, the facts on the cards."""

import json
import re

import pytest
from packaging.requirements import Requirement

from tlkit import course
from tlkit.data.splits import TEST_PER_CLASS, VAL_PER_CLASS
from tlkit.disk.cards import read_card, write_card
from tlkit.world.catalogue import OFFLINE_DATASETS
from tools import publish

LESSONS = course.lessons()


def _cells(path, kind):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["id"], "".join(cell["source"])) for cell in cells if cell["cell_type"] == kind]


def test_there_are_lessons():
    main = [f"{k:02}" for k in range(10)]
    further = [f"{k}" for k in range(10, 16)]  # for those who go on
    assert [path.stem[:2] for path in LESSONS] == main + further


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_anatomy(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code, prose = _cells(path, "code"), dict(_cells(path, "markdown"))
    folded = [cell for cell in notebook["cells"] if cell["metadata"].get("jupyter", {}).get("source_hidden")]
    aside = {"quiz"} | {cell["id"] for cell in folded}
    assert len([ident for ident, _ in code if not ident.startswith("exercise-") and ident not in aside]) <= 20
    assert [ident for ident, source in code if len(source.splitlines()) > 15] == []
    assert [line for _, source in code for line in source.splitlines() if len(line) > 110] == []
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook["cells"])
    assert ids[:3] == ["title", "cost-card", "set-up"] and ids[-1] == "closing"
    asked = [ident for ident, _ in code if ident.startswith("exercise-")]
    assert 2 <= len(asked) <= 4
    after = ids[ids.index("exercises") :]
    each = [ident for name in asked for ident in (f"{name}-text", name)]
    assert after == ["exercises", *each, "exercises-open", "quiz-text", "quiz", "closing"]
    assert dict(code)["quiz"] == f'tlkit.Quiz("{path.stem[:2]}")'
    title = prose["title"].splitlines()[0]
    assert title.startswith(f"# {path.stem[:2]} · ") and title.endswith("?")
    assert "**After this lesson you can**" in prose["title"] and "**You need**" in prose["title"]
    assert prose["closing"].startswith("## To remember") and "**One limit**" in prose["closing"]
    assert any("tlkit.Guess(" in source for _, source in code)
    claimed = [ident for ident, source in code if re.search(r"\b(tlkit|picker)\.claims\(", source)]
    assert claimed and all(ident.endswith("claims") for ident in claimed)
    assert [cell["id"] for cell in folded] == ["set-up", *claimed], "the set-up and the claims, and nothing else"
    for cell in folded:
        assert cell["metadata"] == {"cellView": "form", "jupyter": {"source_hidden": True}}
        assert "".join(cell["source"]).startswith("# @title "), "Colab folds a cell under its title"
    if "00" < path.stem[:2] < "08":
        assert ids[3] == "picker" and "tlkit.dataset_picker(" in code[1][1], "a core lesson opens with its picker"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for _, source in _cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+)\)", source):
            assert (path.parent / target).exists(), target


def test_the_set_up_cell_is_the_same_everywhere():
    assert len({dict(_cells(path, "code"))["set-up"] for path in LESSONS}) == 1


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_cost_card_is_what_was_measured(path):
    assert dict(_cells(path, "markdown"))["cost-card"] == publish.cost_line(path.stem)


def test_the_readme_shows_the_measured_table():
    readme = (course.COURSE / "README.md").read_text(encoding="utf-8")
    assert publish.readme_table() in readme
    for target in re.findall(r"\]\(([^)#:]+)\)", readme) + re.findall(r'src="([^":]+)"', readme):
        assert (course.COURSE / target).exists(), target


@pytest.mark.parametrize("name", OFFLINE_DATASETS)
def test_cards_agree_with_the_world(name):
    card, world = read_card(course.COURSE / "datasets" / f"{name}.toml"), OFFLINE_DATASETS[name]
    assert card["name"] == name and card["classes"] == len(world.class_names)
    assert card["similarity_stop"] == world.similarity and card["train_per_class"] == world.largest
    assert (card["val_per_class"], card["test_per_class"]) == (VAL_PER_CLASS, TEST_PER_CLASS)
    assert (course.COURSE / "datasets" / card["contact_sheet"]).exists()
    assert {"title", "shows", "licence", "similarity", "how_made", "citation"} <= set(card)


def test_bounds_are_stated_once_and_without_upper_limits():
    stated = (course.COURSE / "pyproject.toml").read_text().split("dependencies = [")[1].split("\n]")[0]
    needed = [Requirement(line) for line in re.findall(r'"([^"]+)",', stated)]
    lines = [line for line in (course.COURSE / "requirements.txt").read_text().splitlines() if line[:1] not in "#-"]
    assert all(re.search(r"\s# \S+", line) for line in lines), "each with its reason, please"
    tools = [Requirement(line.split("#")[0]) for line in lines]
    assert len(needed) > 12 and not {each.name for each in needed} & {each.name for each in tools}
    for each in needed + tools:
        assert [bound.operator for bound in each.specifier] == [">="], each


def test_a_card_survives_being_written_and_read(tmp_path):
    card = {"name": 'a "quoted" \\ word', "count": 3, "share": 0.25}
    (tmp_path / "card.toml").write_text(write_card(card))
    assert read_card(tmp_path / "card.toml") == card
    (tmp_path / "bad.toml").write_text("= nothing")
    for name in ("bad.toml", "absent.toml"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            read_card(tmp_path / name)
