"""Loads, builds, exports and a server that is stopped, all at once, leave what some order of them leaves."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from support.comparison import what_is_left
from support.copies import copy_of_the_package, retail_in
from support.programs import WITHOUT_MARKETING
from support.replay import connected
from support.shop import clean_shop, read_export, write_export, write_shop

Order = tuple[str, ...]

VARIABLES = json.dumps({"raw_layer": "landing", "data_cutoff_date": "2025-06-30", "max_rejected_share": 1})
BUILD = ("dbt", "run", *WITHOUT_MARKETING, "--vars", VARIABLES)
HISTORY = """
    select source_table, record_key, failed_rules, status, resolution, opening_number
    from retail_history.quarantine_history order by 1, 2, 3, 4, 5, 6
"""
# how many take place in which lane
EXAMPLES = [
    *(pytest.param(seed, marks=pytest.mark.extended) for seed in (1, 38, 44)),
    *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(2, 51) if seed not in (38, 44)),
]


class Shop:
    """A shop in the database of a server of its own, because the server is stopped."""

    def __init__(self, folder: Path, server: Path, run_program, query) -> None:
        self.retail = retail_in(copy_of_the_package(server))
        self.database = {
            "PGHOST": str(server / ".postgres"),
            "PGPORT": "5432",
            "PGUSER": "postgres",
            "PGPASSWORD": "",
            "PGDATABASE": "shop",
        }
        self._run_program = run_program
        self._query = query
        self._out = folder / "exports"
        self._exports = 0
        self.retail("up")
        self._administer("create database shop template template0")
        self.fill(folder)
        self._administer("create database base template shop")
        self.tables: dict[Order, dict[str, list[tuple]]] = {(): self.left()}

    def learn(self, orders: Iterable[Order]) -> None:
        """See what each order leaves when nothing else happens."""
        for order in set(orders) - set(self.tables):
            self.reset()
            for name in order:
                self.run(*self.command(name))
            self.run(*BUILD)
            self.tables[order] = self.left()

    def fill(self, folder: Path) -> None:
        shop = clean_shop()
        shop["store_sales_line_items"][0] = "1,T1,P1,,,10.00"  # no quantity: the repair gives it
        shop["store_sales_header"][2] = "T3,C404,S1,2025-06-03 10:00:00,30.00"  # the load brings this customer
        self.run("dbt", "seed", "--vars", "raw_layer: landing")
        self.run("retail", "load", str(write_shop(shop, folder / "2025-06-01")))
        self.run(*BUILD)
        later = {
            "customer_details": ["C404,Ann,ann@example.com,Gold,5,,"],
            "store_sales_header": ["T5,C1,S1,2025-06-05 10:00:00,10.00"],
            "store_sales_line_items": ["1,T5,P1,,1,10.00"],
        }
        self._load = write_shop(later, folder / "2025-06-02")
        self._repair = folder / "repair"
        self.run("retail", "rejects", "export", "--out", str(self._repair))
        lines = read_export(self._repair, "store_sales_line_items")
        next(line for line in lines if line["transaction_id"] == "T1")["quantity"] = "1"
        write_export(self._repair, "store_sales_line_items", lines)

    def command(self, name: str) -> tuple[str, ...]:
        self._exports += 1
        return {
            "load": ("retail", "load", str(self._load)),
            "repair": ("retail", "load", "--replace-rejected", str(self._repair)),
            "run": BUILD,
            "build": ("dbt", "build", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", VARIABLES),
            "test": ("dbt", "test", *WITHOUT_MARKETING, "--exclude-resource-type", "unit_test", "--vars", VARIABLES),
            "export": ("retail", "rejects", "export", "--out", str(self._out / str(self._exports))),
        }[name]

    def run(self, *command: str) -> None:
        self._run_program(self.database, *command)

    def reset(self) -> None:
        self._administer("drop database shop with (force)")
        self._administer("create database shop template base")

    def loaded(self) -> set[str]:
        """Which of the loads took place."""
        ((load, repair),) = self._query(
            self.database,
            """
            select exists (select from retail_landing.raw_store_sales_header where transaction_id = 'T5'),
                exists (select from retail_landing.repairs)
            """,
        )
        return {name for name, took_place in (("load", load), ("repair", repair)) if took_place}

    def left(self) -> dict[str, list[tuple]]:
        """All tables; of the history what is open and how the rest ended."""
        return what_is_left(self._query, self.database, "retail", "retail_staging") | {
            "history": self._query(self.database, HISTORY)
        }

    def differing(self, allowed: Iterable[Order], but: str = "") -> dict[Order, list[str]]:
        """Return the tables that differ from those of each order; nothing if one of the orders leaves what is there."""
        left = self.left()
        found = {
            order: [name for name, rows in left.items() if name != but and rows != self.tables[order][name]]
            for order in allowed
        }
        return found if all(found.values()) else {}

    def _administer(self, statement: str) -> None:
        with closing(connected(self.database | {"PGDATABASE": "postgres"})) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


@pytest.fixture(scope="module")
def shop(run_program, query, tmp_path_factory) -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="retail") as name:  # short: the socket's path has a limit
        made = Shop(tmp_path_factory.mktemp("shop"), Path(name), run_program, query)
        yield made
        made.retail("down")


@pytest.mark.parametrize("seed", EXAMPLES)
def test_any_interleaving_leaves_what_some_order_leaves(shop, start_program, run_program, record_property, seed):
    random = Random(seed)
    names = random.choices(["load", "repair", "run", "build", "test", "export", "down"], k=random.choice((2, 3)))
    shop.learn(orders({"load", "repair"}.intersection(names)))
    shop.reset()
    started = []
    for name in names:
        if name == "down":
            time.sleep(random.uniform(0, 6))
            shop.retail("down")
        else:
            started.append(start_program(shop.database, *shop.command(name)))
            time.sleep(random.choice((0, 0.3, 1, 3)))
    for process in started:
        process.join(180)
    ended = [process.exitcode for process in started]
    shop.retail("up")
    loaded = shop.loaded()
    if "down" not in names:
        # a test that looks on in the middle of a build may see half of it, and fails; nothing else does
        assert [code for name, code in zip(names, ended, strict=True) if name != "test"] == [0] * (
            len(names) - names.count("test")
        ), names
        assert loaded == {"load", "repair"}.intersection(names)
        seen = loaded if {"run", "build"}.intersection(names) else set()
        # what is loaded and not yet built shows in the view that counts rows
        assert shop.differing(orders(seen), but="retail_staging.dq_conservation") == {}, names
    assert run_program(shop.database, *BUILD).returncode == 0
    assert shop.differing(order for order in orders(loaded) if set(order) == loaded) == {}, names
    record_property("proved", ("interleavings", {"programs": len(names), "stopped servers": names.count("down")}))


def orders(loaded: set[str]) -> Iterator[Order]:
    """What a build may have seen: none, some or all of what was loaded, in any order."""
    for count in range(len(loaded) + 1):
        yield from itertools.permutations(sorted(loaded), count)
