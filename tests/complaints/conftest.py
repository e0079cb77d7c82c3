"""What the complaints are tried on: the worker's shop, the staff's API, and a whole line to be broken."""

from tests.console.conftest import desk, running_desk
from tests.failures.conftest import rehearsed, running
from tests.worker.conftest import migrated_file, opened, record_url, shop

__all__ = ["desk", "migrated_file", "opened", "record_url", "rehearsed", "running", "running_desk", "shop"]
