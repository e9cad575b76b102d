"""`currant user` and `currant token`: system users and how they prove themselves."""

from typing import Annotated

import typer

from currant.access.model import CreateUser, IssueToken, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    create_user,
    issue_token,
    new_token,
    set_password,
)
from currant.access.verbs import users as users_of
from currant.cli.frame import Session, command, secret

app = typer.Typer(no_args_is_help=True)
tokens = typer.Typer(no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The user's login.", metavar="LOGIN")]


@command(app, "create")
async def create(
    session: Session,
    user: Login,
    *,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[str, typer.Option(help="VENDOR, VENDORADM, CSR, Accounting, SysAdmin, …")],
    vendor: Annotated[str, typer.Option(help="The number of the vendor they sell for.")] = "",
    email: Annotated[str, typer.Option(help="Their e-mail address.")] = "",
    vending_limit: Annotated[
        int | None, typer.Option(help="What they may take in a batch, in minor units.")
    ] = None,
    special_limit: Annotated[
        int | None, typer.Option(help="What they may adjust at once, in minor units.")
    ] = None,
) -> None:
    """Create a system user, who signs in once a password or a token is given."""
    wanted = CreateUser(user, name, role, vendor, email, vending_limit, special_limit)
    made = await session.act(create_user, wanted)
    session.teller.tell(made, lambda: f"User {made.login} is created.")


@command(app, "list")
async def list_users(session: Session) -> None:
    """List the system users of the portal."""
    rows = await session.ask(users_of, Nothing())
    session.teller.rows(rows, "login", "name", "role", "vendor_number", "active")


@command(app, "passwd")
async def passwd(session: Session, user: Login) -> None:
    """Give a user a new password: from --password-file, from stdin, or asked for twice."""
    hashed = hash_password(secret(session.options, f"new password of {user}", new=True))
    done = await session.act(set_password, SetPassword(user, hashed))
    session.teller.tell(done, lambda: f"The password of {done.login} is changed.")


@command(tokens, "issue")
async def issue(session: Session, user: Login) -> None:
    """Give a user a new token and print it, this once; the old one is dead at once."""
    token, hashed = new_token()
    done = await session.act(issue_token, IssueToken(user, hashed))
    session.teller.tell({"login": done.login, "token": token}, lambda: token)
