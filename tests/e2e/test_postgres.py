"""PostgreSQL as source and destination, on a real server: types, values, errors, deliveries, and connections that break."""

import json
import re
import signal
import subprocess
import threading

import pytest

import test_recovery
from postgres_proxy import AfterBytes, AtCommit, Proxy
from postgres_server import PostgresServer
from postgres_world import ROWS, PostgresWorld, deliver_with_a_cut
from world import HEADRACE, INTERVAL, SOURCE


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as one:
        yield one


@pytest.fixture
def world(tmp_path, server):
    return PostgresWorld(tmp_path / "shop", server)


def read(world, query, bind=None, **how):
    """Run `query` on the platform; the Done and the rows as JSON lines say them."""
    world.write("sql/q.sql", query)
    world.write("pipelines/q.yaml", f"name: q\nsteps:\n  rows: {{extract: {{connection: platform, query: sql/q.sql, bind: {json.dumps(bind or {})}}}}}\n"
                "  out: {deliver: {data: rows, file: out/q.jsonl}}\n")
    done = world.run(pipeline="q", **how)
    rows = [json.loads(line) for line in world.read("out/q.jsonl").splitlines()] if done.code == 0 else None
    return done, rows


class TestReading:
    def test_values_are_bound_by_name_whatever_their_order(self, world):
        done, rows = read(world, "select $b::int - $a::int as d, $a as a, $b as b, $b as again", {"a": 1, "b": 10})
        assert rows == [{"d": 9, "a": 1, "b": 10, "again": 10}], done.all

    def test_each_type_of_value_arrives_as_itself(self, world):
        query = ("select pg_typeof($t)::text as t, pg_typeof($i)::text as i, pg_typeof($d)::text as d, pg_typeof($b)::text as b, "
                 "$since::date as day, timestamptz '2026-01-05 00:00:00+00' = $at::timestamptz as at")
        done, rows = read(world, query, {"t": "it's", "i": 5, "d": 0.5, "b": True, "since": "2026-01-31", "at": "${run.interval.start}"})
        assert rows == [{"t": "text", "i": "bigint", "d": "double precision", "b": "boolean", "day": "2026-01-31", "at": True}], done.all

    def test_what_only_looks_like_a_value_is_left_alone(self, world):
        query = """-- $not_a_value, 'nor this
            select $since::date as day, $$it's $since$$ as dollars, $tag$ $$ $tag$ as tagged, E'\\'$since' as escaped, '$since' as plain,
                   /* $x /* nested $y */ */ "$odd", '{"a": 1}'::jsonb ? 'a' as has, '{"a": 1, "b": 2}'::jsonb @> '{"a": 1}' as holds,
                   '{"a": {"b": 7}}'::jsonb #>> '{a,b}' as path, array[1, 2] && array[2] as overlaps
            from (values (1)) as v("$odd");"""
        done, rows = read(world, query, {"since": "2026-01-31"})
        assert rows == [{"day": "2026-01-31", "dollars": "it's $since", "tagged": " $$ ", "escaped": "'$since", "plain": "$since", "$odd": 1,
                         "has": True, "holds": True, "path": "7", "overlaps": True}], done.all

    TYPES = [
        ("true", True), ("7::smallint", 7), ("7::int", 7), ("(-9223372036854775808)::bigint", -9223372036854775808), ("4294967295::oid", 4294967295),
        ("0.25::real", 0.25), ("0.1::float8", 0.1), ("1.25::numeric(10,2)", 1.25), ("1.5::numeric", 1.5), ("12::numeric(10,0)", 12),
        ("'infinity'::float8::text", "Infinity"), ("'x'::text", "x"), ("'ö'::varchar(3)", "ö"), ("'x'::char(3)", "x"), ("'n'::name", "n"), ("'happy'::mood", "happy"),
        ("'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("'{\"a\":  1}'::json", '{"a":  1}'), ("'{\"a\":  1}'::jsonb", '{"a": 1}'),
        ("date '0044-03-15 BC'", "0044-03-15 (BC)"), ("date '2026-02-28'", "2026-02-28"), ("timestamp '2026-01-31 06:00:00.000001'", "2026-01-31 06:00:00.000001"),
        ("timestamptz '2026-01-31 06:00:00+02'", "2026-01-31 04:00:00"), ("7::positive", 7), ("null::int", None), ("null", None),
    ]

    def test_types_come_as_the_table_in_the_docs_says(self, world):
        world.sql("create type mood as enum ('happy', 'sad'); create domain positive as int check (value > 0); set timezone = 'Asia/Kolkata'")
        query = "select " + ", ".join(f"{sql} as c{i}" for i, (sql, _) in enumerate(self.TYPES))
        done, rows = read(world, query)
        assert done.code == 0, done.all
        assert rows == [{f"c{i}": value for i, (_, value) in enumerate(self.TYPES)}]
        world.sql(f"create table typed as {query.replace(', null as', ', null::text as')}")
        world.edit("pipelines/q.yaml", "query: sql/q.sql, bind: {}", "table: typed")
        assert world.run(pipeline="q").code == 0
        assert [json.loads(line) for line in world.read("out/q.jsonl").splitlines()] == rows, "a table reads as a query does"

    @pytest.mark.parametrize("sql, type_name", [("'\\x00'::bytea", "bytea"), ("array[1]", "_int4"), ("time '10:00'", "time"), ("interval '1 day'", "interval"),
                                                ("inet '1.2.3.4'", "inet"), ("1::money", "money"), ("row(1, 2)", "record"), ("int4range(1, 2)", "")])
    def test_a_type_without_counterpart_is_refused_by_the_columns_name(self, world, sql, type_name):
        done, _ = read(world, f"select 1 as id, {sql} as odd")
        assert done.code == 3 and "column `odd`" in done.err and type_name in done.err and "CAST(column AS text)" in done.err, done.all

    @pytest.mark.parametrize("sql, said", [("'infinity'::timestamptz", "infinite timestamp"), ("'-infinity'::date", "infinite date"), ("1e30::numeric(40,0)", "out of range")])
    def test_a_value_without_counterpart_is_refused(self, world, sql, said):
        done, _ = read(world, f"select {sql} as odd from generate_series(1, 3)")
        assert done.code == 3 and said in done.err, done.all

    ERRORS = [
        ("select 'ö' as a,\n  nope + $x from people", {"x": 1}, 2, "sql/q.sql:2:3", 'column "nope" does not exist'),
        ("select nam from people", {}, 2, "sql/q.sql:1:8", 'Perhaps you meant to reference the column "people.name"'),
        ("select $x::int as y,\n from people", {"x": 1}, 2, "sql/q.sql:2:2", "syntax error"),
        ("select *\nfrom peple", {}, 2, "sql/q.sql:2:6", "did you mean `people`?"),
        ("select 1 as a, 2 as a", {}, 2, "", "two columns called `a`"),
        ("select id / (id - 2) as x from people", {}, 3, "", "division by zero"),
        ("select name::int as x from people", {}, 3, "", "invalid input syntax"),
        ("select * from hidden", {}, 2, "", "permission denied"),
        ("select grow() as x", {}, 2, "", "read-only transaction"),
        ("delete from people returning id", {}, 2, "", "syntax error"),
        ("select 1 as a) as q; drop table people; --", {}, 2, "sql/q.sql:1:22", "a second statement"),
        ("select 1 as a) as q, lateral (select 2 as b", {}, 2, "sql/q.sql:1:14", "a ) closes nothing"),
        ("select '1' || ? as a", {}, 2, "sql/q.sql:1:", "syntax error"),
    ]

    def test_errors_point_into_the_users_sql(self, world):
        world.sql("create table people (id int, name text); insert into people select i, 'n' || i from generate_series(1, 5) i; "
                  "create table hidden (x int); create function grow() returns int language sql as 'insert into people values (9, $$x$$) returning id'; "
                  "do $$ begin if not exists (select from pg_roles where rolname = 'asker') then create role asker login; end if; end $$; grant select on people to asker")
        world.env["PLATFORM_URI"] = world.env["PLATFORM_URI"].replace("headrace@", "asker@")
        for query, bind, code, place, said in self.ERRORS:
            done, _ = read(world, query, bind)
            assert done.code == code and place in done.err and said in done.err, f"{query}: {done.all}"
        assert world.sql("select count(*) from people") == "5"

    def test_a_cancelled_run_ends_its_query_on_the_server(self, world):
        world.write("sql/q.sql", "select 1 as x from pg_sleep(600)")
        world.write("pipelines/q.yaml", "name: q\nsteps: {rows: {extract: {connection: platform, query: sql/q.sql}}}\n")
        run = subprocess.Popen([HEADRACE, "run", "q", "--interval", INTERVAL], cwd=world.folder, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        running = f"select count(*) from pg_stat_activity where datname = '{world.database}' and query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()"
        try:
            while world.server.psql(running) == "0":
                assert run.poll() is None, run.stdout.read()
            run.send_signal(signal.SIGINT)
            said, _ = run.communicate(timeout=120)
        finally:
            run.kill()
        assert run.returncode == 130, said
        assert world.server.psql(running) == "0"


@pytest.fixture(scope="module")
def guarded():
    """A server that wants a password."""
    with PostgresServer(tcp=True, host_auth="scram-sha-256") as one:
        one.psql("create role asker login password 'Kx9-right'")
        yield one


class TestOpening:
    """Why a server cannot be used, by exit code; never with the uri or the password in the text."""

    @pytest.mark.parametrize("uri, code, said", [
        ("postgresql://asker:Kx9-wrong@127.0.0.1:{port}/postgres", 2, "password authentication failed"),
        ("postgresql://asker@127.0.0.1:{port}/postgres", 2, "no password supplied"),
        ("postgresql://asker:Kx9-right@127.0.0.1:{port}/nix", 2, 'database "nix" does not exist'),
        ("host=127.0.0.1 port={port} user=asker password='Kx9-wrong' dbname=postgres", 2, "password authentication failed"),
        ("postgresql://asker:Kx9-right@127.0.0.1:1/postgres", 75, "Connection refused"),
        ("postgresql://asker:Kx9@Kx9-right@127.0.0.1:{port}/postgres", None, "host name is not known"),
        ("postgresql://asker:Kx9%zz@127.0.0.1:{port}/postgres", 2, "not one that PostgreSQL's client understands"),
        ("Kx9-nonsense", 2, "not one that PostgreSQL's client understands"),
        ("postgresql:///postgres?host=/nowhere/at/all", 75, "cannot be reached"),
    ])
    def test_a_server_that_cannot_be_used(self, world, guarded, uri, code, said):
        done, _ = read(world, "select 1 as x", env={"PLATFORM_URI": uri.format(port=guarded.port), "PGPASSFILE": "/nowhere"})
        assert done.code == (code or done.code) != 0 and said in done.err, done.all   # without a resolver a wrong name may pass
        assert "Kx9" not in done.all and "postgresql://" not in done.err.replace("postgresql://user@", ""), done.all

    def test_the_right_password_opens(self, world, guarded):
        done, rows = read(world, "select current_user::text as who", env={"PLATFORM_URI": f"postgresql://asker:Kx9-right@127.0.0.1:{guarded.port}/postgres"})
        assert rows == [{"who": "asker"}], done.all
        for path in world.folder.rglob("*"):
            assert not path.is_file() or b"Kx9" not in path.read_bytes(), path


class TestDeliveryModes(test_recovery.TestDeliveryModes):
    """The same statements that SQLite keeps."""

    @pytest.fixture
    def world(self, tmp_path, server):
        return PostgresWorld(tmp_path / "shop", server)

    def table(self, world):
        return [(int(i), int(a)) for i, a in world.rows("select id, amount from t order by id", "t")]

    def fences(self, world):
        return [(run, int(fence)) for run, fence in world.rows("select run, fence from headrace_deliveries order by revision", "headrace_deliveries")]

    def move_fences(self, world, by):
        world.sql(f"update headrace_deliveries set fence = fence + {by}")


class TestDestination:
    def test_the_example_of_the_docs_runs(self, world):
        blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (SOURCE / "docs/delivery.md").read_text(), re.S)
        assert [name for name, _ in blocks] == ["headrace.yaml", "pipelines/score.yaml"]
        for name, text in blocks:
            world.write(name, text.replace("postgresql://writer@db.example/warehouse", "{secret: PLATFORM_URI}"))
        for name in ("main", "full", "export"):
            (world.folder / f"pipelines/{name}.yaml").unlink()
        world.sql("create schema analytics; create table analytics.customers (customer_id int, country text, spend numeric(10,2), attributes jsonb, updated_at timestamptz); "
                  "insert into analytics.customers values (1, 'AT', 1.25, '{\"plan\": \"gold\"}', '2026-01-06'), (2, 'DE', 2, '{}', '2026-01-12')")
        world.good(pipeline="score", env={"WAREHOUSE_URI": world.env["PLATFORM_URI"]})
        assert world.sql("select * from analytics.customers_copy") == "1|AT|1.25|gold"

    def test_a_whole_run_delivers_what_sqlite_gets(self, tmp_path, world):
        world.good()
        other = test_recovery.World(tmp_path / "other")
        other.good()
        assert [(int(r[0]), float(r[1]), *r[2:]) for r in world.scores()] == [(r[0], r[1], *map(str, r[2:])) for r in other.scores()]
        assert world.sql("select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute "
                         "where attrelid = 'scores'::regclass and attnum > 0").startswith("customer_id bigint, score double precision")
        assert world.sql("select indisprimary from pg_index where indrelid = 'scores'::regclass") == "t"

    def test_rows_go_out_and_come_back_unchanged(self, world):
        """All of our types, with nulls and extremes, through a new table and back."""
        query = ("select * from (values (1, true, 9223372036854775807, 0.1::float8, 'ö '' \" \\ |', date '2026-01-31', timestamp '1969-12-31 23:59:59.999999'), "
                 "(2, null, null, null, null, null, null), (3, false, -5, 'nan'::float8, '', date '1582-10-04', timestamp '9999-12-31 23:59:59')) as v(id, b, i, d, t, day, at)")
        world.write("pipelines/copy.yaml", f"name: copy\nsteps:\n  rows: {{extract: {{connection: platform, query: {json.dumps(query)}}}}}\n"
                    "  out: {deliver: {data: rows, connection: platform, table: copied, key: [id]}}\n")
        world.good(pipeline="copy")
        assert world.sql(f"select * from copied order by id") == world.sql(f"set timezone = 'UTC'; {query.replace('timestamp ', 'timestamptz ')} order by id")
        assert world.sql("select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute where attrelid = 'copied'::regclass and attnum > 0") == \
            "bigint, boolean, bigint, double precision, text, date, timestamp with time zone"

    def test_columns_of_narrower_types_take_what_fits(self, world):
        world.sql("create type mood as enum ('happy', 'sad'); create table t (id uuid primary key, m mood, j json, jb jsonb, v varchar(5), n numeric(8,2), k int, flag smallint, "
                  "d date, made timestamptz not null default now(), serial int generated always as identity)")
        source = ("name: d\nsteps:\n  rows: {extract: {connection: platform, query: \"select '%s' as id, 'sad' as m, '{}' as j, '{\\\"a\\\": 1}' as jb, 'abcde' as v, 1.25::float8 as n, %s as k, true as flag, "
                  "date '2026-01-31' as d\"}}\n  out: {deliver: {data: rows, connection: platform, table: t, key: [id]}}\n")
        for id, k, counts in [("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", 5, (1, 0, 0)), ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 6, (0, 1, 0))]:
            world.write("pipelines/d.yaml", source % (id, k))
            delivery = world.good(pipeline="d")["steps"][-1]["delivery"]
            assert (delivery["inserted"], delivery["updated"], delivery["unchanged"]) == counts
        assert world.sql("select id, m, j, jb, v, n, k, flag, d from t") == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|sad|{}|{\"a\": 1}|abcde|1.25|6|1|2026-01-31"
        world.write("pipelines/d.yaml", (source % ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 7)).replace("abcde", "too long"))
        done = world.run(pipeline="d")
        assert done.code == 4 and "too long for type" in done.err, done.all
        assert world.sql("select k from t") == "6"

    @pytest.mark.parametrize("ddl, said", [
        ("create table t (id bigint, amount bigint)", 'CREATE UNIQUE INDEX "t_id_key" ON "t" ("id")'),
        ("create table t (id bigint, amount bigint); create unique index on t (id) where amount > 0", "no unique key on (id)"),
        ("create table t (id bigint primary key deferrable, amount bigint)", "no unique key on (id)"),
        ("create table t (id bigint primary key, amount text)", "column `amount` is int in the rows, but text in platform.t"),
        ("create table t (id bigint primary key, amount bytea)", "but bytea in platform.t"),
        ("create table t (id bigint primary key)", 'ALTER TABLE "t" ADD COLUMN "amount" BIGINT'),
        ("create table t (id bigint primary key, amount bigint, who text not null)", "column `who` that may not be null"),
    ])
    def test_a_table_that_does_not_fit_is_refused_before_the_first_row(self, world, ddl, said):
        world.sql(ddl)
        done = world.deliver("upsert", [(1, 10)])
        assert done.code == 4 and said in done.err, done.all
        assert world.sql("select count(*) from t") == "0" and world.ledger() == []

    def test_a_constraint_that_is_checked_at_commit_refuses_whole(self, world):
        world.sql("create table other (id bigint primary key); create table t (id bigint primary key, amount bigint references other deferrable initially deferred)")
        done = world.deliver("upsert", [(1, 10)])
        assert done.code == 4 and "violates foreign key" in done.err, done.all
        assert world.sql("select count(*) from t") == "0" and world.ledger() == []

    def test_a_schema_holds_its_own_ledger(self, world):
        world.sql('create schema "My Part"')
        world.write("data/rows.csv", "id,amount\n1,10\n")
        world.write("pipelines/d.yaml", "name: d\nsteps:\n  rows: {extract: {file: data/rows.csv}}\n"
                    "  out: {deliver: {data: rows, connection: platform, table: '\"My Part\".\"Odd \"\"table\"', key: [id]}}\n")
        world.good(pipeline="d")
        assert world.sql('select * from "My Part"."Odd ""table"') == "1|10"
        assert world.sql('select destination from "My Part".headrace_deliveries') == 'platform."My Part"."Odd ""table"'

    def test_a_users_table_of_the_stagings_name_is_left_alone(self, world):
        world.sql("create table headrace_staging (x int); insert into headrace_staging values (1)")
        assert world.deliver("upsert", [(1, 10)]).code == 0
        assert world.sql("select x from headrace_staging") == "1"

    def test_dry_run_makes_nothing(self, world):
        assert world.deliver("upsert", [(1, 10)]).code == 0
        world.sql("drop table t, headrace_deliveries")
        world.write("data/rows.csv", "id,amount\n1,11\n")
        done = world.run("--dry-run", "--json", pipeline="d")
        assert done.code == 0 and done.json["steps"][-1]["delivery"]["inserted"] == 1, done.all
        assert world.sql("select count(*) from pg_tables where schemaname = 'public'") == "0"

    def test_a_locked_table_is_waited_for_and_then_the_run_is_busy(self, world):
        world.deliver("upsert", [(1, 10)])
        holder = subprocess.Popen(world.server.command(database=world.database), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write("begin; lock table t; select 'held';\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "held\n"
            uri = world.env["PLATFORM_URI"]
            done = world.deliver("upsert", [(1, 11)], env={"PLATFORM_URI": uri + "&options=-c%20lock_timeout%3D200"})
            assert done.code == 75 and "lock" in done.err, done.all
        finally:
            holder.communicate("rollback;\n")
        assert world.deliver("upsert", [(1, 11)]).code == 0
        assert world.sql("select amount from t") == "11"

    def test_readers_see_the_old_rows_until_the_new_ones_are_whole(self, world):
        """While a delivery stands between its merge and its COMMIT; the trigger waits for a lock that the test holds."""
        world.deliver("replace", [(1, 10), (2, 20)])
        world.sql("create function wait() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(7); return null; end'; "
                  "create constraint trigger late after insert on t deferrable initially deferred for each row execute function wait()")
        holder = subprocess.Popen(world.server.command(database=world.database), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write("select 'held' from pg_advisory_lock(7);\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "held\n"
            done = []
            delivery = threading.Thread(target=lambda: done.append(world.deliver("replace", [(3, 30)])))
            delivery.start()
            waiting = f"select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = '{world.database}')"
            while world.server.psql(waiting) == "0":
                assert delivery.is_alive(), done[0].all
            assert world.sql("select * from t order by id") == "1|10\n2|20"
        finally:
            holder.communicate("\\q\n")
        delivery.join()
        assert done[0].code == 0, done[0].all
        assert world.sql("select * from t") == "3|30"

    def test_two_deliverers_at_once_both_arrive_or_one_is_busy(self, world, tmp_path, server):
        """Two projects deliver other rows into one new table, several times over: each row lands once."""
        other = PostgresWorld(tmp_path / "other", server)
        other.env["PLATFORM_URI"] = world.env["PLATFORM_URI"]
        other.edit("headrace.yaml", "name: shop", "name: other")
        for round in range(3):
            world.sql("drop table if exists t, headrace_deliveries")
            results = {}
            threads = [threading.Thread(target=lambda w=w, base=base: results.update({base: w.deliver("upsert", [(base + i, round) for i in range(50)])}))
                       for w, base in ((world, 0), (other, 25))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {done.code for done in results.values()} <= {0, 75}, [done.all for done in results.values()]
            for base, (w, done) in {0: (world, results[0]), 25: (other, results[25])}.items():
                if done.code == 75:
                    assert w.headrace("run", "--resume", "last").code == 0
            assert world.sql("select count(*) || ' ' || count(distinct id) from t") == "75 75"
            assert len(world.ledger()) == 2


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, server):
    world = PostgresWorld(tmp_path_factory.mktemp("undisturbed") / "shop", server)
    world.good()
    assert len(world.scores()) == 300 and len(world.ledger()) == 1
    return world.scores(), world.ledger()


class TestCrashes:
    @pytest.mark.parametrize("how", ["again", "resume"])
    @pytest.mark.parametrize("point", [f"{name}:{n}" for name, passes in test_recovery.POINTS.items() if name.startswith("deliver.") for n in passes[:1]])
    def test_a_killed_delivery_ends_as_if_nothing_had_happened(self, point, how, undisturbed, world):
        killed = world.run(env={"HEADRACE_CRASH_AT": point})
        assert killed.code == -signal.SIGKILL, f"{point} was not passed: {killed.all}"
        if "after_commit" not in point:
            assert world.sql("select count(*) from pg_tables where schemaname = 'public'") == "0", "a table was seen empty"
        if how == "resume":
            done = world.headrace("run", "--resume", "last")
            assert done.code == 0, done.all
        else:
            world.good()
        assert (world.scores(), world.ledger()) == undisturbed


class TestLostConnections:
    @pytest.mark.parametrize("when, code", [("reply", 0), ("sent", 0), ("before", 75)])
    def test_a_lost_answer_to_commit_is_settled_by_the_ledger(self, world, when, code):
        """`sent`: the server takes a second for its COMMIT, so that whoever asks at once is told of nothing."""
        world.sql("create table t (id bigint primary key, amount bigint); create function late() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end'; "
                  "create constraint trigger late after insert on t deferrable initially deferred for each row execute function late()")
        with Proxy(world.server, AtCommit(when)) as proxy:
            done = world.deliver("upsert", [(1, 10)], env=world.through(proxy))
            assert proxy.was_cut
        assert done.code == code, done.all
        if code == 0:
            assert done.json["steps"][-1]["delivery"]["inserted"] == 1
            assert "the ledger was asked" in world.headrace("show", "last").all + world.headrace("logs", "last").all + done.all
        else:
            assert "did not take effect" in done.all and world.sql("select count(*) from t") == "0"
            again = world.headrace("run", "--resume", "last")
            assert again.code == 0, again.all
        assert world.sql("select * from t") == "1|10"
        assert len(world.ledger()) == 1
        assert world.deliver("upsert", [(1, 10)]).json["steps"][-1]["delivery"]["no_op"]

    def test_no_row_is_lost_or_doubled_wherever_the_connection_breaks(self, world):
        whole = deliver_with_a_cut(world, AfterBytes())["bytes"]
        assert whole > 5000
        results = [deliver_with_a_cut(world, AfterBytes(whole * k // 20 + 1)) for k in range(20)]
        assert all(result["cut"] for result in results)
        assert [(r["lost"], r["doubled"], r["ledger"]) for r in results] == [(0, 0, 1)] * 20
        assert 75 in {r["code"] for r in results}
