"""The page speaks its reader's language: the browser's at first, then the one that they chose, in
mails, too. Nothing is kept of who only looks."""

import html
import re

import httpx
import pytest

from payviox.auth import redemption
from payviox.languages import catalogues
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, heading
from support.redeem import EMAIL, WALLET, Recipient

pytestmark = pytest.mark.anyio

ARABIC, SPANISH = {"Accept-Language": "ar-EG,ar;q=0.9"}, {"Accept-Language": "es-MX"}
PAGES = (
    "balance",
    "history",
    "withdraw/paypal",
    "withdraw/crypto",
    "withdraw/gift-card",
    "withdrawals/nothing",
)
OWN = re.compile(r"<(bdi|time|option|code)\b.*?</\1>|<[^>]*\bdir=\"ltr\"[^>]*>[^<]*", re.DOTALL)
NAMES = {"PayPal", "US"}


def spoken(page: httpx.Response) -> str:
    found = re.search(r'<html lang="(\w+)" dir="(?:ltr|rtl)"', page.text)
    assert found, page.text[:200]
    return found[1]


def foreign_words(page: httpx.Response) -> set[str]:
    """Latin words of a page's text and labels, but names, addresses and amounts."""
    body = OWN.sub(" ", page.text.partition("<body")[2])
    labels = " ".join(re.findall(r'(?:aria-label|alt|data-copied)="([^"]*)"', body))
    text = html.unescape(re.sub(r"<[^>]*>", " ", f"<{body}") + labels)
    return set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES


async def test_a_browsers_language_is_spoken_before_anything_is_kept(browser: Browser) -> None:
    for headers, code, word in ((ARABIC, "ar", "متابعة"), (SPANISH, "es", "Continuar")):
        page = await browser.client.get("/redeem", headers=headers)
        assert spoken(page) == code
        assert word in page.text
        chosen = await browser.client.get("/redeem?lang=en", headers=headers)
        assert spoken(chosen) == "en"
        assert ">Language</label>" in chosen.text
        assert 'name="lang" value="en"' in chosen.text
        assert not page.cookies
        assert not chosen.cookies
    assert spoken(await browser.client.get("/redeem?lang=xx")) == "en"


@pytest.mark.parametrize("way", ["paypal", "crypto"])
async def test_every_page_is_in_arabic_and_shows_no_english_word(ada: Recipient, way: str) -> None:
    ada.browser.client.headers.update(ARABIC)
    fields = {"amount": "\u0662\u0660\u066b\u0665\u0660"}
    if way == "paypal":
        fields["email"] = EMAIL
    else:
        page = await ada.get("withdraw/crypto")
        networks = re.findall(r'<option value="(\w+ \w+)"', page.text)
        fields |= {"address": WALLET, "network": networks[0]}
    answers = [await ada.get(path) for path in PAGES]
    answers += [
        await ada.browser.post(f"/redeem/withdraw/{way}", **{**fields, "amount": wrong})
        for wrong in ("", "x", "0", "1.234,50", "99999999")
    ]
    review = await ada.review(way, **fields)
    answers.append(await ada.browser.get(review))
    order = (await ada.browser.post(review)).headers["location"]
    answers.append(await ada.browser.get(order))
    for answer in answers:
        assert spoken(answer) == "ar"
        assert 'dir="rtl"' in answer.text
        assert foreign_words(answer) == set(), answer.url


async def test_a_choice_is_kept_for_every_browser_and_for_mails(
    ada: Recipient, application: Application, business: TestBusiness
) -> None:
    business_id, user = business.business_id, await ada.desk.user(1)
    language = await ada.database.fetch(redemption.language_of, business_id, user)
    assert language == "en"
    answer = await ada.browser.post("/redeem/language", lang="es", next="/redeem/history")
    assert answer.headers["location"] == "/redeem/history"
    page = await ada.get("history")
    assert (spoken(page), heading(page)) == ("es", "Historial")
    assert await ada.database.fetch(redemption.language_of, business_id, user) == "es"
    elsewhere = Browser.of(application)
    await elsewhere.client.post(
        "/redeem", data={"link": ada.hash}, headers={**ARABIC, "Sec-Fetch-Site": "same-origin"}
    )
    assert "language" not in elsewhere.client.cookies
    assert spoken(await elsewhere.client.get("/redeem/balance", headers=ARABIC)) == "es"
    await ada.browser.post("/redeem/leave")
    assert spoken(await ada.browser.get("/redeem")) == "es"


async def test_what_is_chosen_before_the_button_counts_once_it_is_pressed(
    ada: Recipient, business: TestBusiness
) -> None:
    refused = await ada.browser.post("/redeem", link="x", lang="ar")
    assert (refused.status_code, spoken(refused)) == (403, "ar")
    assert "language" not in ada.browser.client.cookies
    await ada.browser.post("/redeem", link=ada.hash, lang="ar")
    assert ada.browser.client.cookies["language"] == "ar"
    assert spoken(await ada.get("balance")) == "ar"
    user = await ada.desk.user(1)
    kept = await ada.database.fetch(redemption.language_of, business.business_id, user)
    assert kept == "ar"


@pytest.mark.parametrize(
    "following",
    ["https://evil.test", "//evil.test", "/\\evil.test", "/dashboard", "/redeem/../login", ""],
)
async def test_a_choice_leads_nowhere_else(ada: Recipient, following: str) -> None:
    answer = await ada.browser.post("/redeem/language", lang="es", next=following)
    assert answer.headers["location"] == "/redeem/balance"


async def test_what_is_no_language_changes_nothing(ada: Recipient) -> None:
    for lang in ("", "xx", "../ar", "en\x00"):
        answer = await ada.browser.post("/redeem/language", lang=lang)
        assert answer.status_code == 400
    assert spoken(await ada.get("balance")) == "en"


async def test_who_was_not_let_in_keeps_nothing(browser: Browser) -> None:
    answer = await browser.post("/redeem/language", lang="ar")
    assert answer.status_code == 401
    assert not browser.client.cookies


def test_every_language_is_offered_by_its_own_name() -> None:
    assert len({each.name for each in catalogues.every()}) == len(catalogues.codes())
