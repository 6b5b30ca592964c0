"""A shop so small that every point in it can be counted by hand, as seven files; and a steward's hand."""

from __future__ import annotations

import csv
from pathlib import Path

Rows = list[str]

HEADINGS = {
    "stores": "store_id,store_name,store_city,store_region,opening_date",
    "products": "product_id,product_name,product_category,unit_price,current_stock_level",
    "customer_details": (
        "customer_id,first_name,email,loyalty_status,total_loyalty_points,last_purchase_date,segment_id"
    ),
    "promotion_details": ("promotion_id,promotion_name,start_date,end_date,discount_percentage,applicable_category"),
    "loyalty_rules": "rule_id,rule_name,points_per_unit_spend,min_spend_threshold,bonus_points",
    "store_sales_header": "transaction_id,customer_id,store_id,transaction_date,total_amount",
    "store_sales_line_items": "line_item_id,transaction_id,product_id,promotion_id,quantity,line_item_amount",
    "loyalty_redemptions": "redemption_id,customer_id,redeemed_at,points,transaction_id",
    "inventory_levels": "stock_date,store_id,product_id,stock_level",
}


def clean_shop() -> dict[str, Rows]:
    """Return the rows of the seven files: two customers, four transactions of 10, 20, 30 and 40."""
    return {
        "stores": ["S1,Main,Graz,South,2020-01-01"],
        "products": ["P1,Cup,Kitchen,10.00,5"],
        "customer_details": ["C1,Ana,ana@example.org,Gold,100,,", "C2,Ben,ben@example.org,,0,,"],
        "promotion_details": ["PR1,Sale,2025-01-01,2025-12-31,0.10,ALL"],
        "loyalty_rules": ["1,Base,1.00,0.00,0", "2,Big,1.00,25.00,5"],
        "store_sales_header": [
            "T1,C1,S1,2025-06-01 10:00:00,10.00",
            "T2,C1,S1,2025-06-02 10:00:00,20.00",
            "T3,C2,S1,2025-06-03 10:00:00,30.00",
            "T4,C2,S1,2025-06-04 10:00:00,40.00",
        ],
        "store_sales_line_items": ["1,T1,P1,,1,10.00", "1,T2,P1,,2,20.00", "1,T3,P1,,3,30.00", "1,T4,P1,,4,40.00"],
    }


def write_shop(shop: dict[str, Rows], folder: Path) -> Path:
    """Write the files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in shop.items():
        (folder / f"{table}.csv").write_text("\n".join([HEADINGS[table], *rows]) + "\n", encoding="utf-8")
    return folder


def read_export(folder: Path, table: str) -> list[dict[str, str]]:
    """Read the rows of one table out of the folder of an export."""
    with (folder / f"rejected_{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_export(folder: Path, table: str, rows: list[dict[str, str]]) -> None:
    """Write them back, as a spreadsheet does."""
    with (folder / f"rejected_{table}.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
