"""The console's application: routes, one error format, security headers, and the built pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from application.ports.requests import GatewayAway
from application.ports.sandbox import SandboxError
from domain.refusals import Conflict, Impossible, Invalid, NotFound, Refused, Taken
from web.access import session
from web.access.cookies import Unauthorised
from web.access.hosts import KnownHosts
from web.access.throttle import TooManyAttempts
from web.console import (
    account,
    address,
    alerts,
    amending,
    approvals,
    brokers,
    candles,
    conditions,
    debug,
    decisions,
    halts,
    health,
    heartbeat,
    latency,
    layouts,
    metrics,
    panics,
    portfolio,
    positions,
    reconciliations,
    story,
    streams,
    symbols,
    tickets,
    trading,
    users,
    webhooks,
)
from web.context import Context, Forbidden
from web.documentation import describe
from web.live import live
from web.live.feeds import Feeds
from web.strategies import checks, editor

TRADING = (
    brokers, trading, tickets, halts, panics, decisions, portfolio, positions, amending, symbols, metrics,
    reconciliations,
)  # fmt: skip
TOLD = (story, health, heartbeat, candles, checks, editor, latency, conditions)
STATUS: dict[type[Refused], int] = {
    Unauthorised: 401,
    Forbidden: 403,
    TooManyAttempts: 429,
    GatewayAway: 503,
    NotFound: 404,
    Impossible: 409,
    Conflict: 409,
    Taken: 409,
    Invalid: 422,
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def problem(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    """Return an error response in the format that all errors share."""
    return JSONResponse({"code": code, "message": message, "field": field}, status)


def create_app(context: Context, pages: Path | None = None) -> FastAPI:
    """Create the application. `pages` is the directory of the built console."""
    app = FastAPI(title="Aristobot", version="1", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.state.context = context
    app.state.feeds = Feeds(context)
    parts = (
        session, debug, account, layouts, users, *TRADING, webhooks, streams, approvals, address, alerts, *TOLD, live,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
    _answer_errors(app)
    describe(app, [route for part in parts for route in part.router.routes])

    @app.middleware("http")
    async def secure(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(HEADERS)
        if request.url.path.startswith("/api/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    app.add_middleware(KnownHosts, names=context.platform.names if context else ())
    if pages is not None and pages.exists():
        app.mount("/assets", StaticFiles(directory=pages / "assets"), name="assets")

        @app.get("/{path:path}", include_in_schema=False)
        def page(path: str) -> Response:
            if path.startswith("api/"):
                return problem(404, "not_found", "there is no such address")
            return FileResponse(pages / "index.html")

    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> JSONResponse:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
        return problem(status, error.code, str(error), error.field)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        # Of a list it is the list's name: a place within it is no field.
        named = [part for part in first["loc"] if isinstance(part, str)]
        return problem(422, "invalid", str(first["msg"]), named[-1] if named else None)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        codes = {404: "not_found", 405: "method_not_allowed"}
        return problem(error.status_code, codes.get(error.status_code, "http_error"), str(error.detail))

    @app.exception_handler(Exception)
    def broken(_: Request, __: Exception) -> JSONResponse:
        answer = problem(500, "internal_error", "this could not be carried out; the log says why")
        answer.headers.update(HEADERS)  # this response bypasses the middleware that sets them
        return answer

    @app.exception_handler(SandboxError)
    def sandbox_away(_: Request, error: Exception) -> JSONResponse:
        return problem(503, SandboxError.code, f"no code can be run: {error}")

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(PoolTimeout)
    def away(_: Request, __: Exception) -> JSONResponse:
        return problem(503, "database_away", "the database does not answer; nothing was changed or lost")
