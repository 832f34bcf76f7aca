"""How an operator names chains, and which of them a business may pay on."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from payviox.rails.evm.addresses import checksummed
from payviox.rails.evm.chain_settings import Named, build, chains_of, read
from payviox.rails.evm.chains import (
    BUILT_IN,
    PRODUCTION_IDS,
    TEST_IDS,
    ChainError,
    check_environment,
    shown_url,
)
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, Environment

KEYED = "https://node.example/v3/not-a-real-key"
LOCAL = """
[LOCAL]
chain_id = 31337
coin = "ETH"
confirmations = 2
block_s = 0.5
max_fee_gwei = 500
rpc_urls = ["http://127.0.0.1:8545"]

[LOCAL.tokens.USDT]
address = "0xdac17f958d2ee523a2206206994597c13d831ec7"
decimals = 6
"""


def account(named: Named, environment: Environment) -> Account:
    """As a business has it after its row was written and read."""
    settings = json.loads(json.dumps(named.settings))
    credentials = {"passphrase": "secret", **named.credentials}
    fees = FeePolicy()
    return Account(uuid4(), "evm", environment, True, None, None, None, fees, settings, credentials)


def file(tmp_path: Path, text: str, name: str = "chains.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def facts(**changed: Any) -> dict[str, Any]:
    whole = {
        "chain_id": 31337,
        "coin": "ETH",
        "confirmations": 2,
        "block_s": 1,
        "max_fee_gwei": 500,
    }
    return {**whole, **changed}


def test_a_chain_known_by_name_needs_only_a_node() -> None:
    named = read([f"POLYGON={KEYED}"])
    chain = named.chains["POLYGON"]
    assert (chain.chain_id, chain.coin, chain.rpc_urls) == (137, "POL", (KEYED,))
    assert chain.currencies == ("POL", "USDT", "USDC")
    assert [chain.decimals(one) for one in chain.currencies] == [18, 6, 6]


def test_a_nodes_url_is_kept_with_the_credentials_and_shown_without_its_key() -> None:
    named = read([f"ERC20={KEYED}"])
    assert "key" not in json.dumps(named.settings)
    assert "key" not in repr(named)
    assert shown_url("https://me:word@node.example:85/v3/key?k=v") == "https://node.example:85"
    assert shown_url("http://[::1]:8545/key") == "http://[::1]:8545"


def test_what_was_named_is_what_an_account_has(tmp_path: Path) -> None:
    named = read(["ERC20=https://a.example", "ERC20=https://b.example"])
    assert chains_of(account(named, "live")) == named.chains
    assert named.chains["ERC20"].rpc_urls == ("https://a.example", "https://b.example")
    named = read(["LOCAL=http://127.0.0.1:1"], file(tmp_path, LOCAL))
    assert chains_of(account(named, "sandbox")) == named.chains
    assert named.chains["LOCAL"].rpc_urls == ("http://127.0.0.1:1", "http://127.0.0.1:8545")


def test_a_file_names_chains_of_any_kind(tmp_path: Path) -> None:
    chain = read([], file(tmp_path, LOCAL)).chains["LOCAL"]
    assert chain.test
    assert (chain.block_s, chain.max_fee_gwei, chain.price_feed) == (0.5, 500, None)
    assert chain.tokens["USDT"].address == checksummed(chain.tokens["USDT"].address)
    as_json = json.dumps({"LOCAL": facts(rpc_urls=["http://127.0.0.1:8545"])})
    assert read([], file(tmp_path, as_json, "chains.json")).chains["LOCAL"].chain_id == 31337


def test_a_file_changes_single_values_of_a_known_chain(tmp_path: Path) -> None:
    text = "[ERC20]\nconfirmations = 64\n"
    named = read([f"ERC20={KEYED}"], file(tmp_path, text))
    assert named.settings == {"chains": {"ERC20": {"confirmations": 64}}}
    assert named.chains["ERC20"].confirmations == 64
    assert named.chains["ERC20"].tokens == BUILT_IN["ERC20"].tokens


def test_another_chain_under_a_known_name_inherits_nothing(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="must say its coin"):
        read([f"ERC20={KEYED}"], file(tmp_path, "[ERC20]\nchain_id = 11155111\n"))
    chain = build("ERC20", facts(chain_id=11155111), [KEYED])
    assert chain.currencies == ("ETH",)
    assert chain.price_feed is None


def test_an_operators_price_is_kept_to_the_last_digit() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    price = {"rate": "3210.123456789012345678", "expires_at": until.isoformat()}
    chain = build("LOCAL", facts(price=price), [KEYED])
    assert chain.fixed_price is not None
    assert chain.fixed_price.rate == Decimal("3210.123456789012345678")
    assert chain.fixed_price.expires_at == until


@pytest.mark.parametrize(
    ("name", "changed", "urls", "message"),
    [
        ("lower", {}, [KEYED], "no name of a chain"),
        ("A B", {}, [KEYED], "no name of a chain"),
        ("LOCAL", {}, [], "URL of a node"),
        ("LOCAL", {}, ["ws://node.example"], "http or https"),
        ("LOCAL", {}, ["https://"], "http or https"),
        ("LOCAL", {}, ["http://node.example/not-a-real-key"], "must begin with https"),
        ("LOCAL", {}, ["http://10.0.0.7:8545"], "must begin with https"),
        ("LOCAL", {}, ["https://node.example:99999"], "http or https"),
        ("LOCAL", {"chain_id": None}, [KEYED], "must say its chain_id"),
        ("LOCAL", {"chain_id": 0}, [KEYED], "chain_id"),
        ("LOCAL", {"chain_id": "1"}, [KEYED], "chain_id"),
        ("LOCAL", {"chain_id": 1, "test": True}, [KEYED], "production chain"),
        ("LOCAL", {"test": False}, [KEYED], "test chain"),
        ("LOCAL", {"confirmations": 0}, [KEYED], "confirmations"),
        ("LOCAL", {"block_s": 0}, [KEYED], "block_s"),
        ("LOCAL", {"max_fee_gwei": 0}, [KEYED], "max_fee_gwei"),
        ("LOCAL", {"coin": "E T H"}, [KEYED], "no coin's symbol"),
        ("LOCAL", {"confirmation": 3}, [KEYED], "confirmation"),
        ("LOCAL", {"price_feed": "0x12"}, [KEYED], "price_feed must be an address"),
        ("LOCAL", {"tokens": {"USDT": {"address": "0x12", "decimals": 6}}}, [KEYED], "USDT must"),
        (
            "LOCAL",
            {"tokens": {"ETH": {"address": "0x" + "ab" * 20, "decimals": 6}}},
            [KEYED],
            "cannot be a token too",
        ),
        (
            "LOCAL",
            {"tokens": {"USDT": {"address": "0x" + "ab" * 20, "decimals": 37}}},
            [KEYED],
            "decimals",
        ),
        (
            "LOCAL",
            {"tokens": {s: {"address": "0x" + "ab" * 20, "decimals": 6} for s in ("A", "B")}},
            [KEYED],
            "same address",
        ),
        (
            "LOCAL",
            {"price": {"rate": "-1", "expires_at": "2030-01-01T00:00:00Z"}},
            [KEYED],
            "positive",
        ),
        (
            "LOCAL",
            {"price": {"rate": "NaN", "expires_at": "2030-01-01T00:00:00Z"}},
            [KEYED],
            "LOCAL",
        ),
        ("LOCAL", {"price": {"rate": "1", "expires_at": "2030-01-01T00:00:00"}}, [KEYED], "LOCAL"),
    ],
)
def test_a_chain_that_cannot_work_is_refused_with_a_sentence(
    name: str, changed: dict[str, Any], urls: list[str], message: str
) -> None:
    with pytest.raises(ChainError, match=message) as caught:
        build(name, facts(**changed), urls)
    assert "not-a-real-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[LOCAL", "a.toml", "not well-formed"),
        ("{", "a.json", "not well-formed"),
        ("[1]", "a.json", "a table for each chain"),
        ("chain_id = 1", "a.toml", "a table for each chain"),
        ("[LOCAL]\nrpc_urls = 'http://x'", "a.toml", "rpc_urls"),
        ("", "a.toml", "at least one chain"),
    ],
)
def test_a_file_that_names_no_chains_is_refused_with_a_sentence(
    tmp_path: Path, text: str, name: str, message: str
) -> None:
    with pytest.raises(ChainError, match=message):
        read([], file(tmp_path, text, name))


def test_a_missing_file_and_a_missing_url_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="cannot be read"):
        read([], tmp_path / "none.toml")
    for given in ("ERC20", KEYED, f"{KEYED}?a=b"):
        with pytest.raises(ChainError, match="NAME=URL") as caught:
            read([given])
        assert "not-a-real-key" not in str(caught.value)
    with pytest.raises(ChainError, match="must say its chain_id, coin"):
        read([f"LOCAL={KEYED}"])


@pytest.mark.parametrize("chain_id", [*sorted(PRODUCTION_IDS)[:5], 4_242_424_242])
def test_a_test_business_never_pays_on_a_production_chain(chain_id: int) -> None:
    """Nor on one that nobody knows, until it is marked."""
    chains = {"LOCAL": build("LOCAL", facts(chain_id=chain_id), [KEYED])}
    check_environment(chains, "live")
    with pytest.raises(ChainError, match="production chain"):
        check_environment(chains, "sandbox")


@pytest.mark.parametrize("chain_id", [*sorted(TEST_IDS), 4_242_424_242])
def test_a_live_business_never_pays_on_a_test_chain(chain_id: int) -> None:
    chains = {"LOCAL": build("LOCAL", facts(chain_id=chain_id, test=True), [KEYED])}
    check_environment(chains, "sandbox")
    with pytest.raises(ChainError, match="test chain"):
        check_environment(chains, "live")


def test_an_account_that_was_moved_to_the_other_environment_is_refused() -> None:
    with pytest.raises(ChainError, match="production chain"):
        chains_of(account(read([f"ERC20={KEYED}"]), "sandbox"))


def test_the_known_chains_are_production_chains_with_pinned_tokens() -> None:
    assert not PRODUCTION_IDS & TEST_IDS
    for name, chain in BUILT_IN.items():
        assert chain.name == name
        assert chain.chain_id in PRODUCTION_IDS
        assert not chain.test
        pinned = [token.address for token in chain.tokens.values()] + [chain.price_feed]
        assert all(address == checksummed(str(address)) for address in pinned)
    assert {t.decimals for t in BUILT_IN["BEP20"].tokens.values()} == {18}
