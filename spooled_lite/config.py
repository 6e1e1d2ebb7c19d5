"""Every setting with its default and limits; the only reader of the environment."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from spooled_lite.config_names import ALIASES, PREFIX
from spooled_lite.config_secrets import SECRETS
from spooled_lite.config_sources import (
    NO_FILE,
    ConfigError,
    ConfigFile,
    Given,
    Reader,
    plan_values,
    read_file,
)
from spooled_lite.config_values import (
    ApiKey,
    Count,
    Days,
    GrpcPort,
    HeaderText,
    Host,
    MailAddress,
    Networks,
    Origins,
    Port,
    SmtpPort,
    Text,
    Url,
    WrongValue,
    converted,
    without_none,
)
from spooled_lite.plan_values import BadPlanValue, plans_of

__all__ = ["NO_FILE", "SECRETS", "ConfigError", "ConfigFile", "Settings", "load", "read_file"]

CONNECTION_SHARE: Final = 2_500  # a quarter of the HTTP connections that may be open
PROVIDER_SECRET_CHARS_MIN: Final = 16  # in production and staging
# fmt: off
GUESSABLE: Final = (
    "development", "secret", "password", "change-me", "your-secret", "jwt-secret", "test", "demo",
)
# fmt: on


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting, named as its SPOOLED_ variable. config.example.toml explains them."""

    host: Host = "127.0.0.1"
    port: Port = 8080  # 0: any free port
    grpc_port: GrpcPort | Literal["auto", "off"] = 50051  # auto: any free port
    metrics_port: Port = 0  # 0: off
    public_url: Url | None = None  # without a slash at the end
    database: Text = "spooled.db"  # a path, or ":memory:"
    allow_network_disk: bool = False  # True: no word about it, and no refusal in production
    durability: Literal["full", "normal"] = "full"
    disk_reserve_bytes: Annotated[int, Meta(ge=0, le=2**40)] = 67_108_864
    write_line_max: Annotated[int, Meta(ge=16, le=1_000_000)] = 10_000
    write_batch_max: Annotated[int, Meta(ge=1, le=10_000)] = 256
    write_batch_ms_max: Annotated[int, Meta(ge=1, le=1000)] = 20
    shutdown_grace_seconds: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    backup_to: Text | None = None  # a folder or s3://…; None: the server makes no backups by itself
    backup_s3_endpoint: Text | None = None  # None: as the AWS variables say, or AWS itself
    backup_s3_region: Text | None = None  # likewise
    backup_spool: Text | None = None  # a folder; None: see backups/sending.py
    backup_cron: Text = "0 3 * * *"
    backup_drill_cron: Text = "0 4 * * 0"
    backup_timezone: Text = "UTC"
    backup_keep: Text = "7d 4w 6m"
    backup_mib_per_second: Annotated[int, Meta(ge=1, le=100_000)] = 40
    backup_wal_bytes_max: Annotated[int, Meta(ge=2**20, le=2**40)] = 2_147_483_648
    archive_to: Text | None = None  # a folder or s3://…; None: only backups can be restored
    archive_seconds: Annotated[int, Meta(ge=1, le=3600)] = 10
    archive_base_hours: Annotated[int, Meta(ge=1, le=24 * 366)] = 24
    archive_keep: Text = "7d"
    archive_spool_bytes: Annotated[int, Meta(ge=2**20, le=2**40)] = 1_073_741_824

    environment: Literal["development", "staging", "production"] = "development"
    compat_env: bool = False
    registration: Literal["open", "closed", "invite"] | None = None  # see registration_mode
    bootstrap_api_key: ApiKey | None = None
    admin_key: HeaderText | None = None  # None: the admin calls are off
    enforce_key_permissions: bool = True
    jwt_secret: Text | None = None  # None: generated once and kept in the database file
    jwt_expiration_hours: Annotated[int, Meta(ge=1, le=8760)] = 24
    email_signup_enabled: bool = True  # has no effect in production without outgoing mail
    smtp_host: Host | None = None  # None: no outgoing mail
    smtp_port: SmtpPort | None = None  # None: the usual port for smtp_security
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: Text | None = None  # None: no sign-in at the mail server
    smtp_password: Text | None = None
    smtp_from: MailAddress | None = None

    plan_enforcement: Literal["off", "on"] = "off"
    default_plan_tier: Literal["free", "starter", "pro", "enterprise"] = "free"
    plan_values: Mapping[str, str] = msgspec.field(default_factory=dict)  # by variable, not parsed
    # The settings that were set, with the place of each, such as "variable SPOOLED_PORT".
    given: Mapping[str, str] = msgspec.field(default_factory=dict)
    rate_limit_requests_per_second: Count | None = None  # None: not limited
    rate_limit_burst_size: Count | None = None  # see rate_limit_burst
    streams_per_org_max: Annotated[int, Meta(ge=1, le=100_000)] = 1000  # of each kind
    # None: see connection_share
    connections_per_address_max: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None

    worker_heartbeat_interval_secs: Annotated[int, Meta(ge=1, le=3600)] = 10
    worker_lease_duration_secs: Annotated[int, Meta(ge=1, le=3600)] = 30
    worker_max_concurrency: Annotated[int, Meta(ge=1, le=100)] = 5
    queue_default_max_retries: Annotated[int, Meta(ge=0, le=100)] = 3
    queue_default_timeout_secs: Annotated[int, Meta(ge=1, le=86_400)] = 300
    queue_max_payload_size_bytes: Annotated[int, Meta(ge=1, le=5_242_880)] = 1_048_576
    job_retention_days: Days = 30
    history_retention_days: Days = 7

    github_webhook_secret: Text | None = None
    stripe_webhook_secret: Text | None = None
    outgoing_webhook_max_attempts: Annotated[int, Meta(ge=1, le=10)] = 5
    outgoing_webhook_max_concurrent_deliveries: Annotated[int, Meta(ge=1, le=1000)] = 64
    webhook_allow_networks: Networks = ()

    metrics_token: HeaderText | None = None
    enable_hsts: bool = False
    cors_allowed_origins: Origins = ()
    trust_proxy: bool = False
    json_logs: bool = False
    access_log: bool = False
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    grpc_tls_enabled: bool = False
    grpc_tls_cert_path: Text | None = None
    grpc_tls_key_path: Text | None = None

    @property
    def registration_mode(self) -> Literal["open", "closed", "invite"]:
        """Who may register: as set, else closed in production and open elsewhere."""
        if self.registration is not None:
            return self.registration
        return "closed" if self.environment == "production" else "open"

    @property
    def issues_live_keys(self) -> bool:
        """Whether new API keys begin with sk_live_ rather than sk_test_."""
        return self.environment == "production"

    @property
    def rate_limit_burst(self) -> int | None:
        """How many requests may come at once: as set, else twice the rate, else no limit (None)."""
        if self.rate_limit_burst_size is not None or self.rate_limit_requests_per_second is None:
            return self.rate_limit_burst_size
        return 2 * self.rate_limit_requests_per_second

    @property
    def connection_share(self) -> int:
        """How many HTTP connections one address may have; 0 is no bound.

        As set, else CONNECTION_SHARE; behind a proxy no bound, since all connections come from it.
        """
        if self.connections_per_address_max is not None:
            return self.connections_per_address_max
        return 0 if self.trust_proxy else CONNECTION_SHARE

    @property
    def lacks_backups(self) -> bool:
        """Whether this is a server in production whose file nobody backs up, as far as it knows."""
        is_kept = self.environment == "production" and self.database != ":memory:"
        return is_kept and self.backup_to is None and self.archive_to is None

    def shown(self) -> dict[str, Any]:
        """Every setting with its value, secrets masked, for logs and for people."""
        values = {name: getattr(self, name) for name in (*TYPES, "plan_values")}
        return {
            name: "***" if value and name in SECRETS else value for name, value in values.items()
        }

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(self.shown().items())


