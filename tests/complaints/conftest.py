"""What the complaints are tried on: the worker's shop, the staff's API, and a switchboard with what we ship."""

from tests.console.conftest import desk, running_desk
from tests.test_desk_commands import board
from tests.worker.conftest import migrated_file, opened, record_url, shop

__all__ = ["board", "desk", "migrated_file", "opened", "record_url", "running_desk", "shop"]
