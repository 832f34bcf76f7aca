"""`GET /balance`, `POST /payout/fund` and `POST /payout/defund`, to the letter."""

import pytest

pytestmark = pytest.mark.anyio


async def test_the_balance_shows_both_balances_and_nothing_else(make_business) -> None:
    business = await make_business(funds=500_000, main=1_500_000)
    answer = await business.client.get("/balance")
    assert answer.status_code == 200
    assert answer.content == b'{"balance":1500000,"payout_balance":500000}'
    assert answer.headers["content-type"] == "application/json"


async def test_live(live_server, make_business):
    import httpx
    b = await make_business(funds=5, main=7)
    r = httpx.get(live_server.url + "/balance", headers={"Authorization": f"Bearer {b.secret_key}"})
    assert r.json() == {"balance": 7, "payout_balance": 5}
    live_server.kill(); live_server.start()
    assert httpx.get(live_server.url + "/balance").status_code == 401
    assert live_server.stop() == 0
