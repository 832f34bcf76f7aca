"""A PostgreSQL of our own for those who bring none: started, shared, watched and stopped.

Commands call `embedded`; all else here serves it. Schema, migrations and pools are elsewhere.

Under `home/postgres/` (0700, of whoever runs the commands):

    data/                     the cluster, 0700, of the server's user; the socket lies in it
    cluster.json              name and passwords, 0600
    holders.lock              shared by every joined command, taken whole by a stopping keeper
    keeper.lock data.lock     held by the one keeper; by every process of the one server
    serve.lock                held by the one `serve`, with its pid
    socket                    only if data/ is too long for a socket's name: the short way to it
    keeper.log server.log     bounded, as are their predecessors .1 and .2
    archive.json archive.log  where WAL is archived, if it is; what went wrong with that
"""

from payviox.db.embedded.cluster import Cluster, embedded, exclusive_serve
from payviox.db.embedded.errors import AlreadyServing, EmbeddedError

__all__ = [
    "AlreadyServing",
    "Cluster",
    "EmbeddedError",
    "embedded",
    "exclusive_serve",
]
