"""`currant user` and `currant token`: system users, what they may do, how they prove themselves."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from currant.access.details import ADD, REMOVE
from currant.access.model import (
    ChangePermissions,
    CreateUser,
    IssueToken,
    PermissionChange,
    SetPassword,
    UpdateUser,
    UserNamed,
    UserPermissions,
    UserShown,
)
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    activate_user,
    change_permissions,
    create_user,
    deactivate_user,
    issue_own_token,
    issue_token,
    new_token,
    permissions_of_user,
    set_password,
    show_user,
    update_user,
)
from currant.access.verbs import users as users_of
from currant.cli.frame import Session, command, secret, table
from currant.errors import Invalid
from currant.money import format_money, from_minor

app = typer.Typer(no_args_is_help=True)
tokens = typer.Typer(no_args_is_help=True)

_NO_LIMIT = "none"

Login = Annotated[str, typer.Argument(help="The user's login.", metavar="LOGIN")]
Permissions = Annotated[
    list[str],
    typer.Argument(help="By name: `currant user permissions`.", metavar="PERMISSION..."),
]

_NAME = typer.Option(help="The person's name, to 30 characters.")
_ROLE = typer.Option(
    help="CSR, CSR2, CSR3, ComMGR, VENDOR, VENDORADM, Engineer, Accounting or SysAdmin."
)
_VENDOR = typer.Option(help="The number of the vendor they sell for.")
_EXTERNAL = typer.Option("--external/--internal", help="Whether that vendor is a shop outside.")
_PHONE = typer.Option(help="Their phone, digits only.")
_PHONE_2 = typer.Option("--phone-2", help="Another phone.")
_SMS = typer.Option(help="Their mobile phone, digits only.")
_SMS_2 = typer.Option("--sms-2", help="Another mobile phone.")
_EMAIL = typer.Option(help="Their e-mail address.")
_VENDING_LIMIT = typer.Option(
    help="What they may take in a batch, in minor units, or none.", metavar="LIMIT"
)
_SPECIAL_LIMIT = typer.Option(
    help="What they may adjust at once, in minor units, or none.", metavar="LIMIT"
)
_BLOCKED = typer.Option(
    help="Accounts barred to them: 03280,03281, or * for all.", metavar="ACCOUNTS"
)


@command(app, "create")
async def create(
    session: Session,
    user: Login,
    *,
    name: Annotated[str, _NAME],
    role: Annotated[str, _ROLE],
    vendor: Annotated[str, _VENDOR] = "",
    external: Annotated[bool, _EXTERNAL] = False,
    phone: Annotated[str, _PHONE] = "",
    phone_2: Annotated[str, _PHONE_2] = "",
    sms: Annotated[str, _SMS] = "",
    sms_2: Annotated[str, _SMS_2] = "",
    email: Annotated[str, _EMAIL] = "",
    vending_limit: Annotated[str, _VENDING_LIMIT] = _NO_LIMIT,
    special_limit: Annotated[str, _SPECIAL_LIMIT] = _NO_LIMIT,
    blocked: Annotated[str, _BLOCKED] = "",
) -> None:
    """Create a system user, who signs in once a password or a token is given."""
    wanted = CreateUser(
        login=user,
        name=name,
        role=role,
        vendor_number=vendor,
        external_vendor=external,
        phone_1=phone,
        phone_2=phone_2,
        sms_1=sms,
        sms_2=sms_2,
        email=email,
        vending_limit=_limit("vending", vending_limit),
        special_limit=_limit("special", special_limit),
        blocked_accounts=blocked,
    )
    made = await session.act(create_user, wanted)
    session.teller.tell(made, lambda: f"User {made.login} is created.")


@command(app, "update")
async def update(
    session: Session,
    user: Login,
    *,
    name: Annotated[str | None, _NAME] = None,
    role: Annotated[str | None, _ROLE] = None,
    vendor: Annotated[str | None, _VENDOR] = None,
    external: Annotated[bool | None, _EXTERNAL] = None,
    phone: Annotated[str | None, _PHONE] = None,
    phone_2: Annotated[str | None, _PHONE_2] = None,
    sms: Annotated[str | None, _SMS] = None,
    sms_2: Annotated[str | None, _SMS_2] = None,
    email: Annotated[str | None, _EMAIL] = None,
    vending_limit: Annotated[str | None, _VENDING_LIMIT] = None,
    special_limit: Annotated[str | None, _SPECIAL_LIMIT] = None,
    blocked: Annotated[str | None, _BLOCKED] = None,
) -> None:
    """Change a system user and show what they are then; what is not named stays."""
    told = {
        "name": name,
        "role": role,
        "vendor_number": vendor,
        "external_vendor": external,
        "phone_1": phone,
        "phone_2": phone_2,
        "sms_1": sms,
        "sms_2": sms_2,
        "email": email,
        "blocked_accounts": blocked,
    }
    facts: dict[str, object] = {
        member: value for member, value in told.items() if value is not None
    }
    if vending_limit is not None:
        facts["vending_limit"] = _limit("vending", vending_limit)
    if special_limit is not None:
        facts["special_limit"] = _limit("special", special_limit)
    now = msgspec.structs.asdict(await session.ask(show_user, UserNamed(user)))
    kept = {member: now[member] for member in UpdateUser.__struct_fields__}
    _show(session, await session.act(update_user, UpdateUser(**kept | facts)))


def _limit(which: str, text: str) -> int | None:
    """Read a limit in minor units, or none."""
    if text == _NO_LIMIT:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Invalid(
            f"The {which} limit {text[:40]!r} is neither a number of minor units nor {_NO_LIMIT}."
            " Nothing was done.",
            field=f"{which}_limit",
        )
    return int(text)


@command(app, "list")
async def list_users(session: Session) -> None:
    """List the system users of the portal."""
    rows = await session.ask(users_of, Nothing())
    session.teller.rows(rows, "login", "name", "role", "vendor_number", "active")


@command(app, "show")
async def show(session: Session, user: Login) -> None:
    """Show a system user in all facts."""
    _show(session, await session.ask(show_user, UserNamed(user)))


def _show(session: Session, user: UserShown) -> None:
    session.teller.tell(user, lambda: "\n".join(_lines(user)))


def _lines(user: UserShown) -> Iterator[str]:
    """Yield the facts of a user, a line each; those that are blank are left out."""
    facts = {
        "login": user.login,
        "name": user.name,
        "role": f"{user.role}, level {user.sec_level}",
        "vendor": f"{user.vendor_number}{', external' if user.external_vendor else ''}",
        "phone": ", ".join(filter(None, (user.phone_1, user.phone_2))),
        "sms": ", ".join(filter(None, (user.sms_1, user.sms_2))),
        "email": user.email,
        "vending limit": _money(user.vending_limit, user.currency),
        "special limit": _money(user.special_limit, user.currency),
        "blocked accounts": user.blocked_accounts.replace(",", ", "),
        "active": "yes" if user.active else "no",
    }
    room = max(map(len, facts)) + 2
    yield from (f"{name:<{room}}{fact}" for name, fact in facts.items() if fact)


def _money(minor: int | None, currency: str) -> str:
    return _NO_LIMIT if minor is None else format_money(from_minor(minor, currency), currency)


@command(app, "permissions")
async def permissions(session: Session, user: Login) -> None:
    """List what a system user may do, by the role and by what was granted or revoked."""
    _list(session, await session.ask(permissions_of_user, UserNamed(user)))


@command(app, "grant")
async def grant(session: Session, user: Login, names: Permissions) -> None:
    """Grant a user permissions beyond the role, all or none, and list all there are then."""
    await _change(session, user, names, ADD)


@command(app, "revoke")
async def revoke(session: Session, user: Login, names: Permissions) -> None:
    """Revoke permissions of a user in spite of the role, all or none, and list those left."""
    await _change(session, user, names, REMOVE)


async def _change(session: Session, user: str, names: list[str], action: str) -> None:
    changes = [PermissionChange(name, action) for name in names]
    _list(session, await session.act(change_permissions, ChangePermissions(user, changes)))


def _list(session: Session, told: UserPermissions) -> None:
    session.teller.tell(told, lambda: table(told.permissions, "name", "category", "description"))


@command(app, "deactivate")
async def deactivate(session: Session, user: Login) -> None:
    """Keep a user out: passwords and tokens are refused at once."""
    done = await session.act(deactivate_user, UserNamed(user))
    session.teller.tell(done, lambda: f"User {done.login} is deactivated.")


@command(app, "activate")
async def activate(session: Session, user: Login) -> None:
    """Let a user in again, by the password and the token of before."""
    done = await session.act(activate_user, UserNamed(user))
    session.teller.tell(done, lambda: f"User {done.login} is active again.")


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
    verb = issue_own_token if user == session.actor.login else issue_token
    done = await session.act(verb, IssueToken(user, hashed))
    session.teller.tell({"login": done.login, "token": token}, lambda: token)
