"""J32 tokens, J33-J35 system users, J36 and J37 what they may do."""

from collections.abc import Callable
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, post

from currant.access.model import (
    Actor,
    ChangePermissions,
    CreateUser,
    IssueToken,
    PermissionChange,
    UpdateUser,
    UserFacts,
    UserNamed,
    UserPermissions,
    UserShown,
)
from currant.access.verbs import (
    Nothing,
    change_permissions,
    create_user,
    issue_own_token,
    issue_token,
    may_issue_own_token,
    may_issue_token,
    new_token,
    permissions_of_user,
    show_portal,
    show_user,
    update_user,
)
from currant.api.envelope import forbid_storing, is_head
from currant.api.http import AnyRequest, Query, door_of, json_of, key_of, signed_in
from currant.api.juice.frame import done
from currant.api.juice.openapi import PORTAL, documented, parameter
from currant.door import Verb
from currant.errors import Forbidden, Invalid, Refusal

U = TypeVar("U", bound=UserFacts)

_USER = parameter("user", "The login of a user.", required=True, example="jsmith")

# As long as a token, and none.
_NO_TOKEN = str(UUID(int=0))
_LIMITS = ("vending_limit", "vendor_limit")


class Limit(msgspec.Struct, frozen=True):
    """An amount in the smallest coin of the portal's currency, $1,000.00 is 100000."""

    amount: int
    currency: str


class UserSent(msgspec.Struct, frozen=True):
    """The body of J33 and J35.

    The vending limit goes by two names, of which one is sent (Q12). A limit of null is no limit.
    """

    any_of: ClassVar[tuple[str, ...]] = ("vending_limit", "vendor_limit")

    portal: str
    login: str
    name: str
    system_role: str
    external_vendor: bool
    vendor_number: str
    special_limit: Limit | None
    blocked_accounts: str
    vending_limit: Limit | msgspec.UnsetType | None = msgspec.UNSET
    vendor_limit: Limit | msgspec.UnsetType | None = msgspec.UNSET
    phone_1: str = ""
    phone_2: str = ""
    sms_1: str = ""
    sms_2: str = ""
    email: str = ""


class UserDetails(msgspec.Struct, frozen=True):
    """The data of J33 and J34; a user without a limit has null, which J35 takes back."""

    active: bool
    blocked_accounts: str
    email: str
    external_vendor: bool
    login: str
    name: str
    phone_1: str
    phone_2: str
    portal: str
    sec_level: int
    sms_1: str
    sms_2: str
    special_limit: Limit | None
    system_role: str
    vending_limit: Limit | None
    vendor_number: str


class TokenIssued(msgspec.Struct, frozen=True):
    """The data of J32: the token, this once."""

    portal: str
    user: str
    token: str


class PermsSent(msgspec.Struct, frozen=True):
    """The body of J37."""

    portal: str
    login: str
    vendor_number: str
    perms: Annotated[list[PermissionChange], msgspec.Meta(max_length=1000)]


class Perm(msgspec.Struct, frozen=True, omit_defaults=True):
    """A permission that a user has; `long_description` is left out where there is none."""

    category: str
    name: str
    description: str
    long_description: str = ""


class UserPerms(msgspec.Struct, frozen=True):
    """The data of J36 and J37."""

    role: str
    perms: list[Perm]


@get(
    "/systemuser/token/generate",
    operation_class=documented(
        "J32",
        TokenIssued,
        calls=(issue_token, issue_own_token),
        parameters=(PORTAL, _USER),
        names=True,
    ),
)
async def generate_token(request: AnyRequest) -> Response[bytes]:
    """J32: replace the token of a user, or one's own, and tell the new one, this once.

    HEAD is answered as GET would be, and replaces nothing.
    """
    forbid_storing(request)
    _refuse_unmeant(request)
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    user = query.text("user")
    if is_head(request):
        return await _token_unissued(request, user, actor)
    token, hashed = new_token()
    verb = issue_own_token if user == actor.login else issue_token
    holder = await door_of(request).act(verb, IssueToken(user, hashed), actor)
    return done(TokenIssued(holder.portal, holder.login, token))


async def _token_unissued(request: AnyRequest, user: str, actor: Actor) -> Response[bytes]:
    """Answer as long as if a token were issued, or refuse as then, and issue none."""
    view = may_issue_own_token if user == actor.login else may_issue_token
    try:
        holder = await door_of(request).ask(view, UserNamed(user), actor)
    except Refusal as refusal:
        refusal.undone = True
        raise
    return done(TokenIssued(holder.portal, holder.login, _NO_TOKEN))


@post(
    "/systemuser/create",
    status_code=200,
    operation_class=documented("J33", UserDetails, calls=(create_user,), takes=UserSent),
)
async def post_user(request: AnyRequest) -> Response[bytes]:
    """J33: create a user, who cannot sign in before a token or a password is given."""
    return done(_told(await _put(request, create_user, CreateUser)))


