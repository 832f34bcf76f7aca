"""`payviox business brand`: the same by a command."""

from pathlib import Path

import pytest

from payviox import ids
from payviox.businesses import service as businesses
from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.logos import bomb, drawing, file_of

pytestmark = pytest.mark.anyio


async def test_a_logo_is_set_shown_and_taken_away(
    urls: Urls, tmp_path: Path, database: Database, business: TestBusiness
) -> None:
    home, picture, wrong = (tmp_path / name for name in ("home", "logo.png", "wrong.png"))
    payviox = Installation(home, environment(home, urls.application))
    brand = ("business", "brand", ids.show(ids.BUSINESS, business.business_id))
    picture.write_bytes(file_of(drawing()))
    said = payviox.done(*brand, "--name", "Acme Rewards", "--logo", str(picture))
    kept = await database.fetch(businesses.get, business.business_id)
    assert kept.brand_logo_digest
    assert kept.brand_logo_digest in said
    assert kept.brand_name == "Acme Rewards"
    wrong.write_bytes(bomb(50_000))
    assert "million pixels" in payviox.refused(*brand, "--name", "", "--logo", str(wrong))
    wrong.write_bytes(bytes(2_000_001))
    assert "larger than 2 MB" in payviox.refused(*brand, "--logo", str(wrong))
    assert "not both" in payviox.refused(*brand, "--logo", str(picture), "--no-logo", status=2)
    assert await database.fetch(businesses.get, business.business_id) == kept
    payviox.done(*brand, "--no-logo")
    assert (await database.fetch(businesses.get, business.business_id)).brand_logo_digest is None
