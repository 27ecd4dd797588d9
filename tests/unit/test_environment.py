"""What an injected prompt would try in order to make the proxy send its own secrets somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from litellm_steward.addresses import check_address
from litellm_steward.api.version import Version
from litellm_steward.deployment_request import NewDeployment, new_deployment
from litellm_steward.environment import Reference, check_resolved, find_references
from litellm_steward.errors import InvalidArgument, Refused, StewardError, Unsupported
from litellm_steward.settings import Settings

EVIL = "https://evil.example/v1"
SETTINGS = Settings(_env_file=None)


def asked(model: str = "openai/gpt-4o", extra: dict[str, Any] | None = None, **named: object) -> NewDeployment:
    if isinstance(named.get("api_key"), str):
        named["api_key"] = SecretStr(str(named["api_key"]))
    return new_deployment("name", model, named, extra)


def judged(model: str = "openai/gpt-4o", extra: dict[str, Any] | None = None, **named: object) -> tuple[Reference, ...]:
    """What its parameters refer to; raises where they may not."""
    new = asked(model, extra, **named)
    return find_references({"model_name": new.model_name, "model": new.model, **new.params}, SETTINGS)


def test_a_reference_to_a_providers_key_is_allowed() -> None:
    assert find_references({"api_key": "os.environ/OPENAI_API_KEY"}, SETTINGS) == (
        Reference("api_key", "OPENAI_API_KEY"),
    )
    assert judged(api_key="os.environ/OPENAI_API_KEY") == (Reference("api_key", "OPENAI_API_KEY"),)


@pytest.mark.parametrize(
    "value",
    [
        "os.environ/LITELLM_SALT_KEY",
        "os.environ/LITELLM_MASTER_KEY",
        "os.environ/litellm_master_key",
        "os.environ/DATABASE_URL",
        "os.environ/DATABASE_API_KEY",
        "os.environ/MY_SALT_API_KEY",
        "os.environ/PATH",
        "os.environ/AWS_SECRET_ACCESS_KEY",
        " os.environ/OPENAI_API_KEY",
        "os.environ/OPENAI_API_KEY ",
        "OS.ENVIRON/OPENAI_API_KEY",
        "xos.environ/OPENAI_API_KEY",
        "os.environ/os.environ/LITELLM_SALT_KEY",
        "os.environ/OPENAI_os.environ/API_KEY",
        "os.environ/oidc/env/LITELLM_SALT_KEY",
        "os.environ/",
        "os.environ/A/B_API_KEY",
        "os.\u200benviron/LITELLM_SALT_KEY",
        "os.environ/LITELLM_SALT_KEY\u200b",
        "oidc/env/LITELLM_SALT_KEY",
        "oidc/file//etc/passwd",
        " OIDC/env_path/LITELLM_SALT_KEY",
    ],
)
def test_other_references_are_refused_wherever_they_stand(value: str) -> None:
    places: list[dict[str, object]] = [
        {"api_key": value},
        {"model_name": value},
        {"tags": [value]},
        {"extra_headers": {"X": [{"y": value}]}},
        {"extra_body": {value: 1}},
        {"mock_response": value},
    ]
    for fields in places:
        with pytest.raises(StewardError):
            find_references(fields, SETTINGS)
    with pytest.raises(StewardError):
        judged(api_key=value)
    with pytest.raises(StewardError):
        judged(extra={"api_key": value})


@pytest.mark.parametrize("field", ["organization", "mock_response", "api_version", "user", "extra_headers"])
def test_an_allowed_variable_may_not_stand_where_litellm_would_show_it(field: str) -> None:
    with pytest.raises(Refused, match="show its value"):
        find_references({field: "os.environ/OPENAI_API_KEY"}, SETTINGS)


def test_not_even_in_the_model_its_name_or_its_address() -> None:
    with pytest.raises(InvalidArgument):
        judged("openai/os.environ/OPENAI_API_KEY")
    with pytest.raises(Refused):
        judged(api_base="os.environ/OPENAI_API_KEY")


def test_nested_references_are_refused_because_litellm_sends_them_as_text() -> None:
    with pytest.raises(Refused):
        find_references({"credentials": {"api_key": "os.environ/OPENAI_API_KEY"}}, SETTINGS)


@pytest.mark.parametrize("field", ["aws_web_identity_token", "azure_ad_token"])
def test_fields_whose_plain_value_is_looked_up_obey_the_same_policy(field: str) -> None:
    with pytest.raises(Refused, match="LITELLM_SALT_KEY"):
        find_references({field: "LITELLM_SALT_KEY"}, SETTINGS)


def test_the_setting_widens_what_is_allowed_but_never_to_litellms_own_secrets() -> None:
    wide = Settings(_env_file=None, steward_allowed_env=("*",))
    assert find_references({"api_key": "os.environ/HF_TOKEN"}, wide)
    for name in ("LITELLM_SALT_KEY", "DATABASE_URL", "MY_MASTER_KEY"):
        with pytest.raises(Refused):
            find_references({"api_key": f"os.environ/{name}"}, wide)


@pytest.mark.parametrize("version", [Version(1, 83, 14), Version(1, 91, 4), None])
def test_releases_that_send_the_text_are_refused(version: Version | None) -> None:
    with pytest.raises(Unsupported):
        check_resolved((Reference("api_key", "OPENAI_API_KEY"),), version)


@pytest.mark.parametrize("version", [Version(1, 91, 5), Version(1, 110, 2)])
def test_releases_that_resolve_references_take_them(version: Version) -> None:
    check_resolved((Reference("api_key", "OPENAI_API_KEY"),), version)
    check_resolved((), None)


@pytest.mark.parametrize(
    "extra",
    [
        {"API_BASE": EVIL},
        {" api_base": EVIL},
        {"api-base": EVIL},
        {"model": "openai/x"},
        {"model_info": {"team_id": "x"}},
        {"custom_llm_provider": "openai"},
        {"api_key": 5},
        {"rpm": True},
        {"mode": "a b"},
        {"rpm": -1},
        {"temperature": float("nan")},
        {"stop": "x" * 30_000},
    ],
)
def test_parameters_in_disguise_are_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        judged(extra=extra)


@pytest.mark.parametrize(
    ("named", "extra"),
    [
        ({"api_base": EVIL}, {"api_base": EVIL}),
        ({"api_base": EVIL}, {"base_url": EVIL}),
        ({"api_key": "sk-mine-12345678"}, {"api_key": "sk-other-12345678"}),
        ({"credential": "a"}, {"litellm_credential_name": "b"}),
        ({"rpm": 1}, {"rpm": 1}),
    ],
)
def test_nothing_is_said_twice(named: dict[str, Any], extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="say the same thing"):
        judged(extra=extra, **named)


def test_a_key_and_a_credential_are_one_too_many() -> None:
    with pytest.raises(InvalidArgument, match="not both"):
        asked(api_key="sk-mine-12345678", credential="prod")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host/v1",
        "host/v1",
        "https://",
        "https://user:pass@host/v1",
        "https://ours.example@evil.example/",
        "https://ours.example\\@evil.example/",
        "https://host/v1\nX: y",
        "https://ho st/",
        "http://[::1",
        "http://host:99999999/",
        "https://häst.example/",
    ],
)
def test_addresses_that_mislead_are_refused(address: str) -> None:
    with pytest.raises(InvalidArgument):
        check_address(address)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "metadata.google.internal.",
        "[fe80::1]",
    ],
)
def test_metadata_services_are_refused(host: str) -> None:
    with pytest.raises(Refused, match="metadata"):
        check_address(f"http://{host}/latest")


@pytest.mark.parametrize(
    "model", ["", "openai/a b", "baseten/x@evil.example", "openai/x#y", "openai/x?y=1", "../x", "openai/\u202ex"]
)
def test_model_names_that_could_bend_an_address_are_refused(model: str) -> None:
    with pytest.raises(InvalidArgument):
        asked(model)


@pytest.mark.parametrize(
    "model", ["vertex_ai/claude-3-5-sonnet@20240620", "bedrock/arn:aws:bedrock:us-east-1:1:provisioned-model/a"]
)
def test_real_model_names_are_taken(model: str) -> None:
    assert asked(model).model == model


@pytest.mark.parametrize(
    "extra", [{"aws_region_name": "x.evil.example/#"}, {"vertex_location": "evil.example"}, {"vertex_project": "a/b"}]
)
def test_places_that_become_host_names_are_plain_words(extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        asked(extra=extra)


def test_a_key_stays_secret_until_the_body() -> None:
    new = asked(api_key="sk-mine-12345678")
    assert "sk-mine" not in repr(new)
    assert new.body()["litellm_params"] == {"model": "openai/gpt-4o", "api_key": "sk-mine-12345678"}
    assert "sk-mine-12345678" in new.secrets()


def test_what_a_provider_must_not_get_goes_into_model_info() -> None:
    new = asked(extra={"mode": "embedding"}, cache_read_input_token_cost=1e-7)
    assert new.body()["model_info"] == {"id": new.id, "mode": "embedding"}
    assert new.body()["litellm_params"] == {"model": "openai/gpt-4o", "cache_read_input_token_cost": 1e-7}


@pytest.mark.parametrize(
    "model",
    [
        "bedrock/converse/arn:aws:bedrock:evil.example/:1:inference-profile/x",
        "bedrock/agentcore/arn:aws:bedrock-agentcore:evil.example/:1:runtime/x",
        "bedrock/a:b:c:evil.example/:arn:aws:bedrock:us-east-1:1:inference-profile/x",
        "bedrock/ARN:aws:bedrock:evil.example:1:inference-profile/x",
        "bedrock/x/arn:aws:bedrock:us_east@1:1:p/x",
    ],
)
def test_no_host_hides_in_an_arn(model: str) -> None:
    """LiteLLM makes a host's name of its region, and sends the key or the identity of the proxy there."""
    with pytest.raises(InvalidArgument):
        asked(model)


