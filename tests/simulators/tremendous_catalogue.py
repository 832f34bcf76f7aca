"""What Tremendous sells here: products of several kinds, currencies and bands of amounts."""

from typing import Any


def _product(
    number: str,
    name: str,
    category: str,
    bands: list[tuple[float, float]],
    *,
    countries: tuple[str, ...] = ("US",),
    currency: str = "USD",
    images: bool = True,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": number,
        "name": name,
        "description": f"{name}, for tests",
        "category": category,
        "disclosure": "<p>Not for sale.</p>",
        "skus": [{"min": low, "max": high, "currency_code": currency} for low, high in bands],
        "currency_codes": [currency],
        "countries": [{"abbr": country} for country in countries],
        "images": [],
    }
    if category == "merchant_card":
        found["subcategory"] = "general_merchandise"
    if images:
        src = f"https://images.example/{number.lower()}.png"
        found["images"] = [
            {"src": src, "type": "card", "content_type": "image/png"},
            {"src": src.replace(".png", "-logo.png"), "type": "logo"},
        ]
    return found


PRODUCTS = [
    _product("OKMHM2X2OHYV", "Bookshop", "merchant_card", [(0.01, 2_000)]),
    _product("SHOESAB12CD3", "Shoe Shop", "merchant_card", [(5, 200)], countries=("US", "CA")),
    _product("FIXEDQ7W8E9R", "Coffee House", "merchant_card", [(10, 10), (25, 25), (50, 50)]),
    _product("Q24BD9EZ332JT", "Virtual Visa", "visa_card", [(1, 1_000)]),
    _product("ESRNAD533W5A", "Save the Owls", "charity", [(0.01, 10_000)], images=False),
    _product("KV934TZ93NQM", "PayPal", "paypal", [(0.01, 2_000)]),
    _product(
        "TEAROOM11GBP",
        "Tea Room",
        "merchant_card",
        [(5, 100)],
        countries=("GB",),
        currency="GBP",
    ),
    {**_product("NOBANDS0GIFT", "Any Amount", "merchant_card", []), "skus": []},
]


def find(number: str) -> dict[str, Any] | None:
    return next((product for product in PRODUCTS if product["id"] == number), None)
