"""Acts on what accounts owe and hold, and the list of what was done."""

from collections.abc import AsyncIterator

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.transactions.model import Transaction, Window

sql = Statements(__package__)
_TRANSACTIONS = sql.rows("transactions", Transaction)


@needs(Permission.TRANSACTIONS_VIEW)
async def transactions(tx: Tx, question: Window) -> AsyncIterator[Transaction]:
    """List what was recorded in a window, by id, a few thousand at a time (J29).

    What concerns accounts that are blocked for the caller is left out.
    """
    found = tx.each(
        _TRANSACTIONS,
        portal_id=tx.portal.portal_id,
        first_at=question.first_at,
        before=question.before,
        blocked=list(tx.user.blocked),
    )
    async for transaction in found:
        yield transaction
