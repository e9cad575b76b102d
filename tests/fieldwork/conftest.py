"""The tests of a module share a database."""

from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