@get(
    "/systemuser/get",
    operation_class=documented(
        "J34", UserDetails, calls=(show_user,), parameters=(PORTAL, _USER), names=True
    ),
)
async def get_user(request: AnyRequest) -> Response[bytes]:
    """J34: one user; `active` says whether they are let in."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = UserNamed(query.text("user"))
    return done(_told(await door_of(request).ask(show_user, question, actor)))


@post(
    "/systemuser/update",
    status_code=200,
    operation_class=documented("J35", calls=(update_user,), takes=UserSent, names=True),
)
async def post_update(request: AnyRequest) -> Response[bytes]:
    """J35: replace all facts of a user; what is left out is blank, a limit of null is none."""
    await _put(request, update_user, UpdateUser)
    return done()


@get(
    "/systemuser/perms/get",
    operation_class=documented(
        "J36",
        UserPerms,
        calls=(permissions_of_user,),
        parameters=(parameter("login", "The login of a user.", required=True, example="jsmith"),),
        names=True,
    ),
)
async def get_perms(request: AnyRequest) -> Response[bytes]:
    """J36: what a user may do, in whichever of the caller's portals the user is."""
    query = Query(request.scope)
    actor = await signed_in(request)
    question = UserNamed(query.text("login"))
    return done(_perms(await door_of(request).ask(permissions_of_user, question, actor)))


@post(
    "/systemuser/perms/update",
    status_code=200,
    operation_class=documented(
        "J37", UserPerms, calls=(change_permissions,), takes=PermsSent, names=True
    ),
)
async def post_perms(request: AnyRequest) -> Response[bytes]:
    """J37: add, remove or keep permissions; those not named stay, and `keep` adds none."""
    actor = await signed_in(request)
    body = await json_of(request, PermsSent)
    command = ChangePermissions(body.login, body.perms, body.vendor_number)
    changed = await door_of(request).act(
        change_permissions, command, actor.at(body.portal), key_of(request)
    )
    return done(_perms(changed))


def _refuse_unmeant(request: AnyRequest) -> None:
    """Refuse what a browser sends for a page of another site, or ahead of a click."""
    site = request.headers.get("sec-fetch-site")
    if site in ("cross-site", "same-site"):
        raise Forbidden(f"A page of another site asked for it (Sec-Fetch-Site: {site}).")
    if "prefetch" in request.headers.get("sec-purpose", ""):
        raise Forbidden("It was asked for ahead of a click (Sec-Purpose: prefetch).")


async def _put(
    request: AnyRequest, verb: "Verb[U, UserShown]", shape: Callable[..., U]
) -> UserShown:
    """Store the user of a body; the portal's currency is what its limits must be in."""
    sender = await signed_in(request)
    body = await json_of(request, UserSent)
    actor, door = sender.at(body.portal), door_of(request)
    portal = await door.ask(show_portal, Nothing(), actor)
    if not body.vendor_number:
        raise Invalid("vendor_number is blank.", field="vendor_number")
    command = shape(
        login=body.login,
        name=body.name,
        role=body.system_role,
        vendor_number=body.vendor_number,
        email=body.email,
        vending_limit=_minor(*_vending_limit(body), portal.currency),
        special_limit=_minor("special_limit", body.special_limit, portal.currency),
        external_vendor=body.external_vendor,
        phone_1=body.phone_1,
        phone_2=body.phone_2,
        sms_1=body.sms_1,
        sms_2=body.sms_2,
        blocked_accounts=body.blocked_accounts,
    )
    try:
        return await door.act(verb, command, actor, key_of(request))
    except Refusal as refusal:
        if refusal.field == "role":
            refusal.field = "system_role"
        raise


def _vending_limit(body: UserSent) -> tuple[str, Limit | None]:
    """Return the vending limit with the name that it was sent by."""
    sent = {
        name: limit
        for name in _LIMITS
        if not isinstance(limit := getattr(body, name), msgspec.UnsetType)
    }
    if not sent:
        raise Invalid("vending_limit is missing.", field="vending_limit")
    if len(set(sent.values())) > 1:
        told = "vending_limit and vendor_limit are two names of one limit, and they differ."
        raise Invalid(told, field="vending_limit")
    return next(iter(sent.items()))


def _minor(name: str, limit: Limit | None, currency: str) -> int | None:
    """Return a limit in minor units of the portal's currency."""
    if limit is None:
        return None
    if limit.currency != currency:
        told = f"{name}.currency is {limit.currency!r}; the portal's currency is {currency}."
        raise Invalid(told, field=f"{name}.currency")
    if limit.amount < 0:
        raise Invalid(f"{name}.amount is negative.", field=f"{name}.amount")
    return limit.amount


def _told(user: UserShown) -> UserDetails:
    return UserDetails(
        active=user.active,
        blocked_accounts=user.blocked_accounts,
        email=user.email,
        external_vendor=user.external_vendor,
        login=user.login,
        name=user.name,
        phone_1=user.phone_1,
        phone_2=user.phone_2,
        portal=user.portal,
        sec_level=user.sec_level,
        sms_1=user.sms_1,
        sms_2=user.sms_2,
        special_limit=_limit(user.special_limit, user.currency),
        system_role=user.role,
        vending_limit=_limit(user.vending_limit, user.currency),
        vendor_number=user.vendor_number,
    )


def _limit(minor: int | None, currency: str) -> Limit | None:
    return None if minor is None else Limit(minor, currency)


def _perms(user: UserPermissions) -> UserPerms:
    return UserPerms(
        user.role,
        [
            Perm(row.category, row.name, row.description, row.long_description)
            for row in user.permissions
        ],
    )


ROUTES = [generate_token, post_user, get_user, post_update, get_perms, post_perms]
