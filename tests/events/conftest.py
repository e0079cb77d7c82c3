"""What events are tried on: the worker's shop, with the sandbox as its order system where a test asks for it."""

from tests.worker.conftest import migrated_file, opened, record_url, sandbox, shop

__all__ = ["migrated_file", "opened", "record_url", "sandbox", "shop"]
