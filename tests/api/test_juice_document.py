"""The OpenAPI document of the Juice face; that answers are as it tells is checked by `http`."""

import re

import httpx
import pytest
from tests.documents import documents, operations, resolved

from currant.api.juice.app import ROUTES


def test_every_route_is_an_endpoint_of_the_document() -> None:
    document = documents()[0]
    numbers = [operation["operationId"] for *_, operation in operations(document)]
    assert len(numbers) == len(set(numbers)) == len(ROUTES)
    assert [
        number for number in numbers if not re.fullmatch(r"J(0[1-9]|[12]\d|3[0-7])", number)
    ] == []
    assert numbers == sorted(numbers)


def test_every_operation_tells_what_it_takes_and_answers() -> None:
    document = documents()[0]
    for path, method, operation in operations(document):
        assert {"200", "500", "503"} <= set(operation["responses"]), path
        assert operation["summary"].startswith(f"{operation['operationId']}: "), path
        public = operation.get("security") == []
        assert public == (path in ("/health-check", "/meters/get-meters")), path
        assert ("401" in operation["responses"]) != public, path
        for status, response in operation["responses"].items():
            told = resolved(document, response)
            (content,) = told["content"].values()
            assert "error" in content["schema"]["required"], (path, status)
            assert {"Status", "Content-Length", "Date"} <= set(told["headers"]), (path, status)
            assert ("Retry-After" in told["headers"]) == (status in ("429", "503")), (path, status)
        body = operation.get("requestBody")
        assert (body is not None) == (method == "post"), path
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert ("Idempotency-Key" in names) == (method == "post"), path
    schemes = document["components"]["securitySchemes"]
    assert {name for one in document["security"] for name in one} == set(schemes)


def test_the_columns_of_files_are_told() -> None:
    document = documents()[0]
    for path, _, operation in operations(document):
        if path.startswith("/file-importer") and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["text/csv"]["schema"]
            for columns in schema["x-columns"].values():
                assert columns, path
                assert all(f"`{column}`" in schema["description"] for column in columns), path


async def test_the_document_is_served(http: httpx.AsyncClient) -> None:
    answer = await http.get("/openapi.json")
    assert answer.json() == documents()[0]
    head = await http.head("/openapi.json")
    assert head.headers["content-length"] == answer.headers["content-length"]


@pytest.mark.parametrize(
    "name", ["start.js", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]
)
async def test_the_page_asks_this_server_alone(http: httpx.AsyncClient, name: str) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert f'"/docs/{name}"' in page.text
    assert re.search(r"<script>|<style|\son\w+=|//", page.text) is None
    answer = await http.get(f"/docs/{name}")
    assert answer.status_code == 200
    assert len(answer.content) > 100
    head = await http.head(f"/docs/{name}")
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_the_page_offers_both_documents_and_no_other_file(http: httpx.AsyncClient) -> None:
    start = (await http.get("/docs/start.js")).text
    assert '"/openapi.json"' in start
    assert '"/v1/openapi.json"' in start
    for path in ("/docs/index.html", "/docs/..%2f__init__.py", "/docs/../app.py", "/docs/x/y"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, 200), path
