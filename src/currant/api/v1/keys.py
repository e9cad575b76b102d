"""Access keys, with which programs use the Utilmate API."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from currant.access import verbs
from currant.access.model import AccessKey, CreateKey, RevokeKey
from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new access key: its name, the user it acts as, and what it is certified for.

    Without `methods` that is every method; one that is `read_only` calls GET methods alone.
    """

    name: str
    user: str
    methods: list[str] | None = None
    read_only: bool = False


class KeyIssued(msgspec.Struct, frozen=True):
    """A new access key, told this once."""

    key_id: int
    name: str
    key: str


@get("/v1/{portal:str}/keys", operation_class=documented(AccessKey, listed=True))
async def get_keys(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the access keys of the portal, those in use first, by name."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.access_keys, Nothing(), actor)})


@post(
    "/v1/{portal:str}/keys",
    operation_class=documented(
        KeyIssued,
        takes=KeyWanted("Data warehouse", "warehouse", ["GETINVDET", "GETRECEIPT"], read_only=True),
        status=201,
    ),
)
async def post_key(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Create an access key and tell it, this once.

    A key is kept nowhere, so a repeat makes no other of its name, whatever header it carries.
    """
    actor = await signed_in(request, portal)
    wanted = await json_of(request, KeyWanted)
    key, hashed = verbs.new_token()
    command = CreateKey(wanted.name, wanted.user, hashed, wanted.methods, wanted.read_only)
    made = await door_of(request).act(verbs.create_key, command, actor)
    told = answer(KeyIssued(made.key_id, made.name, key), 201)
    told.headers["Cache-Control"] = "no-store"
    return told


@post(
    "/v1/{portal:str}/keys/{key_id:int}/revoke",
    status_code=200,
    operation_class=documented(AccessKey, changes=True),
)
async def post_revoke(
    request: AnyRequest,
    portal: FromPath[str],
    key_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Revoke an access key: it is refused at once."""
    actor = await signed_in(request, portal)
    command = RevokeKey(key_id)
    return answer(await door_of(request).act(verbs.revoke_key, command, actor, idempotency_key))


ROUTES = [get_keys, post_key, post_revoke]
