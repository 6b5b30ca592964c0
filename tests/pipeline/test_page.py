"""The marketer's page in a real browser: its numbers are those of the marts, and everyone can use it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

pytestmark = pytest.mark.extended

queries = pytest.importorskip("retail.page.queries")
pytest.importorskip("vl_convert", reason="what draws the charts is not installed: `make test-all` does it")

SCHEMAS = {"marts": "retail", "staging": "retail_staging", "raw": "retail_raw", "history": "retail_history"}
HOSTILE = "</script><script>document.title='taken over'</script>"
FORMULA = '=HYPERLINK("http://example.org","win")'
# a day later, the customer spends more than most
MOVE = """
    insert into retail_history.segment_history
    select
        raw_layer, customer_id, as_of_date + 1, 'HS', true, false, as_of_date + 1, 9000, total_loyalty_points, built_at
    from retail_history.segment_history
    where customer_id = %s
"""
RESULTS = """
    insert into retail.campaign_results (
        campaign_id, campaign_name, start_date, window_days, counted_through, contact_customers, holdout_customers,
        contact_purchase_rate, holdout_purchase_rate, rate_difference, rate_low, rate_high, verdict, spend_verdict,
        spend_why_not
    )
    values
        (
            'W', 'Win back', '2025-06-01', 20, '2025-06-21', 700, 300, 0.2, 0.1, 0.1, 0.052, 0.141, 'better',
            'inconclusive', 'fewer than 30 buyers'
        ),
        (
            'L', 'Later', '2025-07-01', 20, null, null, null, null, null, null, null, null, 'too early', 'too early',
            'not yet'
        )
"""
LIFT = """
    update retail.promotion_effectiveness
    set evidence = 'before_after', observed_lift = 0.30, observed_lift_low = 0.122, observed_lift_high = 0.5
    where (promotion_id, product_category) in (
        select promotion_id, product_category from retail.promotion_effectiveness order by 1, 2 limit 1
    )
