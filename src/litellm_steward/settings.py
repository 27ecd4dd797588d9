"""Settings: environment variables, a ``.env`` file in the working folder, or the command line."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from litellm_steward.errors import StewardError
from litellm_steward.secret import ConstantSecret, FileSecret, SecretSource

Approval = Literal["auto", "elicit", "plan", "off"]
KeyDelivery = Literal["reply", "file"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Names = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list in the environment."""

NEVER_ALLOWED_ENV = ("LITELLM_*", "DATABASE_*", "*SALT*", "*MASTER_KEY*")
"""Names that ``os.environ/NAME`` may never refer to, whatever ``STEWARD_ALLOWED_ENV`` says."""


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
    steward_read_only: bool = Field(default=False, description="Offer only the tools that read")
    steward_toolsets: Names = Field(
        default=("default",), description="`default` is the ten tools; more by name, or `all`"
    )
    steward_approval: Approval = Field(
        default="auto",
        description="Who agrees before something is destroyed: `auto`, `elicit`, `plan`, `off`",
    )
    steward_key_delivery: KeyDelivery = Field(
        default="reply", description="`reply` shows a new key once; `file` writes it to STEWARD_KEY_DIR"
    )
    steward_key_dir: Path | None = Field(default=None, description="The folder for `file` delivery")
    steward_auth_token: SecretStr | None = Field(
        default=None, description="Bearer token that HTTP clients must present"
    )
    steward_auth_token_file: Path | None = Field(default=None, description="A file with that token")
    steward_allowed_hosts: Names = Field(default=(), description="Host headers to accept; loopback if empty")
    steward_allowed_origins: Names = Field(default=(), description="Origin headers to accept; loopback if empty")
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
        "steward_auth_token",
        "steward_auth_token_file",
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
        if "@" in value.split("//", 1)[1].split("/", 1)[0]:
            raise ValueError("must not contain a user name or password")
        return value.rstrip("/")

    @field_validator("steward_log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _file_delivery_needs_a_folder(self) -> Self:
        if self.steward_key_delivery == "file" and self.steward_key_dir is None:
            raise ValueError("STEWARD_KEY_DELIVERY=file needs STEWARD_KEY_DIR")
        return self

    @property
    def master_key(self) -> SecretSource:
        """Where the admin credential comes from; asking for it may fail, building it does not."""
        if self.litellm_master_key_file is not None:
            return FileSecret("LITELLM_MASTER_KEY_FILE", self.litellm_master_key_file)
        return ConstantSecret("LITELLM_MASTER_KEY", self.litellm_master_key)

    def env_reference_allowed(self, name: str) -> bool:
        """Whether a model may refer to the proxy's environment variable ``name``."""
        upper = name.upper()
        if any(fnmatchcase(upper, pattern) for pattern in NEVER_ALLOWED_ENV):
            return False
        return any(fnmatchcase(upper, pattern.upper()) for pattern in self.steward_allowed_env)


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
