"""One Chromium for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from support import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser once for a file; each test opens windows of its own in it.

    It ends with the file: a loop of events runs in this thread while it is there, and other tests have their own.
    """
    browsing.need()
    with browsing.browser() as one:
        yield one
