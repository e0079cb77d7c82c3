"""The shipped content, and the sandbox order system behind real HTTP: what callers at random meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.walks.many import Ground, ground


@pytest.fixture(scope="session")
def walking_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("walks")) as made:
        yield made
