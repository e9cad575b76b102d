"""Acts on portals, users and credentials, and the questions asked about them."""

import hashlib
import secrets
import uuid

import msgspec

from currant.access.details import ADD, REMOVE, blocked_list, refuse_unsound, sorted_out
from currant.access.methods import certified
from currant.access.model import (
    AccessKey,
    Beyond,
    BeyondOwn,
    ChangePermissions,
    CreateAlias,
    CreateKey,
    CreatePortal,
    CreateUser,
    CreateVendor,
    Entered,
    IssueToken,
    KeyMade,
    OwnLogin,
    PermissionShown,
    PortalCreated,
    PortalShown,
    RevokeKey,
    SetPassword,
    SystemUser,
    TokenHolder,
    UpdateUser,
    UserFacts,
    UserNamed,
    UserPermissions,
    UserShown,
    Vendor,
)
from currant.access.permissions import Permission, needs
from currant.clock import zone_named
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Forbidden, Invalid, NotFound
from currant.money import minor_units

sql = Statements(__package__)
ENTER = sql.rows("enter", Entered)
CLOSE_ACT = sql.command("close_act")
PASSWORD_OF = sql.rows("password_of", str)
_CREATE_PORTAL = sql.rows("create_portal", PortalCreated)
_CREATE_ALIAS = sql.command("create_alias")
_CREATE_VENDOR = sql.command("create_vendor")
_VENDORS = sql.rows("vendors", Vendor)
_VENDOR_IS_KNOWN = sql.rows("vendor_is_known", bool)
_PUT_USER = sql.rows("put_user", Beyond)
_USER_SHOWN = sql.rows("user_shown", UserShown)
_ROLE_OF = sql.rows("role_of", str)
_PERMISSIONS_OF = sql.rows("permissions_of", PermissionShown)
_CHANGE_PERMISSIONS = sql.rows("change_permissions", Beyond)
_SET_ACTIVE = sql.rows("set_active", Beyond)
_BEYOND_USER = sql.rows("beyond_user", Beyond)
_USERS = sql.rows("users", SystemUser)
_PORTALS = sql.rows("portals", PortalCreated)
_PORTAL_SHOWN = sql.rows("portal_shown", PortalShown)
_SET_CREDENTIAL = sql.rows("set_credential", Beyond)
_CREATE_KEY = sql.rows("create_key", KeyMade)
_REVOKE_KEY = sql.rows("revoke_key", Beyond)
_ACCESS_KEYS = sql.rows("access_keys", AccessKey)
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

    Raises `UnknownZone`, and `Invalid` for a currency that does not exist.
    """
    minor_units(command.currency)
    zone_named(command.timezone)
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
async def create_vendor(tx: Tx, command: CreateVendor) -> Vendor:
    """Create a vendor of the portal, whose number its users are then given."""
    await tx.run(
        _CREATE_VENDOR,
        portal_id=tx.portal.portal_id,
        vendor_number=command.vendor_number,
        name=command.name,
        external=command.external,
    )
    return Vendor(command.vendor_number, command.name, command.external)


@needs(Permission.USERS_MANAGE)
async def vendors(tx: Tx, _question: Nothing) -> list[Vendor]:
    """List the vendors of the portal, by number."""
    return await tx.all(_VENDORS, portal_id=tx.portal.portal_id)


@needs(Permission.USERS_MANAGE)
async def create_user(tx: Tx, command: CreateUser) -> UserShown:
    """Create a system user, who cannot sign in before a password or token is given (J33).

    Raises `Invalid` with the member, and `BeyondOwn` where the user would reach further than the
    actor: by the role, by a limit, by an account that is blocked for the actor.
    """
    return await _put_user(tx, command, is_new=True)


@needs(Permission.USERS_MANAGE)
async def update_user(tx: Tx, command: UpdateUser) -> UserShown:
    """Replace all facts of a system user (J35); what was left out is blank, or no limit.

    Permissions given or taken one by one stay where they differ from the new role. Raises
    `NotFound`, `Invalid` with the member, and `BeyondOwn` where the user reaches further than the
    actor, before or after.
    """
    return await _put_user(tx, command, is_new=False)


async def _put_user(tx: Tx, user: UserFacts, *, is_new: bool) -> UserShown:
    refuse_unsound(user)
    portal_id = tx.portal.portal_id
    if user.vendor_number and not await tx.one(
        _VENDOR_IS_KNOWN, portal_id=portal_id, vendor_number=user.vendor_number
    ):
        told = f"There is no vendor {user.vendor_number!r} in portal {tx.portal.key}."
        raise Invalid(told, field="vendor_number")
    facts = msgspec.structs.asdict(user) | {"blocked_accounts": blocked_list(user.blocked_accounts)}
    beyond = await tx.maybe(
        _PUT_USER, portal_id=portal_id, user_id=tx.user.user_id, is_new=is_new, now=tx.now, **facts
    )
    _refuse_beyond(tx, user.login, beyond)
    return await tx.one(_USER_SHOWN, portal_id=portal_id, login=user.login)


def _refuse_beyond(tx: Tx, login: str, beyond: Beyond | None) -> None:
    """Refuse to touch a user that is not there, or who reaches further than the actor."""
    if beyond is None:
        raise _no_user(tx, login)
    if beyond.lacking:
        told = f"{tx.user.login} lacks {', '.join(beyond.lacking)}."
        raise BeyondOwn(told, field=beyond.member)


def _no_user(tx: Tx, login: str) -> NotFound:
    return NotFound(f"There is no user {login} in portal {tx.portal.key}.", field="user")


@needs(Permission.USERS_MANAGE)
async def show_user(tx: Tx, question: UserNamed) -> UserShown:
    """Show a system user of the portal in all facts (J34). Raises `NotFound`."""
    shown = await tx.maybe(_USER_SHOWN, portal_id=tx.portal.portal_id, login=question.login)
    if shown is None:
        raise _no_user(tx, question.login)
    return shown


@needs(Permission.USERS_MANAGE)
async def permissions_of_user(tx: Tx, question: UserNamed) -> UserPermissions:
    """List what a user may do, in the order of the catalogue (J36). Raises `NotFound`.

    The user is looked for in the portal acted in, or else in all where the actor manages users.
    """
    role = await tx.maybe(_ROLE_OF, login=question.login)
    if role is None:
        raise NotFound(f"There is no user {question.login} whom you manage.", field="login")
    return UserPermissions(role, await tx.all(_PERMISSIONS_OF, login=question.login))


@needs(Permission.USERS_MANAGE)
async def change_permissions(tx: Tx, command: ChangePermissions) -> UserPermissions:
    """Give a user permissions and take others away (J37), all or none; answers all there are then.

    `keep` names a permission and changes nothing. Raises `NotFound`, `Invalid` with the member, and
    `BeyondOwn` where the user may do, or would be given, what the actor may not.
    """
    changes = sorted_out(command.perms)
    user = await show_user(tx, UserNamed(command.login))
    if command.vendor_number not in (None, user.vendor_number):
        told = f"{command.login} does not belong to vendor {command.vendor_number!r}."
        raise Invalid(told, field="vendor_number")
    beyond = await tx.maybe(
        _CHANGE_PERMISSIONS,
        portal_id=tx.portal.portal_id,
        user_id=tx.user.user_id,
        login=command.login,
        added=changes[ADD],
        removed=changes[REMOVE],
    )
    _refuse_beyond(tx, command.login, beyond)
    return await permissions_of_user(tx, UserNamed(command.login))


@needs(Permission.USERS_MANAGE)
async def deactivate_user(tx: Tx, command: UserNamed) -> UserShown:
    """Keep a user out: passwords and tokens are refused at once.

    Raises `NotFound`, `BeyondOwn`, and `OwnLogin` for oneself.
    """
    if command.login == tx.user.login:
        raise OwnLogin(field="user")
    return await _set_active(tx, command.login, active=False)


@needs(Permission.USERS_MANAGE)
async def activate_user(tx: Tx, command: UserNamed) -> UserShown:
    """Let a user in again, by the password and token of before. Raises `NotFound`, `BeyondOwn`."""
    return await _set_active(tx, command.login, active=True)


async def _set_active(tx: Tx, login: str, *, active: bool) -> UserShown:
    portal_id, user_id = tx.portal.portal_id, tx.user.user_id
    beyond = await tx.maybe(
        _SET_ACTIVE, portal_id=portal_id, user_id=user_id, login=login, active=active
    )
    _refuse_beyond(tx, login, beyond)
    return await tx.one(_USER_SHOWN, portal_id=portal_id, login=login)


@needs(Permission.USERS_MANAGE)
async def set_password(tx: Tx, command: SetPassword) -> UserNamed:
    """Give a user a new password; the old one is dead at once. Raises `NotFound`, `BeyondOwn`."""
    await _set_credential(tx, command.login, "PASSWORD", command.password_hash)
    return UserNamed(command.login)


@needs(Permission.USERS_MANAGE)
async def issue_token(tx: Tx, command: IssueToken) -> TokenHolder:
    """Give a user a new token; the old one is dead at once (J32).

    Raises `NotFound`, `BeyondOwn`.
    """
    await _set_credential(tx, command.login, "TOKEN", command.token_hash)
    return TokenHolder(tx.portal.key, command.login)


@needs(Permission.ANY_USER)
async def issue_own_token(tx: Tx, command: IssueToken) -> TokenHolder:
    """Give the actor a new token; the old one is dead at once (J32). Raises `NotFound`."""
    _refuse_other(tx, command.login)
    return await issue_token(tx, command)


@needs(Permission.USERS_MANAGE)
async def may_issue_token(tx: Tx, question: UserNamed) -> TokenHolder:
    """Answer as `issue_token` would, and issue nothing. Raises `NotFound`, `BeyondOwn`."""
    beyond = await tx.maybe(
        _BEYOND_USER,
        portal_id=tx.portal.portal_id,
        user_id=tx.user.user_id,
        login=question.login,
    )
    _refuse_beyond(tx, question.login, beyond)
    return TokenHolder(tx.portal.key, question.login)


@needs(Permission.ANY_USER)
async def may_issue_own_token(tx: Tx, question: UserNamed) -> TokenHolder:
    """Answer as `issue_own_token` would, and issue nothing. Raises `NotFound`."""
    _refuse_other(tx, question.login)
    return await may_issue_token(tx, question)


def _refuse_other(tx: Tx, login: str) -> None:
    if login != tx.user.login:
        raise Forbidden(f"{login} is another than you.", field="user")


async def _set_credential(tx: Tx, login: str, kind: str, secret: str) -> None:
    beyond = await tx.maybe(
        _SET_CREDENTIAL,
        portal_id=tx.portal.portal_id,
        user_id=tx.user.user_id,
        login=login,
        kind=kind,
        secret=secret,
        now=tx.now,
    )
    _refuse_beyond(tx, login, beyond)


@needs(Permission.USERS_MANAGE)
async def create_key(tx: Tx, command: CreateKey) -> AccessKey:
    """Give a program an access key for the Utilmate API, with which it acts as a user.

    It may do what the user may and the key is certified for. Raises `NotFound`, `Invalid` with the
    member, `KeyNameTaken`, and `BeyondOwn` where the user reaches further than the actor.
    """
    portal_id = tx.portal.portal_id
    made = await tx.maybe(
        _CREATE_KEY,
        portal_id=portal_id,
        user_id=tx.user.user_id,
        login=command.login,
        name=command.name.strip(),
        methods=certified(command.methods),
        read_only=command.read_only,
        secret=command.secret_hash,
        created_by=tx.user.login,
        now=tx.now,
    )
    if made is None:
        raise _no_user(tx, command.login)
    _refuse_beyond(tx, command.login, Beyond(made.lacking, "user"))
    return await tx.one(_ACCESS_KEYS, portal_id=portal_id, key_id=made.key_id)


@needs(Permission.USERS_MANAGE)
async def revoke_key(tx: Tx, command: RevokeKey) -> AccessKey:
    """Revoke an access key: it is refused at once. Raises `NotFound`, `BeyondOwn`."""
    portal_id = tx.portal.portal_id
    beyond = await tx.maybe(
        _REVOKE_KEY,
        portal_id=portal_id,
        user_id=tx.user.user_id,
        key_id=command.key_id,
        now=tx.now,
    )
    if beyond is None:
        told = f"There is no access key {command.key_id} in portal {tx.portal.key}."
        raise NotFound(told, field="key_id")
    key = await tx.one(_ACCESS_KEYS, portal_id=portal_id, key_id=command.key_id)
    _refuse_beyond(tx, key.login, beyond)
    return key


@needs(Permission.USERS_MANAGE)
async def access_keys(tx: Tx, _question: Nothing) -> list[AccessKey]:
    """List the access keys of the portal, those in use first, by name."""
    return await tx.all(_ACCESS_KEYS, portal_id=tx.portal.portal_id, key_id=None)


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
