"""One Chromium for all tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from support import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser once; each test opens windows of its own in it."""
    browsing.need()
    with browsing.browser() as one:
        yield one
