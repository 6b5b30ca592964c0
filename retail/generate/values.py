"""The words of the sample data, and the values that are not valid numbers, dates or keys."""

from __future__ import annotations

CITIES = (
    ("Hamburg", "North"),
    ("München", "South"),
    ("Köln", "West"),
    ("Leipzig", "East"),
    ("Nürnberg", "South"),
    ("Kiel", "North"),
    ("Dresden", "East"),
    ("Aachen", "West"),
    ("Bremen", "North"),
    ("Stuttgart", "South"),
    ("Essen", "West"),
    ("Potsdam", "East"),
)
STORE_KINDS = ("City Centre", "Station", "Mall", "Airport", "Outlet", "Market Hall", "Retail Park")

# category: (lowest and highest price in cents, articles)
CATEGORIES = {
    "Groceries": (
        79,
        1299,
        ("Olive Oil", "Coffee Beans", "Müsli", "Honey", "Dark Chocolate", "Basmati Rice", "Jalapeños"),
    ),
    "Household": (199, 4999, ("Frying Pan", "Tea Towel", "Storage Box", "Kitchen Scale", "Candle", "Laundry Basket")),
    "Beauty": (249, 3999, ("Shampoo", "Hand Cream", "Lip Balm", "Crème de Nuit", "Soap Bar", "Sunscreen")),
    "Clothing": (799, 8999, ("T-Shirt", "Wool Socks", "Jeans", "Rain Jacket", "Scarf", "Belt")),
    "Electronics": (999, 24999, ("Headphones", "USB-C Cable", "Desk Lamp", '7" Tablet Stand', "Power Bank", "Radio")),
    "Toys": (499, 5999, ("Wooden Train", "Puzzle, 500 Pieces", "Kite", "Plush Bear 🧸", "Card Game", "Yo-Yo")),
    "Sports": (599, 12999, ("Yoga Mat", "Water Bottle", "Tennis Balls", "Bike Light", "Climbing Chalk")),
    "Garden": (149, 7999, ("Flower Seeds", "Watering Can", "Secateurs", "Herb Pot", "Bird Feeder")),
    "Books & Media": (499, 3999, ("Paperback", "Cookbook", "Road Atlas", "Vinyl Record", "Notebook")),
}
STYLES = ("Classic", "Eco", "Premium", "Mini", "Family", "Nordic", "Retro", "Deluxe", "Basic", "Café")
GIFT = ("Paper Bag (free)", "Household")

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hugo", "Ida", "Jürgen", "Katja", "Łukasz", "Mia", "Noah",
    "Olga", "Paul", "Renée", "Søren", "Tuğba", "Uwe", "Vera", "Wim", "Xenia", "Yusuf", "Zoë", "José", "D'Arcy",
    'Mary "Molly"', "Anh, Thi", "李娜", "Олена", "Sam 🌟", "Aoife", "Björn", "Chloé", "Dmitri", "Esra", "Felix",
)  # fmt: skip
MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example.com")
TIERS = ((5000, "Platinum"), (2000, "Gold"), (500, "Silver"), (0, "Bronze"))

# rule_id, rule_name, points_per_unit_spend, min_spend_threshold, bonus_points
LOYALTY_RULES = (
    ("1", "Base Points", "1", "0", "0"),
    ("2", "Basket 50", "1.00", "50.00", "25"),
    ("3", "Basket 100", "1.00", "100.00", "50"),
    ("4", "Basket 200", "1.00", "200.00", "100"),
    ("5", "Summer Weekend Treat", "1.00", "75.00", "10"),
)

