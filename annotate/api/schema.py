"""OpenAPI 3.1: what each operation takes and answers, declared once beside the code that does it.

Every method of a view is decorated with `operation`. What all operations share (who may call, limits, wrong
input) is added to the description by `add_shared_responses`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, extend_schema

from annotate.api.serializers import ErrorEnvelope, StrictSerializer
from tasks.vocabulary import Scope

Handler = TypeVar("Handler", bound=Callable[..., Any])

#: Any token may read what its person may read, unless an operation says otherwise.
READING = (Scope.READ, Scope.ANNOTATE, Scope.ORGANIZE)
ENVELOPE_REF = "#/components/schemas/ErrorEnvelope"

#: The refusals that operations share: status, name of the component, meaning.
SHARED: Mapping[str, tuple[str, str]] = {
    "400": ("Malformed", "The request cannot be read: not JSON, not UTF-8, NUL or half characters, nested too deep."),
    "401": ("NotSignedIn", "Nobody is signed in, or the token is unknown, revoked or expired."),
    "403": ("NotAllowed", "The token lacks the scope, or the person the role; or the CSRF token is missing."),
    "404": ("NotFound", "There is nothing of this name for this person."),
    "413": ("TooLarge", "The body is larger than this address takes."),
    "415": ("WrongMediaType", "The body has a content type that this address does not take."),
    "422": ("InvalidInput", "The input is wrong: `details` has sentences by field."),
    "429": ("TooManyRequests", "Too many requests: `Retry-After` says when the next one fits."),
    "503": ("Unavailable", "The database is away or busy; nothing was changed. `Retry-After` says when to try again."),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a view's method is: its name, the scopes of which a token needs one, and whether it asks who calls."""

    name: str
    scopes: tuple[Scope, ...]
    public: bool


def operation(  # noqa: PLR0913  (a declaration: each is a field of the description)
    name: str,
    *,
    summary: str,
    responses: Mapping[Any, Any],
    request: Any = None,
    query: type[StrictSerializer] | None = None,
    errors: Mapping[int, str] | None = None,
    scopes: tuple[Scope, ...] = READING,
    public: bool = False,
    tag: str | None = None,
) -> Callable[[Handler], Handler]:
    """Declare a method of an `ApiView`.

    name       verb_noun, unique: `create_campaign`
    summary    one short line for people; the docstring of the method says more
    request    the serializer of the body, or {media type: serializer}; None: no body
    query      the serializer of the query string
    responses  status (or (status, media type)) → serializer, `None` for no body, or an OpenApiResponse
    errors     status → its codes and what they mean, where this operation has its own (409: "…")
    scopes     a token needs one of these; a session has all of them
    public     nobody is asked who they are
    """
    described = {status: OpenApiResponse(ErrorEnvelope, description=text) for status, text in (errors or {}).items()}

    def declare(handler: Handler) -> Handler:
        handler.operation = Operation(name, scopes, public)  # type: ignore[attr-defined]
        return extend_schema(
            operation_id=name,
            summary=summary,
            request=request,
            parameters=[query] if query else None,
            responses={**responses, **described},
            tags=[tag] if tag else None,
            auth=[] if public else None,
            extensions=None if public else {"x-scopes": [str(scope) for scope in scopes]},
        )(handler)

    return declare


class ChorusSchema(AutoSchema):
    """Strict input is described as strict; docstrings of base classes, written for us, describe nothing."""

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular asks so
        handler = getattr(self.view, self.method.lower(), None)
        return inspect.getdoc(handler) or _own_docstring(type(self.view))

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        strict = isinstance(serializer, StrictSerializer) or (
            isinstance(serializer, type) and issubclass(serializer, StrictSerializer)
        )
        if strict:
            schema["additionalProperties"] = False
            if not _own_docstring(serializer if isinstance(serializer, type) else type(serializer)):
                schema.pop("description", None)
        return schema


def _own_docstring(kind: type) -> str:
    return inspect.cleandoc(vars(kind).get("__doc__") or "")


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "annotate.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of an account (`chorus_…`), or of a guest's device (`chorus-guest_…`).",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "annotate.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The site's own pages. Unsafe methods also send the CSRF token in `X-CSRFToken`.",
        }


def add_shared_responses(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Add to every operation the refusals that it shares with others (a post-processing hook)."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).setdefault("ErrorEnvelope", _envelope())
    components["responses"] = {name: _shared_response(status, text) for status, (name, text) in SHARED.items()}
    for path, methods in result.get("paths", {}).items():
        for described in methods.values():
            responses = described["responses"]
            for status in _shared_statuses(path, described):
                name = SHARED[status][0]
                responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})
            described["responses"] = dict(sorted(responses.items()))
    _drop_marks(result)
    return result


def _drop_marks(node: Any) -> None:
    """Remove what means nothing to a reader: the generator's own marks, and a choice between anything and null."""
    if isinstance(node, dict):
        node.pop("x-spec-enum-id", None)
        if {} in node.get("oneOf", ()):
            node.pop("oneOf")
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _drop_marks(part)


def _shared_statuses(path: str, described: Mapping[str, Any]) -> list[str]:
    takes_query = any(parameter["in"] == "query" for parameter in described.get("parameters", []))
    takes_body = "requestBody" in described
    wanted = {
        "400": True,
        "401": bool(described.get("security")),
        "403": bool(described.get("security")),
        "404": "{" in path,
        "413": takes_body,
        "415": takes_body,
        "422": takes_body or takes_query,
        "429": True,
        "503": True,
    }
    return [status for status, is_wanted in wanted.items() if is_wanted]


def _shared_response(status: str, text: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": ENVELOPE_REF}}},
    }
    if status in {"429", "503"}:
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
        }
    return response


def _envelope() -> dict[str, Any]:
    """`ErrorEnvelope` for a description in which no operation has errors of its own."""
    properties = {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}}
    error = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "object", "properties": {"error": error}, "required": ["error"]}
