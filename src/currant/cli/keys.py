"""`currant key`: access keys, with which programs use the Utilmate API."""

from typing import Annotated

import msgspec
import typer

from currant.access.model import AccessKey, CreateKey, RevokeKey
from currant.access.verbs import Nothing, access_keys, create_key, new_token, revoke_key
from currant.cli.frame import Session, command, table

app = typer.Typer(no_args_is_help=True)


class Listed(msgspec.Struct, frozen=True):
    """An access key as a line of the list."""

    key: int
    name: str
    user: str
    methods: str
    created: str
    revoked: str


@command(app, "create")
async def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the key is told by: whose program it is for.")],
    *,
    user: Annotated[str, typer.Option(help="The login of the user that it acts as.")],
    method: Annotated[
        list[str] | None,
        typer.Option(help="A method that it is certified for; all without. May be repeated."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="It calls GET methods alone.")
    ] = False,
) -> None:
    """Create an access key and print it, this once: it is kept nowhere."""
    key, hashed = new_token()
    wanted = CreateKey(name, user, hashed, method or None, read_only)
    made = await session.act(create_key, wanted)
    session.teller.tell({"key_id": made.key_id, "name": made.name, "key": key}, lambda: key)


@command(app, "list")
async def list_keys(session: Session) -> None:
    """List the access keys of the portal, those in use first."""
    keys = await session.ask(access_keys, Nothing())
    rows = [_listed(key) for key in keys]
    session.teller.tell(keys, lambda: table(rows, *Listed.__struct_fields__))


def _listed(key: AccessKey) -> Listed:
    methods = "all" if key.methods is None else ", ".join(key.methods)
    revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d}"
    reading = ", reading" if key.read_only else ""
    return Listed(
        key.key_id, key.name, key.login, methods + reading, f"{key.created_at:%Y-%m-%d}", revoked
    )


@command(app, "revoke")
async def revoke(
    session: Session, key: Annotated[int, typer.Argument(help="Its number: `currant key list`.")]
) -> None:
    """Revoke an access key: it is refused at once."""
    gone = await session.act(revoke_key, RevokeKey(key))
    session.teller.tell(gone, lambda: f"Access key {gone.key_id}, {gone.name}, is revoked.")
