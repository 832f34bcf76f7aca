"""`payviox business brand`: in whose name payout users get mails, whether they do, and the logo."""

from typing import BinaryIO
from uuid import UUID

import click

from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.cli.output import BUSINESS, print_pairs
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.recipient_mails import brand
from payviox.recipient_mails import logo as logos
from payviox.tables.cells import FileRefused


@click.command("brand")
@click.argument("business_id", type=BUSINESS)
@click.option("--notify/--no-notify", default=None, help="Tell payout users by mail, or not.")
@click.option("--name", help="The name that mails show; empty for the business's own.")
@click.option("--color", help="Such as #1f4b99, dark enough for white text; empty for this one.")
@click.option("--logo", type=click.File("rb"), help="A PNG, JPEG, WebP or GIF, for their page.")
@click.option("--no-logo", is_flag=True, help="Show the name there instead.")
@click.option("--support-email", help="Where answers to mails go; empty for nowhere.")
@click.option("--language", help="For those who were never on their page, such as en, es or ar.")
def brand_(
    business_id: UUID,
    *,
    notify: bool | None,
    name: str | None,
    color: str | None,
    logo: BinaryIO | None,
    no_logo: bool,
    support_email: str | None,
    language: str | None,
) -> None:
    """Say whether payout users get mails, and in whose name; show what is set."""
    if logo and no_logo:
        raise click.UsageError("Give a logo or take it away, not both.")
    given = {
        "brand_name": name,
        "brand_color": color,
        "support_email": support_email,
        "language": language,
    }
    changes = brand.parse({key: text for key, text in given.items() if text is not None})
    if notify is not None:
        changes["notify"] = notify

    async def work(runtime: Runtime) -> Business:
        drawn = await logos.drawn(_read(logo)) if logo else None

        async def change(connection: Connection) -> Business:
            await brand.save(connection, business_id, changes, ACTOR)
            if drawn or no_logo:
                await logos.save(connection, business_id, drawn, ACTOR)
            return await businesses.get(connection, business_id)

        return await runtime.database.write(change)

    kept = run(work)
    shown = brand.brand_of(kept)
    print_pairs(
        {
            "notify": kept.notify,
            "name": shown.name,
            "color": shown.color,
            "logo": kept.brand_logo_digest,
            "support_email": shown.support,
            "language": kept.language,
        }
    )


def _read(file: BinaryIO) -> bytes:
    content = file.read(logos.MAX_FILE + 1)
    if len(content) > logos.MAX_FILE:
        raise FileRefused(f"The file is larger than {logos.MAX_FILE // 1_000_000} MB.")
    return content
