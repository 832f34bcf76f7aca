"""The background worker: jobs that wake, sweeps that find what no job told of, and upkeep. What is
due stands in the features' own rows; a job only says where to look first.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import procrastinate
from procrastinate import PsycopgConnector

from payviox import garbage, smtp_server
from payviox.access import mail_contents
from payviox.allocations.batcher import Batcher
from payviox.allocations.uploads import paying
from payviox.db import jobs, session, wake_ups
from payviox.db.lending import Pool
from payviox.db.pool import Database
from payviox.destinations import mails as destination_mails
from payviox.installation import Installation, open_installation
from payviox.keyring import Keyring
from payviox.lanes import Lanes
from payviox.mails.connections import Connections
from payviox.mails.sending import due_businesses as businesses_with_mails
from payviox.mails.sending import send_due
from payviox.maintenance import attention_mails, banks, tasks
from payviox.recipient_mails import contents, notices
from payviox.settings import Settings
from payviox.signals import on_stop
from payviox.sites import hosts
from payviox.unclaimed import contents as unclaimed_contents
from payviox.webhooks.delivery import Courier
from payviox.withdrawals import codes
from payviox.withdrawals import mails as order_mails
from payviox.withdrawals.routing import Rails
from payviox.withdrawals.sending.processor import due_businesses, process_due

logger = logging.getLogger(__name__)

UPKEEP_AT_ONCE = 20
"""Each piece of upkeep runs once at a time, so there are never so many."""

HOSTS_SCHEDULE = "23 * * * *"
"""When businesses' own hosts are looked at (UTC): they are asked as webhooks are sent."""

SWEEP_S = 2.0
"""How late work may start whose wake-up was lost, and how late a retry."""

PAUSE_S = 1.0
"""Between two tries when the database is away."""

GRACE_S = 4.0
"""What is in flight when the worker is told to stop has so long; the rest is handed back."""


