"""Acts on the seals of the audit log, and the questions that prove it whole."""

import hmac

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.audit.model import AuditFault, AuditKey, SignedHead, UnsignedHead
from currant.audit.signing import sign
from currant.db.statements import Statements
from currant.db.tx import Tx

sql = Statements(__package__)
_EXTEND = sql.rows("extend", int)
_UNSIGNED_HEADS = sql.rows("unsigned_heads", UnsignedHead)
_SIGN_HEADS = sql.rows("sign_heads", int)
_HEADS = sql.rows("heads", SignedHead)
_FAULTS = sql.rows("faults", AuditFault)


@needs(Permission.JOBS_RUN)
async def seal_audit(tx: Tx, _command: Nothing) -> int:
    """Extend each portal's hash chain over the audit events committed since the last run."""
    return await tx.one(_EXTEND, now=tx.now)


@needs(Permission.JOBS_RUN)
async def sign_audit_heads(tx: Tx, command: AuditKey) -> int:
    """Sign the last seal of each chain on each finished day, and return how many were signed."""
    heads = await tx.all(_UNSIGNED_HEADS, today=tx.now.date())
    return await tx.one(
        _SIGN_HEADS,
        portals=[head.portal_id for head in heads],
        days=[head.day for head in heads],
        numbers=[head.number for head in heads],
        heads=[head.hash for head in heads],
        signatures=[
            sign(command.secret, head.portal_id, head.day, head.number, head.hash) for head in heads
        ],
    )


@needs(Permission.JOBS_RUN)
async def audit_faults(tx: Tx, _question: Nothing) -> list[AuditFault]:
    """Walk every audit chain and list where it breaks first."""
    return await tx.all(_FAULTS)


@needs(Permission.JOBS_RUN)
async def forged_heads(tx: Tx, question: AuditKey) -> list[AuditFault]:
    """List the signed heads that the key did not sign, or whose seal is no longer what it was."""
    return [
        AuditFault(head.portal_id, head.number, head.event_id or 0, fault)
        for head in await tx.all(_HEADS)
        if (fault := _head_fault(question.secret, head))
    ]


def _head_fault(secret: bytes, head: SignedHead) -> str:
    expected = sign(secret, head.portal_id, head.day, head.number, head.hash)
    if not hmac.compare_digest(expected, head.signature):
        return f"the head of {head.day} was not signed with this key"
    if head.sealed is None:
        return f"the seal that the head of {head.day} signs is missing"
    if head.sealed != head.hash:
        return f"the seal that the head of {head.day} signs was altered"
    return ""
