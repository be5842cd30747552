"""`GET /model` and `GET /models`: who decides, and who watches."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from stream.http.auth import Access
from stream.http.body import JSON
from stream.http.contract import problems
from stream.scoring.model import Player
from stream.serving.role_follower import RoleFollower


def model_routes(roles: RoleFollower, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["models"])
    options: dict[str, Any] = {
        "response_model": None,
        "responses": problems(401, 403, 503),
        "openapi_extra": {"security": [{"key": []}]},
    }

    @router.get("/model", **options)
    async def model(request: Request) -> Response:
        """The champion: its features in the order of a list, its policy, how good it was when it was trained."""
        access.require(request, "predict")
        return _json(_facts(roles.deciding().roles.champion))

    @router.get("/models", **options)
    async def models(request: Request) -> Response:
        """Everybody who plays, and the role change that was refused, if one was."""
        access.require(request, "read")
        now = roles.scorer.roles if roles.scorer is not None else None
        return _json(
            {
                "role_epoch": now.epoch if now else 0,
                "champion": _facts(now.champion) if now else None,
                "challengers": [_facts(each) for each in now.challengers] if now else [],
                "exploration": now.exploration if now else None,
                "refused": roles.refused,
            }
        )

    return router


def _facts(player: Player) -> dict[str, Any]:
    manifest = player.model.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "algorithm": manifest.algorithm,
        "sha256": player.model.sha256,
        "created_at_ms": manifest.created_at_ms,
        "share": player.share,
        "policy": player.policy,
        "missing": manifest.missing,
        "features": [
            {"name": each.name, "kind": each.kind, "categories": each.categories} for each in manifest.features
        ],
        "metrics": manifest.metrics,
        "training_window": manifest.training_window,
    }


def _json(found: Any) -> Response:
    return Response(msgspec.json.encode(found), media_type=JSON)
