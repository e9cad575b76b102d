"""Acts on portals, users and credentials, and the questions asked about them."""

import hashlib
import secrets
import uuid
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from currant.access.model import (
    BeyondOwn,
    CreateAlias,
    CreatePortal,
    CreateUser,
    Entered,
    IssueToken,
    PortalCreated,
    PortalShown,
    SetPassword,
    SystemUser,
    UserNamed,
)
from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid, NotFound
from currant.money import minor_units

sql = Statements(__package__)
ENTER = sql.rows("enter", Entered)
CLOSE_ACT = sql.command("close_act")
PASSWORD_OF = sql.rows("password_of", str)
_CREATE_PORTAL = sql.rows("create_portal", PortalCreated)
_CREATE_ALIAS = sql.command("create_alias")
_CREATE_USER = sql.rows("create_user", UserNamed)
_USERS = sql.rows("users", SystemUser)
_PORTALS = sql.rows("portals", PortalCreated)
_PORTAL_SHOWN = sql.rows("portal_shown", PortalShown)
_BEYOND_ROLE = sql.rows("beyond_role", str)
_SET_CREDENTIAL = sql.rows("set_credential", list[str])
_FORGET_KEYS = sql.rows("forget_keys", int)


class Nothing(msgspec.Struct, frozen=True):
    """A command or question that carries nothing."""


def new_token() -> tuple[str, str]:
    """Return a new token (a UUID, conformance.md 1.5) and the hash that is kept of it."""
    token = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    return token, hash_token(token)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token, hex: tokens are random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


@needs(Permission.PORTALS_MANAGE)
async def create_portal(tx: Tx, command: CreatePortal) -> PortalCreated:
    """Create a tenant with its standard chart of accounts and its own vendor.

    Raises `Invalid` for a time zone or a currency that does not exist.
    """
    minor_units(command.currency)
    try:
        ZoneInfo(command.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(
            f"{command.timezone!r} is not an IANA time zone.", field="timezone"
        ) from error
    return await tx.one(
        _CREATE_PORTAL,
        key=command.key,
        name=command.name,
        timezone=command.timezone,
        currency=command.currency,
        tz_index=command.tz_index,
        vendor_number=command.vendor_number,
        now=tx.now,
    )


@needs(Permission.PORTALS_MANAGE)
async def create_alias(tx: Tx, command: CreateAlias) -> CreateAlias:
    """Let clients name the portal by another spelling too."""
    await tx.run(_CREATE_ALIAS, alias=command.alias, portal_id=tx.portal.portal_id)
    return command


@needs(Permission.USERS_MANAGE)
async def create_user(tx: Tx, command: CreateUser) -> UserNamed:
    """Create a system user, who cannot sign in before a password or token is given.

    Raises `BeyondOwn` where the role may do what the actor may not.
    """
    if command.role == "Operator":
        raise Invalid("The role Operator belongs to this machine.", field="role")
    beyond = await tx.all(_BEYOND_ROLE, role=command.role, user_id=tx.user.user_id)
    if beyond:
        raise BeyondOwn(f"{tx.user.login} lacks {', '.join(beyond)}.", field="role")
    return await tx.one(
        _CREATE_USER,
        portal_id=tx.portal.portal_id,
        login=command.login,
        name=command.name,
        role=command.role,
        vendor_number=command.vendor_number,
        email=command.email,
        vending_limit=command.vending_limit,
        special_limit=command.special_limit,
        now=tx.now,
    )


@needs(Permission.USERS_MANAGE)
async def set_password(tx: Tx, command: SetPassword) -> UserNamed:
    """Give a user a new password; the old one is dead at once. Raises `NotFound`, `BeyondOwn`."""
    return await _set_credential(tx, command.login, "PASSWORD", command.password_hash)


@needs(Permission.USERS_MANAGE)
async def issue_token(tx: Tx, command: IssueToken) -> UserNamed:
    """Give a user a new token; the old one is dead at once. Raises `NotFound`, `BeyondOwn`."""
    return await _set_credential(tx, command.login, "TOKEN", command.token_hash)


async def _set_credential(tx: Tx, login: str, kind: str, secret: str) -> UserNamed:
    beyond = await tx.maybe(
        _SET_CREDENTIAL,
        portal_id=tx.portal.portal_id,
        user_id=tx.user.user_id,
        login=login,
        kind=kind,
        secret=secret,
        now=tx.now,
    )
    if beyond is None:
        raise NotFound(f"There is no user {login} in portal {tx.portal.key}.", field="user")
    if beyond:
        raise BeyondOwn(f"{tx.user.login} lacks {', '.join(beyond)}.", field="user")
    return UserNamed(login)


@needs(Permission.USERS_MANAGE)
async def users(tx: Tx, _question: Nothing) -> list[SystemUser]:
    """List the system users of the portal, by login."""
    return await tx.all(_USERS, portal_id=tx.portal.portal_id)


@needs(Permission.ANY_USER)
async def portals(tx: Tx, _question: Nothing) -> list[PortalCreated]:
    """List the portals that the actor may act in, by key."""
    return await tx.all(_PORTALS)


@needs(Permission.ANY_USER)
async def show_portal(tx: Tx, _question: Nothing) -> PortalShown:
    """Show the portal that is acted in."""
    return await tx.one(_PORTAL_SHOWN, portal_id=tx.portal.portal_id)


@needs(Permission.ANY_USER)
async def who_am_i(tx: Tx, _question: Nothing) -> UserNamed:
    """Answer the login that the credentials prove."""
    return UserNamed(tx.user.login)


@needs(Permission.JOBS_RUN)
async def forget_keys(tx: Tx, _command: Nothing) -> int:
    """Forget idempotency keys a week after they were claimed; return how many."""
    return await tx.one(_FORGET_KEYS)
