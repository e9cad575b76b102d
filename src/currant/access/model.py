"""The shapes of access: actors, portals, users, and what is refused."""

from zoneinfo import ZoneInfo

import msgspec

from currant.errors import Conflict, Forbidden, Invalid, Refusal


class Actor(msgspec.Struct, frozen=True):
    """Who asks and where: a login, the proof of it, and the portal named in the request.

    `kind` is TOKEN (proof: SHA-256 of the token, hex), PASSWORD (proof: the stored hash that the
    password was just verified against), LOCAL (this machine's own operator or a job) or NONE.
    """

    login: str
    kind: str
    proof: str = ""
    portal: str | None = None

    def at(self, portal: str | None) -> "Actor":
        """Return the same actor, acting in a portal."""
        return Actor(self.login, self.kind, self.proof, portal)


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


class CreateUser(msgspec.Struct, frozen=True):
    """A new system user of the acting portal; limits in minor units, none is no limit."""

    login: str
    name: str
    role: str
    vendor_number: str = ""
    email: str = ""
    vending_limit: int | None = None
    special_limit: int | None = None


class SystemUser(msgspec.Struct, frozen=True):
    """A system user as lists show it."""

    login: str
    name: str
    role: str
    vendor_number: str
    active: bool


class SetPassword(msgspec.Struct, frozen=True):
    """A new password for a user of the acting portal, already hashed with argon2id."""

    login: str
    password_hash: str


class IssueToken(msgspec.Struct, frozen=True):
    """Replace a user's token; only its SHA-256 is kept."""

    login: str
    token_hash: str


class UserNamed(msgspec.Struct, frozen=True):
    """The login that was acted on."""

    login: str


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


class RoleUnknown(Invalid, constraint="role_known"):
    """There is no such role. Nothing was done."""


class VendingLimitNegative(Invalid, constraint="vending_limit_positive"):
    """A vending limit is not negative. Nothing was done."""


class SpecialLimitNegative(Invalid, constraint="special_limit_positive"):
    """A special limit is not negative. Nothing was done."""


class BeyondOwn(Forbidden):
    """Nobody gives away more than they hold. Nothing was done."""


class CredentialRaced(Conflict, constraint="one_live_credential"):
    """Somebody replaced the credential at the same moment. Nothing was done; try again."""


class KeyTooLong(Invalid, constraint="idempotency_key_length"):
    """An idempotency key has 1 to 255 characters. Nothing was done."""


class HistoryIsAppended(Refusal, constraint="append_only"):
    """History is corrected by adding, never edited. Nothing was done."""
