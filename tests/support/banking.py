"""A business that pays out by its bank: people with accounts, orders, files, and what the bank says
of them, written by the test's own hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from payviox import ids
from payviox.actors import Actor
from payviox.auth.users import UserCaller
from payviox.bank import cutting, files, imports
from payviox.bank.accounts import Accounts
from payviox.bank.cutting import Cut
from payviox.bank.imports import Taken
from payviox.bank.model import BankFile, Payment, Scheme
from payviox.bank.queries import payments
from payviox.bank.rail import BankRail, Converter
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rail_accounts.directory import Directory
from payviox.rails.orders import Request
from payviox.rails.protocol import Account
from payviox.withdrawals import requests, service
from payviox.withdrawals.model import Order
from payviox.withdrawals.routing import Rails, Route
from support import accounts, live
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

KEYRING = Keyring(live.SECRET_KEY)
IBAN = "DE89370400440532013000"
ACCOUNT_NUMBER = "8765432109"
SEPA = {"name": "Ada Lovelace", "iban": IBAN}
ACH = {
    "scheme": "ach",
    "name": "Ada Lovelace",
    "routing_number": "021000021",
    "account_number": ACCOUNT_NUMBER,
    "account_type": "checking",
    "holder": "person",
}
PERSON = Actor("command:test")


class FixedRate:
    """A dollar is worth 92 euro cents, and fractions are left out."""

    async def pays(
        self,
        account: Account,  # the rail's verb
        currency: str,
        cents: int,
    ) -> tuple[dict[str, Any], datetime]:
        pays = {"currency": currency, "amount": cents * 92 // 100, "rate": "0.92"}
        return pays, datetime.now(UTC) + timedelta(hours=1)


RATE = FixedRate()


def rails_of(database: Database, converter: Converter | None = RATE) -> Rails:
    """As a process opens them: of two workers each has its own."""
    directory = Directory(database, KEYRING)
    return Rails(
        live=[],
        test=[Route("bank", BankRail(database, directory, converter), connected=True)],
        accounts=directory,
        keepers={"bank": Accounts(database, KEYRING, directory)},
    )


@dataclass
class Banking:
    """One business with its bank account."""

    business: TestBusiness
    rails: Rails = field(repr=False)
    desk: Desk = field(repr=False)

    @classmethod
    async def of(
        cls, business: TestBusiness, *, converter: Converter | None = RATE, **settings: Any
    ) -> "Banking":
        """Connected by these settings, beside those of `support.accounts`."""
        rails = rails_of(business.database, converter)
        found = cls(business, rails, Desk.of(business, rails))
        await found.connect(**settings)
        return found

    @property
    def id(self) -> UUID:
        return self.business.business_id

    @property
    def database(self) -> Database:
        return self.business.database

    async def connect(self, **settings: Any) -> None:
        await accounts.connect(self.database, KEYRING, self.id, "bank", settings=settings)

    async def account(self) -> Account:
        account = await self.rails.account(self.id, "bank")
        assert account is not None
        return account

    async def order(
        self,
        amount: int,
        named: dict[str, Any] | None = None,
        email: str = "ada@example.com",
        user_id: UUID | None = None,
    ) -> Order:
        """An order of a payout user for so many cents, made as the API makes one."""
        if user_id is None:
            user_id = await self.desk.user(amount, email)
        caller = UserCaller(self.id, user_id, email, b"")
        request = Request(self.id, "bank", named or ACH, amount=amount)
        ready = await requests.prepare(self.database, self.rails, caller, request, None)
        return await self.database.write(service.create, user_id, ready)

    async def cut(self, scheme: Scheme = "ach", actor: Actor = PERSON) -> Cut:
        return await cutting.cut(self.database, KEYRING, await self.account(), scheme, actor)

    async def file(self, scheme: Scheme = "ach") -> BankFile:
        """A file that was cut now."""
        file = (await self.cut(scheme)).file
        assert file is not None
        return file

    async def approve(self, file: BankFile, actor: Actor = PERSON) -> BankFile:
        return await self.database.write(files.approve, self.id, file.id, actor)

    async def download(self, file: BankFile, actor: Actor = PERSON) -> bytes:
        _, content = await self.database.write(files.download, KEYRING, self.id, file.id, actor)
        return content

    async def released(self, scheme: Scheme = "ach") -> BankFile:
        """A file that was cut, approved and downloaded."""
        file = await self.approve(await self.file(scheme))
        await self.download(file)
        return await self.look(file)

    async def look(self, file: BankFile) -> BankFile:
        return await self.database.fetch(files.get, self.id, file.id)

    async def payment(self, order: Order) -> Payment:
        """The payment of an order's last attempt."""
        found = await self.database.fetch(payments.list_of_order, self.id, order.id)
        return found[-1]

    async def take(self, content: bytes, name: str = "report.xml") -> Taken:
        taken = await imports.take(
            self.database, await self.account(), name, content, "upload", PERSON
        )
        assert isinstance(taken, Taken)
        return taken

    async def settled(self, order: Order) -> Order:
        """The order once the worker has done what is due."""
        await self.desk.process()
        return await self.desk.get(order)

    def pass_cooling(self, urls: Urls) -> None:
        """Let every account's waiting time be over, which the application may not."""
        with urls.as_admin() as admin:
            admin.execute(
                "UPDATE bank_payments SET not_before = now() WHERE business_id = %s", [self.id]
            )


