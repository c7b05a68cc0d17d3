"""``/`` and ``/docs`` without any file from elsewhere, and the schema every error has."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from query_api.authentication import PUBLIC_PATHS
from query_api.page_files import add_page
from query_api.problems import Problem
from query_api.shapes.examples import EXAMPLES

_PAGE = Path(__file__).with_name("docs.html")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of 'rag keys create', rag_…"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}
"""Either of them; a server that asks for no keys declares none."""


def add_pages(app: FastAPI, *, needs_key: bool) -> None:
    """Add ``/`` and ``/docs``; put the problem schema, examples, and how to send a key, into the OpenAPI document."""
    _with_schemas(app, needs_key=needs_key)
    add_page(app)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers={"Content-Security-Policy": _POLICY})


def _with_schemas(app: FastAPI, *, needs_key: bool) -> None:
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        components = schema.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        for name, example in EXAMPLES.items():
            schemas[name]["examples"] = [example]
        if needs_key:
            components["securitySchemes"] = _SECURITY_SCHEMES
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    operation["security"] = [] if path in PUBLIC_PATHS else [{name: []} for name in _SECURITY_SCHEMES]
        return schema

    app.openapi = openapi  # FastAPI's documented way to extend the schema
