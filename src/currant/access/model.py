"""The shapes of access: actors, portals, users, and what is refused."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from currant.errors import Conflict, Forbidden, Invalid, Refusal, Unauthenticated


class Actor(msgspec.Struct, frozen=True):
    """Who asks and where: a login, the proof of it, and the portal named in the request.

    `kind` is TOKEN (proof: SHA-256 of the token, hex), PASSWORD (proof: the stored hash that the
    password was just verified against), KEY (proof: SHA-256 of an access key, hex; its user is who
    acts), LOCAL (this machine's own operator or a job) or NONE. `method` is the code of the method
    of the Utilmate API that is called.
    """

    login: str
    kind: str
    proof: str = ""
    portal: str | None = None
    method: str | None = None

    def at(self, portal: str | None) -> "Actor":
        """Return the same actor, acting in a portal."""
        return Actor(self.login, self.kind, self.proof, portal, self.method)

    def calling(self, method: str | None) -> "Actor":
        """Return the same actor, calling a method of the Utilmate API."""
        return Actor(self.login, self.kind, self.proof, self.portal, method)


ANONYMOUS = Actor("", "NONE")
OPERATOR = Actor("operator", "LOCAL")
AUTO = Actor("auto", "LOCAL")


class Entered(msgspec.Struct, frozen=True):
    """What the gate answers: a refusal, or who is in, where, and the answer already given."""

    refusal: str | None
    user_id: int | None
    login: str | None
    vendor_number: str | None
    blocked_accounts: str | None
    special_limit: int | None
    portal_id: int | None
    portal_key: str | None
    timezone: str | None
    currency: str | None
    replay: str | None


class CreatePortal(msgspec.Struct, frozen=True):
    """A new tenant: its key, civil time (an IANA zone) and currency (ISO 4217)."""

    key: str
    name: str
    timezone: str
    currency: str
    vendor_number: str
    tz_index: int = 0


class PortalCreated(msgspec.Struct, frozen=True):
    """The portal's key and internal number."""

    portal_id: int
    key: str


class PortalShown(msgspec.Struct, frozen=True):
    """A portal as people are told of it: the utility's name, its civil time and its currency."""

    key: str
    name: str
    timezone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the portal's days and timestamps are told in."""
        return ZoneInfo(self.timezone)


class CreateAlias(msgspec.Struct, frozen=True):
    """Another spelling under which clients name the acting portal."""

    alias: str


class UserFacts(msgspec.Struct, frozen=True):
    """A system user in all facts but what they may do beyond the role and what proves them.

    Limits are in minor units of the portal's currency, none is no limit. Phones are digits only.
    `blocked_accounts` is blank, `*` for all, or numbers of accounts with commas between them.
    """

    login: str
    name: str
    role: str
    vendor_number: str = ""
    email: str = ""
    vending_limit: int | None = None
    special_limit: int | None = None
    external_vendor: bool = False
    phone_1: str = ""
    phone_2: str = ""
    sms_1: str = ""
    sms_2: str = ""
    blocked_accounts: str = ""


class CreateUser(UserFacts, frozen=True):
    """A new system user of the acting portal."""


class UpdateUser(UserFacts, frozen=True):
    """What a system user of the acting portal is from now on, whole; the login says who."""


class SystemUser(msgspec.Struct, frozen=True):
    """A system user as lists show it."""

    login: str
    name: str
    role: str
    vendor_number: str
    active: bool


class UserShown(msgspec.Struct, frozen=True):
    """A system user in all facts; limits are in minor units of the currency, none is no limit."""

    portal: str
    login: str
    name: str
    role: str
    sec_level: int
    vendor_number: str
    external_vendor: bool
    phone_1: str
    phone_2: str
    sms_1: str
    sms_2: str
    email: str
    vending_limit: int | None
    special_limit: int | None
    currency: str
    blocked_accounts: str
    active: bool


class PermissionShown(msgspec.Struct, frozen=True):
    """A permission as the catalogue tells it."""

    category: str
    name: str
    description: str
    long_description: str


class UserPermissions(msgspec.Struct, frozen=True):
    """A user's role, and all that the user may do, in the order of the catalogue."""

    role: str
    permissions: list[PermissionShown]


class PermissionChange(msgspec.Struct, frozen=True):
    """What becomes of a permission: add, remove or keep, which changes nothing."""

    name: str
    action: str


class ChangePermissions(msgspec.Struct, frozen=True):
    """What a user may do from now on; what is not named stays.

    A vendor number, where one is sent, must be the user's.
    """

    login: str
    perms: list[PermissionChange]
    vendor_number: str | None = None


class CreateVendor(msgspec.Struct, frozen=True):
    """A new vendor of the acting portal; one that is not the utility itself is external."""

    vendor_number: str
    name: str
    external: bool = False


class Vendor(msgspec.Struct, frozen=True):
    """Who sells: the utility itself, or a shop that vends for it, which is external."""

    vendor_number: str
    name: str
    external: bool


class SetPassword(msgspec.Struct, frozen=True):
    """A new password for a user of the acting portal, already hashed with argon2id."""

    login: str
    password_hash: str


class IssueToken(msgspec.Struct, frozen=True):
    """Replace a user's token; only its SHA-256 is kept."""

    login: str
    token_hash: str


class CreateKey(msgspec.Struct, frozen=True):
    """An access key for the Utilmate API, with which a program acts as a user of the portal.

    `methods` are the codes that it is certified for, none given is all; one that is `read_only`
    calls GET methods alone. Only its SHA-256 is kept.
    """

    name: str
    login: str
    secret_hash: str
    methods: list[str] | None = None
    read_only: bool = False


class RevokeKey(msgspec.Struct, frozen=True):
    """The access key that lets nobody in any more."""

    key_id: int


class AccessKey(msgspec.Struct, frozen=True):
    """An access key in all facts but the key; `methods` is null where it is certified for all."""

    key_id: int
    name: str
    login: str
    methods: list[str] | None
    read_only: bool
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class KeyMade(msgspec.Struct, frozen=True):
    """What the actor lacks of what the user of a new key may do, or the key's number."""

    lacking: list[str]
    key_id: int | None


class UserNamed(msgspec.Struct, frozen=True):
    """The login that was acted on, or is asked about."""

    login: str


class TokenHolder(msgspec.Struct, frozen=True):
    """Whose token was replaced, and the portal that they are a user of."""

    portal: str
    login: str


class Beyond(msgspec.Struct, frozen=True):
    """What the actor lacks of what a user would be, and the first fact that says so."""

    lacking: list[str]
    member: str


class PortalKeyTaken(Conflict, constraint="portal_key_taken"):
    """A portal with this key exists. Nothing was done."""


class PortalKeyShape(Invalid, constraint="portal_key_shape"):
    """A portal key is 1 to 40 lower-case letters, digits, `-` and `_`. Nothing was done."""


class PortalAliasShape(Invalid, constraint="portal_alias_shape"):
    """An alias is 1 to 40 lower-case letters, digits, `-` and `_`. Nothing was done."""


class PortalAliasTaken(Conflict, constraint="portal_alias_pkey"):
    """The alias names a portal already. Nothing was done."""


class CurrencyCode(Invalid, constraint="currency_code"):
    """A currency is three capital letters (ISO 4217). Nothing was done."""


class LoginTaken(Conflict, constraint="login_taken"):
    """A system user with this login exists. Nothing was done."""


class LoginShape(Invalid, constraint="login_shape"):
    """A login is 1 to 20 letters, digits, `.`, `_`, `@` and `-`. Nothing was done."""


class UserNameShape(Invalid, constraint="user_name_shape"):
    """The name of a user is 1 to 30 characters that can be printed. Nothing was done."""


class EmailShape(
    Invalid, constraint=("user_email_shape", "customer_email_shape", "contact_email_shape")
):
    """An email is one address such as swarren@example.com, or blank. Nothing was done."""


class PhoneDigits(Invalid, constraint="user_phone_digits"):
    """A phone number is up to 20 digits without blanks or signs, or blank. Nothing was done."""


class BlockedAccountsShape(Invalid, constraint="blocked_accounts_shape"):
    """Blocked accounts are blank, `*`, or numbers of 5 digits or more. Nothing was done."""


class VendorNumberShape(Invalid, constraint="vendor_number_shape"):
    """A vendor number is 1 to 20 letters, digits, `.`, `_` and `-`. Nothing was done."""


class VendorNameShape(Invalid, constraint="vendor_name_shape"):
    """A vendor has a name. Nothing was done."""


class VendorTaken(Conflict, constraint="vendor_taken"):
    """The portal has a vendor with this number. Nothing was done."""


class VendorUnknown(Invalid, constraint="vendor_known"):
    """The portal has no such vendor. Nothing was done."""


class RoleUnknown(Invalid, constraint="role_known"):
    """There is no such role. Nothing was done."""


class VendingLimitImplausible(Invalid, constraint="vending_limit_positive"):
    """A vending limit is 0 to 10^15 of the smallest coin. Nothing was done."""


class SpecialLimitImplausible(Invalid, constraint="special_limit_positive"):
    """A special limit is 0 to 10^15 of the smallest coin. Nothing was done."""


class KeyNameShape(Invalid, constraint="access_key_name_shape"):
    """The name of an access key is 1 to 60 characters that can be printed. Nothing was done."""


class KeyNameTaken(Conflict, constraint="access_key_name_taken"):
    """The portal has an access key of this name. Nothing was done."""


class BeyondOwn(Forbidden):
    """Nobody gives away more than they hold."""


class OwnLogin(Conflict):
    """Nobody deactivates themself, so that somebody is left to let others in. Nothing was done."""


class ManagesNoLonger(Forbidden, constraint="manager_still_may"):
    """The right to manage users was taken from you a moment ago. Nothing was done."""


class CredentialReplaced(Unauthenticated, constraint="credential_still_live"):
    """The token or password was replaced a moment ago. Nothing was done."""


class CredentialRaced(Conflict, constraint="one_live_credential"):
    """Somebody replaced the credential at the same moment. Nothing was done; try again."""


class KeyTooLong(Invalid, constraint="idempotency_key_length"):
    """An idempotency key has 1 to 255 characters. Nothing was done."""


class HistoryIsAppended(Refusal, constraint="append_only"):
    """History is corrected by adding, never edited. Nothing was done."""
