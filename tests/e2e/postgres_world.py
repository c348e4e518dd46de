"""A project whose platform is a database of a PostgreSQL server, and what a delivery into it looks like."""

import itertools

from postgres_proxy import Proxy
from world import World

_number = itertools.count(1)


class PostgresWorld(World):
    """The project of tests/cases/runs, with `platform` in a database of its own on `server`. `uri` may be set to a proxy's."""

    def __init__(self, folder, server):
        super().__init__(folder)
        self.server = server
        self.database = f"d{next(_number)}"
        server.psql(f"create database {self.database}")
        self.env["PLATFORM_URI"] = server.uri_of(self.database)
        self.edit("headrace.yaml", "{driver: sqlite, uri: data/platform.sqlite}", "{driver: postgresql, uri: {secret: PLATFORM_URI}}")

    def sql(self, text):
        return self.server.psql(text, self.database)

    def rows(self, query, table):
        """The rows of `query` as tuples of text; none when there is no such table."""
        if self.sql(f"select to_regclass('{table}') is null") == "t":
            return []
        return [tuple(line.split("|")) for line in self.sql(query).splitlines()]

    def scores(self):
        return self.rows("select * from scores order by customer_id", "scores")

    def ledger(self):
        rows = self.rows("select delivery_key, revision, destination, digest, rows, interval_end from headrace_deliveries order by 1, 2", "headrace_deliveries")
        return [(key, int(revision), *rest) for key, revision, *rest in rows]

    def deliver(self, mode, rows, **how):
        """Deliver (id, amount) pairs into the table t."""
        self.write("data/rows.csv", "id,amount\n" + "".join(f"{i},{v}\n" for i, v in rows))
        self.write("pipelines/d.yaml", "name: d\nsteps:\n  rows: {extract: {file: data/rows.csv}}\n"
                   f"  out: {{deliver: {{data: rows, connection: platform, table: t, mode: {mode}, key: [id]}}}}\n")
        return self.run("--json", pipeline="d", **how)

    def through(self, proxy):
        """The variables that lead `platform` through the proxy."""
        return {"PLATFORM_URI": proxy.uri(self.database)}


ROWS = [(i, i * 10) for i in range(200)]


def deliver_with_a_cut(world, cut, mode="replace"):
    """One delivery of ROWS over old ones whose connection breaks as `cut` says, then the run is resumed or, where it did not come so
    far, run again. What came of it: {"cut", "code", "lost", "doubled", "ledger", "bytes" of an undisturbed one}."""
    world.sql("create table if not exists t (id bigint, amount bigint)")
    world.sql("truncate t; insert into t select -i, 0 from generate_series(1, 50) i; drop table if exists headrace_deliveries")
    with Proxy(world.server, cut) as proxy:
        first = world.deliver(mode, ROWS, env=world.through(proxy))
        was_cut = proxy.was_cut
    now = world.sql("select count(*) from t")
    assert now in ("50", str(len(ROWS))), f"{now} rows: the table is half loaded"
    if first.code != 0:
        assert first.code == 75, first.all
        again = world.headrace("run", "--resume", "last")
        assert again.code == 0, again.all
    rows, ids = (int(n) for n in world.sql("select count(*) || ' ' || count(distinct id) from t where id >= 0").split())
    return {"cut": was_cut, "code": first.code, "lost": len(ROWS) - ids, "doubled": int(world.sql("select count(*) from t")) - ids, "ledger": len(world.ledger()), "bytes": getattr(cut, "passed", 0)}
