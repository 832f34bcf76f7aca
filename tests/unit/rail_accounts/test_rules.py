"""What an operator may set of a rail account, and how it is read."""

import pytest

from payviox.errors import FieldErrors
from payviox.rail_accounts import rules
from payviox.rail_accounts.model import Changes, RailName


def test_assignments_are_read_into_columns_and_settings() -> None:
    found = rules.parse(
        "paypal",
        [
            "max_amount=200000",
            "low_float=none",
            "fee_payer=recipient",
            "fee_percentage=2.5",
            "fee_fixed=0",
            "webhook_id=1JE=",
            "base_url=none",
        ],
    )
    assert found == Changes(
        {
            "max_amount": 200_000,
            "low_float": None,
            "fee_payer": "recipient",
            "fee_percentage_bp": 250,
            "fee_fixed": 0,
        },
        {"webhook_id": "1JE=", "base_url": None},
    )
    assert rules.parse("evm", ["spread=0.05"]).settings == {"spread_bp": 5}


@pytest.mark.parametrize(
    ("text", "basis_points"),
    [("0", 0), ("2", 200), ("2.5", 250), ("2.05", 205), ("99.99", 9_999), ("0.01", 1)],
)
def test_percentages_are_read_exactly(text: str, basis_points: int) -> None:
    assert rules.basis_points("fee_percentage", text) == basis_points


@pytest.mark.parametrize("text", ["", "100", "2,5", "-1", "2.555", "1e1", "٢", " 2", "2%", "NaN"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fee_percentage must be a percentage from 0 to 99\.99"):
        rules.basis_points("fee_percentage", text)


@pytest.mark.parametrize(
    ("rail", "assignment"),
    [
        ("paypal", "max_amount=0"),
        ("paypal", "max_amount=10.50"),
        ("paypal", "max_amount=100000001"),
        ("paypal", "max_amount=٣"),
        ("paypal", "fee_payer=both"),
        ("paypal", "fee_payer=none"),
        ("paypal", "fee_fixed=none"),
        ("paypal", "fee_cap=-1"),
        ("paypal", "webhook_id=a\nb"),
        ("paypal", "webhook_id="),
        ("paypal", "funding_source_id=x"),
        ("paypal", "environment=live"),
        ("paypal", "credentials=x"),
        ("paypal", "client_secret=x"),
        ("paypal", "client_id=x"),
        ("evm", "address=0x52908400098527886E0F7030069857D2E4169EE7"),
        ("evm", "keystore=/keys/other"),
        ("paypal", "max_amount"),
        ("paypal", "base_url=http://pay.example.com"),
        ("paypal", "base_url=ftp://127.0.0.1"),
        ("paypal", "base_url=https://user:secret@pay.example.com"),
        ("paypal", "base_url=https://pay.example.com/?key=secret"),
        ("paypal", "base_url=https://[::1"),
        ("paypal", "base_url=https://[api.example.com]"),
        ("paypal", "base_url=https://user@pay.example.com"),
        ("paypal", "base_url=https://@pay.example.com"),
        ("paypal", "base_url=https://api-m\uff0epaypal\uff0ecom"),
        ("paypal", "base_url=https://api-m\u3002paypal\u3002com"),
        ("paypal", "base_url=https://\uff41pi-m.paypal.com"),
        ("paypal", "base_url=https://api-m.\u24dfaypal.com"),
        ("paypal", "base_url=https://api-m.p%61ypal.com"),
        ("paypal", "base_url=https://api-m.pay\tpal.com"),
        ("paypal", "base_url=https://api-m.paypal.com\\.example.com"),
        ("paypal", "base_url=https://pay..example.com"),
        ("paypal", "base_url=https://-pay.example.com"),
        ("paypal", "base_url=https://pay.example.com:0"),
        ("paypal", "base_url=https://pay.example.com:port"),
        ("paypal", "base_url=https://pay.example.com:70000"),
        ("paypal", "base_url=https://pay.example.com/a b"),
        ("paypal", f"base_url=https://pay.example.com/{'a' * 600}"),
        ("evm", "signer=https://sign\uff0eexample.com"),
    ],
)
def test_what_cannot_be_set_is_refused_and_names_what_can(rail: RailName, assignment: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        rules.parse(rail, [assignment, "max_amount=5"])
    ((name, [message]),) = refused.value.fields.items()
    assert name == assignment.partition("=")[0]
    assert name in message
    for secret in ("secret@", "key=secret", "client_secret=x"):
        assert secret not in message, "a message repeats no secret"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v2",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://localhost/api",
        "https://[2001:db8::1]:8443/v2/",
        "https://192.0.2.7",
        "https://API.Example.com.:443/a_b/%7Ec",
    ],
)
def test_an_api_is_https_or_on_this_machine(url: str) -> None:
    assert rules.parse("paypal", [f"base_url={url}"]).settings == {"base_url": url}


def test_what_is_named_twice_is_refused() -> None:
    for twice in (["fee_fixed=1", "fee_fixed=2"], ["fee_percentage=1", "fee_percentage=2"]):
        with pytest.raises(FieldErrors) as refused:
            rules.parse("paypal", twice)
        assert "is given twice" in str(refused.value.fields)


def test_another_account_is_known_by_what_only_it_has() -> None:
    def changed(rail: RailName, before: object, after: object) -> list[str]:
        return rules.another(rail, before, after)  # type: ignore[arg-type]  # dictionaries

    app = {"client_id": "A", "webhook_id": "W"}
    assert changed("paypal", (app, {"client_secret": "1"}), (app, {"client_secret": "2"})) == []
    other = {**app, "client_id": "B", "webhook_id": "V"}
    assert changed("paypal", (app, {}), (other, {})) == ["client_id"]
    wallet = "0x52908400098527886E0F7030069857D2E4169EE7"
    lower = {"address": wallet.lower()}
    assert changed("evm", ({"address": wallet}, {}), (lower, {})) == []
    assert changed("evm", (lower, {}), ({"address": "0x0"}, {})) == ["address"]


@pytest.mark.parametrize(
    ("before", "after", "same_key", "other_key"),
    [
        ("A", "A", True, True),
        ("A", "B", False, False),
        ("A", None, True, False),
        (None, "A", True, False),
        (None, None, True, False),
    ],
)
def test_an_organization_is_known_by_its_id_and_without_it_by_the_key_alone(
    before: str | None, after: str | None, same_key: bool, other_key: bool
) -> None:
    source = {"funding_source_id": "BALANCE"}
    was, now = ({**source, "organization_id": one} for one in (before, after))
    for key, same in (("1", same_key), ("2", other_key)):
        found = rules.another("tremendous", (was, {"api_key": "1"}), (now, {"api_key": key}))
        assert (not found) is same
        assert all("api_key" in name for name in found)


def test_an_address_in_settings_is_checked_however_it_came_there() -> None:
    settings = {"client_id": "A", "base_url": "https://api-m\uff0epaypal\uff0ecom"}
    with pytest.raises(FieldErrors) as refused:
        rules.check("paypal", "sandbox", settings, {"client_secret": "x"})
    assert refused.value.fields.keys() == {"base_url"}