# name, category, discount in percent, start and end as shares of the span (0 = first day, 1 = last day)
PROMOTIONS = (
    ("Member Days", "ALL", 5, -0.5, 1.5),
    ("Pantry Week", "Groceries", 10, 0.0, 1.0),
    ("Fresh Start", "Sports", 20, -0.3, 0.6),
    ("Gadget Rush", "Electronics", 15, 0.3, 0.8),
    ("Midweek Everything", "ALL", 3, 0.3, 0.5),
    ("Wardrobe Change", "Clothing", 25, 0.0, 0.7),
    ("Game Night", "Toys", 12, 0.4, 1.4),
    ("Green Thumb", "Garden", 30, -1.0, 0.2),
    ("Read More", "Books & Media", 10, -0.2, 1.2),
    ("Glow, Glow, Glow", "Beauty", 18, 0.5, 1.0),
    ("Home Again", "Household", 8, 0.1, 0.9),
    ("Double Electronics", "Electronics", 22, 0.7, 1.1),
    ("Last Season", "Clothing", 50, -3.0, -1.0),
    ("Coming Soon", "ALL", 10, 1.5, 2.5),
)

BLANKS = ("", "", "", " ", "   ", "\t")

_NO_NUMBERS = (
    "NaN", "infinity", "-Infinity", "1e5", "1_000", "0x1F", "12,50", "$5", "abc", "12.", ".5", "1.2.3", "--5", "1 000",
    "12.50 EUR", "\uff11\uff12.50", "5%", "+", "1,234.50", "\u00a07", "-", "#REF!",
)  # fmt: skip
BAD_MONEY = (*_NO_NUMBERS, "123456789.00", "99999999.995", "100000000", "-123456789.5")  # numeric(10,2)
BAD_SMALL = (*_NO_NUMBERS, "1000", "999.995", "-1000.00")  # numeric(5,2)
BAD_RATES = (*_NO_NUMBERS, "1000000", "0.3333333", "-1000000.00")  # numeric(12,6), never rounded
BAD_INTEGERS = (*_NO_NUMBERS, "3.5", "2147483648", "-2147483649", "3.50", "1e3", "three", "2147483647.5")
NEGATIVE_NUMBERS = ("-0.01", "-1", "-12.50", "-0.004", "-99")
NEGATIVE_INTEGERS = ("-1", "-40", "-3.0", "-2147483648")
NOT_A_SHARE = ("-0.10", "1.5", "10", "15.00", "1.004", "-0.001", "25")

BAD_DATES = (
    "2025-02-30", "31/12/2024", "today", "2025-13-01", "2025-1-5", "20250105", "05-01-2025", "yesterday", "infinity",
    "0000-00-00", "2025-04-31", "2023-02-29", "Jan 5 2025", "2025/01/05", "2025-01-05 00:00:00", "5.1.2025", "epoch",
    "2025-00-10", "12025-01-05", "2025-01-05 BC",
)  # fmt: skip
BAD_TIMESTAMPS = (
    "2025-02-30 10:15:00", "31/12/2024 10:15", "today", "2025-13-01 09:00:00", "2025-1-5 9:05", "20250105T101500",
    "2025-01-05 24:00:00", "2025-01-05 10:15:60", "2025-01-05 10:60:00", "2025-01-05 25:10:00",
    "2025-01-05T10:15:00Z", "2025-01-05 10:15:00+01", "2025-01-05 10:15:00+01:00", "2025-01-05 10:15:00 CET",
    "2025-01-05 10:15:00.1234567", "2025-01-05 10:15:00.", "2025-01-05  10:15:00", "2025-01-05 10", "2025-01-05T",
    "infinity", "now", "epoch", "05.01.2025 10:15:00", "2025-01-05 10:15 PM", "2025-01-05 10:15:00,5",
    "2025-01-05t10:15:00", "1736068500",
)  # fmt: skip
FUTURE_TIMESTAMPS = (
    "2999-01-01 09:30:00",
    "2999-12-31T23:59:59",
    "2999-06-15",
    "2999-02-28 12:00",
    "2999-01-01 00:00:00.5",
)
POINTS_OF_NOBODY = ("99999999", "2147483647")
NOT_POSITIVE_QUANTITIES = ("0", "-1", "-3", "0.0", "-2.0", "-0")
