"""`…/bank-files/<bfl_id>/approve`, `cancel`, `release`, `download` and `settle`: what people decide
about a file."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from payviox import actors, ids
from payviox.bank import files
from payviox.bank.model import BankFile
from payviox.bank.releasing import handing_over
from payviox.dashboard.bank_files.list import account_of
from payviox.dashboard.bank_files.show import PATH, file_id_of, file_page, is_downloaded
from payviox.dashboard.bank_files.words import SCHEMES, money_in
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, prove, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.rights import service as rights
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect


@post(f"{PATH}/approve", include_in_schema=False, status_code=200, right="bank_file.approve")
async def approve(request: Call) -> Response[Any]:
    """Sign it as it was cut."""
    visit = await visit_of(request)
    file_id = file_id_of(request)
    try:
        file = await act(
            request,
            visit.session,
            files.approve,
            visit.business.id,
            file_id,
            visit.session.actor,
        )
    except Conflict as error:
        return await file_page(request, visit, refused=str(error), status=409)
    return _to(visit, file_id, "signed" if file.status == "draft" else "approved")


@get(f"{PATH}/cancel", include_in_schema=False)
async def ask_to_cancel(request: Call) -> Response[Any]:
    """Whether to cancel it."""
    visit = await visit_of(request)
    file = await read(request, visit, files.get, visit.business.id, file_id_of(request))
    view = ConfirmView(
        heading="Cancel a file",
        consequence="It never leaves. Its payments wait for another file, under the same ids.",
        facts=_facts(file),
        action=f"{_address(visit, file.id)}/cancel",
        button="Cancel the file",
        back=_address(visit, file.id),
        keep="Keep the file",
        is_danger=True,
    )
    return confirm(request, visit, view)


@post(f"{PATH}/cancel", include_in_schema=False, status_code=200, right="bank_file.cancel")
async def cancel(request: Call) -> Response[Any]:
    """Let its payments wait for another one."""
    visit = await visit_of(request)
    at = (visit.business.id, file_id_of(request), visit.session.actor)
    try:
        await act(request, visit.session, files.cancel, *at)
    except Conflict as error:
        return await file_page(request, visit, refused=str(error), status=409)
    return redirect(f"{visit.base}/bank-files?done=canceled")


@get(f"{PATH}/release", include_in_schema=False)
async def ask_to_release(request: Call) -> Response[Any]:
    """What would leave, and how."""
    visit = await visit_of(request)
    file = await read(request, visit, files.get, visit.business.id, file_id_of(request))
    is_download = await is_downloaded(request, visit)
    consequence = "It is put where the bank takes files, once. Nothing of it can be taken back."
    if is_download:
        consequence = (
            "From then on it counts as given to the bank, and nothing of it can be taken back."
            " Download it on the next page, and upload it at your bank once."
        )
    view = ConfirmView(
        heading="Release a file",
        consequence=consequence,
        facts=_facts(file),
        action=f"{_address(visit, file.id)}/release",
        button=f"Release {money_in(file.total, file.currency)}",
        back=_address(visit, file.id),
        keep="Not yet",
    )
    return confirm(request, visit, view)


@post(f"{PATH}/release", include_in_schema=False, status_code=200, right="bank_file.release")
async def release(request: Call) -> Response[Any]:
    """Hand it to the bank, or let it be downloaded from now on."""
    visit = await visit_of(request)
    file_id = file_id_of(request)
    found = services(request)
    try:
        if await is_downloaded(request, visit):
            await act(request, visit.session, _release_by_hand, request, visit, file_id)
        else:
            await prove(request, visit.session, "bank_file.release")
            await act(request, visit.session, _require_release, visit)
            account = await account_of(request, visit)
            way, target = handing_over.target_of(
                account,
                found.settings.bank_folder,
                networks=found.settings.sftp_networks,
            )
            at = (visit.business.id, file_id, visit.session.actor)
            with actors.at(address_of(request)):
                await handing_over.release(found.database, found.keyring, way, target, *at)
    except Conflict as error:
        return await file_page(request, visit, refused=str(error), status=409)
    return _to(visit, file_id, "released")


@post(f"{PATH}/download", include_in_schema=False, status_code=200, right="bank_file.download")
async def download(request: Call) -> Response[Any]:
    """The bytes of a file that has left; each time it is written down."""
    visit = await visit_of(request)
    keyring = services(request).keyring
    at = (visit.business.id, file_id_of(request), visit.session.actor)
    file = await read(request, visit, files.get, *at[:2])
    if file.status in ("draft", "approved", "canceled"):
        refused = "Only a file that was released can be downloaded."
        return await file_page(request, visit, refused=refused, status=409)

    async def work(connection: Connection) -> tuple[BankFile, bytes]:
        return await files.download(connection, keyring, *at)

    file, content = await act(request, visit.session, work)
    return Response(
        content,
        status_code=200,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Cache-Control": "no-store",
        },
    )


@post(f"{PATH}/settle", include_in_schema=False, status_code=200, right="bank_file.settle")
async def settle(request: Call) -> Response[Any]:
    """A person's word on whether the bank has it."""
    visit = await visit_of(request)
    file_id = file_id_of(request)
    said = (await read_form(request)).get("sent", "")
    if said not in ("yes", "no"):
        refused = "Say whether the bank has the file."
        return await file_page(request, visit, refused=refused, status=422)

    async def work(connection: Connection) -> BankFile:
        at = (visit.business.id, file_id, visit.session.actor)
        return await handing_over.settle(connection, *at, sent=said == "yes")

    try:
        file = await act(request, visit.session, work)
    except Conflict as error:
        return await file_page(request, visit, refused=str(error), status=409)
    if file.step == "person":
        return _to(visit, file_id, "said")
    return _to(visit, file_id, "released" if said == "yes" else "not_sent")


async def _release_by_hand(
    connection: Connection, request: Call, visit: Visit, file_id: UUID
) -> None:
    file = await files.get(connection, visit.business.id, file_id)
    if file.status != "approved":
        raise Conflict(f"A file that is {file.status.replace('_', ' ')} cannot be released.")
    keyring = services(request).keyring
    await files.download(connection, keyring, visit.business.id, file_id, visit.session.actor)


async def _require_release(connection: Connection, visit: Visit) -> None:
    await rights.require(connection, visit.business.id, visit.session.actor, "bank_file.release")


def _facts(file: BankFile) -> list[Fact]:
    return [
        Fact("File", file.name),
        Fact("Scheme", SCHEMES[file.scheme]),
        Fact("Pays on", str(file.execution_date)),
        Fact("Payments", f"{file.payments:,}"),
        Fact("Total", money_in(file.total, file.currency)),
        Fact("SHA-256", file.digest),
    ]


def _address(visit: Visit, file_id: UUID) -> str:
    return f"{visit.base}/bank-files/{ids.show(ids.BANK_FILE, file_id)}"


def _to(visit: Visit, file_id: UUID, done: str) -> Response[Any]:
    return redirect(f"{_address(visit, file_id)}?done={done}")


ROUTES = [
    approve,
    ask_to_cancel,
    cancel,
    ask_to_release,
    release,
    download,
    settle,
]
