"""Which names LiteLLM's own routes look up: each part of the routes of each release is judged, one by one."""

from __future__ import annotations

from typing import Final

import pytest

from litellm_steward.reserved_names import ROUTE_WORDS
from tests.live.conftest import Connect
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

# fmt: off
MANAGEMENT: Final = frozenset({
    "", "access_group", "active", "adaptive_router", "add", "alerting", "api", "audit", "authorize", "auto_router",
    "budget", "cache", "callback", "callbacks", "cloudzero", "compliance", "config", "config_overrides",
    "coordination_redis", "cost", "cost_optimization", "credentials", "customer", "debug", "delete", "email",
    "end_user", "eu_jev", "fallback", "gateway", "get", "get_favicon", "get_image", "get_logo_url", "global", "health",
    "in_product_nudges", "invitation", "jwt", "key", "lens", "litellm", "login", "management",
    "memory-usage-in-mem-cache", "memory-usage-in-mem-cache-items", "model-insights", "model_group", "model_hub",
    "moyai", "onboarding", "openapi.json", "organization", "otel-spans", "policies", "policy", "project", "prompts",
    "provider", "public", "redoc", "register", "reload", "revoke", "robots.txt", "router", "routes", "schedule", "scim",
    "search_tools", "session", "settings", "skill-hub", "spend", "sso", "subscription_accounts", "tag", "team",
    "telemetry", "test", "ui", "update", "usage", "user", "vantage",
})
# fmt: on
"""First parts of routes that call no model and pass nothing through, so that no name of a model is looked for there."""
LOOKED_UP: Final = ("{endpoint", "{model", "{deployment")
"""In a route that has one of these, LiteLLM looks for the name of a model."""


def routes_of(gateway: Seeded) -> set[str]:
    """The whole table: the newest release loads most routes when they are first called, and lists them as schemas."""
    listed = {route["path"] for route in gateway.admin("GET", "/routes").json()["routes"]}
    return listed | set(gateway.admin("GET", "/openapi.json").json()["paths"])


async def test_every_part_of_a_route_is_judged(gateway: Seeded, connect: Connect) -> None:
    routes = routes_of(gateway)
    assert len(routes) > 500, "the table is really there"
    first = {route.strip("/").split("/")[0] for route in routes}
    unjudged = {part for part in first if "{" not in part} - ROUTE_WORDS - MANAGEMENT
    assert unjudged == set(), "add each to ROUTE_WORDS if calls of models go there, else to MANAGEMENT"
    management = {route for route in routes if route.strip("/").split("/")[0] in MANAGEMENT | {"model"}}
    looked_up = {route for route in routes - management if any(mark in route for mark in LOOKED_UP)}
    parts = {part for route in looked_up for part in route.strip("/").split("/") if "{" not in part}
    assert parts - ROUTE_WORDS == set()
    async with connect() as steward:
        for name in (*sorted(ROUTE_WORDS & first)[:7], "deployments", "openai", "chat"):
            said = (await steward("create_model", model_name=name, model="openai/gpt-4o")).error()
            assert "is a part of LiteLLM's own routes" in said
