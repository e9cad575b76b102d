"""The permissions by name, and how a verb or view states the one it needs."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Permission(StrEnum):
    """Every permission the product knows, in alphabetical order; their texts are in the catalogue.

    `ANY_USER` is one that every signed-in user has; `PUBLIC` asks for no credentials at all and
    stands only where the foreign document says so (conformance.md 1.5).
    """

    ADJUST_ARREARS = "adjust.arrears"
    ADJUST_WALLET = "adjust.wallet"
    AMI_CALLBACK = "ami.callback"
    AMI_COMMAND = "ami.command"
    ANY_USER = ""
    ARREARS_VIEW = "arrears.view"
    BALANCE = "balance"
    BILLING_APPROVE = "billing.approve"
    BILLING_RUN = "billing.run"
    BILLING_VIEW = "billing.view"
    CUSTOMER_VIEW = "customer.view"
    FIELDWORK = "fieldwork"
    IMPORT_TRINITY = "import.trinity"
    IMPORT_VIEW = "import.view"
    JOBS_RUN = "jobs.run"
    LEDGER_CLOSE = "ledger.close"
    LEDGER_VIEW = "ledger.view"
    LOCATION_VIEW = "location.view"
    METER_VIEW = "meter.view"
    PASSWD = "passwd"  # noqa: S105  # the seed's name of the permission
    PORTALS_MANAGE = "portals.manage"
    PUBLIC = "public"
    READS_VIEW = "reads.view"
    READS_WRITE = "reads.write"
    REPORTS_RUN = "reports.run"
    TABCOMS = "tabcoms"
    TABCONTROL = "tabcontrol"
    TARIFFS_MANAGE = "tariffs.manage"
    TARIFFS_VIEW = "tariffs.view"
    TRANSACTIONS_ADJUST = "transactions.adjust"
    TRANSACTIONS_REVERSE = "transactions.reverse"
    TRANSACTIONS_VIEW = "transactions.view"
    USERS_MANAGE = "users.manage"
    UTILMATE_API = "utilmate.api"
    VENDCASH = "vendcash"
    VEND_VIEW = "vend.view"
    WALLET_VIEW = "wallet.view"


NEEDED: dict[Callable[..., Any], Permission] = {}


def needs(permission: Permission) -> Callable[[F], F]:
    """Mark a verb or a view with the permission that the door will ask for."""

    def mark(function: F) -> F:
        NEEDED[function] = permission
        return function

    return mark
