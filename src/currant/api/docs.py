"""The pages of the APIs: Swagger UI over their documents, from this server alone.

Its files come from the installed wheel `swagger-ui-py`. The page has no script and no style inside
it, and its Content-Security-Policy lets nothing be asked of another server.
"""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from currant.api.http import Ready

# The hash is of the style within Swagger UI's own logo.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'"
    " 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Currant: the APIs</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<noscript>Documents: /openapi.json, /utilmate/openapi.json and /v1/openapi.json.</noscript>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  dom_id: "#page",
  urls: [
    {name: "JuiceAPI v11.5.0", url: "/openapi.json"},
    {name: "Utilmate API library", url: "/utilmate/openapi.json"},
    {name: "Currant /v1", url: "/v1/openapi.json"},
  ],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
});
"""
_FILES = {
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui-standalone-preset.js": "text/javascript; charset=utf-8",
}


@get("/docs")
async def get_page() -> Response[bytes]:
    """Show the documents, one at a time."""
    return Ready(
        _PAGE,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"},
    )


@get("/docs/{name:str}")
async def get_file(name: FromPath[str]) -> Response[bytes]:
    """Send a file of the page."""
    if name not in _FILES:
        raise NotFoundException
    headers = {"Cache-Control": "max-age=3600, private"}
    return Ready(_file(name), media_type=_FILES[name], headers=headers)


@cache
def _file(name: str) -> bytes:
    if name == "start.js":
        return _START
    wheel = distribution("swagger-ui-py")
    return Path(str(wheel.locate_file(f"swagger_ui/static/{name}"))).read_bytes()


ROUTES = [get_page, get_file]
