"""Settings: from the environment or a named file, blank is unset, and a mistake names its variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from litellm_steward.secret import ConstantSecret, FileSecret, SecretUnavailable, reveal
from litellm_steward.settings import Origins, Settings, SettingsError, load_settings

KEY = "sk-settings-test-0001"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults() -> None:
    settings = load_settings()
    assert settings.litellm_base_url == "http://localhost:4000"
    assert settings.litellm_key_header == "Authorization"
    assert settings.steward_read_only is False
    assert settings.steward_toolsets == ("default",)
    assert settings.steward_approval == "auto"
    assert settings.steward_key_delivery == "reply"
    assert settings.steward_timeout == 30
    assert settings.steward_allowed_env == ("*_API_KEY",)
    assert settings.steward_log_level == "WARNING"


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = empty_folder / "named"
    file.write_text("LITELLM_BASE_URL=http://file:4000/\nSTEWARD_TIMEOUT=5\nSTEWARD_APPROVAL=plan\nUNRELATED=1\n")
    monkeypatch.setenv("STEWARD_TIMEOUT", "6")
    monkeypatch.setenv("STEWARD_APPROVAL", "off")
    settings = load_settings(env_file=file, steward_approval="elicit", steward_read_only=None)
    assert settings.litellm_base_url == "http://file:4000", "without the slash at its end"
    assert settings.steward_timeout == 6
    assert settings.steward_approval == "elicit"
    assert settings.steward_read_only is False, "what the command line leaves out is not given"
    assert settings.origins == Origins(
        environment=("STEWARD_TIMEOUT",),
        file=("LITELLM_BASE_URL",),
        command_line=("STEWARD_APPROVAL",),
        env_file=file,
    )


def test_blank_is_unset(empty_folder: Path) -> None:
    names = ["LITELLM_MASTER_KEY", "LITELLM_MASTER_KEY_FILE", "STEWARD_KEY_DIR", "STEWARD_AUDIT_LOG"]
    names += ["STEWARD_AUTH_TOKEN", "STEWARD_AUTH_TOKEN_FILE"]
    (empty_folder / "named").write_text("".join(f"{name}=  \n" for name in names))
    settings = load_settings(env_file=empty_folder / "named")
    assert [getattr(settings, name.lower()) for name in names] == [None] * 6


@pytest.mark.parametrize(
    ("written", "names"),
    [("default", ("default",)), (" spend , keys,, ", ("spend", "keys")), ("", ()), ("all", ("all",))],
)
def test_lists_are_separated_by_commas(written: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_TOOLSETS", written)
    assert load_settings().steward_toolsets == names


MISTAKES = {
    "LITELLM_BASE_URL": ("litellm.example:4000", "must start with http:// or https://"),
    "STEWARD_APPROVAL": ("maybe", "'auto', 'elicit', 'plan' or 'off'"),
    "STEWARD_KEY_DELIVERY": ("mail", "'reply' or 'file'"),
    "STEWARD_TIMEOUT": ("0", "greater than 0"),
    "STEWARD_READ_ONLY": ("perhaps", "boolean"),
    "STEWARD_LOG_LEVEL": ("loud", "'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'"),
}


@pytest.mark.parametrize(("name", "wrong", "said"), [(name, *mistake) for name, mistake in MISTAKES.items()])
def test_a_mistake_names_its_variable_and_not_its_value(
    name: str, wrong: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, wrong)
    with pytest.raises(SettingsError, match=f"{name}: .*{said}") as caught:
        load_settings()
    assert wrong not in str(caught.value).replace(said, "")


def test_a_password_in_the_address_is_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_BASE_URL", "https://admin:hunter2@litellm.example")
    with pytest.raises(SettingsError, match="LITELLM_BASE_URL: must not contain a user name or password") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_all_mistakes_are_told_at_once_and_where_they_are(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = empty_folder / "named"
    file.write_text("STEWARD_TIMEOUT=never\n")
    monkeypatch.setenv("STEWARD_APPROVAL", "maybe")
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=file)
    assert f"STEWARD_TIMEOUT (the file '{file}'): " in str(caught.value)
    assert "STEWARD_APPROVAL: " in str(caught.value)


def test_file_delivery_needs_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_KEY_DELIVERY", "file")
    with pytest.raises(SettingsError, match="STEWARD_KEY_DELIVERY=file needs STEWARD_KEY_DIR"):
        load_settings()


def test_levels_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_LOG_LEVEL", "debug")
    assert load_settings().steward_log_level == "DEBUG"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    monkeypatch.setenv("STEWARD_AUTH_TOKEN", KEY)
    settings = load_settings()
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert reveal(settings.master_key.read()) == KEY


def test_a_missing_key_is_said_when_it_is_needed_not_before() -> None:
    source = load_settings().master_key
    with pytest.raises(SecretUnavailable, match="set LITELLM_MASTER_KEY or LITELLM_MASTER_KEY_FILE") as caught:
        source.read()
    assert "litellm-steward check" in str(caught.value)


def test_a_key_file_wins_and_is_read_each_time(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = empty_folder / "key"
    path.write_text(f"\n {KEY} \n")
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-other")
    monkeypatch.setenv("LITELLM_MASTER_KEY_FILE", str(path))
    source = load_settings().master_key
    assert reveal(source.read()) == KEY
    path.write_text("sk-rotated")
    assert reveal(source.read()) == "sk-rotated"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "empty file"), (b" \n", "empty file"), (b"\xff\xfe", "not text")],
)
def test_a_key_file_that_cannot_be_used_is_named_by_its_variable(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SecretUnavailable, match=f"LITELLM_MASTER_KEY_FILE names .*{reason}"):
        FileSecret("LITELLM_MASTER_KEY_FILE", path).read()


@pytest.mark.parametrize("wrong", ["sk-1234\nsk-5678", "sk-1234 5678", "“sk-12345678”"])
def test_a_key_that_no_header_can_carry_is_refused_before_it_is_sent(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(wrong, encoding="utf-8")
    for source in (ConstantSecret("LITELLM_MASTER_KEY", SecretStr(wrong)), FileSecret("LITELLM_MASTER_KEY", path)):
        with pytest.raises(SecretUnavailable, match="LITELLM_MASTER_KEY holds characters that no key has") as caught:
            source.read()
        assert "5678" not in str(caught.value)


def test_a_constant_is_what_it_is() -> None:
    assert reveal(ConstantSecret("X", SecretStr(KEY)).read()) == KEY


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("OPENAI_API_KEY", True),
        ("openai_api_key", True),
        ("AWS_SECRET", False),
        ("LITELLM_API_KEY", False),
        ("LITELLM_MASTER_KEY", False),
        ("litellm_salt_key", False),
        ("DATABASE_URL", False),
        ("MY_SALT_API_KEY", False),
    ],
)
def test_which_variables_of_the_proxy_a_model_may_name(name: str, *, allowed: bool) -> None:
    assert load_settings().env_reference_allowed(name) == allowed


def test_the_proxys_own_secrets_stay_out_even_if_everything_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_ALLOWED_ENV", "*")
    settings = load_settings()
    assert settings.env_reference_allowed("AWS_SECRET")
    assert not settings.env_reference_allowed("LITELLM_MASTER_KEY")
    assert not settings.env_reference_allowed("DATABASE_URL")


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# ---- who may come in over HTTP ---------------------------------------------------------------------

OAUTH = {"STEWARD_OAUTH_ISSUER": "https://as.example", "STEWARD_OAUTH_RESOURCE": "https://steward.example/mcp"}


@pytest.mark.parametrize("token", ["fifteen-letters", "sixteen letters!", "sixteen-lettérs!", "sixteen-lette\trs"])
def test_a_token_must_be_long_and_plain(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_AUTH_TOKEN", token)
    with pytest.raises(SettingsError, match="STEWARD_AUTH_TOKEN: must be at least 16 visible ASCII") as refused:
        load_settings()
    assert token not in str(refused.value)


def test_who_authenticates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not load_settings().authenticates
    assert load_settings(steward_auth_token="sixteen-letters!").authenticates
    (tmp_path / "token").write_text("from-the-file-01\n")
    both = load_settings(steward_auth_token="sixteen-letters!", steward_auth_token_file=tmp_path / "token")
    assert both.auth_token is not None
    assert reveal(both.auth_token.read()) == "from-the-file-01"
    for name, value in OAUTH.items():
        monkeypatch.setenv(name, value)
    assert load_settings().authenticates


@pytest.mark.parametrize("name", OAUTH)
@pytest.mark.parametrize(
    "wrong",
    [
        "as.example",
        "http://as.example",
        "https://u@as.example",
        "https://as.example?x=1",
        "https://as.example#x",
        "https://",
    ],
)
def test_oauth_addresses_are_https(name: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each, value in {**OAUTH, name: wrong}.items():
        monkeypatch.setenv(each, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


@pytest.mark.parametrize("name", OAUTH)
def test_issuer_and_resource_need_each_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9000")
    with pytest.raises(SettingsError, match="need each other"):
        load_settings()
