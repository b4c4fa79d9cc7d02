"""The page's second view: who may manage, what waits, which model answers."""

from tests.serve.web.browsing import Opens, Service, corrections, draw, expect_answer, only_new


def test_only_with_the_token_one_manages(opens: Opens, service: Service) -> None:
    page = opens("/#models")
    page.locator("#model-list .is-serving").wait_for()
    assert page.locator("#start").is_disabled()
    assert page.locator("#waiting").is_hidden()
    page.locator("#token").fill("not it")
    page.keyboard.press("Enter")
    page.locator("#token-wrong").wait_for()
    page.locator("#token").fill(service.token)
    page.keyboard.press("Enter")
    page.locator("#waiting").wait_for()
    page.reload()
    page.locator("#token-known").wait_for()


def test_the_token_leaves_the_address(opens: Opens, service: Service) -> None:
    page = opens(f"/#token={service.token}")
    assert service.token not in page.url
    page.locator("#to-models").click()
    page.locator("#token-known").wait_for()


def test_a_correction_that_waits_can_be_rejected(opens: Opens, service: Service) -> None:
    page = opens(f"/#token={service.token}")
    before = corrections(page, service)
    draw(page, ((0.35, 0.2), (0.75, 0.15), (0.55, 0.9)))
    expect_answer(page, "7")
    page.locator("#drawn .digit").click()
    page.keyboard.press("3")
    page.locator("#panel-undo").wait_for()
    page.keyboard.press("Escape")
    page.locator("#to-models").click()
    sent = only_new(corrections(page, service), before)
    page.locator(f"[data-focus='waiting.reject-{sent['id']}']").click()
    page.locator(f"[data-focus='waiting.reject-{sent['id']}']").wait_for(state="detached")
    assert corrections(page, service) == before


def test_the_news_that_another_model_serves_is_told(opens: Opens) -> None:
    page = opens()
    status = page.evaluate("fetch('/v1/status').then((answer) => answer.json())")
    page.route("**/v1/status", lambda route: route.fulfill(json=status | {"model": "<b>newer</b>"}))
    page.get_by_text("A new model answers now: <b>newer</b>").wait_for()
