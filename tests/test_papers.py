"""The papers of the project: citation, changelog, issue forms."""

import re

import pytest

from tlkit import course


def test_the_citation_and_the_changelog_have_the_version_of_the_package():
    version = re.search(r'^version = "(.+)"$', (course.COURSE / "pyproject.toml").read_text(), flags=re.M)[1]
    citation = (course.COURSE / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation and citation.startswith("cff-version: 1.2.0\n")
    changelog = (course.COURSE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(.+?)\]", changelog, flags=re.M)[1] == version


def test_the_issue_forms_are_forms_and_ask_for_the_environment():
    yaml = pytest.importorskip("yaml")
    forms = [yaml.safe_load(path.read_text()) for path in (course.COURSE / ".github/ISSUE_TEMPLATE").glob("*.yml")]
    assert len(forms) == 3
    for form in forms:
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids)) and ids
        assert all(part["attributes"]["label"] for part in form["body"] if part["type"] != "markdown")
    assert sum("check_environment" in str(form) for form in forms) >= 2
