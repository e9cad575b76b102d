"""One database for the supply tests, put back between them."""

from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
