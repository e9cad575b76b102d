"""Users, vendors and tokens by the native face, as its document tells them."""

from typing import Any

import httpx
import pytest
from tests.api.test_v1_document import Json, answer_of, document, misfits
from tests.conftest import make_user, token_header
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal

__all__ = ["document"]

PROBLEM = "application/problem+json"


async def asked(
    http: httpx.AsyncClient,
    actor: Actor,
    document: Json,
    method: str,
    path: str,
    status: int = 200,
    **more: Any,
) -> Any:
    """Ask, and hold the answer against the document."""
    headers = token_header(actor) | more.pop("headers", {})
    answer = await http.request(method, f"/v1/example/{path}", headers=headers, **more)
    assert answer.status_code == status, answer.text
    parts = path.split("/")
    if parts[0] in ("users", "keys") and len(parts) > 1:
        parts[1] = "{login}" if parts[0] == "users" else "{key_id}"
    told = answer_of(document, "/v1/{portal}/" + "/".join(parts), method.lower(), status)
    assert misfits(document, told, answer.json()) == []
    return answer.json()


async def test_users_are_listed_and_shown(http, door, boss, cashier, document) -> None:
    await make_user(door, "example", "a.b@c", "CSR", vending_limit=5, blocked_accounts="03280")
    listed = await asked(http, boss, document, "GET", "users")
    assert [user["login"] for user in listed["data"]] == ["a.b@c", "boss", "cashier1"]
    shown = await asked(http, boss, document, "GET", "users/a.b@c")
    assert (shown["vending_limit"], shown["special_limit"], shown["currency"]) == (5, None, "USD")
    assert (shown["blocked_accounts"], shown["active"]) == ("03280", True)
    missing = await asked(http, boss, document, "GET", "users/x", 404)
    assert missing["detail"] == "There is no user x in portal example."
    await asked(http, cashier, document, "GET", "users", 403)


async def test_vendors_are_created_and_listed(http, boss, cashier, document) -> None:
    body = {"vendor_number": "V2", "name": "Corner Shop", "external": True}
    keyed = {"Idempotency-Key": "k"}
    for _ in range(2):
        made = await asked(http, boss, document, "POST", "vendors", 201, json=body, headers=keyed)
        assert made == body
    listed = await asked(http, boss, document, "GET", "vendors")
    utility = {"vendor_number": "CEC", "name": "Example Power", "external": False}
    assert listed["data"] == [utility, body]
    await asked(http, boss, document, "POST", "vendors", 409, json=body)
    wrong = await asked(http, boss, document, "POST", "vendors", 422, json={"name": "X"})
    assert wrong["field"] == "vendor_number"
    body |= {"vendor_number": " "}
    wrong = await asked(http, boss, document, "POST", "vendors", 422, json=body)
    assert "A vendor number is" in wrong["detail"]
    broken = await http.post("/v1/example/vendors", content=b"{", headers=token_header(boss))
    assert broken.status_code == 400
    await asked(http, cashier, document, "POST", "vendors", 403, json=body)


async def test_a_token_is_issued_to_another_or_oneself(http, boss, cashier, document) -> None:
    issued = await asked(http, boss, document, "POST", "users/cashier1/token", 201)
    assert issued["login"] == "cashier1"
    old = token_header(cashier)
    assert (await http.get("/auth-test", headers=old)).status_code == 401
    fresh = {"Authorization": f"token cashier1:{issued['token']}"}
    own = await http.post("/v1/example/users/cashier1/token", headers=fresh)
    assert (own.status_code, own.headers["cache-control"]) == (201, "no-store")
    assert (await http.get("/auth-test", headers=fresh)).status_code == 401
    fresh = {"Authorization": f"token cashier1:{own.json()['token']}"}
    other = await http.post("/v1/example/users/boss/token", headers=fresh)
    assert (other.status_code, other.headers["content-type"]) == (403, PROBLEM)
    await asked(http, boss, document, "POST", "users/x/token", 404)


async def test_a_user_is_kept_out_and_let_in(http, boss, cashier, document) -> None:
    keyed = {"Idempotency-Key": "k"}
    for _ in range(2):
        told = await asked(http, boss, document, "POST", "users/cashier1/deactivate", headers=keyed)
        assert told["active"] is False
    assert (await http.get("/auth-test", headers=token_header(cashier))).status_code == 401
    told = await asked(http, boss, document, "POST", "users/cashier1/activate")
    assert told["active"] is True
    assert (await http.get("/auth-test", headers=token_header(cashier))).status_code == 200
    for act in ("deactivate", "activate"):
        await asked(http, boss, document, "POST", f"users/x/{act}", 404)
        await asked(http, cashier, document, "POST", f"users/boss/{act}", 403)
    own = await http.post("/v1/example/users/boss/deactivate", headers=token_header(boss))
    assert (own.status_code, own.json()["field"]) == (409, "user")
    assert "Nobody deactivates themself" in own.json()["detail"]


@pytest.mark.parametrize("where", ["example", "nowhere", "abroad"])
async def test_another_portals_users_are_out_of_reach(http, door, boss, where) -> None:
    made = CreatePortal("abroad", "Abroad", "UTC", "EUR", "ABR")
    await door.act(create_portal, made, OPERATOR)
    stranger = await make_user(door, "abroad", "stranger", "SysAdmin")
    head, status = token_header(stranger), 404 if where == "abroad" else 403
    for path in ("users/boss/token", "users/boss/deactivate", "users/boss/activate"):
        assert (await http.post(f"/v1/{where}/{path}", headers=head)).status_code == status
    assert (await http.get(f"/v1/{where}/users/boss", headers=head)).status_code == status
    for path in ("users", "vendors"):
        answer = await http.get(f"/v1/{where}/{path}", headers=head)
        assert answer.status_code == (200 if where == "abroad" else 403)
        assert "boss" not in answer.text
    assert (await http.get("/auth-test", headers=token_header(boss))).status_code == 200


async def test_access_keys_are_given_listed_and_revoked(http, boss, cashier, document) -> None:
    body = {"name": "client", "user": "boss", "methods": ["GETCUST"], "read_only": True}
    made = await asked(http, boss, document, "POST", "keys", 201, json=body)
    await asked(http, boss, document, "POST", "keys", 409, json=body)
    await asked(http, boss, document, "POST", "keys", 422, json=body | {"methods": ["X"]})
    await asked(http, cashier, document, "POST", "keys", 403, json=body)
    (listed,) = (await asked(http, boss, document, "GET", "keys"))["data"]
    assert made["key"] not in str(listed)
    assert (listed["key_id"], listed["methods"], listed["read_only"]) == (
        made["key_id"],
        ["GETCUST"],
        True,
    )
    gone = await asked(http, boss, document, "POST", f"keys/{made['key_id']}/revoke")
    assert gone["revoked_at"] is not None
    await asked(http, boss, document, "POST", "keys/77/revoke", 404)
