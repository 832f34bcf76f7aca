"""`…/rails/<rail>/connect`: an account's settings and credentials, asked for step by step; its rail
is asked before anything is saved. Credentials are never shown again, not even after a mistake."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import actors
from payviox.dashboard.rails import bank_form
from payviox.dashboard.rails.bank_form import BankGroup
from payviox.dashboard.rails.words import RAILS, SECRETS, SETTINGS, TYPED, RailWords
from payviox.dashboard.visits import Visit, act, read, require_fresh, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.rail_accounts import callbacks, connecting, rules, service
from payviox.rail_accounts.connecting import NotFit, Wallet
from payviox.rail_accounts.model import Changes, RailAccount, RailName, Wanted
from payviox.rails.protocol import Finding
from payviox.rights import service as rights
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form

ROUTE = "/dashboard/{business:str}/rails/{rail:str}"
WALLET = ("keystore", "signer", "address", "chains")
"""What a wallet's form asks for; the passphrase beside it is a secret."""
SECRET_NAMES: Mapping[RailName, tuple[str, ...]] = {
    "paypal": ("client_secret",),
    "tremendous": ("api_key", "webhook_key"),
    "evm": ("passphrase",),
    "bank": ("sftp_key", "sftp_password"),
}

ONLY = {"sftp_key": "sftp", "sftp_password": "sftp"}
"""Secrets that are of use by one way of handing files over."""


class Field(msgspec.Struct, frozen=True):
    """One field of the form. `only` is what has to be chosen for it to be shown."""

    name: str
    label: str
    hint: str
    value: str
    is_secret: bool = False
    only: str = ""


class ConnectView(msgspec.Struct, frozen=True):
    """The form, a bank account's in `groups`; `findings` are what the rail said where nothing was
    saved for it. Wallets are connected by the installation's admins: their keys and nodes are on
    its machines."""

    words: RailWords
    action: str
    back: str
    is_new: bool
    is_wallet: bool
    may_connect: bool
    command: str
    fields: list[Field]
    groups: list[BankGroup] = []
    chains: str = ""
    findings: Sequence[Finding] = ()
    refused: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


class ConnectedView(msgspec.Struct, frozen=True):
    """What came of connecting, and what is left to do."""

    words: RailWords
    is_new: bool
    findings: Sequence[Finding]
    callback_url: str | None
    address: str


@get(f"{ROUTE}/connect", include_in_schema=False)
async def ask_to_connect(request: Call) -> Response[Any]:
    """The form, with the settings of the account that is connected now."""
    visit = await visit_of(request)
    rail = rail_of(request)
    if visit.may("rail.connect"):
        require_fresh(visit.session)
    account = await read(request, visit, service.find, visit.business.id, rail)
    typed = bank_form.typed_of(account) if rail == "bank" else _settings(account)
    return _form(request, visit, rail, account, typed)


@post(f"{ROUTE}/connect", include_in_schema=False, status_code=200, right="rail.connect")
async def connect(request: Call) -> Response[Any]:
    """Ask the rail, then save; where it finds fault nothing is saved."""
    visit = await visit_of(request)
    rail = rail_of(request)
    require_fresh(visit.session)  # before the form is read: its secrets are not to be sent again
    form = await read_form(request)
    found = services(request)
    account = await read(request, visit, service.find, visit.business.id, rail)
    stands = bank_form.typed_of(account)
    if rail == "bank":
        typed = bank_form.read(form, stands)
    else:
        typed = {name: form.get(name, "").strip() for name in (*TYPED[rail], *WALLET)}
    if rail == "evm" and not visit.session.is_admin:
        return _form(request, visit, rail, account, typed, status=403)
    # Before anything is asked of a rail: the session and the role, as they are now.
    await act(request, visit.session, _require, visit)
    try:
        if rail == "bank":
            noted: list[Finding] = []
            changes, credentials = bank_form.changes(typed, stands), _secrets(rail, form)
        else:
            changes, credentials, noted = await _wanted(rail, typed, form)
        with actors.at(address_of(request)):
            made = await connecting.connect(
                found.database,
                found.keyring,
                found.rails.connected(rail),
                Wanted(visit.business.id, rail, changes, credentials),
                visit.session.actor,
                public_url=found.settings.public_url,
                check=rail != "evm",
            )
    except NotFit as error:
        findings = error.findings
        return _form(request, visit, rail, account, typed, findings=findings, status=409)
    except FieldErrors as error:
        errors = bank_form.in_words(error.fields) if rail == "bank" else error.fields
        return _form(request, visit, rail, account, typed, errors=errors, status=422)
    except Conflict as error:
        return _form(request, visit, rail, account, typed, refused=str(error), status=409)
    url = None
    if rail in rules.CALLS_BACK:
        url = callbacks.url(found.settings.public_url, made.account)
    view = ConnectedView(
        words=RAILS[rail],
        is_new=made.new,
        findings=(*noted, *made.findings),
        callback_url=url,
        address=f"{visit.base}/rails/{rail}",
    )
    return show(request, visit, "rails/connected.html", view)


