"""Settings: from environment variables, from a file that somebody named, and from the command line.

No other file is read. A host starts its servers in whatever folder is open, and what lies there decides nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from litellm_steward.addresses import is_this_machine
from litellm_steward.env_file import EnvFileUnusable, read_env_file
from litellm_steward.errors import StewardError
from litellm_steward.secret import ConstantSecret, FileSecret, NoSecret, SecretSource, reveal
from litellm_steward.setting_names import Stray, strays
from litellm_steward.text import clean, quote, scrub

Approval = Literal["auto", "elicit", "plan", "off"]
Credentials = Literal["steward", "caller"]
KeyDelivery = Literal["reply", "file"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Names = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list in the environment."""

NEVER_ALLOWED_ENV = ("LITELLM_*", "DATABASE_*", "*SALT*", "*MASTER_KEY*")
"""Names that ``os.environ/NAME`` may never refer to, whatever ``STEWARD_ALLOWED_ENV`` says."""


KEY_HEADER: Final = "X-LiteLLM-Key"
"""Where a caller's own LiteLLM key is."""

SHORTEST_TOKEN: Final = 16
_TOKEN: Final = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},}}")

ENV_FILE: Final = "STEWARD_ENV_FILE"
"""Names the file of settings. Not a setting itself: it says where they are."""


class SettingsError(StewardError):
    """A setting is missing or wrong; the message names the variable and the line that mends it."""


@dataclass(frozen=True)
class Origins:
    """Where settings came from, by their variables' names; those that are not there are the defaults."""

    environment: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    command_line: tuple[str, ...] = ()
    env_file: Path | None = None
    names_another_file: bool = False
    """Whether the file holds STEWARD_ENV_FILE, which is not followed."""


