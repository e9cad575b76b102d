"""One database for the directory tests, put back between them."""

from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