_NO_SETTINGS: Final = frozenset({"plan_values", "given"})  # fields that are not settings

# The type of each setting that a flag, a variable or a key of the file can set.
TYPES: Final[Mapping[str, Any]] = {
    name: without_none(kind)
    for name, kind in get_type_hints(Settings, include_extras=True).items()
    if name not in _NO_SETTINGS
}


def load(
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str] = os.environ,
    file: ConfigFile = NO_FILE,
) -> tuple[Settings, list[str]]:
    """Read all settings. Returns them, and warnings about them.

    Flags win over the environment, which wins over the config file, which wins over defaults. A
    flag is named like its setting. None, and an empty text anywhere, counts as not given. The
    variables of the reference server belong to the environment, and SPOOLED_ names win over them.
    A secret may also be in a file, which a variable with _FILE at its end names.
    A value that another one overrides is checked as well.

    Raises:
        ConfigError: a value is bad, or a flag or a key of the file is unknown; the message names
            the nearest valid name. An unknown SPOOLED_* variable gives only a warning, since other
            programs use the prefix, too.

    Contract: platform.md, section 15.
    """
    reader = Reader(TYPES)
    in_file, in_environ, in_flags = (
        reader.from_file(file),
        reader.from_environ(environ),
        reader.from_flags(flags),
    )
    given = in_file | in_environ | in_flags
    if "compat_env" in given and given["compat_env"].value:
        aliased = reader.from_aliases(environ)
        given = in_file | aliased | in_environ | in_flags
    asked_for = {name: each.place for name, each in given.items()}
    if "port" in given and given["port"].value == 0:
        # With any free HTTP port several servers may run here, and a fixed gRPC port be in use.
        given.setdefault("grpc_port", Given("auto", "the default"))

    values = {name: each.value for name, each in given.items()}
    settings = Settings(plan_values=plan_values(file, environ), given=asked_for, **values)
    try:
        plans_of(settings.plan_values)
    except BadPlanValue as error:
        raise ConfigError(str(error)) from None
    for names, broken in _broken_rules(settings):
        places = [given[name].place for name in names if name in given]
        raise ConfigError(f"{' and '.join(places)}: {broken}")
    return settings, reader.warnings


