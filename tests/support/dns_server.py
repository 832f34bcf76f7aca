"""A DNS server that knows some TXT records, on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class _Names(asyncio.DatagramProtocol):
    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._texts = texts
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = [f'"{text}"' for text in self._texts.get(name, ())]
        if records:
            answer.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", "TXT", records))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def dns_server(
    texts: Mapping[str, Sequence[str]],
) -> AsyncIterator[dns.asyncresolver.Resolver]:
    """A resolver that asks this server alone."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Names(texts), local_addr=("127.0.0.1", 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.port = transport.get_extra_info("sockname")[1]
    resolver.nameservers = ["127.0.0.1"]  # at the port that is set by now
    try:
        yield resolver
    finally:
        transport.close()
