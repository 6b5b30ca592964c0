"""Whatever comes in: small worlds, dirtied by hypothesis, and what must hold of each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from retail.generate.command import write_files
from retail.loading.deliveries import find_sources
from retail.loading.load import load_sources
from support.comparison import differences, facts_of_database, facts_of_oracle, labels_in_order
from support.oracle import (
    COLUMNS,
    CUSTOMERS,
    HEADERS,
    LINES,
    PRODUCTS,
    PROMOTIONS,
    STORES,
    Settings,
    compute,
    read_directory,
)
from support.programs import WITHOUT_MARKETING
from support.replay import Replay, connected
from support.worlds import CUTOFF, DATED, NUMERIC, TIMED, World, clean_world, write_world

# What each setting of the vars is called, what dbt is told and what the oracle is told.
SWITCHES: dict[str, dict[str, Any]] = {
    "as delivered": {},
    "guests and returns": {
        "allow_guest_transactions": True,
        "accept_returns": True,
        "loyalty_rule_policy": "highest_threshold",
    },
    "every rule a warning": {"rule_severity": "warn", "loyalty_rule_policy": "stack"},
    "every rule off": {"rule_severity": "off", "accept_returns": True},
}
QUICK = ("as delivered", "guests and returns")  # tried by make test; dbt takes ten seconds to compile under each

# What a cell is dirtied with: every kind of its own name, so that a failure says what it was.
CELLS: dict[str, tuple[str, ...]] = {
    "blank": ("", " ", "\t", "\r\n", "\u00a0"),
    "wrong type": ("twelve", "1,5", "1e5", "0x1F", "1_000", "--1", "5.", ".5", "\u0661\u0662", "true", "today"),
    "impossible date": ("2025-02-30", "2025-13-01", "2025-00-00", "2025-06-30 24:00", "2030-01-01", "0000-01-01"),
    "NaN and infinity": ("NaN", "nan", "Infinity", "-infinity", "inf"),
    "sign and size": ("-1", "-0.01", "0", "-0", "0.004", "0.005", "99999999.995", "2147483648", "1e999", "0.1" * 9),
    "quotes": ('"', '""', 'say "cheese"', "'", "\u201eso\u201c", '","'),
    "separators": (",", ";", "|", "a,b;c|d", "T1|1", "stores:S1;products:P1", "\t", "a;b"),
    "line breaks": ("a\nb", "a\r\nb", "\n", "\r", "2025-01-01\n", "1\n2"),
    "emoji": ("🛒", "👩‍👩‍👧‍👦", "🇦🇹", "1️⃣"),
    "right-to-left": ("שלום", "مرحبا", "\u202e12", "\u200f1", "\u0661\u0662\u066b\u0665"),
    "long": ("x" * 10_000, "9" * 10_000, "0." + "1" * 10_000, "🛒" * 10_000, " " * 10_000 + "1"),
    "SQL": ("'; drop schema retail cascade; --", "1); select pg_sleep(9); --", "$$", "\\", "%s", "\\N", "\\."),
    "formula": ("=1+1", "+1", "-1+1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "|calc", "\uff1d1"),
    "template": ("{{ 1/0 }}", "{% raw %}", "{# #}", "${HOME}", "$(id)", "`id`"),
    "leading zeros": ("007", "0001", "00.10", "0000-00-00", "01"),
    "the word null": ("null", "NULL", "None", "N/A", "nan", "\\N"),
}
DIRT: dict[str, Callable[[World, Random], None]] = {}


def dirt(name: str) -> Callable[[Callable[[World, Random], None]], Callable[[World, Random], None]]:
    """Register a way to dirty whole rows."""

    def register(function: Callable[[World, Random], None]) -> Callable[[World, Random], None]:
        DIRT[name] = function
        return function

    return register


def _some_table(world: World, random: Random) -> str:
    return random.choice([table for table in world if world[table]] or [STORES])


@dirt("duplicate")
def _duplicate(world: World, random: Random) -> None:
    table = _some_table(world, random)
    if world[table]:
        row = dict(random.choice(world[table]))
        column = random.choice(COLUMNS[table])
        row[column] = random.choice(("", " ", "\t")) + (row[column] or "")
        world[table].insert(random.randint(0, len(world[table])), row)


@dirt("conflicting")
def _conflicting(world: World, random: Random) -> None:
    table = _some_table(world, random)
    if world[table]:
        row = dict(random.choice(world[table]))
        row[COLUMNS[table][-1]] = "1"
        row[COLUMNS[table][-2]] = "2"
        if table not in (LINES, HEADERS):
            row[COLUMNS[table][1]] = "other"
        world[table].append(row)


@dirt("orphan")
def _orphan(world: World, random: Random) -> None:
    table = random.choice((STORES, PRODUCTS, CUSTOMERS, PROMOTIONS, HEADERS, LINES))
    if world[table]:
        world[table].pop(random.randrange(len(world[table])))


@dirt("wrong sum")
def _wrong_sum(world: World, random: Random) -> None:
    table, column = random.choice(((HEADERS, "total_amount"), (LINES, "line_item_amount")))
    if world[table]:
        row = random.choice(world[table])
        cell = (row[column] or "").strip()
        if cell.replace(".", "", 1).isdecimal() and cell.isascii() and len(cell) < 20:
            row[column] = str(Decimal(cell) + Decimal(random.choice(("0.01", "-0.01", "0.02", "0.0101", "5"))))


@dirt("return")
def _return(world: World, random: Random) -> None:
    """Turn a whole transaction, or one of its lines, round."""
    if not world[HEADERS]:
        return
    header = random.choice(world[HEADERS])
    lines = [line for line in world[LINES] if line["transaction_id"] == header["transaction_id"]]
    chosen = lines if random.random() < 0.7 else lines[:1]
    cells = [line["line_item_amount"] or "" for line in lines]
    if not all(cell.replace(".", "", 1).isdecimal() and cell.isascii() and len(cell) < 20 for cell in cells):
        return
    for line in chosen:
        line["quantity"] = "-" + (line["quantity"] or "1").lstrip("-+")
        line["line_item_amount"] = "-" + (line["line_item_amount"] or "")
    header["total_amount"] = str(sum(Decimal(line["line_item_amount"]) for line in lines))


@dirt("guest")
def _guest(world: World, random: Random) -> None:
    if world[HEADERS]:
        random.choice(world[HEADERS])["customer_id"] = ""


@dirt("shuffle")
def _shuffle(world: World, random: Random) -> None:
    for rows in world.values():
        random.shuffle(rows)


def _cells_of(kind: str) -> Callable[[World, Random], None]:
    def spoil(world: World, random: Random) -> None:
        table = _some_table(world, random)
        if world[table]:
            columns = [name for name in COLUMNS[table] if name in NUMERIC | DATED | TIMED]
            column = random.choice(columns if columns and random.random() < 0.5 else COLUMNS[table])
            row = random.choice(world[table])
            cell = random.choice(CELLS[kind])
            row[column] = cell + (row[column] or "") if kind == "leading zeros" and random.random() < 0.5 else cell

    return spoil


DIRT |= {kind: _cells_of(kind) for kind in CELLS}

# A world is a clean one and what was done to it, so that a failing one shrinks to the few things that matter.
worlds = st.tuples(
    st.integers(0, 2**16),
    st.lists(st.tuples(st.sampled_from(sorted(DIRT)), st.integers(0, 2**16)), max_size=40),
)


def dirtied(seed: int, spoilings: list[tuple[str, int]]) -> World:
    world = clean_world(Random(seed))
    for kind, number in spoilings:
        DIRT[kind](world, Random(number))
    return world


@pytest.fixture(scope="module")
def database(new_database, landing, run_program, tmp_path_factory):
    """Tables made by dbt, from any world at all."""
    database = new_database(landing)
    folder = tmp_path_factory.mktemp("first")
    write_world(clean_world(Random(1)), folder)
    run_program(database, "retail", "load", str(folder))
    run_program(database, "dbt", "run", *WITHOUT_MARKETING, "--vars", json.dumps(variables_of({})))
    return database


def variables_of(switches: dict[str, Any]) -> dict[str, Any]:
    return {"raw_layer": "landing", "data_cutoff_date": str(CUTOFF), "max_rejected_share": 1} | switches


@pytest.fixture(scope="module")
def replays(database, run_program, dbt_files, query) -> Callable[[str], tuple[Replay, Settings]]:
    """The project compiled under one of the switches, beside what the oracle is told of them."""
    free = query(database, "select source_table, rule_id from retail_staging.dq_rules where kept_for is null")

    @cache
    def compiled(name: str) -> tuple[Replay, Settings]:
        wanted = dict(SWITCHES[name])
        if "rule_severity" in wanted:
            wanted["rule_severity"] = {f"{table}.{rule}": wanted["rule_severity"] for table, rule in free}
        command = ("compile", *WITHOUT_MARKETING, "--vars", json.dumps(variables_of(wanted)))
        run_program(database | {"DBT_WRITE_JSON": "true"}, "dbt", *command)
        manifest = Path(dbt_files(database, *command)["DBT_TARGET_PATH"]) / "manifest.json"
        return Replay(database, manifest), Settings(data_cutoff_date=CUTOFF, **wanted)

    return compiled


@pytest.mark.parametrize(
    ("switches", "worlds_tried"),
    [
        *((name, 4) for name in QUICK),
        *(pytest.param(name, 20, marks=pytest.mark.extended) for name in SWITCHES),
        *(pytest.param(name, 125, marks=pytest.mark.proof) for name in SWITCHES),
    ],
)
def test_whatever_comes_in(database, replays, query, tmp_path, record_property, switches, worlds_tried):
    replay, told = replays(switches)
    assert len(replay.models) > 35 and len(replay.tests) > 150

    @settings(
        max_examples=worlds_tried,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(worlds)
    def check(drawn):
        for kind in {kind for kind, _ in drawn[1]}:
            event(kind)
        write_world(dirtied(*drawn), tmp_path)
        replay.load(tmp_path)
        replay.build()

        # rows and money are conserved, keys and relations hold, every label is known: the project's own tests
        assert replay.failed_tests() == []
        # every reject has a reason, and only rejects have
        ((unexplained,),) = query(
            database,
            """
            select count(*) from retail_staging.rejected_records
            where coalesce(reason, '') = '' or coalesce(failed_rules, '') = '' or raw_record is null
            """,
        )
        assert unexplained == 0
        for table in COLUMNS:
            ((rows_in, rows_out),) = query(
                database,
                f"""
                select
                    (select count(*) from retail_landing.raw_{table}),
                    (select count(*) from retail.{table})
                    + (select count(*) from retail_staging.rejected_records where source_table = '{table}')
                """,
            )
            assert rows_in == rows_out, table
        # an independent computation says the same of every row
        raw = read_directory(tmp_path)
        ours, theirs = facts_of_database(query, database), facts_of_oracle(compute(raw, told), raw)
        if told.rule_severity or told.allow_guest_transactions:
            ours, theirs = labels_in_order(ours), labels_in_order(theirs)
        assert differences(ours, theirs) == {}
        # and a second build changes nothing
        before = replay.contents()
        replay.build()
        assert replay.contents() == before

    check()
    record_property("proved", ("whatever comes in", {"worlds": worlds_tried}))


@settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=st.sampled_from(sorted(COLUMNS)), place=st.integers(0, 2**16), cell=st.sampled_from(("\0", "a\0b", "1\0")))
def test_a_nul_byte_is_an_unreadable_line(database, tmp_path_factory, query, table, place, cell):
    """No text of PostgreSQL holds one: its line is kept apart, and all others are loaded."""
    replay_folder: Path = tmp_path_factory.mktemp("nul")
    world = clean_world(Random(place))
    assume(world[table])
    row = place % len(world[table])
    world[table][row][COLUMNS[table][place % len(COLUMNS[table])]] = cell
    write_world(world, replay_folder)
    with closing(connected(database)) as connection:
        load_sources(connection, find_sources(replay_folder), start_over=True)
    assert query(database, f"select count(*) from retail_landing.raw_{table}") == [(len(world[table]) - 1,)]
    found = query(database, "select source_table, line_number, rule_id, detail from retail_landing.unreadable_lines")
    assert found == [(table, row + 2, "line_encoding_invalid", "a NUL byte")]


@pytest.mark.parametrize(
    ("rate", "samples"),
    [
        (0.1, 1),
        *(pytest.param(rate, 2, marks=pytest.mark.extended) for rate in (0.01, 0.1, 0.4)),
        *(pytest.param(rate, 20, marks=pytest.mark.proof) for rate in (0.01, 0.1, 0.4)),
    ],
)
def test_every_injected_fault_is_found_and_nothing_else(
    database, replays, query, tmp_path, record_property, rate, samples
):
    """Precision and recall of the rules, row by row, against what the generator says it spoiled."""
    replay, _ = replays("as delivered")
    hits = wrong = missed = rows = 0
    for seed in range(1, samples + 1):
        folder = tmp_path / str(seed)
        counts = write_files(
            folder, days=7, customers=300, transactions=2000, seed=seed, anomaly_rate=rate, redemptions=200
        )
        replay.load(folder)
        replay.build()
        expected = {
            (table, rule, row)
            for table, rules in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["expected"].items()
            for rule, found in rules.items()
            for row in found
        }
        found = set(
            query(database, "select source_table, rule_id, source_row_number from retail_staging.rejected_record_rules")
        )
        assert len({rule for _, rule, _ in expected}) > 40
        hits += len(found & expected)
        wrong += len(found - expected)
        missed += len(expected - found)
        rows += sum(counts.values())
    record_property(
        "proved",
        (
            f"faults found at a rate of {rate:.0%}",
            {"samples": samples, "rows": rows, "faults": hits + missed, "missed": missed, "wrong": wrong},
        ),
    )
    assert (missed, wrong) == (0, 0)
