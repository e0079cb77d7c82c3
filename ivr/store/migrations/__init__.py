"""The schema's history, run from here: `migrate` brings a database up to date."""


def migrate(database_url: str) -> None:
    """Bring the database up to date; safe to call twice, and from two processes at once. Raises Unreachable."""
