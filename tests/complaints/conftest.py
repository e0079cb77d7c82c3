"""What the complaints are tried on: the shop of the worker's tests."""

from tests.worker.conftest import migrated_file, opened, record_url, shop

__all__ = ["migrated_file", "opened", "record_url", "shop"]
