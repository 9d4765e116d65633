"""The published API: every status that an operation can answer, and the one form of all errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from web.context import admin
from web.forms.platform import Problem

PROBLEM = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
SAYS = {
    400: "The body is not complete, or no HTTP.",
    401: "No session, or a wrong name, password or code.",
    403: "The CSRF token is missing or wrong.",
    404: "It does not exist, is another user's, or is only the admin's.",
    409: "The state does not allow it, a name or place is taken, or somebody else was faster.",
    413: "The body is too large.",
    421: "The request is for a name that is not ours.",
    422: "The input is not acceptable.",
    429: "Too many wrong passwords or codes, or too many tries at once.",
    431: "The headers are too long.",
    500: "A fault of ours; the log says why.",
    503: "The gateway, the monitor or the database does not answer. Nothing was changed.",
}
ALWAYS = (400, 413, 421, 431, 500, 503)
FORMER = ("HTTPValidationError", "ValidationError")
"""The framework's own forms of errors, which no answer has."""


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let an application publish all statuses of its operations, which are at these routes."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for route in routes:
                if isinstance(route, APIRoute):
                    for method in route.methods or ():
                        _complete(made["paths"][route.path_format][method.lower()]["responses"], route, method)
            schemas = made["components"]["schemas"]
            schemas[Problem.__name__] = Problem.model_json_schema()
            for name in FORMER:
                schemas.pop(name, None)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(responses: dict[str, Any], route: APIRoute, method: str) -> None:
    validated = {HTTPStatus.UNPROCESSABLE_ENTITY} if "422" in responses else set[int]()
    for status in sorted({*ALWAYS, *validated, *_errors(route, method)}):
        responses[str(int(status))] = {"description": SAYS[status], "content": PROBLEM}
    for content in responses[str(route.status_code or 200)].get("content", {}).values():
        if "$ref" in content["schema"]:
            content["schema"].pop("type", None)  # the framework says `string` of what is streamed


def _errors(route: APIRoute, method: str) -> Iterator[int]:
    """Yield the statuses of the errors that an operation can answer besides those of all."""
    needed, changes = [*_needed(route.dependant)], method != "GET"
    if any(one.cookie_params for one in needed):
        yield HTTPStatus.UNAUTHORIZED
        if changes:
            yield HTTPStatus.FORBIDDEN
    if changes:
        yield HTTPStatus.CONFLICT
        yield HTTPStatus.UNPROCESSABLE_ENTITY
    names_something = route.dependant.path_params or any(
        parameter.field_info.is_required() for parameter in route.dependant.query_params
    )
    if any(one.call is admin for one in needed) or names_something or changes:
        yield HTTPStatus.NOT_FOUND
    if changes and route.dependant.request_param_name:  # who looks at the address counts tries by it
        yield HTTPStatus.UNAUTHORIZED
        yield HTTPStatus.TOO_MANY_REQUESTS


def _needed(dependant: Dependant) -> Iterator[Dependant]:
    """Yield what an operation depends on, itself included."""
    yield dependant
    for needed in dependant.dependencies:
        yield from _needed(needed)
