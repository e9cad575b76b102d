"""What the deployment decides, read once from the environment into one frozen object."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# Such as `60/minute` or `5/15 minutes`; empty for no limit.
Limit = Annotated[str, Field(pattern=r"^([1-9]\d*/([1-9]\d* )?(second|minute|hour|day)s?)?$")]


class Settings(BaseSettings):
    """The settings, each an environment variable `CURRANT_…`; `PORT` has its common name."""

    model_config = SettingsConfigDict(env_prefix="CURRANT_", frozen=True, extra="ignore")

    home: Path = Field(
        default=Path.home() / ".currant",
        description="Where the embedded database and the secrets of this installation live.",
    )
    database_url: str | None = Field(
        default=None,
        description="The runtime role's URL of an external PostgreSQL 18; unset: embedded.",
    )
    owner_url: str | None = Field(
        default=None,
        description="The owner role's URL of an external PostgreSQL 18, for `migrate` alone.",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535, validation_alias="PORT")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Where head-ends call this installation back; unset: where it is served.",
    )
    workers: int = Field(default=2, ge=1, le=64)
    pool_size: int = Field(default=10, ge=1, le=200, description="Connections of each worker.")
    public_meter_list: bool = Field(
        default=True,
        description="Whether GET /meters/get-meters answers without credentials, as documented.",
    )
    public_list_limit: Limit = Field(
        default="60/minute",
        description="How often one address is given the public list of meters, by each worker.",
    )
    sign_in_limit: Limit = Field(
        default="5/15 minutes",
        description="How often a login may fail to sign in from one address, by each worker.",
    )
    address_sign_in_limit: Limit = Field(
        default="100/15 minutes",
        description="How often all logins together may fail to sign in from one address.",
    )
    login_limit: Limit = Field(
        default="1000/second",
        description="How many requests one credential may make, by each worker.",
    )
    forwarded_by: str = Field(
        default="",
        description="Addresses of the proxies whose X-Forwarded-For tells who asks, with commas.",
    )
    smtp_url: str | None = Field(
        default=None,
        description="The mail server: smtp://USER:PASSWORD@HOST:PORT, or smtps://; unset: e-mail"
        " waits.",
    )
    mail_from: str | None = Field(
        default=None, description="The address that e-mail is from, such as billing@example.com."
    )
    sms_url: str | None = Field(
        default=None,
        description="What an SMS is posted to, with {to}, {text} and {id} in it; unset: SMS wait.",
    )


@lru_cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