class Settings(BaseSettings):
    """Every setting. The field descriptions are the README's table."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    _origins: Origins = PrivateAttr(default_factory=Origins)

    litellm_base_url: str = Field(default="http://localhost:4000", description="The proxy")
    litellm_master_key: SecretStr | None = Field(
        default=None, description="Admin credential: the master key, or a proxy admin's key"
    )
    litellm_master_key_file: Path | None = Field(
        default=None, description="A file with the admin credential, read again for every request"
    )
    litellm_key_header: str = Field(default="Authorization", description="For proxies with `litellm_key_header_name`")
    steward_credentials: Credentials = Field(
        default="steward",
        description=f"Whose LiteLLM key is used: the `steward`'s, or each `caller`'s in the HTTP header {KEY_HEADER}",
    )
    steward_read_only: bool = Field(default=False, description="Offer only the tools that read")
    steward_toolsets: Names = Field(
        default=("default",), description="`default` is the ten tools; more by name, or `all`"
    )
    steward_approval: Approval = Field(
        default="auto",
        description="Who agrees before something is destroyed or given away: `auto`, `elicit`, `plan`, `off`",
    )
    steward_approval_key: SecretStr | None = Field(
        default=None, description="Seals approval tokens and forms; give it to all replicas, or each takes its own only"
    )
    steward_key_delivery: KeyDelivery = Field(
        default="reply", description="`reply` shows a new key once; `file` writes it to STEWARD_KEY_DIR"
    )
    steward_key_dir: Path | None = Field(default=None, description="The folder for `file` delivery")
    steward_auth_token: SecretStr | None = Field(
        default=None, description="Bearer token that HTTP clients must present"
    )
    steward_auth_token_file: Path | None = Field(
        default=None, description="A file with that token, read again for every request"
    )
    steward_oauth_issuer: str | None = Field(
        default=None, description="Authorization server whose access tokens HTTP clients may present instead"
    )
    steward_oauth_resource: str | None = Field(
        default=None, description="Our own URL as clients know it, which is the audience of such a token"
    )
    steward_allowed_hosts: Names = Field(default=(), description="Host headers to accept; loopback if empty")
    steward_allowed_origins: Names = Field(default=(), description="Origin headers to accept; loopback if empty")
    steward_rate_limit: int = Field(
        default=2000, ge=1, description="HTTP requests a second of one caller; twice as many at once"
    )
    steward_timeout: float = Field(default=30, gt=0, le=600, description="Seconds for one proxy request")
    steward_grace: float = Field(
        default=30, ge=0, le=600, description="Seconds that calls under way have to finish when the process is stopped"
    )
    steward_allowed_env: Names = Field(
        default=("*_API_KEY",), description="Names that `os.environ/NAME` may refer to in a new model"
    )
    steward_audit_log: Path | None = Field(default=None, description="A JSON-lines record of every change")
    steward_log_level: LogLevel = Field(default="WARNING", description="To stderr, never stdout")

    @field_validator(
        "steward_toolsets",
        "steward_allowed_hosts",
        "steward_allowed_origins",
        "steward_allowed_env",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "litellm_master_key",
        "litellm_master_key_file",
        "steward_key_dir",
        "steward_approval_key",
        "steward_auth_token",
        "steward_auth_token_file",
        "steward_oauth_issuer",
        "steward_oauth_resource",
        "steward_audit_log",
        mode="before",
    )
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        """``NAME=`` means "not set"."""
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("litellm_base_url")
    @classmethod
    def _proxy_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        if "@" in value:  # wherever: a password may hold a slash
            raise ValueError("must not contain a user name or password")
        if "?" in value or "#" in value:
            raise ValueError("must not contain a query, where keys like to hide: error messages name this address")
        return value.rstrip("/")

    @field_validator("steward_auth_token", "steward_approval_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_token(value):
            raise ValueError(TOKEN_RULE)
        return value

    @field_validator("steward_oauth_issuer", "steward_oauth_resource")
    @classmethod
    def _https_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        if url.scheme != "https" and (url.scheme != "http" or not is_this_machine(url.hostname or "")):
            raise ValueError("must start with https://; http:// is for this machine alone")
        if not url.hostname or url.username is not None or url.query or url.fragment:
            raise ValueError("must be a URL without user name, query and fragment")
        return value

    @field_validator("steward_log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _file_delivery_needs_a_folder(self) -> Self:
        if self.steward_key_delivery == "file" and self.steward_key_dir is None:
            raise ValueError("STEWARD_KEY_DELIVERY=file needs STEWARD_KEY_DIR")
        return self

    @model_validator(mode="after")
    def _issuer_and_resource_go_together(self) -> Self:
        if (self.steward_oauth_issuer is None) != (self.steward_oauth_resource is None):
            raise ValueError("STEWARD_OAUTH_ISSUER and STEWARD_OAUTH_RESOURCE need each other")
        return self

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        held = self.litellm_master_key is not None or self.litellm_master_key_file is not None
        if self.steward_credentials == "caller" and held:
            raise ValueError("STEWARD_CREDENTIALS=caller excludes LITELLM_MASTER_KEY and LITELLM_MASTER_KEY_FILE")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """No file: ``load_settings`` reads the one that was named."""
        return init_settings, env_settings

    @property
    def origins(self) -> Origins:
        """Where the settings came from. Known of those that ``load_settings`` made."""
        return self._origins

    def coming_from(self, origins: Origins) -> Self:
        """These settings, which remember where they came from."""
        self._origins = origins
        return self

    @property
    def auth_token(self) -> SecretSource | None:
        """Where the HTTP clients' token comes from, if one is wanted."""
        if self.steward_auth_token_file is not None:
            return FileSecret("STEWARD_AUTH_TOKEN_FILE", self.steward_auth_token_file)
        if self.steward_auth_token is not None:
            return ConstantSecret("STEWARD_AUTH_TOKEN", self.steward_auth_token)
        return None

    @property
    def authenticates(self) -> bool:
        """Whether HTTP clients must prove who they are."""
        return self.auth_token is not None or self.steward_oauth_issuer is not None

    @property
    def master_key(self) -> SecretSource:
        """Where the admin credential comes from; asking for it may fail, building it does not."""
        if self.steward_credentials == "caller":
            return NoSecret(
                f"This request has no LiteLLM key: send yours in the HTTP header {KEY_HEADER}",
                hint="The steward holds none (STEWARD_CREDENTIALS=caller).",
            )
        if self.litellm_master_key_file is not None:
            return FileSecret("LITELLM_MASTER_KEY_FILE", self.litellm_master_key_file)
        return ConstantSecret("LITELLM_MASTER_KEY", self.litellm_master_key)

    def env_reference_allowed(self, name: str) -> bool:
        """Whether a model may refer to the proxy's environment variable ``name``."""
        upper = name.upper()
        if any(fnmatchcase(upper, pattern) for pattern in NEVER_ALLOWED_ENV):
            return False
        return any(fnmatchcase(upper, pattern.upper()) for pattern in self.steward_allowed_env)


