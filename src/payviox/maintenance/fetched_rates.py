"""Fetching exchange rates from where the installation's settings say."""

import logging
from urllib.parse import urlsplit

from payviox.db.pool import Database
from payviox.errors import PayvioxError
from payviox.rails.http import Http, NotSent, Unclear
from payviox.rates import service as rates
from payviox.settings import Settings

logger = logging.getLogger(__name__)


async def fetch(database: Database, settings: Settings) -> None:
    """Fetch and keep what is new. Where that fails what is known goes on until it ends, and the log
    says why; the address may hold a password and is not named beyond its host."""
    if settings.rates_url is None:
        return
    host = urlsplit(settings.rates_url).hostname
    http = Http()
    try:
        answer = await http.request("GET", settings.rates_url)
        if answer.status != 200:
            logger.warning("rates: %s answered %d", host, answer.status)
            return
        kind = answer.headers.get("content-type", "")
        new = await database.write(rates.hear, answer.body, kind)
    except (NotSent, Unclear, PayvioxError) as error:
        logger.warning("rates: those of %s could not be had: %s", host, error)
    else:
        if new:
            logger.info("rates: %d new from %s", new, host)
    finally:
        await http.close()
