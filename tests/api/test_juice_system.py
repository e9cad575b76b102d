import httpx
from tests.conftest import token_header


async def test_health_check_needs_no_credentials(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health-check")
    assert answer.status_code == 200
    assert answer.json()["data"]["alive"] is True
    assert answer.headers["status"] == "200 OK"
    assert answer.headers["x-juice-media-type"] == "juice.v1"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_auth_test_with_a_token(http: httpx.AsyncClient, boss) -> None:
    answer = await http.get("/auth-test", headers=token_header(boss))
    assert answer.json() == {"error": 0, "data": {"status": "OK"}}


async def test_wrong_credentials_are_refused_in_the_envelope(http: httpx.AsyncClient, boss) -> None:
    for header in ("token boss:wrong", "Basic !!!", "Basic Ym9zczp4", "Digest x", "token"):
        answer = await http.get("/auth-test", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.json()["error"] == 100
        assert answer.headers["www-authenticate"] == 'Basic realm="Juice", charset="UTF-8"'


async def test_head_is_get_without_a_body(http: httpx.AsyncClient) -> None:
    answer = await http.head("/health-check")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


async def test_unknown_paths_and_verbs(http: httpx.AsyncClient) -> None:
    unknown = await http.get("/juicecards/verify?portal=foo")
    assert (unknown.status_code, unknown.json()["error"]) == (404, 200)
    wrong = await http.post("/auth-test")
    assert (wrong.status_code, wrong.json()["error"]) == (405, 200)
    assert "GET" in wrong.headers["allow"]
