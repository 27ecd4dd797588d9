"""Every tool there is, in the order in which clients list them."""

from __future__ import annotations

from typing import Final

from litellm_steward.tools import keys, models, teams, users
from litellm_steward.tools.view import Late, ToolSpec

CATALOG: Final[tuple[ToolSpec, ...]] = (
    ToolSpec(models.create_model, "Add a model deployment", "creates"),
    ToolSpec(teams.create_team, "Create a team", "creates"),
    ToolSpec(users.create_user, "Register a user or customer", "creates"),
    ToolSpec(keys.delete_key, "Delete a key", "destroys"),
    ToolSpec(models.delete_model, "Delete a model deployment", "destroys"),
    ToolSpec(keys.generate_key, "Create a key", "creates"),
    ToolSpec(keys.get_key_info, "Look at a key", "reads"),
    ToolSpec(models.get_model_info, "Look at models and fallbacks", "reads"),
    ToolSpec(teams.get_team_info, "Look at a team", "reads"),
    ToolSpec(users.get_user_info, "Look at a user or customer", "reads"),
    ToolSpec(Late("litellm_steward.tools.spend", "spend_report"), "Report spend", "reads", "spend"),
    ToolSpec(Late("litellm_steward.tools.budgets", "budget_watch"), "See who runs out of budget", "reads", "spend"),
    ToolSpec(Late("litellm_steward.tools.audits", "audit_keys"), "Audit keys", "reads", "spend"),
    ToolSpec(Late("litellm_steward.tools.requests", "find_requests"), "Find requests", "reads", "spend"),
)
