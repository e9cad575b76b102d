"""What the tests of invoices share: a database for each module."""

from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
