"""The marketer's page in a real browser: its numbers are those of the marts, and everyone can use it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR

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
# the day before, the customer was not at risk
CAME = """
    insert into retail_history.segment_history
    select
        raw_layer, customer_id, as_of_date - 1, 'RG', false, false, last_purchase_date, 9, total_loyalty_points,
        built_at
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
NAMED = """
    update retail.stock_outs set product_name = %s
    where product_id = (select min(product_id) from retail.stock_outs where first_day is not null)
"""
LOSSES = """
    update retail.stock_outs
    set lost_units = 4, lost_sales = 1234.50, lost_sales_low = 300.25, lost_sales_high = 1800.75
    where first_day is not null
    and product_id = (select min(product_id) from retail.stock_outs where first_day is not null)
"""
WIDTHS = {"desktop": 1280, "phone": 390}
MONDAY = re.findall(
    r"^\| (.+\?) \| (.+) \|$", (PROJECT_DIR / "docs" / "marketers_guide.md").read_text(encoding="utf-8"), re.MULTILINE
)
EVERYTHING_OF_WCAG_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def database(new_database, sample_template, query):
    """The sample, with names that no page and no spreadsheet should run."""
    made = new_database(sample_template)
    at_risk = query(made, "select customer_id from retail.customer_segments where is_at_risk order by 1 limit 3")
    query(made, CAME, at_risk.pop())
    for (customer,), name in zip(at_risk, (HOSTILE, FORMULA), strict=True):
        query(made, "update retail.customer_details set first_name = %s where customer_id = %s", [name, customer])
        query(made, MOVE, [customer])
    query(made, NAMED, [FORMULA])
    query(made, LOSSES)
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
        [written(cell) for cell in row] for row in reversed(select(queries.SALES, period="day"))
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
    assert [row[1:] for row in cells_of(opened, "leverage")] == [
        [written(cell) for cell in row[2:]] for row in select(queries.LEVERAGE)
    ]


def in_csv(value) -> str:
    """A value as a list's file has it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{float(value):g}" if value == round(value) else repr(float(value))
        case str() if value[0] in "=+-@":
            return "'" + value
    return str(value)


@pytest.fixture
def download(opened):
    """Press a list's button and return the rows of the file."""

    def press(section) -> list[list[str]]:
        with opened.expect_download() as file:
            section.get_by_role("button", name="Download CSV").click()
        return list(csv.reader(io.StringIO(Path(file.value.path()).read_text(encoding="utf-8"))))

    return press


@pytest.mark.parametrize("name", queries.LISTS)
def test_a_list_downloads_what_it_shows(opened, select, download, name):
    about = queries.LISTS[name]
    section = opened.locator(f"[data-list={name}]")
    heading, *rows = download(section)
    assert heading == list(about.columns)
    assert rows == [[in_csv(cell) for cell in row] for row in select(about.sql)[:1000]]
    assert len(section.locator("tbody tr").all()) == min(10, len(rows))

    # by the first column, upwards and downwards
    first = [row[0] for row in rows]
    section.locator("th button").first.click()
    assert [row[0] for row in download(section)[1:]] == sorted(first)
    section.locator("th button").first.click()
    assert [row[0] for row in download(section)[1:]] == sorted(first, reverse=True)

    word = first[-1].lower()
    section.get_by_role("searchbox").fill(word)
    found = [row for row in rows if any(word in cell.lower() for cell in row)]
    assert sorted(download(section)[1:]) == sorted(found)
    assert section.locator("output").inner_text() == f"{min(10, len(found))} of {len(found)} shown"


def test_a_column_has_as_many_decimals_everywhere(opened):
    shown = opened.eval_on_selector_all(
        "[data-list] tbody", "all => all.map(body => [...body.rows].map(row => [...row.cells].map(c => c.innerText)))"
    )
    numbers = [
        [cell for cell in column if re.fullmatch(r"-?[\d,]+(\.\d+)?", cell)]
        for rows in shown
        for column in zip(*rows, strict=True)
    ]
    assert all(len({len(cell.partition(".")[2]) for cell in column}) <= 1 for column in numbers)


def test_stock_outs_come_by_what_they_cost(opened):
    """The worst first, with what is known of it and how; the other words are those of the mart."""
    cells = opened.locator("[data-list=stock_outs] tbody tr").first.locator("td").all_inner_texts()
    assert (cells[0], cells[6]) == (FORMULA, "counted")
    assert cells[8:11] == ["1,234.50", "300.25", "1,800.75"]


@pytest.mark.parametrize(("question", "clicks"), MONDAY)
def test_the_guides_questions_take_two_clicks_at_most(opened, question, clicks):
    names = re.findall("`(.+?)`", clicks)
    assert len(names) <= 2 and (names or "first screen" in clicks)
    for name in names:
        link = opened.get_by_role("link", name=name).first
        target = opened.locator(link.get_attribute("href"))
        link.click()
        assert -1 <= target.bounding_box()["y"] < 400


def test_no_cell_is_run(opened, download):
    assert opened.title() != "taken over"
    section = opened.locator("[data-list=at_risk]")
    section.get_by_role("searchbox").fill("</script>")
    assert section.locator("tbody tr td").nth(1).inner_text() == HOSTILE
    section.get_by_role("searchbox").fill("hyperlink")
    _, row = download(section)
    assert row[1] == "'" + FORMULA


def test_the_price_of_a_point_says_what_all_would_cost(browser, make_page, database, query):
    ((points,),) = query(database, "select sum(total_loyalty_points) from retail.loyalty_balances")
    page = browser.new_page()
    page.goto(make_page(database, "--point-price", "0.01").as_uri())
    assert page.locator("#points-cost").inner_text() == f"{points / 100:,.2f}"
    page.close()


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
    for table in ("promotion_effectiveness", "customer_offers", "stock_outs", "stock_cover"):
        query(sample_copy, f"drop table retail.{table}")
    text = make_page(sample_copy).read_text(encoding="utf-8")
    assert text.count("The models with the tag marketing are not built.") == 2 and 'id="list-offers"' not in text


def test_the_page_is_closed_to_others(file):
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_an_empty_page_says_why(browser, sample_copy, query, make_page):
    query(
        sample_copy,
        """
        truncate
            retail.customer_segments, retail.loyalty_liability, retail.store_sales_header, retail.stock_outs cascade
        """,
    )
    faults = []
    page = browser.new_page(viewport={"width": WIDTHS["phone"], "height": 800})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(make_page(sample_copy).as_uri())
    text = page.inner_text("body")
    for why in (
        "No clean transaction",
        "Nobody.",
        "No points",
        "None is known.",
        "nothing to compare with",
        "has a score",
    ):
        assert why in text
    # what comes after an empty list is drawn all the same
    assert page.locator("[data-list=most_points] tbody tr").count() == 10
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and faults == []
    page.close()


def test_before_the_first_build_there_is_no_page(landing_database, run_program, tmp_path):
    result = run_program(landing_database, "retail", "page", "--out", str(tmp_path / "page.html"), check=False)
    assert result.returncode == 1 and "run `make build`" in result.stderr
    assert not (tmp_path / "page.html").exists()
