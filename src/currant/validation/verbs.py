"""Checks of measured data, what they found, and what is decided about it."""

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.clock import refuse_span
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.locations.verbs import buildings_of
from currant.validation.model import (
    Check,
    CheckSet,
    Decided,
    DecideFindings,
    Decision,
    Finding,
    FindingsWanted,
    FindingWanted,
    NoSuchFinding,
    Rule,
    Scope,
    Severity,
    Validate,
    ValidationRun,
)
from currant.validation.rules import HISTORY_OF_READS, UNREAD_DAYS, USUAL, history_days

sql = Statements(__package__)
_RULES_SET = sql.rows("rules_set", CheckSet)
_SET_RULE = sql.command("set_rule")
_GIVE_MEMORY = sql.command("give_memory")
_STAGES = tuple(
    sql.command(name) for name in ("stage_registers", "stage_days", "stage_usage", "stage_found")
)
_JOIN_SETS = sql.command("join_sets")
_JOIN_ROWS = sql.command("join_rows")
_EMPTY_STAGES = sql.command("empty_stages")
_LOCK_FINDINGS = sql.rows("lock_findings", int)
_FIND_REGISTERS = sql.command("find_registers")
_ANALYZE_REGISTERS = sql.command("analyze_registers")
_FILL_DAYS = sql.command("fill_days")
_FILL_USAGE = sql.command("fill_usage")
_ANALYZE_MEASURED = sql.command("analyze_measured")
_FIND_CHANGES = sql.command("find_changes")
_FIND = {
    Rule.SPIKE: sql.command("find_spikes"),
    Rule.ZERO: sql.command("find_zeros"),
    Rule.NEGATIVE: sql.command("find_negatives"),
    Rule.GAP: sql.command("find_gaps"),
    Rule.NULL: sql.command("find_nulls"),
    Rule.HIGH: _FIND_CHANGES,
    Rule.LOW: _FIND_CHANGES,
    Rule.ROLLOVER: sql.command("find_rollovers"),
    Rule.SUM: sql.command("find_sums"),
}
_RECORD_FINDINGS = sql.rows("record_findings", ValidationRun)
_FINDINGS = sql.rows("findings", Finding)
_FINDINGS_NAMED = sql.rows("findings_named", int)
_DECIDE_FINDINGS = sql.command("decide_findings")
_DECISIONS = sql.rows("decisions", Decision)

_MOST_DECIDED = 1000
MOST_DAYS = 400


@needs(Permission.READS_VIEW)
async def checks(tx: Tx, _question: Nothing) -> list[Check]:
    """List the rules as the portal checks them: the usual ones, and what it set otherwise."""
    told = await tx.all(_RULES_SET, portal_id=tx.portal.portal_id)
    stored = (
        Check(Rule(one.rule), one.active, one.factor, one.days, Severity(one.severity))
        for one in told
    )
    return list((USUAL | {check.rule: check for check in stored}).values())


@needs(Permission.BILLING_APPROVE)
async def set_check(tx: Tx, command: Check) -> Check:
    """Say how the portal checks a rule. Raises `RuleFactorOutOfRange`, `RuleDaysOutOfRange`."""
    await tx.run(
        _SET_RULE,
        portal_id=tx.portal.portal_id,
        rule=command.rule,
        active=command.active,
        factor=command.factor,
        days=command.days,
        severity=command.severity,
        login=tx.user.login,
        now=tx.now,
    )
    return command


@needs(Permission.READS_WRITE)
async def validate(tx: Tx, command: Validate) -> ValidationRun:
    """Check reads and intervals of a span of days, of whole days that are over; keep what is found.

    What is found already stays as it is, and what was open and is found no longer is fixed. The
    statements are as many whatever the number of registers. Raises `Invalid`, `NoSuchBuilding`,
    `NoSuchAccount`.
    """
    span = refuse_span(command.from_day, command.to_day, MOST_DAYS)
    portal_id, rules = tx.portal.portal_id, await checks(tx, Nothing())
    await tx.one(_LOCK_FINDINGS, portal_id=portal_id)
    await measure(tx, command, history_days(span))
    checked = [check for check in rules if check.active]
    for check in checked:
        told = {
            "portal_id": portal_id,
            "rule": check.rule,
            "factor": check.factor,
            "days": check.days,
            "unread_days": UNREAD_DAYS,
        }
        statement = _FIND[check.rule]
        await tx.run(statement, **{name: told[name] for name in statement.parameters})
    return await tx.one(
        _RECORD_FINDINGS,
        portal_id=portal_id,
        from_day=command.from_day,
        to_day=command.to_day,
        building_code=command.building_code or "",
        account=command.account or "",
        rules=[check.rule for check in checked],
        severities=[check.severity for check in checked],
        login=tx.user.login,
        now=tx.now,
    )


