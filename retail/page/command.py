"""`retail page`: the marketer's page."""

from __future__ import annotations

import json
import math
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from retail.engines.connections import connect_to
from retail.engines.target import check_target, marts_schema
from retail.errors import RetailError
from retail.new_files import NewFiles
from retail.quarantine.export import FORMULA

_CENTS_BELOW = 1000
_HIGHEST_PRICE = 1_000_000  # the var point_price has the same limit


class Price(click.FloatRange):
    """A price; NaN lies in each of click's ranges."""

    def __init__(self) -> None:  # noqa: D107 (the class says it)
        super().__init__(min=0, max=_HIGHEST_PRICE)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401, D102
        price = float(super().convert(value, param, ctx))
        if math.isnan(price):
            self.fail(f"{value} is not a number.", param, ctx)
        return price


@click.command()
@click.option(
    "--out",
    default="target/page.html",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The HTML file to write.",
)
@click.option("--without-personal-data", is_flag=True, help="Leave names and e-mail addresses out of the lists.")
@click.option(
    "--point-price",
    metavar="MONEY",
    type=Price(),
    help="What a redeemed point costs, to see what all points outstanding would cost.",
)
def page(out: Path, without_personal_data: bool, point_price: float | None) -> None:
    """Write the marketer's page, one HTML file.

    It needs no server and no network. It shows segments, points, RFM, sales, campaigns, promotions, stock-outs and data
    quality, and has lists to sort, filter and download. It is made from the marts of the last build; run it after each
    build.
    """
    engine = check_target("retail page", ["postgres", "duckdb"], "build the marts on one of these")
    schema = marts_schema()
    try:
        from retail.page.content import Marts, read_page
    except ImportError as error:
        raise RetailError(f"the page needs {error.name}: run `make page`, which installs it") from error
    with closing(connect_to(engine, read_only=True)) as connection:
        content = read_page(Marts(connection, schema), personal_data=not without_personal_data)
    html = render(content | {"point_price": None if point_price is None else Decimal(str(point_price))})
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with NewFiles() as files, files.open(out) as file:
            file.write(html.encode())
    except OSError as error:
        raise RetailError(f"{out} can't be written: {error.strerror}") from error
    click.echo(f"{out}  {len(html.encode()) / 1e6:.1f} MB: open it in a browser")


def render(content: dict[str, Any]) -> str:
    """Return the page as HTML.

    Args:
        content: What `read_page` returns.
    """
    environment = Environment(
        loader=PackageLoader("retail.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"number": _number, "rounded": _rounded, "as_json": _as_json}
    return environment.get_template("page.html.j2").render(formula=FORMULA.pattern, **content)


def _number(value: float | Decimal | None) -> str:
    """Return a number with its thousands grouped, an amount with its cents; a dash for none."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, Decimal) and value.as_tuple().exponent != 0:
        places = -int(value.as_tuple().exponent)
        return f"{value:,.{min(places, 2)}f}"
    return f"{value:,}"


def _rounded(value: float | Decimal | None) -> str:
    """Return a number as `_number` does, an amount of a thousand or more without its cents."""
    return _number(round(value) if isinstance(value, Decimal) and abs(value) >= _CENTS_BELOW else value)


def _as_json(value: Any) -> Markup:  # noqa: ANN401 (whatever JSON holds)
    """Return the value as JSON that can't end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 (escaped here)
