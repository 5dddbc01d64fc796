"""The OpenAPI 3.1 document: what the routes, their views and the tree of errors say, put together."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask

from provisioning.api.blueprint import Described
from provisioning.api.problems import PREFIX, TokenRefused
from provisioning.api.schemas import Problem
from provisioning.domain.errors import DomainError, Forbidden, Invalid, NotFound, Unavailable

_EVERY_CALL = (TokenRefused, Forbidden, Unavailable)
_TOO_LARGE = 413  # werkzeug's own refusal of a long body
_MODEL = "#/components/schemas/{model}"


def describe(app: APIFlask) -> None:
    """Complete APIFlask's document with what `call` noted beside each route."""
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["AUTO_404_RESPONSE"] = False
    app.config["AUTO_VALIDATION_ERROR_RESPONSE"] = False
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}

    @app.spec_processor  # type: ignore[arg-type]  # JSON, so a dict
    def complete(spec: dict[str, Any]) -> dict[str, Any]:
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        _add_model(schemas, Problem)
        for rule in app.url_map.iter_rules():
            described: Described | None = getattr(app.view_functions[rule.endpoint], "described", None)
            if described is None or not rule.rule.startswith(PREFIX):
                continue
            for verb in (rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}:
                operation = spec["paths"][rule.rule.replace("<", "{").replace(">", "}")][verb.lower()]
                _complete_operation(operation, described, schemas, has_path=bool(rule.arguments))
        return spec


def statuses(described: Described, *, has_path: bool) -> list[int]:
    """Every status of a refusal that a call may answer with."""
    kinds: list[type[DomainError]] = [*_EVERY_CALL, *described.raises]
    if has_path or described.headers:
        kinds.append(NotFound)
    reads = described.body is not None or described.file is not None
    if reads or described.query or described.headers:
        kinds.append(Invalid)
    return sorted({kind.status for kind in kinds} | ({_TOO_LARGE} if reads else set()))


def _complete_operation(operation: dict[str, Any], described: Described, schemas: dict[str, Any], *, has_path: bool) -> None:
    answers = operation["responses"]
    success = answers.pop("200", {"description": "Done"})
    if described.media_type:
        success = {"description": "A file", "content": _binary(described.media_type)}
    answers[str(described.answer)] = success
    problem = {
        "description": "A problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": _MODEL.format(model="Problem")}}},
    }
    for status in statuses(described, has_path=has_path):
        answers.setdefault(str(status), problem)
    parameters = operation.setdefault("parameters", [])
    parameters += [_parameter(name, "header", required=True) for name in described.headers]
    parameters += [_parameter(name, "query", required=False) for name in described.query]
    if described.body is not None:
        model = described.body if isinstance(described.body, type) else described.body()
        _add_model(schemas, model)
        reference = {"$ref": _MODEL.format(model=model.__name__)}
        operation["requestBody"] = {"required": True, "content": {described.reads: {"schema": reference}}}
    elif described.file is not None:
        properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
        if described.file:
            properties["kind"] = {"type": "string", "enum": list(described.file)}
        form = {"type": "object", "required": ["file"], "properties": properties}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _add_model(schemas: dict[str, Any], model: Any) -> None:
    schema = model.model_json_schema(ref_template=_MODEL)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema


def _parameter(name: str, place: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _binary(media_type: str) -> dict[str, Any]:
    return {media_type: {"schema": {"type": "string", "format": "binary"}}}