@pytest.mark.parametrize(
    "model",
    [
        "bedrock/converse/arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude",
        "bedrock/arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:provisioned-model/x",
        "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "openai/ft:gpt-4o-mini-2024-07-18:acme::9uKz",
        "openai/ft:gpt-4o-mini-2024-07-18:acme:Learned_One:9uKz",
    ],
)
def test_ordinary_names_with_colons_pass(model: str) -> None:
    assert asked(model).model == model


@pytest.mark.parametrize(
    "host",
    ["[fd00:ec2::254]", "100.100.100.200", "0xa9.0xfe.0xa9.0xfe", "0251.0376.169.254", "169.16689662", "168.63.129.16"],
)
def test_metadata_services_are_refused_however_they_are_spelt(host: str) -> None:
    with pytest.raises(Refused, match="metadata"):
        check_address(f"http://{host}/latest")


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        ("vertex_ai/gemini", {"vertex_location": "evil.example/environ"}),
        ("bedrock/x", {"aws_region_name": "evil.example/environ"}),
        ("bedrock/x", {"aws_region_name": "evil.example/os.environ/A_API_KEY"}),
        ("openai/x", {"api_base": "http://169.254.169.254/latest/?environ"}),
        ("openai/x", {"api_base": "http://169.254.169.254/latest/?os.environ"}),
        ("openai/x", {"api_base": "https://u:p@ours.example/environ"}),
        ("openai/x y environ", {}),
    ],
)
def test_a_word_turns_no_check_off(model: str, extra: dict[str, Any]) -> None:
    with pytest.raises((InvalidArgument, Refused)):
        judged(model, extra)


def test_what_an_error_must_not_repeat_is_found_at_every_depth() -> None:
    hidden = "zq81-hidden-value"
    new = new_deployment("a", "openai/x", {}, {"extra_headers": {"X-Auth": hidden}, "l": [{"b": hidden + "2"}]})
    assert new.secrets() == (hidden + "2", hidden), "the longer first, or its end would stay"
