"""Brands: what may be typed, and that white text is legible on their color."""

import pytest

from payviox.errors import FieldErrors
from payviox.recipient_mails.brand import (
    DEFAULT_COLOR,
    LEAST_CONTRAST,
    contrast_with_white,
    parse,
)


def test_what_is_typed_is_cleaned_and_nothing_clears() -> None:
    typed = {"brand_name": " Acme ", "brand_color": "#7A1F5C", "support_email": "Help@Acme.test"}
    assert parse(typed) == {
        "brand_name": "Acme",
        "brand_color": "#7a1f5c",
        "support_email": "help@acme.test",
    }
    assert parse(dict.fromkeys(typed, "")) == dict.fromkeys(typed)
    assert parse({}) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("brand_name", "x" * 61),
        ("brand_name", "Acme\r\nBcc: a@x.test"),
        ("brand_name", "pay@acme.test"),
        ("brand_name", "Acme <a>"),
        ("brand_color", "red"),
        ("brand_color", "#fff"),
        ("brand_color", "#ffcc00"),
        ("brand_color", "#123456; x"),
        ("support_email", "nobody"),
        ("support_email", "a@x.test, b@x.test"),
    ],
)
def test_what_fits_no_mail_is_refused_at_its_field(name: str, text: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        parse({name: text})
    assert list(refused.value.fields) == [name]


def test_contrasts_are_those_of_the_standard() -> None:
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#ffffff") == pytest.approx(1)
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast_with_white(DEFAULT_COLOR) > LEAST_CONTRAST