def everything(urls: Urls) -> str:
    """All rows of all tables, as text."""
    with urls.as_admin() as admin:
        tables = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        queries = [
            sql.SQL("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {} t").format(
                sql.Identifier(str(name))
            )
            for (name,) in tables.fetchall()
        ]
        return "\n".join(str(admin.execute(query).fetchone()) for query in queries)


def entry(
    payment: Payment,
    *,
    ref: str,
    credit: bool = False,
    amount: int | None = None,
    code: str | None = None,
) -> str:
    """A line of a statement for one payment: what left, or with a reason what came back."""
    cents = payment.amount if amount is None else amount
    returned = "" if code is None else f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>"
    kind = "RRTN" if code else "ESCT"
    return (
        f'<Ntry><NtryRef>{ref}</NtryRef><Amt Ccy="{payment.currency}">{cents / 100:.2f}</Amt>'
        f"<CdtDbtInd>{'CRDT' if credit else 'DBIT'}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>2026-06-30</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>{kind}</SubFmlyCd></Fmly></Domn>"
        f"</BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>{payment.end_to_end_id}</EndToEndId></Refs>"
        f'<Amt Ccy="{payment.currency}">{cents / 100:.2f}</Amt>{returned}'
        "</TxDtls></NtryDtls></Ntry>"
    )


def statement(
    entries: Sequence[str],
    *,
    opening: int,
    closing: int,
    number: str = "1",
    day: date = date(2026, 6, 30),
    until: date | None = None,
    account: str = "<Othr><Id>000111222</Id></Othr>",
    currency: str = "USD",
) -> bytes:
    """A camt.053 of the account, in cents; of this day, or of days `until` another."""

    def balance(code: str, amount: int) -> str:
        sign = "DBIT" if amount < 0 else "CRDT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="{currency}">{abs(amount) / 100:.2f}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
            f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        )

    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>stmt-{number}</MsgId><CreDtTm>{day}T20:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>"
        f"<CreDtTm>{day}T20:00:00Z</CreDtTm>"
        f"<FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm>"
        f"<ToDtTm>{until or day}T23:59:59Z</ToDtTm></FrToDt>"
        f"<Acct><Id>{account}</Id><Ccy>{currency}</Ccy></Acct>"
        f"{balance('OPBD', opening)}{balance('CLBD', closing)}{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def answer(file: BankFile, *, status: str | None = None, payments: Sequence[str] = ()) -> bytes:
    """A pain.002 about a file, as a whole or payment by payment."""
    group = f"<GrpSts>{status}</GrpSts>" if status else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>{ids.new().hex}</MsgId><CreDtTm>2026-06-29T20:00:00Z</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{file.message_id}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>{file.format}</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file.message_id}</OrgnlPmtInfId>"
        f"{''.join(payments)}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()


def rejected(payment: Payment, code: str) -> str:
    """One payment of an answer that the bank does not make."""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{payment.end_to_end_id}</OrgnlEndToEndId>"
        f"<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf></TxInfAndSts>"
    )
