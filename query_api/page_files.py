"""The page at ``/``: files of our own, each with its ETag, under a policy that lets nothing else in."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request, Response

_FOLDER = Path(__file__).with_name("page")
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SCRIPTS = (
    "answer_text",
    "api",
    "asking",
    "dom",
    "events",
    "health",
    "key_field",
    "main",
    "source_panel",
    "theme",
    "uploading",
    "words",
)
_FILES = {
    "/": "index.html",
    **{f"/page/{name}": name for name in ("page.css", "icon.svg", *(f"{script}.js" for script in _SCRIPTS))},
}
PAGE_PATHS = frozenset(_FILES)
"""Where the files are; they tell nothing of collections, so anybody gets them."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""No script but ours runs, and none parses HTML; a browser keeps the files and asks each time whether they changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """A file's bytes, what they are, and their digest."""

    content: bytes
    media_type: str
    etag: str

    def response(self, known: str) -> Response:
        """Return the file, or 304 to a browser that has it: ``known`` is its ``If-None-Match``."""
        headers = {**HEADERS, "ETag": self.etag}
        if known.strip() == "*" or self.etag in (each.strip().removeprefix("W/") for each in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def add_page(app: FastAPI) -> None:
    """Add the page's files, which are read now and kept."""
    for path, name in _FILES.items():
        app.add_api_route(path, _sender(_read(_FOLDER / name)), methods=["GET", "HEAD"], include_in_schema=False)


def _sender(file: PageFile) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        return file.response(request.headers.get("if-none-match", ""))

    return send


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(
        content=content,
        media_type=_MEDIA_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
