"""Pages for people: one document for every address that is not the API's, and the files that it asks for."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.convertors import Convertor, register_url_convertor

from engram import __version__
from engram.errors import NotFound
from engram.server.access import Here, Who
from engram.server.front_page import front_page
from engram.server.platform import Platform
from engram.server.route import Router
from engram.server.routes.health import problems_of
from engram.server.shipped import ASSETS, Pages, Shipped, takes_gzip

# What is no page, whatever stands behind it: nothing there is answered as a problem, never with a page.
NO_PAGES = ("api", "v1", "ws", "metrics", "healthz", "readyz", "assets")
ASK_AGAIN, FOREVER = "no-cache", "public, max-age=31536000, immutable"
METHODS = ["GET", "HEAD"]
PART = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+"  # nothing empty, no way up, nothing that a browser would read as one


class PageAddress(Convertor[str]):
    """Whatever may be the address of a page."""

    regex = rf"(?!(?:{'|'.join(NO_PAGES)})(?:/|$))(?:{PART}(?:/{PART})*/?)?"

    def convert(self, value: str) -> str:
        """Return the address as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the address as it is."""
        return value


register_url_convertor("page", PageAddress())
router = Router(tags=["pages"], include_in_schema=False)


@router.api_route("/assets/{name:path}", methods=METHODS, operation_id="pages.asset", response_class=Response)
async def asset(name: str, who: Who, request: Request) -> Response:
    """Return a file of the built pages."""
    found = _pages(request).files.get(f"{ASSETS}{name}")
    if found is None:
        raise NotFound("There is no such file of the pages.", remedy="Load the page again; it may have a newer one.")
    return _answer(found, request)


@router.api_route("/{address:page}", methods=METHODS, operation_id="pages.read", response_class=HTMLResponse)
async def page(address: str, who: Who, here: Here, request: Request) -> Response:
    """Return the document that shows every page; where it was not built, why, and what can be asked without it."""
    pages = _pages(request)
    if pages.index is not None:
        return _answer(pages.index, request)
    url = str(request.base_url).rstrip("/")
    said = await run_in_threadpool(_instead, here, url, request.app, pages.missing)
    return HTMLResponse(said, headers={"Cache-Control": "no-store"})


def _instead(here: Platform, url: str, app: FastAPI, missing: str) -> str:
    return front_page(url, __version__, problems_of(here), app.openapi(), missing)


def _pages(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


def _answer(file: Shipped, request: Request) -> Response:
    packed = file.packed if takes_gzip(request.headers.get("accept-encoding", "")) else None
    body = file.body if packed is None else packed
    headers = {
        "Cache-Control": FOREVER if file.immutable else ASK_AGAIN,
        "ETag": f'"{file.digest}{"" if packed is None else "-gzip"}"',
        "Content-Type": file.kind,
        "Content-Length": str(len(body)),
        **({} if packed is None else {"Content-Encoding": "gzip"}),
        **({} if file.packed is None else {"Vary": "Accept-Encoding"}),
    }
    return Response(b"" if request.method == "HEAD" else body, headers=headers)
