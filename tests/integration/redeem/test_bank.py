"""Taking money by bank transfer on the redemption page, without scripts."""

import pytest

from support.accounts import connect
from support.banking import KEYRING
from support.dashboard import heading
from support.redeem import Recipient, text_of

pytestmark = pytest.mark.anyio

IBAN = "DE89370400440532013000"
SEPA = {"scheme": "sepa", "name": "Ada Lovelace", "iban": "DE89 3704 0044 0532 0130 00"}
ACH = {
    "scheme": "ach",
    "name": "Ada Lovelace",
    "routing_number": "021000021",
    "account_number": "004412345678",
    "account_type": "checking",
    "holder": "person",
}
AMOUNT = {"amount": "20", "kind": "spend"}


async def test_from_the_form_to_the_receipt(ada: Recipient) -> None:
    assert 'href="/redeem/withdraw/bank"' in (await ada.get("balance")).text
    form = await ada.get("withdraw/bank?scheme=sepa")
    assert heading(form) == "Bank transfer"
    assert 'name="iban"' in form.text
    address = await ada.review("bank", **SEPA, **AMOUNT)
    page = await ada.browser.get(address)
    review = text_of(page)
    assert "Bank transfer To Ada Lovelace DE89 •••• 3000 · Germany" in review
    assert "Usually within two or three bank working days." in review
    made = await ada.browser.post(address)
    assert made.status_code == 303
    order = await ada.browser.get(made.headers["location"])
    assert "Ada Lovelace , DE89 •••• 3000" in text_of(order)
    assert await ada.balance() == 3_000
    assert IBAN not in page.text + order.text


async def test_a_us_account_asks_for_what_banks_there_need(ada: Recipient) -> None:
    form = await ada.get("withdraw/bank?scheme=ach")
    for name in ("routing_number", "account_number", "account_type", "holder"):
        assert f'name="{name}"' in form.text
    assert 'name="iban"' not in form.text
    order = await ada.browser.get(await ada.withdraw("bank", **ACH, **AMOUNT))
    assert "•••• 5678" in order.text


async def test_the_browsers_country_says_which_kind_of_account_is_asked_for_first(
    ada: Recipient,
) -> None:
    for accepted, name in (("en-US", "routing_number"), ("es-ES", "iban")):
        ada.browser.client.headers["accept-language"] = accepted
        assert f'name="{name}"' in (await ada.get("withdraw/bank")).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (SEPA | {"iban": "DE88370400440532013000"}, "A letter or digit of this IBAN is wrong."),
        (SEPA | {"iban": "BR1800360305000010009795493C1"}, "no money goes to this country"),
        (SEPA | {"name": ""}, "Type the full name"),
        (ACH | {"routing_number": "021000022"}, "This is no routing number."),
        (ACH | {"name": "A" * 60}, "This name is longer than banks take."),
        (ACH | {"holder": "dog"}, "Choose whose account it is."),
        ({"scheme": "swift"}, "Choose the kind of your account."),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    ada: Recipient, fields: dict[str, str], said: str
) -> None:
    answer = await ada.browser.post("/redeem/withdraw/bank", **fields, **AMOUNT)
    assert answer.status_code == 422
    assert said in text_of(answer)
    if fields.get("iban"):
        assert f'value="{fields["iban"]}"' in answer.text
    assert 'value="20"' in answer.text
    assert await ada.balance() == 5_000


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("DE02 1203 0000 0000 2020 51", "own account. Use yours."),
        ("GB29 NWBK 6016 1331 9268 19", "By this way no money goes to this country."),
    ],
)
async def test_an_account_that_is_right_and_cannot_be_paid_is_not_called_wrong(
    ada: Recipient, number: str, said: str
) -> None:
    business_id = ada.desk.business.business_id
    await connect(ada.database, KEYRING, business_id, "bank")  # DE02…, without an address
    answer = await ada.browser.post("/redeem/withdraw/bank", **SEPA | {"iban": number}, **AMOUNT)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "is wrong" not in text_of(answer)


async def test_changing_the_amount_asks_for_no_number_again(ada: Recipient) -> None:
    address = await ada.review("bank", **SEPA, **AMOUNT)
    quote = address.rpartition("/")[2]
    assert f'href="/redeem/withdraw/bank?quote={quote}"' in (await ada.browser.get(address)).text
    form = await ada.get(f"withdraw/bank?quote={quote}")
    assert "DE89 •••• 3000" in form.text
    assert 'name="iban"' not in form.text
    again = await ada.review("bank", quote=quote, amount="30", kind="spend")
    await ada.browser.post(again)
    assert await ada.balance() == 2_000


async def test_a_saved_account_is_used_again_and_anothers_is_not(ada: Recipient) -> None:
    order = await ada.withdraw("bank", **SEPA, **AMOUNT)
    await ada.browser.post(f"{order}/save")
    saved = await ada.get("saved")
    assert "DE89 •••• 3000 (Ada Lovelace)" in saved.text
    shown = saved.text.partition("withdraw/bank?saved=")[2].partition('"')[0]
    made = await ada.withdraw("bank", saved=shown, **AMOUNT)
    assert "DE89 •••• 3000" in (await ada.browser.get(made)).text
    other = f"dst_{shown[4:-1]}{'0' if shown[-1] != '0' else '1'}"
    refused = await ada.browser.post("/redeem/withdraw/bank", saved=other, **AMOUNT)
    assert refused.status_code == 422
    assert await ada.balance() == 1_000