@needs(Permission.READS_VIEW)
async def findings(tx: Tx, question: FindingsWanted) -> list[Finding]:
    """List findings, the newest first. Raises `NoSuchBuilding`, `NoSuchAccount`."""
    building_id, account_id = await _scope_of(tx, question.building_code, question.account)
    return await tx.all(
        _FINDINGS,
        portal_id=tx.portal.portal_id,
        before=question.before,
        how_many=question.how_many,
        status=question.status,
        rule=question.rule,
        serial_number=question.serial_number,
        building_id=building_id,
        account_id=account_id,
    )


@needs(Permission.READS_WRITE)
async def decide_findings(tx: Tx, command: DecideFindings) -> Decided:
    """Accept findings, call them fixed or open them again; answer how many. Raises `NoSuchFinding`.

    The decision is added to their history with its author and reason.
    """
    wanted = sorted(set(command.finding_ids))
    if not 1 <= len(wanted) <= _MOST_DECIDED:
        raise Invalid(f"1 to {_MOST_DECIDED} findings are taken at once.", field="finding_ids")
    refuse_blank(command.reason)
    portal_id = tx.portal.portal_id
    named = await tx.all(_FINDINGS_NAMED, portal_id=portal_id, finding_ids=wanted)
    if missing := set(wanted) - set(named):
        raise NoSuchFinding(f"{min(missing)}.", field="finding_ids")
    decided = await tx.run(
        _DECIDE_FINDINGS,
        portal_id=portal_id,
        finding_ids=wanted,
        status=command.status,
        login=tx.user.login,
        reason=command.reason,
        now=tx.now,
    )
    return Decided(decided)


@needs(Permission.READS_VIEW)
async def decisions(tx: Tx, question: FindingWanted) -> list[Decision]:
    """List what was decided about a finding, in turn."""
    return await tx.all(_DECISIONS, portal_id=tx.portal.portal_id, finding_id=question.finding_id)


async def measure(tx: Tx, scope: Scope, history: int) -> None:
    """Stage the registers of a scope, and what they measured in its days and those before."""
    building_id, account_id = await _scope_of(tx, scope.building_code, scope.account)
    portal_id = tx.portal.portal_id
    for statement in (_GIVE_MEMORY, *_STAGES, _EMPTY_STAGES, _JOIN_SETS):
        await tx.run(statement)
    await tx.run(
        _FIND_REGISTERS,
        portal_id=portal_id,
        from_day=scope.from_day,
        to_day=scope.to_day,
        history=history,
        building_id=building_id,
        account_id=account_id,
        timezone=tx.portal.timezone,
        now=tx.now,
    )
    await tx.run(_JOIN_ROWS)
    await tx.run(_ANALYZE_REGISTERS)
    await tx.run(_FILL_DAYS, portal_id=portal_id)
    await tx.run(_FILL_USAGE, portal_id=portal_id, history=HISTORY_OF_READS)
    await tx.run(_ANALYZE_MEASURED)


def refuse_blank(reason: str) -> None:
    """Refuse a change for which no reason is told."""
    if not reason.strip():
        raise Invalid("Say why: the reason is blank.", field="reason")


async def _scope_of(
    tx: Tx, building_code: str | None, account: str | None
) -> tuple[int | None, int | None]:
    """Return the ids of the building and account that are named."""
    named = await buildings_of(tx, [building_code], "building_code")
    account_id = None if account is None else await account_id_of(tx, account)
    building_id = None if building_code is None else named[building_code].building_id
    return building_id, account_id
