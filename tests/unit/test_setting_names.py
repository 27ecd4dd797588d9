"""A misspelt setting stops the start; what belongs to LiteLLM, to Kubernetes or to nobody does not."""

from __future__ import annotations

import pytest

from litellm_steward.setting_names import strays
from litellm_steward.settings import ENV_FILE, SETTINGS, SettingsError, load_settings
from litellm_steward.text import HIDDEN

VALID = SETTINGS | {ENV_FILE}
SECRET = "sk-in-the-value-0123456789"

MEANT = {
    "STEWARD_READONLY": "STEWARD_READ_ONLY",
    "STEWARD_APPROVALS": "STEWARD_APPROVAL",
    "steward_readonly": "STEWARD_READ_ONLY",
    "Steward_Approvals": "STEWARD_APPROVAL",
    "STEWARD__APPROVAL": "STEWARD_APPROVAL",
    "STEWARD-APPROVAL": "STEWARD_APPROVAL",
    "STEWARDREADONLY": "STEWARD_READ_ONLY",
    "STWEARD_APPROVAL": "STEWARD_APPROVAL",
    "ЅTEWARD_APPROVAL": "STEWARD_APPROVAL",
    "STEWARD_ENVFILE": "STEWARD_ENV_FILE",
    "STEWARD_AUDITLOG": "STEWARD_AUDIT_LOG",
    "STEWARD_TOOLS": "STEWARD_TOOLSETS",
    "STEWARD_MASTER_KEY": "LITELLM_MASTER_KEY",
    "STEWARD_BASE_URL": "LITELLM_BASE_URL",
    "LITELLM_STEWARD_READ_ONLY": "STEWARD_READ_ONLY",
    "LITELLM_READ_ONLY": "STEWARD_READ_ONLY",
    "LITELLM_APPROVAL": "STEWARD_APPROVAL",
    "LITELLM_MASTERKEY": "LITELLM_MASTER_KEY",
    "LITELLM_MASTER_KEYFILE": "LITELLM_MASTER_KEY_FILE",
    "LITELLM_MASTR_KEY": "LITELLM_MASTER_KEY",
    "LITELLM_BASEURL": "LITELLM_BASE_URL",
    "litellm_baseurl": "LITELLM_BASE_URL",
    "LITELLM_BASE_URI": "LITELLM_BASE_URL",
    "LITELM_BASE_URL": "LITELLM_BASE_URL",
    "LITE_LLM_MASTER_KEY": "LITELLM_MASTER_KEY",
    "LITELLM_KEY_HEADERS": "LITELLM_KEY_HEADER",
}
UNGUESSED = ("STEWARD_PORT", "STEWARD_HOST", "STEWARD_NONSENSE", "STEWARD_", "LITELLM_STEWARD_X")
LET_BE = {
    # LiteLLM's own, and those of programs that use it
    "LITELLM_SALT_KEY": "x",
    "LITELLM_LOG": "DEBUG",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LICENSE": "x",
    "LITELLM_API_KEY": "x",
    "LITELLM_API_BASE": "x",
    "LITELLM_PROXY_URL": "x",
    "LITELLM_PROXY_API_KEY": "x",
    "LITELLM_PROXY_MASTER_KEY": "x",
    "LITELLM_UI_BASE_URL": "x",
    "LITELLM_VIRTUAL_KEY": "x",
    "LITELLM_TIMEOUT": "5",
    "LITELLM_LOG_LEVEL": "x",
    "LITELLM_MASTER_KEY_OLD": "x",
    # what Kubernetes and Docker set for services of these names
    "STEWARD_SERVICE_HOST": "10.0.0.1",
    "STEWARD_SERVICE_PORT": "80",
    "STEWARD_SERVICE_PORT_HTTP_MCP": "80",
    "STEWARD_PORT": "tcp://10.0.0.1:80",
    "STEWARD_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "STEWARD_PORT_8000_TCP_ADDR": "10.0.0.1",
    "STEWARD_PORT_53_UDP_PROTO": "udp",
    "STEWARD_CANARY_PORT": "tcp://10.0.0.2:80",
    "LITELLM_PORT_4000_TCP": "tcp://10.0.0.3:4000",
    # others'
    "STEAM_RUNTIME": "1",
    "STEWARDSHIP": "1",
    "APPROVAL": "off",
    "READ_ONLY": "true",
    "PATH": "/bin",
    "": "",
}


@pytest.mark.parametrize(("name", "meant"), MEANT.items())
def test_a_misspelt_setting_and_what_was_meant(name: str, meant: str) -> None:
    assert [stray.meant for stray in strays({name: SECRET}, VALID)] == [meant]


@pytest.mark.parametrize("name", UNGUESSED)
def test_every_name_that_begins_as_ours_must_be_ours(name: str) -> None:
    assert [(stray.name, stray.meant) for stray in strays({name: "8000"}, VALID)] == [(name, None)]


@pytest.mark.parametrize("name", LET_BE)
def test_what_belongs_to_others_is_let_be(name: str) -> None:
    assert list(strays({name: LET_BE[name]}, VALID)) == []


def test_every_setting_is_valid_in_any_case() -> None:
    assert list(strays(dict.fromkeys(VALID, "x") | {name.lower(): "x" for name in VALID}, VALID)) == []


@pytest.mark.parametrize("name", ["STEWARD_READONLY", "steward_readonly", "LITELLM_BASEURL"])
def test_the_start_ends_with_the_name_and_without_the_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    told = f"{name} in the environment is not a setting: did you mean {MEANT[name]}?"
    assert str(caught.value).startswith(told)
    assert SECRET not in str(caught.value)


def test_all_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_READONLY", "true")
    monkeypatch.setenv("STEWARD_NONSENSE", "true")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "STEWARD_READONLY in the environment is not a setting: did you mean STEWARD_READ_ONLY?" in str(caught.value)
    assert "STEWARD_NONSENSE in the environment is not a setting. " in str(caught.value)


def test_a_secret_in_a_name_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_sk-live-0123456789abcdef", "")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert HIDDEN in str(caught.value)
    assert "0123456789" not in str(caught.value)


def test_a_setting_in_small_letters_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("steward_read_only", "true")
    settings = load_settings()
    assert settings.steward_read_only
    assert settings.origins.environment == ("STEWARD_READ_ONLY",)


def test_two_spellings_that_differ_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_APPROVAL", "elicit")
    monkeypatch.setenv("steward_approval", "off")
    with pytest.raises(SettingsError, match="STEWARD_APPROVAL stands twice in the environment"):
        load_settings()