def rail_of(request: Call) -> RailName:
    """Raises NotFound."""
    for name in RAILS:
        if request.path_params["rail"] == name:
            return name
    raise NotFound


async def _require(connection: Connection, visit: Visit) -> None:
    await rights.require(connection, visit.business.id, visit.session.actor, "rail.connect")


async def _wanted(
    rail: RailName, typed: Mapping[str, str], form: Mapping[str, str]
) -> tuple[Changes, dict[str, str], list[Finding]]:
    """What to set, the credentials, and what is to be noted. Raises FieldErrors."""
    if rail == "evm":
        wallet = Wallet(
            keystore=Path(typed["keystore"]) if typed["keystore"] else None,
            passphrase=form.get("passphrase", ""),
            signer=typed["signer"] or None,
            address=typed["address"] or None,
            rpc=typed["chains"].split(),
            chains=None,
        )
        if bool(wallet.keystore) == bool(wallet.signer):
            raise FieldErrors({"keystore": ["Give either a keystore file or a signer."]})
        if wallet.signer and not wallet.address:
            raise FieldErrors({"address": ["An external signer needs the wallet's address."]})
        return await connecting.open_wallet(wallet)
    given = [f"{name}={typed[name] or rules.NONE}" for name in TYPED[rail]]
    missing = [name for name in TYPED[rail] if not typed[name] and not _is_optional(rail, name)]
    if missing:
        raise FieldErrors({name: [f"{SETTINGS[name][0]} is required."] for name in missing})
    changes = rules.parse(rail, given, connecting=True)
    return changes, _secrets(rail, form), []


def _secrets(rail: RailName, form: Mapping[str, str]) -> dict[str, str]:
    return {name: form.get(name, "").strip() for name in SECRET_NAMES[rail]}


def _is_optional(rail: RailName, name: str) -> bool:
    return rules.SETTINGS[rail][name].optional


def _settings(account: RailAccount | None) -> dict[str, str]:
    if account is None:
        return {}
    return {name: str(account.settings.get(name) or "") for name in (*SETTINGS, *WALLET[:3])}


def _form(
    request: Call,
    visit: Visit,
    rail: RailName,
    account: RailAccount | None,
    typed: Mapping[str, str],
    *,
    status: int = 200,
    **more: Any,
) -> Response[Any]:
    is_wallet = rail == "evm"
    fields = [
        Field(name, *SETTINGS[name], value=typed.get(name, ""))
        for name in (() if is_wallet else TYPED[rail])
    ]
    if not is_wallet:
        fields += [
            Field(name, *SECRETS[name], value="", is_secret=True, only=ONLY.get(name, ""))
            for name in SECRET_NAMES[rail]
        ]
    else:
        fields += [
            Field(
                "keystore",
                "Keystore file",
                "Its path on the installation's machines; or else a signer.",
                typed.get("keystore", ""),
            ),
            Field("passphrase", "Passphrase", "Of the keystore. Never shown.", "", is_secret=True),
            Field("signer", "External signer", "Its URL.", typed.get("signer", "")),
            Field("address", "Address", "A keystore says its own.", typed.get("address", "")),
        ]
    view = ConnectView(
        words=RAILS[rail],
        action=f"{visit.base}/rails/{rail}/connect",
        back=f"{visit.base}/rails" if account is None else f"{visit.base}/rails/{rail}",
        is_new=account is None,
        is_wallet=is_wallet,
        may_connect=visit.may("rail.connect") and (not is_wallet or visit.session.is_admin),
        command=f"payviox rail connect evm {visit.base.rpartition('/')[2]} --keystore FILE"
        " --chain NAME=RPC_URL",
        fields=fields,
        groups=bank_form.groups(typed) if rail == "bank" else [],
        chains=typed.get("chains", ""),
        **more,
    )
    return show(request, visit, "rails/connect.html", view, status=status)


ROUTES = [ask_to_connect, connect]
