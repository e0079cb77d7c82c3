"""What the complaints are tried on: the shop of the worker's tests, and a switchboard with what we ship."""

from tests.test_desk_commands import board
from tests.worker.conftest import migrated_file, opened, record_url, shop

__all__ = ["board", "migrated_file", "opened", "record_url", "shop"]
