"""Record what real proxies say about models, for the unit tests.

``python -m tests.record_models http://127.0.0.1:4000 …`` with the address of a running example gateway of each release,
which was started without ``--seed``: what is seeded changes models and fallbacks.
Absent values, stack traces and file paths are cut; nothing else is changed.
"""

from __future__ import annotations

import json
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from examples.gateway.keys import master_key
from examples.gateway.settings import UPSTREAM_API_KEY, default_home
from examples.gateway.upstream import FakeUpstream

RECORDINGS: Final = Path(__file__).parent / "recordings" / "models.json"
BAD_KEY: Final = "sk-bad-1234567890abcdef"
USED: Final = "gpt-4o"
BOOKED_AFTER: Final = 120
"""Seconds that LiteLLM may take to book a call."""
MESSAGES: Final = [{"role": "user", "content": "ping"}]
KEPT_HEADERS: Final = ("x-litellm-model-id", "x-litellm-version")
ROUTER: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "model_group_alias")


class Recorder:
    """One proxy, and everything it said so far."""

    def __init__(self, base_url: str) -> None:
        headers = {"Authorization": f"Bearer {master_key(default_home())}"}
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=90, trust_env=False)
        self.said: dict[str, Any] = {}

    def __call__(self, name: str, method: str, path: str, body: object = None) -> httpx.Response:
        answer = self._client.request(method, path, json=body)
        self.said[name] = {
            "status": answer.status_code,
            "headers": {header: answer.headers[header] for header in KEPT_HEADERS if header in answer.headers},
            "body": cut(answer.json()),
        }
        return answer

    def version(self) -> str:
        for path in ("/health/readiness", "/health/readiness/details"):
            version = self._client.get(path).json().get("litellm_version")
            if version:
                return str(version)
        raise SystemExit("this proxy does not tell its version")


def cut(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without nulls, stack traces and file paths."""
    if isinstance(value, dict):
        return {name: cut(inner) for name, inner in value.items() if inner is not None and not name.startswith("supp")}
    if isinstance(value, list):
        return [cut(inner) for inner in value]
    if isinstance(value, str):
        value = re.sub(r"(?s)stack trace: .*", "stack trace: Traceback (most recent call last): ...", value)
        return re.sub(r"(?:/[\w.-]+)+/config\.yaml", "/app/config.yaml", value)
    return value


def record(base_url: str) -> tuple[str, dict[str, Any]]:
    ask = Recorder(base_url)
    version = ask.version()
    ask("all", "GET", "/v2/model/info?size=500")
    ask("unknown id", "GET", "/model/info?litellm_model_id=nope")
    ask("delete unknown", "POST", "/model/delete", {"id": "nope"})
    ask("credentials", "GET", "/credentials")
    ask("router settings", "GET", "/router/settings")
    settings = ask.said["router settings"]["body"]
    ask.said["router settings"]["body"] = {
        part: {k: v for k, v in settings.get(part, {}).items() if k in ROUTER} for part in ("current_values", "source")
    }
    with FakeUpstream() as upstream:
        for name, key, address, model in (
            ("good", UPSTREAM_API_KEY, upstream.base_url, "openai/recorded-1"),
            ("bad key", BAD_KEY, upstream.base_url, "openai/recorded-2"),
            ("dead host", UPSTREAM_API_KEY, "http://127.0.0.1:9/v1", "openai/recorded-3"),
            ("bogus provider", UPSTREAM_API_KEY, upstream.base_url, "bogus/recorded-4"),
        ):
            params = {"model": model, "api_key": key, "api_base": address}
            tried = {"mode": "chat", "litellm_params": {**params, "max_retries": 0}}
            ask(f"{name}: test", "POST", "/health/test_connection", tried)
            model_id = str(uuid.uuid4())
            ask(
                f"{name}: new",
                "POST",
                "/model/new",
                {"model_name": "recorded", "litellm_params": params, "model_info": {"id": model_id}},
            )
            ask(f"{name}: info", "GET", f"/model/info?litellm_model_id={model_id}")
            body = {"model": model_id, "messages": MESSAGES, "num_retries": 0, "disable_fallbacks": True}
            ask(f"{name}: chat", "POST", "/chat/completions", body)
            ask(f"{name}: health", "GET", f"/health?model_id={model_id}") if name in {"good", "dead host"} else None
            ask(f"{name}: delete", "POST", "/model/delete", {"id": model_id})
            ask.said[f"{name}: id"] = model_id
    use(ask)
    return version, ask.said


def use(ask: Recorder) -> None:
    """Calls of one model, and how their latency is told once they are booked, where the release tells it."""
    ask("used", "POST", "/chat/completions", {"model": USED, "messages": MESSAGES})
    del ask.said["used"]
    today = datetime.now(UTC).date()
    for _ in range(BOOKED_AFTER):
        path = f"/team/daily/activity/aggregated?start_date={today}&end_date={today}&api_key_limit=1"
        answer = ask("activity", "GET", path)
        if answer.status_code != 200:
            return
        days = ask.said["activity"]["body"]["results"] = [trimmed(day) for day in answer.json()["results"]]
        if any(USED in day["breakdown"]["model_groups"] for day in days):
            return
        time.sleep(1)
    raise SystemExit(f"the call of {USED} was not booked within {BOOKED_AFTER} s")


def trimmed(day: dict[str, Any]) -> dict[str, Any]:
    """A day with its model groups only."""
    groups = {name: {"metrics": entry["metrics"]} for name, entry in day["breakdown"]["model_groups"].items()}
    return {**day, "breakdown": {"model_groups": groups}}


if __name__ == "__main__":
    recorded = dict(record(address) for address in sys.argv[1:])
    RECORDINGS.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
