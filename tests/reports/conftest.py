"""The tests of a module share a database, and post as those of the ledger do."""

from tests.ledger.conftest import book, clerk
from tests.shared import shared_urls, urls

__all__ = ["book", "clerk", "shared_urls", "urls"]
