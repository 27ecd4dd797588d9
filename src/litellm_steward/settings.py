"""Settings: environment variables, a ``.env`` file in the working folder, or the command line."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from litellm_steward.addresses import LOOPBACK
from litellm_steward.errors import StewardError
from litellm_steward.secret import ConstantSecret, FileSecret, NoSecret, SecretSource, reveal

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


class SettingsError(StewardError):
    """A setting is missing or wrong; the message names the variable and the line that mends it."""


class Settings(BaseSettings):
    """Every setting. The field descriptions are the README's table."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

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
        default=None, description="Seals approval tokens; give it to all replicas, or each takes its own only"
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
        """``NAME=`` in a .env file means "not set"."""
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
        if url.scheme != "https" and (url.scheme != "http" or url.hostname not in LOOPBACK):
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


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, overridden by the command line; problems as one sentence each."""
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(item["loc"][0]).upper() if item["loc"] else ""
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {message}" if name else message)
        folder = f" (also looked into {Path('.env').resolve()})" if Path(".env").exists() else ""
        raise SettingsError(f"The configuration is wrong{folder}: {'; '.join(problems)}") from None
