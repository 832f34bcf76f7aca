"""Running a plain SQL file, as it stands, inside Alembic's transaction."""

from pathlib import Path

from alembic import op

HERE = Path(__file__).parent


def run_sql(name: str) -> None:
    """Run the file of this name in this folder; colons and percent signs are left alone."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101  # alembic never runs offline here
    driver.execute((HERE / name).read_text(encoding="utf-8"), prepare=False)