async def run(
    settings: Settings,
    url: str,
    when_ready: Callable[[], None] = lambda: None,
    when_alive: Callable[[], None] = lambda: None,
) -> None:
    """Work until SIGTERM or SIGINT, then finish or hand back what is held, within 10 seconds.
    `when_ready` is called once it takes jobs, `when_alive` each time that it has looked for orders,
    whether the database answered or not."""
    stop = asyncio.Event()
    on_stop(stop.set)
    async with open_installation(settings, url) as installation, installation.rails() as rails:
        worker = Worker(installation, rails, when_ready, when_alive)
        garbage.loaded()
        running = asyncio.create_task(worker.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            stopping.cancel()
            running.result()
        await worker.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Worker:
    """Everything that one worker process does."""

    def __init__(
        self,
        installation: Installation,
        rails: Rails,
        when_ready: Callable[[], None] = lambda: None,
        when_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._when_ready = when_ready
        self._when_alive = when_alive
        self._database = database = installation.database
        self._rails = rails
        self._settings = installation.settings
        self._keyring = installation.keyring
        self._stopping = False
        self._taking: asyncio.Task[None] | None = None
        self._courier = Courier(
            database,
            installation.keyring,
            allow_private=installation.settings.allow_private_webhooks,
        )
        self._orders = Lanes(lambda due: process_due(database, rails, business_id=due))
        self._batcher = Batcher(database, installation.keyring)
        self._uploads = Lanes(lambda due: paying.pay_due(database, self._batcher, due))
        self._mails = _mails(installation)
        self._notices = Lanes(lambda due: notices.write_due(database, due))
        self._jobs = procrastinate.App(
            connector=PsycopgConnector(
                pool_factory=Pool,
                conninfo=database.primary_url,
                kwargs={"options": session.READ_ALIKE, **session.LINK},
                configure=database.check_server,
                min_size=1,
                max_size=4,
            )
        )
        self._add_upkeep()

    @property
    def _wakes(self) -> Mapping[str, Callable[[UUID], None]]:
        return {
            jobs.PROCESS_ORDERS: self._orders.wake,
            jobs.DELIVER_WEBHOOKS: self._courier.wake,
            jobs.PAY_UPLOADS: self._uploads.wake,
            jobs.SEND_MAILS: self._mails.wake,
        }

    def _add_upkeep(self) -> None:
        for name, (schedule, work) in tasks.SCHEDULE.items():
            self._repeats(name, schedule, work)
        for name, (schedule, tidying) in tasks.SETTINGS_SCHEDULE.items():
            self._repeats(name, schedule, self._with_settings(tidying))
        for name, (schedule, keyed) in tasks.KEYS_SCHEDULE.items():
            self._repeats(name, schedule, self._with_keys(keyed))
        for name, (schedule, asking) in tasks.RAILS_SCHEDULE.items():
            self._repeats(name, schedule, self._with_rails(asking))
        self._repeats("look_at_hosts", HOSTS_SCHEDULE, self._look_at_hosts)
        self._repeats("see_to_bank_files", "* * * * *", self._see_to_bank_files)
        self._repeats("fetch_bank_reports", "*/10 * * * *", self._fetch_bank_reports)

    async def _see_to_bank_files(self, database: Database) -> None:
        await banks.see_to_files(database, self._keyring, self._rails, self._settings)

    async def _fetch_bank_reports(self, database: Database) -> None:
        await banks.fetch_reports(database, self._rails, self._settings)

    async def _look_at_hosts(self, database: Database) -> None:
        """Look whether businesses' own hosts still lead here."""
        ask = hosts.asking(allow_private=self._settings.allow_private_webhooks)
        await hosts.check_all(database, self._settings.public_url, ask)

    def _with_keys(
        self, work: Callable[[Database, Keyring], Awaitable[object]]
    ) -> Callable[[Database], Awaitable[object]]:
        return lambda database: work(database, self._keyring)

    def _with_rails(
        self, work: Callable[[Database, Rails], Awaitable[object]]
    ) -> Callable[[Database], Awaitable[object]]:
        return lambda database: work(database, self._rails)

    def _with_settings(
        self, work: Callable[[Database, Settings], Awaitable[object]]
    ) -> Callable[[Database], Awaitable[object]]:
        return lambda database: work(database, self._settings)

    def _repeats(
        self, name: str, schedule: str, work: Callable[[Database], Awaitable[object]]
    ) -> None:
        @self._jobs.periodic(cron=schedule)
        @self._jobs.task(name=name, queue=jobs.UPKEEP_QUEUE, lock=name, queueing_lock=name)
        async def once(timestamp: int) -> None:  # noqa: ARG001  # the queue gives it
            await work(self._database)

    async def run(self) -> None:
        """Run until cancelled; nothing of it goes on afterwards."""
        async with asyncio.TaskGroup() as running:
            for one in (
                self._courier.run(every_s=SWEEP_S),
                self._sweep("orders", due_businesses, self._orders, self._when_alive),
                self._sweep("mails", businesses_with_mails, self._mails),
                self._sweep("notices", notices.due_businesses, self._notices),
                self._sweep("uploads", paying.due_businesses, self._uploads),
                self._keep_up(),
            ):
                running.create_task(one)
            taking = wake_ups.take_all(self._database, self._wakes)
            self._taking = running.create_task(taking)

    async def stop(self) -> None:
        """Finish or hand back what is held. Cancel what runs `run` afterwards."""
        self._stopping = True
        if self._taking is not None:
            self._taking.cancel()  # what is deferred from now on is for others
        await asyncio.gather(
            self._orders.stop(),
            self._mails.stop(),
            self._notices.stop(),
            self._uploads.stop(),
            self._courier.stop(grace_s=GRACE_S),
        )
        await asyncio.wait([asyncio.create_task(self._batcher.drain())], timeout=GRACE_S)
        self._batcher.give_up()

    async def _sweep(
        self,
        what: str,
        due: Callable[[Database], Awaitable[Sequence[UUID]]],
        lanes: Lanes,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        while not self._stopping:
            try:
                for business_id in await due(self._database):
                    lanes.wake(business_id)
            except Exception:
                logger.exception("due %s could not be looked up", what)
            try:
                looked()
            except OSError:  # no reason to leave orders unsent
                logger.exception("nobody is told that the worker works")
            await asyncio.sleep(SWEEP_S)

    async def _keep_up(self) -> None:
        """Upkeep from the job queue, opened again whenever its database was away. What fails while
        it is cancelled raises that failure instead, and a queue that opens at that moment raises
        nothing, so it asks whether it was stopped."""
        while not self._stopping:
            try:
                try:
                    await self._jobs.open_async()
                    await self._take_upkeep()
                finally:
                    await self._jobs.close_async()
            except Exception:
                logger.exception("the job queue is away")
            await asyncio.sleep(PAUSE_S)

    async def _take_upkeep(self) -> None:
        if self._stopping:
            return
        self._when_ready()
        await self._jobs.run_worker_async(
            queues=[jobs.UPKEEP_QUEUE],
            concurrency=UPKEEP_AT_ONCE,
            install_signal_handlers=False,
            delete_jobs="always",
            shutdown_graceful_timeout=GRACE_S,
        )


def _mails(installation: Installation) -> Lanes:
    """What sends mails. Where no mail server is set they stay in the outbox."""
    settings, database = installation.settings, installation.database
    if settings.smtp_url is None or settings.mail_from is None:
        return Lanes(_stay)
    server = smtp_server.parse(settings.smtp_url)
    sender = smtp_server.parse_sender(settings.mail_from)
    keyring, site = installation.keyring, settings.public_url
    rooms = (
        mail_contents,
        contents,
        order_mails,
        destination_mails,
        unclaimed_contents,
        codes,
        attention_mails,
    )
    prepare = {name: made for room in rooms for name, made in room.prepares(keyring, site).items()}
    connections = Connections(server, return_path=settings.mail_return_path)
    return Lanes(lambda due: send_due(database, connections, sender, prepare, due))


async def _stay(_: UUID) -> None:
    """Nothing can be sent."""
