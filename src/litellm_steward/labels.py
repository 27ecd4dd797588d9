"""Metadata of keys and teams: labels of the user's own, and never settings of LiteLLM.

LiteLLM reads some names in it as settings that no field of their own offers for free. Measured: with ``logging``
it sends every prompt and answer of the key or team to any host that is named there, and where it names a variable of
the proxy, refuses every call (1.83.14, 1.108.5).
Others say whether guardrails bind, and whether a caller may name their own prices. Nothing of that is for a
language model to set, which may have been talked into it; so these names are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litellm_steward.environment import refuse_references
from litellm_steward.errors import Refused
from litellm_steward.text import quote

SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "where LiteLLM sends the calls": (
        "callback_settings",
        "callback_vars",
        "callbacks",
        "failure_callback",
        "litellm_disabled_callbacks",
        "logging",
        "model_config",
        "opik",
        "otel_service_name",
        "otel_service_name_override",
        "phoenix_project_name",
        "phoenix_project_name_override",
        "secret_manager_settings",
        "service_callback",
        "success_callback",
    ),
    "which checks LiteLLM makes": (
        "cache",
        "disable_global_guardrails",
        "enable_prompt_caching",
        "enforced_batch_output_expires_after",
        "enforced_file_expires_after",
        "enforced_params",
        "guardrail_config",
        "guardrails",
        "opted_out_global_guardrails",
        "policies",
        "prompts",
        "require_trace_id",
        "zguard_policy_id",
    ),
    "what LiteLLM lets a caller do": (
        "allow_client_message_redaction_opt_out",
        "allow_client_mock_response",
        "allow_client_pricing_override",
        "allow_litellm_changed_by_header",
        "allowed_passthrough_routes",
        "allowed_tools",
        "allowed_vector_store_indexes",
        "auto_registered",
        "denied_passthrough_routes",
        "disable_fallbacks",
        "password_reset_required",
        "scim_active",
        "service_account_id",
    ),
    "which limits LiteLLM applies, and whom it tells": (
        "batch_enqueued_token_limit",
        "default_estimated_output_tokens",
        "default_estimated_output_tokens_per_model",
        "end_user_budget_id",
        "max_batch_file_records",
        "max_batch_file_uploads_per_day",
        "max_budget_alert_emails",
        "max_file_downloads_per_minute",
        "priority",
        "rpm_limit_type",
        "soft_budget_alerting_emails",
        "team_member_budget_id",
        "team_member_key_duration",
        "team_member_max_budget_alert_emails",
        "temp_budget_expiry",
        "temp_budget_increase",
        "throttle_on_budget_exceeded",
        "tpm_limit_type",
    ),
}
"""What a name decides, and the names, of the tested releases. ``tags`` and the limits per model are not among them:
they have no power but to label and to bound."""

FAMILIES: Final[Mapping[str, str]] = {
    "allow_client_": "what LiteLLM lets a caller do",
    "disable_global_": "which checks LiteLLM makes",
    "litellm_": "what LiteLLM does with the calls",
    "scim_": "what LiteLLM lets a caller do",
    "temp_budget_": "which limits LiteLLM applies",
    "user_api_key": "whom LiteLLM takes the caller for",
}
"""How names of that kind begin, for releases to come."""

_DECIDES: Final = {name: decides for decides, names in SETTINGS.items() for name in names}


def check_labels(metadata: Mapping[str, object] | None) -> None:
    """Refuse what is no label: a name that LiteLLM acts on, and a reference to the proxy's environment anywhere."""
    for name in metadata or {}:
        plain = name.strip().lower()
        decides = _DECIDES.get(plain) or next((what for start, what in FAMILIES.items() if plain.startswith(start)), "")
        if decides:
            raise Refused(
                f"metadata holds {quote(name)}, which is no label: it decides {decides}. Nothing was created",
                hint="Leave it out; who runs the proxy can set it there once the key or team exists.",
            )
    refuse_references({"metadata": metadata or {}})
