"""`GET /model` and `GET /models`: the champion and the challengers."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from stream.http.auth import Auth
from stream.http.body import JSON
from stream.http.openapi import key_with_scope, problem_responses
from stream.scoring.model import ModelInRole
from stream.serving.role_follower import RoleFollower


def model_routes(roles: RoleFollower, auth: Auth) -> APIRouter:
    """Return the router of the model routes.

    Args:
        roles: Provides the models that have a role.
        auth: Authorises requests.
    """
    router = APIRouter(tags=["models"])

    @router.get(
        "/model",
        response_model=None,
        response_description="The champion.",
        responses=problem_responses(401, 403, own={503: "There is no champion; try again after Retry-After seconds."}),
        openapi_extra={"security": key_with_scope("predict")},
    )
    async def model(request: Request) -> Response:
        """The champion: its features in manifest order, its policy, and its metrics from training."""
        auth.authorise(request, "predict")
        return _json(_describe(roles.deciding().roles.champion))

    @router.get(
        "/models",
        response_model=None,
        response_description="The models that have a role.",
        responses=problem_responses(401, 403),
        openapi_extra={"security": key_with_scope("read")},
    )
    async def models(request: Request) -> Response:
        """The champion, the challengers, and the newest role change if it was rejected."""
        auth.authorise(request, "read")
        current = roles.scorer.roles if roles.scorer is not None else None
        return _json(
            {
                "role_epoch": current.epoch if current else 0,
                "champion": _describe(current.champion) if current else None,
                "challengers": [_describe(each) for each in current.challengers] if current else [],
                "exploration": current.exploration if current else None,
                "refused": roles.refused,
            }
        )

    return router


def _describe(model: ModelInRole) -> dict[str, Any]:
    manifest = model.model.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "algorithm": manifest.algorithm,
        "sha256": model.model.sha256,
        "created_at_ms": manifest.created_at_ms,
        "share": model.share,
        "policy": model.policy,
        "missing": manifest.missing,
        "features": [
            {"name": each.name, "kind": each.kind, "categories": each.categories} for each in manifest.features
        ],
        "metrics": manifest.metrics,
        "training_window": manifest.training_window,
    }


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type=JSON)
