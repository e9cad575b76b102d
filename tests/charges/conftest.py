"""What the tests of charges share: a database for each module."""

from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
