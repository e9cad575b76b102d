"""System users, what the Juice face cannot say: their list, vendors, who is let in, tokens."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from currant.access import verbs
from currant.access.model import CreateVendor, IssueToken, SystemUser, UserNamed, UserShown, Vendor
from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented


class TokenIssued(msgspec.Struct, frozen=True):
    """A user's new token, told this once."""

    login: str
    token: str


@get("/v1/{portal:str}/users", operation_class=documented(SystemUser, listed=True))
async def get_users(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the system users of the portal, by login."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.users, Nothing(), actor)})


@get("/v1/{portal:str}/users/{login:str}", operation_class=documented(UserShown))
async def get_user(
    request: AnyRequest, portal: FromPath[str], login: FromPath[str]
) -> Response[Any]:
    """Show a system user; limits are in the currency's smallest coin, null is no limit."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(verbs.show_user, UserNamed(login), actor))


@post(
    "/v1/{portal:str}/users/{login:str}/token",
    operation_class=documented(TokenIssued, status=201, changes=True),
)
async def post_token(
    request: AnyRequest, portal: FromPath[str], login: FromPath[str]
) -> Response[Any]:
    """Replace the token of a user, or one's own, and tell the new one, this once.

    A token is kept nowhere, so a repeat makes another, whatever key it carries.
    """
    actor = await signed_in(request, portal)
    token, hashed = verbs.new_token()
    verb = verbs.issue_own_token if login == actor.login else verbs.issue_token
    holder = await door_of(request).act(verb, IssueToken(login, hashed), actor)
    told = answer(TokenIssued(holder.login, token), 201)
    told.headers["Cache-Control"] = "no-store"
    return told


@post(
    "/v1/{portal:str}/users/{login:str}/deactivate",
    status_code=200,
    operation_class=documented(UserShown, changes=True),
)
async def post_deactivate(
    request: AnyRequest,
    portal: FromPath[str],
    login: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Keep a user out: passwords and tokens are refused at once."""
    actor = await signed_in(request, portal)
    command = UserNamed(login)
    return answer(
        await door_of(request).act(verbs.deactivate_user, command, actor, idempotency_key)
    )


@post(
    "/v1/{portal:str}/users/{login:str}/activate",
    status_code=200,
    operation_class=documented(UserShown, changes=True),
)
async def post_activate(
    request: AnyRequest,
    portal: FromPath[str],
    login: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Let a user in again, by the password and the token of before."""
    actor = await signed_in(request, portal)
    command = UserNamed(login)
    return answer(await door_of(request).act(verbs.activate_user, command, actor, idempotency_key))


@get("/v1/{portal:str}/vendors", operation_class=documented(Vendor, listed=True))
async def get_vendors(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the vendors of the portal, by number."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.vendors, Nothing(), actor)})


@post(
    "/v1/{portal:str}/vendors",
    operation_class=documented(
        Vendor, takes=CreateVendor("CORNER", "Corner Shop", external=True), status=201
    ),
)
async def post_vendor(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a vendor, whose number its users are then given."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateVendor)
    made = await door_of(request).act(verbs.create_vendor, command, actor, idempotency_key)
    return answer(made, 201)


ROUTES = [
    get_users,
    get_user,
    post_token,
    post_deactivate,
    post_activate,
    get_vendors,
    post_vendor,
]
