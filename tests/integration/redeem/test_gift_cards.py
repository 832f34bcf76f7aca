"""The catalogue of gift cards: those of the browser's country, and why they are shown."""

import pytest

from payviox.keyring import Keyring
from support import giftcards, live
from support.redeem import Recipient, text_of

pytestmark = pytest.mark.anyio

MEXICO = {"Accept-Language": "es-419;q=0.3, en-MX, fr-FR;q=0.5"}
REASON = "Your browser names Mexico"


@pytest.fixture
async def shelves(ada: Recipient) -> Recipient:
    """Ada, whose business sells one card in Mexico and one in France, beside the sandbox's."""
    keyring, business_id = Keyring(live.SECRET_KEY), ada.desk.business.business_id
    for name, country in (("Tienda", "MX"), ("Boutique", "FR")):
        text = giftcards.csv_of([f"code of {name}"], name=name).replace(",US,", f",{country},")
        await giftcards.import_text(ada.database, keyring, business_id, text)
    return ada


async def test_cards_of_the_browsers_country_are_shown_and_the_page_says_why(
    shelves: Recipient,
) -> None:
    ada = shelves
    ada.browser.client.headers.update(MEXICO)
    text = text_of(await ada.get("withdraw/gift-card"))
    assert REASON in text
    assert "Tienda" in text
    assert "Boutique" not in text
    for search, sees in (("?country=", {"Tienda", "Boutique"}), ("?country=FR", {"Boutique"})):
        text = text_of(await ada.get(f"withdraw/gift-card{search}"))
        assert REASON not in text
        assert {name for name in ("Tienda", "Boutique") if f"{name} ·" in text} == sees


async def test_cards_that_only_test_an_ending_stand_last_and_folded(shelves: Recipient) -> None:
    page = await shelves.get("withdraw/gift-card")
    real, _, tests = page.text.partition("<summary>Test cards</summary>")
    assert "Tienda" in real
    assert "Sandbox $25" in real
    assert "Sandbox fail" not in real
    assert "Sandbox fail-after-accept" in tests
    assert "<details>" in real
    found = await shelves.get("withdraw/gift-card?q=float-empty")
    assert "<details open><summary>Test cards" in found.text


@pytest.mark.parametrize("accepted", ["es", "de-DE", "es-419", "", "x-MX-", "en-Latn"])
async def test_without_a_country_that_has_cards_all_are_shown(
    shelves: Recipient, accepted: str
) -> None:
    shelves.browser.client.headers["Accept-Language"] = accepted
    page = await shelves.get("withdraw/gift-card")
    assert "Tienda" in page.text
    assert "Boutique" in page.text
