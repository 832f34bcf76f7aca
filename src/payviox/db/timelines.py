"""Which primary is the newest. A promotion begins a new timeline; whoever has seen one goes back to
no server that is still on the one before: it is a former primary that nobody has stopped, and what
it would take is lost."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.AsyncConnection[tuple[object, ...]]

# A standby refuses the second function: it writes no WAL.
_LOOK = (
    "SELECT (SELECT system_identifier FROM pg_control_system()),"
    " left(pg_walfile_name(pg_current_wal_lsn()), 8)"
)


class FormerPrimary(psycopg.OperationalError):
    """The server takes no writes, or should take none."""


class Timelines:
    """The newest timeline of each database system that one process has seen, by one URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._newest: dict[int, int] = {}
        self._former: set[tuple[str, str]] = set()

    async def look(self, connection: Connection) -> bool:
        """Whether the connection leads to a newer primary than all before; of a system that is
        seen for the first time it does not. Raises FormerPrimary where it leads to an older one or
        to a standby."""
        info = connection.info
        host = (info.host, str(info.port))
        try:
            async with connection.transaction():  # some commit by themselves, some do not
                row = await (await connection.execute(_LOOK)).fetchone()
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            self._former.add(host)
            raise FormerPrimary("this server is a standby") from error
        assert row is not None  # noqa: S101  # a SELECT without FROM
        system, timeline = int(str(row[0])), int(str(row[1]), 16)
        newest = self._newest.get(system, timeline)
        if timeline < newest:
            self._former.add(host)
            raise FormerPrimary(f"{host[0]} is on timeline {timeline}, and {newest} was seen")
        self._former.discard(host)
        self._newest[system] = timeline
        return timeline > newest

    async def url(self) -> str:
        """The URL; of several hosts those that led to former primaries come last."""
        if not self._former:
            return self._url
        fields = conninfo_to_dict(self._url)
        hosts = str(fields.get("host", "")).split(",")
        ports = str(fields.get("port", "5432")).split(",")
        ports = ports * len(hosts) if len(ports) == 1 else ports
        addresses = str(fields.get("hostaddr") or "").split(",")
        order = sorted(range(len(hosts)), key=lambda n: (hosts[n], ports[n]) in self._former)
        moved = {
            name: ",".join(texts[n] for n in order)
            for name, texts in (("host", hosts), ("port", ports), ("hostaddr", addresses))
            if len(texts) == len(hosts) > 1
        }
        return make_conninfo(self._url, **moved)
