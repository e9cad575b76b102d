"""The details of a system user as they are sent: what is refused of them, by name."""

import re
from collections.abc import Sequence

from currant.access.model import (
    PermissionChange,
    SpecialLimitImplausible,
    UserFacts,
    VendingLimitImplausible,
)
from currant.access.permissions import Permission
from currant.errors import Invalid

# The roles of the document; Operator belongs to the machine.
ROLES = (
    "CSR",
    "CSR2",
    "CSR3",
    "ComMGR",
    "VENDOR",
    "VENDORADM",
    "Engineer",
    "Accounting",
    "SysAdmin",
)
ADD, REMOVE, KEEP = "add", "remove", "keep"

_PHONES = ("phone_1", "phone_2", "sms_1", "sms_2")
_PHONE = re.compile(r"\d{0,20}", re.ASCII)
_ACCOUNT = re.compile(r"\d{5,18}", re.ASCII)
_LARGEST_LIMIT = 10**15  # minor units
_GIVEN = {permission.value for permission in Permission} - {Permission.ANY_USER, Permission.PUBLIC}


def refuse_unsound(user: UserFacts) -> None:
    """Refuse a role, a phone number or a limit that cannot be. Raises `Invalid` with the member."""
    if user.role not in ROLES:
        raise Invalid(f"The role {user.role!r} is none of {', '.join(ROLES)}.", field="role")
    for member in _PHONES:
        if not _PHONE.fullmatch(number := getattr(user, member)):
            told = f"{member} is {number!r}, not up to 20 digits without blanks and signs."
            raise Invalid(told, field=member)
    if not 0 <= (user.vending_limit or 0) <= _LARGEST_LIMIT:
        raise VendingLimitImplausible(field="vending_limit")
    if not 0 <= (user.special_limit or 0) <= _LARGEST_LIMIT:
        raise SpecialLimitImplausible(field="special_limit")


def blocked_list(text: str) -> str:
    """Return a list of blocked accounts as it is kept: no blanks, each account once.

    Raises `Invalid` for what is no number of an account; `*` stands alone.
    """
    accounts = dict.fromkeys(filter(None, map(str.strip, text.split(","))))
    if list(accounts) != ["*"]:
        for account in accounts:
            if not _ACCOUNT.fullmatch(account):
                told = f"blocked_accounts holds {account!r}, which is no number of an account."
                raise Invalid(told, field="blocked_accounts")
    return ",".join(accounts)


def sorted_out(changes: Sequence[PermissionChange]) -> dict[str, list[str]]:
    """Return the permissions by what becomes of them. Raises `Invalid` with the one at fault."""
    told: dict[str, str] = {}
    for place, (name, action) in enumerate((change.name, change.action) for change in changes):
        if name not in _GIVEN:
            raise Invalid(f"There is no permission {name!r}.", field=f"perms[{place}].name")
        if action not in (ADD, REMOVE, KEEP):
            told_wrong = f"The action {action!r} is none of {ADD}, {REMOVE} and {KEEP}."
            raise Invalid(told_wrong, field=f"perms[{place}].action")
        if told.setdefault(name, action) != action:
            both = f"{name} is sent twice, to {told[name]} and to {action}."
            raise Invalid(both, field=f"perms[{place}].action")
    return {
        wanted: [name for name, action in told.items() if action == wanted]
        for wanted in (ADD, REMOVE, KEEP)
    }
