"""The interface for people: all that its description says, and nothing that isn't text."""

import pytest
from tests.serve.web.browsing import Opens, Service, expect_number

from inkdigits.serve import openapi


def test_every_path_and_schema_is_shown(opens: Opens) -> None:
    page = opens("/docs", ready="#schemas")
    document = openapi.document()
    shown = [line.split("\n") for line in page.locator("summary .row").all_inner_texts()]
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {(method, path) for method, path, *_ in shown} == described
    assert page.locator("#schemas h3").all_inner_texts() == list(document["components"]["schemas"])


def test_every_link_to_a_schema_leads_somewhere(opens: Opens) -> None:
    page = opens("/docs", ready="#schemas")
    lost = page.evaluate(
        """[...document.querySelectorAll("a[href^='#']")].map((link) => link.getAttribute("href"))
            .filter((href) => !document.querySelector(href))"""
    )
    assert lost == []


def test_an_address_opens_what_it_names(opens: Opens) -> None:
    page = opens("/docs#post-v1-read", ready="#schemas")
    expect_number(page, "details[open]", 1)
    assert page.locator("details[open] summary code").inner_text() == "/v1/read"
    assert "Document" in page.locator("details[open]").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(opens: Opens, scheme: str) -> None:
    page = opens("/docs", ready="#schemas", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_what_a_description_says_is_text_and_never_markup(opens: Opens, service: Service) -> None:
    page = opens("/docs", ready="#schemas")
    evil = "<img src=x onerror=window.broken=1>"
    document = openapi.document()
    document["paths"]["/v2"]["get"]["summary"] = document["components"]["schemas"]["Box"]["description"] = (
        evil
    )
    page.route("**/openapi.json", lambda route: route.fulfill(json=document))
    page.reload()
    expect_number(page, "main img", 0)
    assert page.get_by_text(evil).count() == 2
    assert page.evaluate("window.broken") is None


def test_a_description_that_cannot_be_had_is_said_to_be_so(opens: Opens, troubles: list[str]) -> None:
    page = opens("/docs", ready="#schemas")
    page.route("**/openapi.json", lambda route: route.fulfill(status=503, body=""))
    page.reload()
    page.get_by_text("openapi.json is answered with 503").wait_for()
    assert all("503" in trouble for trouble in troubles)
    troubles.clear()
