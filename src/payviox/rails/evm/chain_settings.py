"""How an operator names chains: `NAME=URL` for those known by name, a TOML or JSON file for others
and for other values. An account keeps what was said, so that the table of known ones can be mended.
"""

import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from payviox.rails.evm import addresses
from payviox.rails.evm.chains import (
    BUILT_IN,
    PRODUCTION_IDS,
    TEST_IDS,
    Chain,
    ChainError,
    FixedPrice,
    Token,
    check_environment,
)
from payviox.rails.protocol import Account

NAME = re.compile(r"[A-Z][A-Z0-9_]{1,19}", re.ASCII)
SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,11}", re.ASCII)
ONE_EACH = "chain_id", "coin", "confirmations", "block_s", "max_fee_gwei"
"""What a chain that is not known by name must say."""

RPC_CREDENTIAL = "rpc:"
"""Prefix of the credentials with a chain's URLs, one a line: many providers' URLs hold a key."""

Count = Annotated[int, msgspec.Meta(ge=1)]


class _Token(msgspec.Struct, forbid_unknown_fields=True):
    address: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=36)]


class _Price(msgspec.Struct, forbid_unknown_fields=True):
    rate: Decimal
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class _Facts(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a file or an account's settings may say of a chain."""

    chain_id: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    coin: str | None = None
    confirmations: Count | None = None
    block_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_fee_gwei: Count | None = None
    legacy_fees: bool | None = None
    poa: bool | None = None
    tokens: dict[str, _Token] | None = None
    price_feed: str | None = None
    price_max_age_s: Count | None = None
    test: bool | None = None
    price: _Price | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """The chains that an operator named: what of them goes into an account's settings (`chains`)
    and what into its credentials, and the same as chains."""

    settings: dict[str, Any]
    credentials: dict[str, str] = field(repr=False)
    chains: dict[str, Chain]


def read(rpc: Sequence[str], file: Path | None = None) -> Named:
    """Chains from `NAME=URL` strings (a name given twice has several URLs, the first is preferred)
    and from a file, whose URLs stand behind those. Raises ChainError."""
    settings = {} if file is None else _read_file(file)
    urls: dict[str, list[str]] = {}
    for one in rpc:
        name, equals, url = one.partition("=")
        if not equals:
            # It is not repeated: a URL may hold a key.
            raise ChainError("Give a chain as NAME=URL, such as ERC20=https://….")
        if not NAME.fullmatch(name):
            raise ChainError(f"Give a chain as NAME=URL, NAME as in {', '.join(BUILT_IN)}.")
        urls.setdefault(name, []).append(url)
    for name, chain in settings.items():
        own = chain.pop("rpc_urls", [])
        if not isinstance(own, list) or not all(isinstance(url, str) for url in own):
            raise ChainError(f"{name}: rpc_urls must be a list of URLs.")
        urls.setdefault(name, []).extend(own)
    for name in urls:
        settings.setdefault(name, {})
    if not settings:
        raise ChainError("Name at least one chain, as NAME=URL or in a file.")
    return named(settings, urls)


def named(settings: Mapping[str, Mapping[str, Any]], urls: Mapping[str, Sequence[str]]) -> Named:
    """Chains by name from what is said of each, and their nodes' URLs. Raises ChainError."""
    return Named(
        {
            "chains": {
                name: msgspec.to_builtins(_facts(name, facts)) for name, facts in settings.items()
            }
        },
        {RPC_CREDENTIAL + name: "\n".join(urls[name]) for name in settings},
        {name: build(name, facts, urls[name]) for name, facts in settings.items()},
    )


def chains_of(account: Account) -> dict[str, Chain]:
    """The chains of a business's account, by name. Raises ChainError where its settings are wrong:
    they were checked when it was connected, so they were changed by hand."""
    stored: Mapping[str, Any] = account.settings.get("chains") or {}
    chains = {
        name: build(name, facts, account.credentials.get(RPC_CREDENTIAL + name, "").split())
        for name, facts in stored.items()
    }
    check_environment(chains, account.environment)
    return chains


def build(name: str, facts: Mapping[str, Any], rpc_urls: Sequence[str]) -> Chain:
    """The chain of this name: what is known of it, changed by what was said. Raises ChainError."""
    if not NAME.fullmatch(name):
        raise ChainError(
            f"{name!r} is no name of a chain: 2 to 20 capital letters, digits and underscores."
        )
    settings = _facts(name, facts)
    known = BUILT_IN.get(name)
    if known is not None and settings.chain_id not in (None, known.chain_id):
        # Another chain under this name has other tokens and other prices.
        known = None
    values = {} if known is None else {f: getattr(known, f) for f in Chain.__dataclass_fields__}
    simple = ("chain_id", "coin", "confirmations", "block_s", "max_fee_gwei", "legacy_fees", "poa")
    for each in (*simple, "price_max_age_s", "test"):
        if getattr(settings, each) is not None:
            values[each] = getattr(settings, each)
    missing = [each for each in ONE_EACH if each not in values]
    if missing:
        raise ChainError(
            f"{name} is not known by name ({', '.join(BUILT_IN)}): a file must say its"
            f" {', '.join(missing)}."
        )
    values["test"] = _is_test(name, values["chain_id"], settings.test)
    if settings.tokens is not None:
        values["tokens"] = _tokens(name, settings.tokens)
    if settings.price_feed is not None:
        values["price_feed"] = _address(f"{name}: price_feed", settings.price_feed)
    if settings.price is not None:
        values["fixed_price"] = FixedPrice(
            _rate(name, settings.price.rate), settings.price.expires_at
        )
    values["name"] = name
    values["rpc_urls"] = tuple(_url(name, url) for url in rpc_urls)
    chain = Chain(**values)
    _check(chain)
    return chain


def _facts(name: str, facts: Mapping[str, Any]) -> _Facts:
    try:
        return msgspec.convert(facts, _Facts)
    except msgspec.ValidationError as error:
        raise ChainError(f"{name}: {error}.") from None


def _is_test(name: str, chain_id: int, is_test: bool | None) -> bool:
    if chain_id in PRODUCTION_IDS and is_test:
        raise ChainError(
            f"{name}: chain {chain_id} is a production chain, it cannot be a test one."
        )
    if chain_id in TEST_IDS and is_test is False:
        raise ChainError(f"{name}: chain {chain_id} is a test chain.")
    return chain_id in TEST_IDS or bool(is_test)


def _tokens(name: str, tokens: Mapping[str, _Token]) -> Mapping[str, Token]:
    for symbol in tokens:
        if not SYMBOL.fullmatch(symbol):
            raise ChainError(f"{name}: {symbol!r} is no token's symbol.")
    return MappingProxyType(
        {
            symbol: Token(
                symbol, _address(f"{name}: the address of {symbol}", token.address), token.decimals
            )
            for symbol, token in tokens.items()
        }
    )


def _address(what: str, address: str) -> str:
    problem = addresses.problem(address)
    if problem is not None:
        raise ChainError(f"{what} {problem}.")
    return addresses.checksummed(address)


def _rate(name: str, rate: Decimal) -> Decimal:
    if not (rate.is_finite() and rate > 0):
        raise ChainError(f"{name}: a price must be a positive number of US dollars.")
    return rate


def _url(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(character.isspace() for character in url):
        raise ChainError(f"{name}: a node's URL must be an http or https one.")
    if parts.scheme == "http" and not _is_this_machine(str(parts.hostname)):
        raise ChainError(
            f"{name}: a node's URL must begin with https://, unless it is on this machine."
        )
    return url


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(chain: Chain) -> None:
    if not chain.rpc_urls:
        raise ChainError(f"{chain.name} needs the URL of a node: {chain.name}=https://….")
    if not SYMBOL.fullmatch(chain.coin):
        raise ChainError(f"{chain.name}: {chain.coin!r} is no coin's symbol.")
    if chain.coin in chain.tokens:
        raise ChainError(f"{chain.name}: {chain.coin} is the coin, it cannot be a token too.")
    contracts = [token.address for token in chain.tokens.values()]
    if len(set(contracts)) < len(contracts):
        raise ChainError(f"{chain.name}: two tokens have the same address.")


def _read_file(file: Path) -> dict[str, dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        chains = (
            json.loads(text, parse_float=Decimal)
            if file.suffix == ".json"
            else tomllib.loads(text, parse_float=Decimal)
        )
    except OSError as error:
        raise ChainError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ChainError(f"{file} is not well-formed: {error}.") from None
    if not isinstance(chains, dict) or not all(isinstance(one, dict) for one in chains.values()):
        raise ChainError(f"{file} must have a table for each chain, named as the chain.")
    return chains
