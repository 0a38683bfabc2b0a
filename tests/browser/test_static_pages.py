"""The static pages, wide and narrow, light and dark: read by a person, a phone and a screen reader."""

import pytest

from tools import pages


@pytest.fixture(scope="module")
def site(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("site")
    pages.html(["07"], str(folder))
    return folder


ADDRESSES = ["index.html", "07_when_and_how.html", "solutions/07_when_and_how.html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_no_serious_barrier_and_fits(page, site, find_serious, address, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / address).as_uri())
    assert find_serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert page.evaluate("[...document.images].every(image => image.alt.length > 10)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_light_or_dark_as_their_page_is(page, site, figures_are, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto((site / "07_when_and_how.html").as_uri())
    figures_are(page, scheme)


def test_the_pages_lead_from_one_to_the_other(page, site):
    page.goto((site / "index.html").as_uri())
    page.locator("a[href='07_when_and_how.html']").first.click()
    page.wait_for_url("**/07_when_and_how.html")
    assert "Which way" in page.locator("h1").inner_text()
    page.locator("a[href='solutions/07_when_and_how.html']").first.click()
    page.wait_for_url("**/solutions/07_when_and_how.html")