"""
WIDTHS = {"desktop": 1280, "phone": 390}
EVERYTHING_OF_WCAG_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def database(new_database, sample_template, query):
    """The sample, with two names that no page and no spreadsheet should run."""
    made = new_database(sample_template)
    at_risk = query(made, "select customer_id from retail.customer_segments where is_at_risk order by 1 limit 2")
    for (customer,), name in zip(at_risk, (HOSTILE, FORMULA), strict=True):
        query(made, "update retail.customer_details set first_name = %s where customer_id = %s", [name, customer])
        query(made, MOVE, [customer])
    query(made, RESULTS)
    query(made, LIFT)
    return made


@pytest.fixture(scope="module")
def make_page(run_program, tmp_path_factory):
    def make(database, *options) -> Path:
        file = tmp_path_factory.mktemp("page") / "new" / "page.html"
        run_program(database, "retail", "page", "--out", str(file), *options)
        return file

    return make


@pytest.fixture(scope="module")
def file(make_page, database) -> Path:
    return make_page(database)


@pytest.fixture
def opened(browser, file):
    """The page, which must ask for nothing and complain of nothing."""
    faults = []
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on(
        "request", lambda request: request.url.startswith(("file:", "blob:", "data:")) or faults.append(request.url)
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert faults == []


@pytest.fixture
def select(database, query):
    return lambda statement, **words: query(database, statement.format(**SCHEMAS, **words))


def written(value) -> str:
    """A value as the page writes it."""
    match value:
        case None:
            return "\N{EN DASH}"
        case Decimal():
            return f"{value:,.2f}" if value.as_tuple().exponent <= -2 else f"{value:,}"
        case date():
            return value.isoformat()
        case str():
            return value
    return f"{value:,}"


def cells_of(page, table: str) -> list[list[str]]:
    return page.eval_on_selector(
        f"[data-table={table}]",
        "body => [...body.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))",
    )


def test_each_figure_is_that_of_the_marts(opened, select):
    found = opened.eval_on_selector_all(
        "[data-figure]", "all => all.map(one => [one.dataset.figure, one.dataset.value, one.textContent])"
    )
    assert {name for name, *_ in found} | {"rows_unaccounted", "money_unaccounted"} == set(queries.FIGURES)
    for name, exact, text in found:
        ((value,),) = select(queries.FIGURES[name].sql)
        assert exact == str(value), name
        assert text == written(round(value) if isinstance(value, Decimal) and value >= 1000 else value), name
    # two of them in other words
    ((at_risk, high),) = select("select sum(is_at_risk::int), sum(is_high_spender::int) from {marts}.customer_segments")
    exactly = {name: exact for name, exact, _ in found}
    assert exactly["at_risk_customers"] == str(at_risk) and exactly["high_spenders"] == str(high)
    assert opened.locator(".big.good").inner_text() == "Complete"


def test_each_table_is_that_of_the_marts(opened, select):
    assert [row[:4] for row in cells_of(opened, "sales")] == [
        [written(cell) for cell in row] for row in select(queries.SALES, period="day")
    ]
    assert [[row[0], row[1], row[3], row[4]] for row in cells_of(opened, "segments")] == [
        [f"{name} {segment}", *map(written, figures)] for segment, name, _, *figures in select(queries.SEGMENTS)
    ]
    grid = [cell.split("\n")[0] for row in cells_of(opened, "rfm") for cell in row[1:]]
    assert grid == [written(row[3]) for row in select(queries.RFM)]
    assert [row[1:] for row in cells_of(opened, "liability")] == [
        [written(points) for points in row[1:7]] for row in reversed(select(queries.LIABILITY))
    ]
    assert [row[:7] for row in cells_of(opened, "conservation")] == [
        [written(cell) for cell in row] for row in select(queries.CONSERVATION)
    ]
    assert cells_of(opened, "moves") == [[written(cell) for cell in row] for row in select(queries.MOVES)]
    assert opened.locator("[aria-labelledby=h-change] .big").inner_text() == "2"
    campaigns = cells_of(opened, "campaigns")
    assert [row[:7] for row in campaigns] == [[written(cell) for cell in row[:7]] for row in select(queries.CAMPAIGNS)]
    assert campaigns[1][7] == "10.0\n(5.2 to 14.1)"
    assert [row[9:] for row in campaigns] == [
        ["too early", "too early\nnot yet"],
        ["better", "inconclusive\nfewer than 30 buyers"],
    ]
    ((promotion, category, *_),) = select(queries.PROMOTIONS)
    ((*shown, observed, against_others, _, _),) = cells_of(opened, "promotions")
    assert shown[:2] == [promotion, category]
    assert (observed, against_others) == ("30.0\n(12.2 to 50.0)", written(None))
    assert [row[1:] for row in cells_of(opened, "leverage")] == [
        [written(cell) for cell in row[2:]] for row in select(queries.LEVERAGE)
    ]


@pytest.mark.parametrize("name", queries.LISTS)
def test_a_list_downloads_what_it_shows(opened, select, name):
    about = queries.LISTS[name]
    expected = select(about.sql)
    section = opened.locator(f"[data-list={name}]")

    def downloaded() -> list[list[str]]:
        with opened.expect_download() as download:
            section.get_by_role("button", name="Download CSV").click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        return list(csv.reader(io.StringIO(text)))

    heading, *rows = downloaded()
    assert heading == list(about.columns)
    assert [row[0] for row in rows] == [row[0] for row in expected[:1000]]
    assert len(section.locator("tbody tr").all()) == min(25, len(rows))

    # by the first column, upwards and downwards
    section.locator("th button").first.click()
    assert [row[0] for row in downloaded()[1:]] == sorted(row[0] for row in rows)
    section.locator("th button").first.click()
    assert [row[0] for row in downloaded()[1:]] == sorted((row[0] for row in rows), reverse=True)

    customer = rows[-1][0]
    section.get_by_role("searchbox").fill(customer.lower())
    assert [row[0] for row in downloaded()[1:]] == [customer]
    assert section.locator("output").inner_text() == "1 of 1 shown"


def test_no_cell_is_run(opened):
    assert opened.title() != "taken over"
    section = opened.locator("[data-list=at_risk]")
    section.get_by_role("searchbox").fill("</script>")
    assert section.locator("tbody tr td").nth(1).inner_text() == HOSTILE
    section.get_by_role("searchbox").fill("hyperlink")
    with opened.expect_download() as download:
        section.get_by_role("button", name="Download CSV").click()
    _, row = csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8")))
    assert row[1] == "'" + FORMULA


def test_each_number_has_its_definition(opened):
    buttons = opened.locator(".about").all()
    assert len(buttons) >= len(queries.FIGURES) - 1
    for button in buttons:
        button.click()
        shown = opened.locator(":popover-open")
        assert any(figure.definition in shown.inner_text() for figure in queries.FIGURES.values())
        opened.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_everyone_can_use_it(opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 800})
    found = axe.Axe().run(opened, options=EVERYTHING_OF_WCAG_AA)
    assert found.response["violations"] == [], json.dumps(found.response["violations"], indent=1)[:3000]
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_personal_data_are_left_out_on_request(make_page, database, query):
    without = make_page(database, "--without-personal-data").read_text(encoding="utf-8")
    for name in ("first_name", "email"):
        assert f'"{name}"' not in without
    ((email,),) = query(database, "select min(email) from retail.customer_details where segment_id = 'AR'")
    assert email not in without and email in make_page(database).read_text(encoding="utf-8")


def test_without_the_tag_marketing_the_page_says_so(sample_copy, query, make_page):
    query(sample_copy, "drop table retail.promotion_effectiveness, retail.customer_offers")
    text = make_page(sample_copy).read_text(encoding="utf-8")
    assert "The models with the tag marketing are not built." in text and 'id="list-offers"' not in text


def test_the_page_is_closed_to_others(file):
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_an_empty_page_says_why(sample_copy, query, make_page):
    query(sample_copy, "truncate retail.customer_segments, retail.loyalty_liability, retail.store_sales_header cascade")
    text = make_page(sample_copy).read_text(encoding="utf-8")
    for why in ("No clean transaction", "Nobody.", "No points"):
        assert why in text


def test_before_the_first_build_there_is_no_page(landing_database, run_program, tmp_path):
    result = run_program(landing_database, "retail", "page", "--out", str(tmp_path / "page.html"), check=False)
    assert result.returncode == 1 and "run `make build`" in result.stderr
    assert not (tmp_path / "page.html").exists()