def asks_for_json_logs(
    *, environ: Mapping[str, str] = os.environ, file: ConfigFile = NO_FILE
) -> bool:
    """Whether the log is to be JSON, as far as that can be known while other values may be bad."""
    names = [f"{PREFIX}JSON_LOGS"]
    if _is_true(environ.get(f"{PREFIX}COMPAT_ENV") or file.values.get("compat_env")):
        names += ALIASES["json_logs"]
    given = next((environ[name] for name in names if environ.get(name, "").strip()), None)
    return _is_true(file.values.get("json_logs") if given is None else given)


class TraceSettings(Struct, frozen=True):
    """What the variables of OpenTelemetry say that its library does not read by itself."""

    sampler: str | None
    sampler_argument: str | None
    protocol: str | None


def trace_settings(environ: Mapping[str, str] = os.environ) -> TraceSettings | None:
    """None: no variable asks for traces, or one of them switches them off.

    The variables have the names that OpenTelemetry gives them in every program.
    """

    def given(*names: str) -> str | None:
        return next((value for name in names if (value := environ.get(name, "").strip())), None)

    endpoint = given("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    is_off = (given("OTEL_SDK_DISABLED") or "").lower() == "true"
    if endpoint is None or is_off or given("OTEL_TRACES_EXPORTER") == "none":
        return None
    return TraceSettings(
        given("OTEL_TRACES_SAMPLER"),
        given("OTEL_TRACES_SAMPLER_ARG"),
        given("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    )


def _is_true(given: object) -> bool:
    try:
        value = given.strip() if isinstance(given, str) else given
        return value is not None and bool(converted(bool, value, is_text=True))
    except WrongValue:
        return False  # told of when all settings are read


def _broken_rules(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """The broken rules that no single type can state: the names of the settings, and the rule."""
    lease_secs = settings.worker_lease_duration_secs
    heartbeat_secs = settings.worker_heartbeat_interval_secs
    if lease_secs <= heartbeat_secs:
        yield (
            ("worker_lease_duration_secs", "worker_heartbeat_interval_secs"),
            f"worker_lease_duration_secs ({lease_secs}) must be more than"
            f" worker_heartbeat_interval_secs ({heartbeat_secs})",
        )
    for name in ("grpc_tls_cert_path", "grpc_tls_key_path"):
        if settings.grpc_tls_enabled and getattr(settings, name) is None:
            yield ("grpc_tls_enabled",), f"{name} must be set, too"
    if settings.smtp_host is not None and settings.smtp_from is None:
        yield ("smtp_host",), "smtp_from must be set, too"
    if settings.smtp_username is not None and settings.smtp_password is None:
        yield ("smtp_username",), "smtp_password must be set, too"
    if settings.smtp_username is not None and settings.smtp_security == "none":
        yield (
            ("smtp_username", "smtp_security"),
            'smtp_security "none" would send the password unencrypted',
        )
    if settings.environment != "development":
        yield from _weak_secrets(settings)


def _weak_secrets(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    where = f"in {settings.environment}"
    if weak := _weakness(settings.jwt_secret, chars_min=32, distinct_min=10):
        yield ("jwt_secret",), f"{where} {weak}"
    if settings.environment == "production":
        # The contract has no rule for the admin key. Half the length of the token secret is
        # enough, since guesses go over the network and are rate-limited.
        if weak := _weakness(settings.admin_key, chars_min=16, distinct_min=8):
            yield ("admin_key",), f"{where} {weak}"
        # Checked without its prefix, which has many characters and nothing secret.
        chosen = _after_prefix(settings.bootstrap_api_key)
        if weak := _weakness(chosen, chars_min=24, distinct_min=10):
            yield ("bootstrap_api_key",), f"{where} what follows its prefix {weak}"
    for name in ("github_webhook_secret", "stripe_webhook_secret"):
        secret = getattr(settings, name)
        if secret is not None and len(secret) < PROVIDER_SECRET_CHARS_MIN:
            yield (name,), f"{where} must have at least {PROVIDER_SECRET_CHARS_MIN} characters"


def _after_prefix(key: str | None) -> str | None:
    return None if key is None else key.split("_", 2)[2]


def _weakness(secret: str | None, *, chars_min: int, distinct_min: int) -> str:
    """The rule that the secret breaks, or an empty text. Never shows the secret."""
    if secret is None:
        return ""
    if len(secret) < chars_min:
        return f"must have at least {chars_min} characters"
    if len(set(secret)) < distinct_min:
        return f"must have at least {distinct_min} different characters"
    if any(word in secret.lower() for word in GUESSABLE):
        return f"must not contain any of the words {', '.join(GUESSABLE)}"
    return ""