TOKEN_RULE: Final = f"must be at least {SHORTEST_TOKEN} visible ASCII characters, such as `openssl rand -hex 32` makes"


def is_token(secret: SecretStr) -> bool:
    """Whether a bearer token can stand in a header and is too long to be tried out."""
    return _TOKEN.fullmatch(reveal(secret)) is not None


SETTINGS: Final = frozenset(name.upper() for name in Settings.model_fields)


def load_settings(*, env_file: Path | None = None, **given: object) -> Settings:
    """Settings of this process: the command line wins over the environment, which wins over the named file.

    ``env_file``: what ``--env-file`` names; without it, what STEWARD_ENV_FILE in the environment names, if anything.
    ``given``: settings by field name, from the command line; ``None`` is not given.
    Raises ``SettingsError``: problems as one sentence each, without the values.
    """
    named, by = (env_file, "--env-file") if env_file is not None else (_named_in(os.environ), ENV_FILE)
    filed = _read(named, by) if named is not None else {}
    _refuse_strays({"the environment": os.environ, _shown(named): filed})
    in_environment = _by_setting(os.environ, "the environment")
    in_file = _by_setting(filed, _shown(named))
    on_command_line = {name.upper(): value for name, value in given.items() if value is not None}
    origins = Origins(
        environment=_listed(in_environment.keys() - on_command_line.keys()),
        file=_listed(in_file.keys() - in_environment.keys() - on_command_line.keys()),
        command_line=_listed(on_command_line),
        env_file=named,
        names_another_file=any(name.upper() == ENV_FILE for name in filed),
    )
    chosen = {**{name: in_file[name] for name in origins.file}, **on_command_line}
    try:
        settings = Settings(**{name.lower(): value for name, value in chosen.items()})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(f"The configuration is wrong: {'; '.join(_problems(error, origins))}") from None
    return settings.coming_from(origins)


def _named_in(environment: Mapping[str, str]) -> Path | None:
    named = next((value for name, value in environment.items() if name.upper() == ENV_FILE), "")
    return Path(named) if named.strip() else None


def _read(path: Path, by: str) -> Mapping[str, str]:
    try:
        return read_env_file(path)
    except EnvFileUnusable as error:
        raise SettingsError(f"{_shown(path)}, which {by} names, {error}") from None


def _shown(path: Path | None) -> str:
    return f"the file {quote(scrub(str(path)), 300)}"


def _refuse_strays(sources: Mapping[str, Mapping[str, str]]) -> None:
    """Stop at what was probably meant to be a setting and is none."""
    told = [
        _told(stray, source)
        for source, variables in sources.items()
        for stray in strays(variables, SETTINGS | {ENV_FILE})
    ]
    if told:
        raise SettingsError("; ".join(told), hint="`litellm-steward --help` lists the settings; nothing was started.")


def _told(stray: Stray, source: str) -> str:
    guess = f": did you mean {stray.meant}?" if stray.meant else ""
    return f"{clean(scrub(stray.name), 60)} in {source} is not a setting{guess}"


def _by_setting(variables: Mapping[str, str], source: str) -> Mapping[str, str]:
    """The settings among variables, by their names in capitals."""
    found: dict[str, str] = {}
    for written, value in variables.items():
        name = written.upper()
        if name in SETTINGS and found.setdefault(name, value) != value:
            raise SettingsError(f"{name} stands twice in {source}, in capitals and in small letters; remove one")
    return found


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    """In the order of the README's table."""
    return tuple(name.upper() for name in Settings.model_fields if name.upper() in set(names))


def _problems(error: ValidationError, origins: Origins) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(item["loc"][0]).upper() if item["loc"] else ""
        message = item["msg"].removeprefix("Value error, ")
        place = f" ({_shown(origins.env_file)})" if name in origins.file else ""
        problems.append(f"{name}{place}: {message}" if name else message)
    return problems
