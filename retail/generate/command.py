"""``retail generate``: the command line of the sample generator."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from retail.errors import RetailError
from retail.generate.core import csv_line
from retail.generate.demand import LIFTS, Calendar
from retail.generate.faults import make_plan
from retail.generate.masters import Span, build_world, stores_of
from retail.generate.output import CAMPAIGNS, MANIFEST, Folder, Manifest, write_rows, write_sales
from retail.generate.redemptions import REDEMPTION, Purchases, redemptions
from retail.generate.rhythms import PlannedSales
from retail.generate.sales import HEADER, LINE, sales
from retail.generate.shoppers import CAMPAIGN_COLUMNS, campaign_row, check_days
from retail.generate.stock import STOCK, Shelves, counts
from retail.new_files import NewFiles

END_DATE = date(2025, 6, 29)  # fixed, so that the same arguments give the same bytes on any day
FIRST_YEAR, LAST_YEAR = 1990, 2900
STEADY, RHYTHMS = "steady", "rhythms"
MOST_LIFT = 5


def write_files(
    out: Path,
    *,
    days: int,
    customers: int,
    transactions: int,
    seed: int,
    anomaly_rate: float,
    end_date: date = END_DATE,
    prefix: str = "",
    gzipped: bool = False,
    redemptions: int = 0,
    stock: int = 0,
    behaviour: str = STEADY,
    stores: int | None = None,
    lifts: Sequence[float] = (),
    stock_outs: int = 0,
    campaign_effect: float | None = None,
) -> dict[str, int]:
    """Write the files and the manifest, and return the number of rows of each table."""
    arguments: dict[str, Any] = {
        "days": days,
        "customers": customers,
        "transactions": transactions,
        "seed": seed,
        "anomaly_rate": anomaly_rate,
        "end_date": end_date.isoformat(),
        "prefix": prefix,
        "gzip": gzipped,
        "redemptions": redemptions,
        "stock": stock,
    }
    planned: dict[str, Any] = {
        "lifts": list(lifts),
        "stock_outs": stock_outs or None,
        "campaign_effect": campaign_effect,
    }
    planned = {name: value for name, value in planned.items() if value not in (None, [])}
    if behaviour == STEADY and planned:
        raise RetailError(f"--{next(iter(planned)).replace('_', '-')} needs --behaviour {RHYTHMS}")
    if campaign_effect is not None:
        check_days(days)
    # what is not asked for isn't named, so that the seeds' manifest stays as it is
    arguments |= ({"stores": stores} if stores else {}) | planned
    if behaviour == RHYTHMS:
        arguments["behaviour"] = behaviour
    manifest = Manifest()
    try:
        with NewFiles() as files:
            folder = Folder(out, prefix, gzipped, files)
            _write(folder, manifest, arguments, Span(end_date - timedelta(days=days - 1), end_date))
            folder.delete_stale()
    except OSError as error:
        raise RetailError(f"can't write to {out}: {error.strerror or error}") from None
    return manifest.rows


def _write(folder: Folder, manifest: Manifest, arguments: dict[str, Any], span: Span) -> None:
    seed, transactions, rate = arguments["seed"], arguments["transactions"], arguments["anomaly_rate"]
    stores = arguments.get("stores") or stores_of(transactions)
    calendar = None
    if arguments.get("behaviour") == RHYTHMS:
        calendar = Calendar(seed, span, stores, arguments.get("lifts", LIFTS))
    world = build_world(seed, span, arguments["customers"], transactions, rate, stores, calendar)
    for table, rows in world.rows.items():
        with folder.table(table) as file:
            write_rows(file, manifest, table, rows)
    planned = None
    if calendar:
        planned = PlannedSales(
            seed, world, calendar, transactions, arguments.get("stock_outs", 0), arguments.get("campaign_effect")
        )
        transactions = planned.transactions
    purchases = Purchases(transactions, arguments["redemptions"])
    shelves = Shelves(world, arguments["stock"], planned.days_out() if planned else None)
    plan = make_plan(seed, transactions, rate)
    stream = planned.sales(plan) if planned else sales(seed, world, transactions, plan)
    batches = shelves.noted(purchases.noted(stream))
    with folder.table(HEADER) as headers, folder.table(LINE) as lines:
        steps = write_sales(headers, lines, manifest, batches)
        if sys.stderr.isatty():
            with click.progressbar(length=transactions, label="transactions", file=sys.stderr) as bar:
                for step in steps:
                    bar.update(step)
        else:
            for _ in steps:
                pass
    with folder.table(REDEMPTION) as file:
        write_rows(file, manifest, REDEMPTION, redemptions(seed, world, purchases, arguments["redemptions"], rate))
    with folder.table(STOCK) as file:
        rows, counted_out = counts(seed, world, shelves, rate)
        write_rows(file, manifest, STOCK, rows)
    # planned stock-outs are the truth whether or not their product is counted; without a plan, the counts are
    manifest.truth |= planned.truth() if planned else {"stock_outs": counted_out}
    if planned and planned.campaign:
        with folder.open(CAMPAIGNS) as file:
            file.write("".join(map(csv_line, (CAMPAIGN_COLUMNS, campaign_row(planned.campaign, world)))).encode())
    with folder.open(MANIFEST) as file:
        manifest.write(file, arguments)


def _share(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("must be a number from 0 to 1.")
    return value


def _lifts(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        lifts = tuple(float(part) for part in value.split(",")) if value else ()
    except ValueError:
        raise click.BadParameter("must be numbers with commas between them, such as 0.3,0,-0.1.") from None
    if not all(-1 < lift <= MOST_LIFT for lift in lifts):
        raise click.BadParameter(f"must be above -1 and at most {MOST_LIFT}.")
    return lifts


def _end_date(_context: click.Context, _parameter: click.Parameter, value: datetime) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise click.BadParameter(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return value.date()


def _prefix(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not value.replace("_", "").replace("-", "").isalnum():
        raise click.BadParameter("may have letters, digits, '_' and '-' only.")
    return value


@click.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3660), help="Days with transactions.")
@click.option("--customers", default=500, show_default=True, type=click.IntRange(1, 10_000_000), help="Customers.")
@click.option(
    "--transactions", default=3000, show_default=True, type=click.IntRange(1, 100_000_000), help="Transactions."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of the random numbers.")
@click.option(
    "--anomaly-rate",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 1),
    callback=_share,
    help="Share of the transactions with a fault in the header or a line (some have two). Each master table gets the"
    " same share of faulty rows, in addition to its good ones. Above 0, each master fault occurs at least once; from"
    " 340 transactions on, so does each transaction fault. 0: no faults.",
)
@click.option(
    "--end-date",
    default=END_DATE.isoformat(),
    show_default=True,
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_end_date,
    help="Last day with transactions.",
)
@click.option("--prefix", default="", callback=_prefix, help="Prefix of the file names: raw_ for the project's seeds.")
@click.option(
    "--redemptions",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000_000),
    help="Redemptions of points, as far as the opening balances reach, and faulty ones. 0: an empty file.",
)
@click.option(
    "--stock",
    default=0,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="Products whose stock is counted in each store at the end of each day, and faulty counts. 0: an empty file.",
)
@click.option(
    "--behaviour",
    default=STEADY,
    show_default=True,
    type=click.Choice([STEADY, RHYTHMS]),
    help="rhythms: each customer comes at intervals of its own, and may stop; weekdays, seasons, events and shocks move"
    " the demand; promotions have known effects. Choose 120 days or more.",
)
@click.option("--stores", type=click.IntRange(1, 1000), help="Stores. [default: by the transactions]")
@click.option(
    "--lifts",
    default="",
    callback=_lifts,
    help="By which share promotions raise the units of their category, in turn, with --behaviour rhythms."
    f" [default: {','.join(map(str, LIFTS))}]",
)
@click.option(
    "--stock-outs",
    default=0,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="Runs of days on which a store lacks a product that sells often, with --behaviour rhythms.",
)
@click.option(
    "--campaign-effect",
    type=click.FloatRange(-1, MOST_LIFT),
    help="By which share a campaign for At-Risk customers changes how many buy, with --behaviour rhythms. Its row for"
    " seeds/reference/campaigns.csv is written too.",
)
@click.option("--gzip", "gzipped", is_flag=True, help="Write .csv.gz.")
def generate(out: Path, **arguments: Any) -> None:  # noqa: ANN401 (click's options)
    """Write sample data, and a manifest of the faults in them.

    The same arguments give the same bytes. manifest.json lists each injected fault ("injections") and, for each rule,
    the rows that must fail it, consequences included ("expected"); and what the data were made from ("truth"): with
    --behaviour rhythms, what is true of customers, promotions, stock-outs and the campaign. Row numbers start at 1
    below the header. The command replaces the files of an earlier run, and refuses to overwrite other files.
    """
    rows = write_files(out, **arguments)
    click.echo(f"{out}: " + ", ".join(f"{count:,} {table}" for table, count in rows.items()))
