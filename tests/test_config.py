"""Settings: defaults, where they come from, what is refused, and that secrets stay hidden."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pprint

from spooled_lite.config import (
    SECRETS,
    TYPES,
    ConfigError,
    ConfigFile,
    Settings,
    load,
    read_file,
)
from spooled_lite.config_names import ALIASES, NOT_OURS
from spooled_lite.config_sources import FILE_BYTES_MAX

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
STRONG = "kX9-vQ2_mZ7.tR4+bW8=nL3!hY6~cJ5?pF1"  # 35 characters, all different


def settings_of(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    **keys: object,
) -> Settings:
    file = ConfigFile("lite.toml", keys)
    settings, warnings = load(flags=flags or {}, environ=environ or {}, file=file)
    assert warnings == []
    return settings


def warnings_of(environ: Mapping[str, str], **keys: object) -> list[str]:
    return load(flags={}, environ=environ, file=ConfigFile("lite.toml", keys))[1]


def refusal(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    **keys: object,
) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags=flags or {}, environ=environ or {}, file=ConfigFile("lite.toml", keys))
    return str(caught.value)


# --- defaults and order


def test_without_anything_given_the_defaults_hold() -> None:
    settings = settings_of()

    assert settings == Settings()
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8080, 50051)
    assert (settings.database, settings.durability) == ("spooled.db", "full")
    assert (settings.shutdown_grace_seconds, settings.disk_reserve_bytes) == (10.0, 64 * 2**20)
    bounds = (settings.write_line_max, settings.write_batch_max, settings.write_batch_ms_max)
    assert bounds == (10_000, 256, 20)


@pytest.mark.parametrize(
    ("flags", "environ", "keys", "port"),
    [
        ({"port": 1}, {"SPOOLED_PORT": "2"}, {"port": 3}, 1),
        ({"port": None}, {"SPOOLED_PORT": "2"}, {"port": 3}, 2),
        ({}, {"SPOOLED_PORT": "2"}, {"port": 3}, 2),
        ({}, {"SPOOLED_PORT": " "}, {"port": 3}, 3),
        ({}, {}, {"port": 3}, 3),
        ({"port": "4"}, {}, {}, 4),
    ],
)
def test_flags_win_over_variables_and_those_over_the_file(
    flags: dict[str, object], environ: dict[str, str], keys: dict[str, object], port: int
) -> None:
    settings = settings_of(flags, environ, **keys)

    assert settings.port == port


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("SPOOLED_PORT", " 9000 ", 9000),
        ("SPOOLED_GRPC_PORT", "off", "off"),
        ("SPOOLED_GRPC_PORT", "50052", 50052),
        ("SPOOLED_SHUTDOWN_GRACE_SECONDS", "2.5", 2.5),
        ("SPOOLED_JOB_RETENTION_DAYS", "-1", -1),
        ("SPOOLED_DURABILITY", "NORMAL", "normal"),
        ("SPOOLED_DATABASE", "sqlite::memory:", ":memory:"),
        ("SPOOLED_PUBLIC_URL", "https://jobs.example.com/", "https://jobs.example.com"),
        ("SPOOLED_WEBHOOK_ALLOW_NETWORKS", "10.1.0.0/16, ::1", ("10.1.0.0/16", "::1/128")),
        ("SPOOLED_CORS_ALLOWED_ORIGINS", "https://a.io,,http://b.io:81", None),
        *(("SPOOLED_ENABLE_HSTS", word, True) for word in ("true", "1", "yes", "on", "TRUE")),
        *(("SPOOLED_TRUST_PROXY", word, False) for word in ("false", "0", "no", "off", "Off")),
    ],
)
def test_text_of_a_variable_becomes_the_type_of_its_setting(
    variable: str, text: str, value: object
) -> None:
    settings = settings_of(environ={variable: text})

    expected = value if value is not None else ("https://a.io", "http://b.io:81")
    assert getattr(settings, variable.removeprefix("SPOOLED_").lower()) == expected


@pytest.mark.parametrize(
    ("given_to", "grpc_port"),
    [
        ({"flags": {"port": 0}}, "auto"),
        ({"environ": {"SPOOLED_PORT": "0"}}, "auto"),
        ({"flags": {"port": 0, "grpc_port": 50099}}, 50099),
        ({"flags": {"port": 0}, "environ": {"SPOOLED_GRPC_PORT": "off"}}, "off"),
        ({"flags": {"port": 1}}, 50051),
    ],
)
def test_a_free_port_for_http_means_one_for_grpc_unless_it_is_said(
    given_to: dict[str, Any], grpc_port: object
) -> None:
    settings = settings_of(**given_to)

    assert settings.grpc_port == grpc_port


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, "open"),
        ({"SPOOLED_ENVIRONMENT": "staging"}, "open"),
        ({"SPOOLED_ENVIRONMENT": "production"}, "closed"),
        ({"SPOOLED_ENVIRONMENT": "production", "SPOOLED_REGISTRATION": "open"}, "open"),
        ({"SPOOLED_REGISTRATION": "invite"}, "invite"),
    ],
)
def test_registration_is_closed_in_production_unless_told_otherwise(
    environ: dict[str, str], mode: str
) -> None:
    settings = settings_of(environ=environ)

    assert settings.registration_mode == mode


@pytest.mark.parametrize(
    ("rate", "size", "burst"), [(None, None, None), (100, None, 200), (100, 5, 5), (None, 5, 5)]
)
def test_the_burst_is_twice_the_rate_unless_it_is_set(
    rate: int | None, size: int | None, burst: int | None
) -> None:
    flags = {"rate_limit_requests_per_second": rate, "rate_limit_burst_size": size}

    settings = settings_of(flags)

    assert settings.rate_limit_burst == burst


# --- what is refused, and how it is said


@pytest.mark.parametrize(
    ("message", "given_to"),
    [
        (
            "flag --port: must be a whole number from 0 to 65535, not 'x'",
            {"flags": {"port": "x"}},
        ),
        (
            "variable SPOOLED_PORT: must be a whole number from 0 to 65535, not '99999'",
            {"environ": {"SPOOLED_PORT": "99999"}},
        ),
        (
            "key `port` in lite.toml: must be a whole number from 0 to 65535, not '80'",
            {"port": "80"},
        ),
        (
            "variable SPOOLED_GRPC_PORT: must be a whole number from 1 to 65535"
            " or one of auto, off, not '0'",
            {"environ": {"SPOOLED_GRPC_PORT": "0"}},
        ),
        (
            "variable SPOOLED_ENABLE_HSTS: must be true or false, not 'maybe'",
            {"environ": {"SPOOLED_ENABLE_HSTS": "maybe"}},
        ),
        (
            "variable SPOOLED_DURABILITY: must be one of full, normal, not 'none'",
            {"environ": {"SPOOLED_DURABILITY": "none"}},
        ),
        (
            "variable SPOOLED_SHUTDOWN_GRACE_SECONDS: must be a number from 0 to 3600, not 'nan'",
            {"environ": {"SPOOLED_SHUTDOWN_GRACE_SECONDS": "nan"}},
        ),
        (
            "key `job_retention_days` in lite.toml: must be a whole number up to 36500",
            {"job_retention_days": 36_501},
        ),
        (
            "variable SPOOLED_WEBHOOK_ALLOW_NETWORKS: must be a list of networks such as"
            " 10.1.0.0/16: 10.1.0.1/16 has host bits set",
            {"environ": {"SPOOLED_WEBHOOK_ALLOW_NETWORKS": "::1,10.1.0.1/16"}},
        ),
        (
            "variable SPOOLED_CORS_ALLOWED_ORIGINS: must be a list of origins such as"
            " https://app.example.com, without a path, not '*'",
            {"environ": {"SPOOLED_CORS_ALLOWED_ORIGINS": "*"}},
        ),
        (
            "variable SPOOLED_PUBLIC_URL: must be an http:// or https:// address without user,"
            " query or fragment",
            {"environ": {"SPOOLED_PUBLIC_URL": "ftp://example.com"}},
        ),
        (
            "variable SPOOLED_DATABASE: must be the path of a file or :memory:,"
            " not another address",
            {"environ": {"SPOOLED_DATABASE": "mysql://localhost/x"}},
        ),
        (
            "key `host` in lite.toml: must be a host name or an IP address",
            {"host": "a b"},
        ),
        (
            "variable SPOOLED_BOOTSTRAP_API_KEY: must be a key of at least 20 characters, without"
            " spaces, that starts with sk_live_, sk_test_, sp_live_ or sp_test_",
            {"environ": {"SPOOLED_BOOTSTRAP_API_KEY": "sk_test_0123456789a"}},
        ),
        ("flag --prot is unknown; the nearest is --port", {"flags": {"prot": 1}}),
        (
            "key `metrics_prot` in lite.toml is unknown; the nearest is `metrics_port`",
            {"metrics_prot": 1},
        ),
        (
            "key `plan_enforcment` in lite.toml is unknown; the nearest is `plan_enforcement`",
            {"plan_enforcment": "on"},
        ),
        (
            "key `plan_free_max_queues` in lite.toml: must be a whole number"
            " from -1 to 9007199254740991",
            {"plan_free_max_queues": True},
        ),
        (
            "flag --worker-lease-duration-secs and variable SPOOLED_WORKER_HEARTBEAT_INTERVAL_SECS:"
            " worker_lease_duration_secs (20) must be more than"
            " worker_heartbeat_interval_secs (20)",
            {
                "flags": {"worker_lease_duration_secs": 20},
                "environ": {"SPOOLED_WORKER_HEARTBEAT_INTERVAL_SECS": "20"},
            },
        ),
        (
            "key `worker_heartbeat_interval_secs` in lite.toml: worker_lease_duration_secs (30)"
            " must be more than worker_heartbeat_interval_secs (31)",
            {"worker_heartbeat_interval_secs": 31},
        ),
        (
            "key `grpc_tls_enabled` in lite.toml: grpc_tls_cert_path must be set, too",
            {"grpc_tls_enabled": True},
        ),
        (
            "key `grpc_tls_enabled` in lite.toml: grpc_tls_key_path must be set, too",
            {"grpc_tls_enabled": True, "grpc_tls_cert_path": "cert.pem"},
        ),
        (
            "variable SPOOLED_SMTP_HOST: smtp_from must be set, too",
            {"environ": {"SPOOLED_SMTP_HOST": "smtp.example.com"}},
        ),
        (
            "key `smtp_username` in lite.toml: smtp_password must be set, too",
            {"smtp_username": "me"},
        ),
        (
            "key `smtp_username` in lite.toml and flag --smtp-security:"
            ' smtp_security "none" would send the password unencrypted',
            {
                "smtp_username": "me",
                "smtp_password": "x",
                "flags": {"smtp_security": "none"},
            },
        ),
        (
            "key `admin_key` in lite.toml: must be at most 1024 ASCII characters, without spaces"
            " at the ends",
            {"admin_key": "schlüssel-0123456789"},
        ),
        (
            "variable SPOOLED_METRICS_TOKEN: must be at most 1024 ASCII characters, without"
            " spaces at the ends",
            {"environ": {"SPOOLED_METRICS_TOKEN": "tökén"}},
        ),
        (
            "key `smtp_from` in lite.toml: must be a mail address such as spooled@example.com,"
            " without a name",
            {"smtp_from": "Spooled <spooled@example.com>"},
        ),
    ],
)
def test_a_bad_value_is_refused_with_its_place_and_its_rule(
    message: str, given_to: dict[str, Any]
) -> None:
    assert refusal(**given_to) == message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "PostgreSQL", "postgresql+asyncpg"])
def test_a_postgres_address_is_refused_without_repeating_its_password(scheme: str) -> None:
    message = refusal(environ={"SPOOLED_DATABASE": f"{scheme}://me:hunter2@db/spooled"})

    assert message == (
        "variable SPOOLED_DATABASE: must be the path of a file: Spooled Lite uses one SQLite file,"
        " not PostgreSQL"
    )


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("data/jobs.db", "data/jobs.db"),
        (":memory:", ":memory:"),
        ("sqlite:jobs.db", "jobs.db"),
        ("sqlite://jobs.db?mode=rwc", "jobs.db"),
        ("sqlite:///var/lib/jobs.db", "/var/lib/jobs.db"),
        ("sqlite://:memory:", ":memory:"),
    ],
)
def test_a_sqlite_location_is_taken_as_its_path(location: str, path: str) -> None:
    assert settings_of(database=location).database == path


def test_a_bad_value_is_refused_even_where_another_one_wins_over_it() -> None:
    message = refusal({"port": 1}, {"SPOOLED_PORT": "2"}, port=-3)

    assert message == "key `port` in lite.toml: must be a whole number from 0 to 65535"


WORDS = "development, secret, password, change-me, your-secret, jwt-secret, test, demo"
NO_WORDS = f"must not contain any of the words {WORDS}"
FOLLOWS = "what follows its prefix must have at least"


@pytest.mark.parametrize(
    ("name", "secret", "rule"),
    [
        ("jwt_secret", STRONG[:31], "must have at least 32 characters"),
        ("jwt_secret", "abcdefghi" * 4, "must have at least 10 different characters"),
        ("jwt_secret", STRONG + "Change-Me", f"must not contain any of the words {WORDS}"),
        ("admin_key", STRONG[:15], "must have at least 16 characters"),
        ("admin_key", "abcdefg" * 3, "must have at least 8 different characters"),
        ("admin_key", STRONG + "DEMO", f"must not contain any of the words {WORDS}"),
        ("bootstrap_api_key", "sk_live_" + "a" * 43, f"{FOLLOWS} 10 different characters"),
        ("bootstrap_api_key", "sp_live_" + STRONG[:23], f"{FOLLOWS} 24 characters"),
        ("bootstrap_api_key", f"sk_test_{STRONG}demo", f"what follows its prefix {NO_WORDS}"),
        ("github_webhook_secret", STRONG[:15], "must have at least 16 characters"),
        ("stripe_webhook_secret", STRONG[:15], "must have at least 16 characters"),
    ],
)
def test_a_weak_secret_is_refused_in_production_alone_or_in_staging_too(
    name: str, secret: str, rule: str
) -> None:
    message = refusal({name: secret}, environment="production")

    assert message == f"flag --{name.replace('_', '-')}: in production {rule}"
    assert secret not in message
    assert settings_of({name: secret}) is not None
    if name in ("admin_key", "bootstrap_api_key"):
        assert settings_of({name: secret}, environment="staging") is not None
    else:
        assert "in staging must" in refusal({name: secret}, environment="staging")


def test_strong_secrets_are_accepted_in_production() -> None:
    secrets = {name: STRONG for name in SECRETS} | {"bootstrap_api_key": f"sk_test_{STRONG}"}

    settings = settings_of(secrets, environment="production")

    assert settings.jwt_secret == STRONG


# --- what is only warned of


def test_an_unknown_variable_is_warned_of_with_the_nearest_name() -> None:
    warnings = warnings_of({"SPOOLED_PROT": "1", "SPOOLED_port": "2", "OTHER": "3"})

    assert warnings == [
        "variable SPOOLED_PROT is unknown; the nearest is SPOOLED_PORT",
        "variable SPOOLED_port is unknown; the nearest is SPOOLED_PORT",
    ]


def test_an_unknown_variable_is_named_in_a_form_that_can_be_logged() -> None:
    [long, odd] = warnings_of({"SPOOLED_\udcff": "x", "SPOOLED_" + "X" * 100_000: "x"})

    assert odd.startswith("variable SPOOLED_\\udcff is unknown")
    assert len(long) < 200


def test_a_mistyped_plan_enforcement_is_not_taken_for_a_tier_value() -> None:
    [warning] = warnings_of({"SPOOLED_PLAN_ENFORCMENT": "on"})

    assert warning.endswith("the nearest is SPOOLED_PLAN_ENFORCEMENT")


@pytest.mark.parametrize(
    "variable",
    ["SPOOLED_OTEL_SERVICE_NAME", "SPOOLED_WORKER_STALE_THRESHOLD"],
)
def test_a_setting_that_is_not_built_is_warned_of(variable: str) -> None:
    assert warnings_of({variable: "x"}) == [f"variable {variable} has no effect in this version"]


def test_names_of_clients_are_ignored_in_silence() -> None:
    environ = dict.fromkeys(NOT_OURS, "x")

    assert {"SPOOLED_URL", "SPOOLED_API_KEY", "SPOOLED_BASE_URL"} <= NOT_OURS
    assert settings_of(environ=environ) == Settings()


@pytest.mark.parametrize("word", ["prod", "test", "Live"])
def test_an_unknown_environment_counts_as_production_with_a_warning(word: str) -> None:
    settings, warnings = load(flags={}, environ={"SPOOLED_ENVIRONMENT": word})

    assert settings.environment == "production"
    assert warnings == [
        "variable SPOOLED_ENVIRONMENT: must be one of development, staging, production;"
        " treated as production"
    ]


def test_an_unknown_registration_mode_is_ignored_with_a_warning() -> None:
    environ = {"SPOOLED_REGISTRATION": "cloesd", "SPOOLED_ENVIRONMENT": "production"}

    settings, warnings = load(flags={}, environ=environ)

    assert settings.registration_mode == "closed"
    assert warnings == [
        "variable SPOOLED_REGISTRATION: must be one of open, closed, invite; ignored"
    ]


# --- tier values


def test_tier_values_are_passed_on_untouched_and_never_taken_for_the_switch() -> None:
    environ = {
        "SPOOLED_PLAN_ENFORCEMENT": "on",
        "SPOOLED_PLAN_LIMITS_JSON": '{"free": {}}',
        "SPOOLED_PLAN_FREE_MAX_QUEUES": "unlimited",
        "SPOOLED_PLAN_PRO_MAX_QUEUES": "",
    }

    settings = settings_of(environ=environ, plan_free_max_queues=5, plan_starter_max_workers=-1)

    assert settings.plan_enforcement == "on"
    assert settings.plan_values == {
        "SPOOLED_PLAN_LIMITS_JSON": '{"free": {}}',
        "SPOOLED_PLAN_FREE_MAX_QUEUES": "unlimited",
        "SPOOLED_PLAN_STARTER_MAX_WORKERS": "-1",
    }


# --- the reference server's own names

COMPAT = [
    ("HOST", "0.0.0.0", "host", "0.0.0.0"),
    ("PORT", "81", "port", 81),
    ("METRICS_PORT", "9090", "metrics_port", 9090),
    ("GRPC_PORT", "50052", "grpc_port", 50052),
    ("RUST_ENV", "staging", "environment", "staging"),
    ("BASE_URL", "http://a.io", "public_url", "http://a.io"),
    ("DATABASE_URL", "sqlite://a.db", "database", "a.db"),
    ("ADMIN_API_KEY", "k", "admin_key", "k"),
    ("REGISTRATION_MODE", "closed", "registration", "closed"),
    ("JWT_SECRET", "s", "jwt_secret", "s"),
    ("JWT_EXPIRATION_HOURS", "2", "jwt_expiration_hours", 2),
    ("RATE_LIMIT_REQUESTS_PER_SECOND", "7", "rate_limit_requests_per_second", 7),
    ("RATE_LIMIT_BURST_SIZE", "8", "rate_limit_burst_size", 8),
    ("RATE_LIMIT_BURST", "9", "rate_limit_burst_size", 9),
    ("WORKER_HEARTBEAT_INTERVAL_SECS", "3", "worker_heartbeat_interval_secs", 3),
    ("WORKER_HEARTBEAT_INTERVAL", "4", "worker_heartbeat_interval_secs", 4),
    ("WORKER_LEASE_DURATION_SECS", "40", "worker_lease_duration_secs", 40),
    ("WORKER_LEASE_DURATION", "41", "worker_lease_duration_secs", 41),
    ("WORKER_MAX_CONCURRENCY", "10", "worker_max_concurrency", 10),
    ("QUEUE_DEFAULT_MAX_RETRIES", "1", "queue_default_max_retries", 1),
    ("QUEUE_MAX_RETRIES", "2", "queue_default_max_retries", 2),
    ("QUEUE_DEFAULT_TIMEOUT_SECS", "60", "queue_default_timeout_secs", 60),
    ("QUEUE_DEFAULT_TIMEOUT", "61", "queue_default_timeout_secs", 61),
    ("QUEUE_MAX_PAYLOAD_SIZE_BYTES", "1000", "queue_max_payload_size_bytes", 1000),
    ("GITHUB_WEBHOOK_SECRET", "g", "github_webhook_secret", "g"),
    ("STRIPE_WEBHOOK_SECRET", "s", "stripe_webhook_secret", "s"),
    ("OUTGOING_WEBHOOK_MAX_ATTEMPTS", "2", "outgoing_webhook_max_attempts", 2),
    (
        "OUTGOING_WEBHOOK_MAX_CONCURRENT_DELIVERIES",
        "3",
        "outgoing_webhook_max_concurrent_deliveries",
        3,
    ),
    ("METRICS_TOKEN", "m", "metrics_token", "m"),
    ("ENABLE_HSTS", "true", "enable_hsts", True),
    ("CORS_ALLOWED_ORIGINS", "http://a.io", "cors_allowed_origins", ("http://a.io",)),
    ("JSON_LOGS", "1", "json_logs", True),
    ("RUST_LOG", "warn", "log_level", "warning"),
    ("GRPC_TLS_ENABLED", "false", "grpc_tls_enabled", False),
    ("GRPC_TLS_CERT_PATH", "c.pem", "grpc_tls_cert_path", "c.pem"),
    ("GRPC_TLS_KEY_PATH", "k.pem", "grpc_tls_key_path", "k.pem"),
    ("EMAIL_SIGNUP_ENABLED", "no", "email_signup_enabled", False),
]


@pytest.mark.parametrize(("alias", "text", "name", "value"), COMPAT)
def test_a_reference_name_is_read_only_on_request_and_gives_way(
    alias: str, text: str, name: str, value: object
) -> None:
    without = settings_of(environ={alias: text})
    asked_for = settings_of(environ={"SPOOLED_COMPAT_ENV": "1", alias: text})
    own = {f"SPOOLED_{name.upper()}": "warning" if alias == "RUST_LOG" else text}
    beside_own = settings_of(environ={"SPOOLED_COMPAT_ENV": "1", alias: "!", **own})

    assert without == Settings()
    assert getattr(asked_for, name) == value
    assert set(beside_own.given) == set(asked_for.given)
    assert msgspec.structs.replace(beside_own, given=asked_for.given) == asked_for


def test_every_reference_name_is_in_the_table_above() -> None:
    assert {alias for aliases in ALIASES.values() for alias in aliases} == {
        alias for alias, *_ in COMPAT
    }
    assert all(alias in ALIASES[name] for alias, _, name, _ in COMPAT)


@pytest.mark.parametrize(
    "names", [names for names in ALIASES.values() if len(names) > 1], ids=lambda names: names[0]
)
def test_of_two_reference_spellings_the_one_in_the_code_wins(names: tuple[str, str]) -> None:
    [name] = (name for name, aliases in ALIASES.items() if aliases == names)

    settings = settings_of(environ={"SPOOLED_COMPAT_ENV": "1", names[1]: "28", names[0]: "29"})
    fallback = settings_of(environ={"SPOOLED_COMPAT_ENV": "1", names[1]: "28", names[0]: ""})

    assert getattr(settings, name) == 29
    assert getattr(fallback, name) == 28


def test_reference_names_win_over_the_file_and_lose_to_flags() -> None:
    environ = {"SPOOLED_COMPAT_ENV": "yes", "PORT": "2", "HOST": "two"}

    settings = settings_of({"host": "one"}, environ, port=3, host="three")

    assert (settings.host, settings.port) == ("one", 2)


def test_a_bad_value_of_a_reference_name_is_refused_under_that_name() -> None:
    message = refusal(environ={"SPOOLED_COMPAT_ENV": "1", "PORT": "tcp://10.0.0.1:80"})

    assert message.startswith("variable PORT: must be a whole number")


def test_reference_names_without_a_meaning_here_are_ignored_in_silence() -> None:
    environ = {
        "SPOOLED_COMPAT_ENV": "1",
        "DATABASE_DIRECT_URL": "postgres://x",
        "DATABASE_MAX_CONNECTIONS": "x",
        "DATABASE_MIN_CONNECTIONS": "x",
        "DATABASE_ACQUIRE_TIMEOUT_SECS": "x",
        "REDIS_URL": "x",
        "REDIS_POOL_SIZE": "x",
        "WORKER_FALLBACK_POLL_INTERVAL_SECS": "x",
        "FORCE_HTTPS": "x",
    }

    expected = Settings(compat_env=True, given={"compat_env": "variable SPOOLED_COMPAT_ENV"})
    assert settings_of(environ=environ) == expected


@pytest.mark.parametrize(
    ("rust_log", "level"),
    [
        ("trace", "debug"),
        ("INFO", "info"),
        ("off", "critical"),
        ("debug,info", "debug"),
        ("error,tower=debug", "error"),
        ("spooled_backend=warn,tower_http=error", "warning"),
        ("spooled_backend", "debug"),
    ],
)
def test_a_rust_log_filter_becomes_the_nearest_level(rust_log: str, level: str) -> None:
    settings = settings_of(environ={"SPOOLED_COMPAT_ENV": "1", "RUST_LOG": rust_log})

    assert settings.log_level == level


# --- secrets


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    values = {name: f"sk_test_{'x' * 12}_{name}" for name in SECRETS}
    settings = settings_of(values)
    output = StringIO()

    pprint(settings, console=Console(file=output, width=200))

    for shown in (repr(settings), str(settings), f"{settings}", output.getvalue()):
        assert "sk_test_" not in shown
        assert shown.count("'***'") == len(SECRETS)
    assert settings.shown()["admin_key"] == "***"
    assert Settings().shown()["admin_key"] is None


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_that_is_refused_is_not_repeated(name: str) -> None:
    message = refusal(environ={f"SPOOLED_{name.upper()}": "hunter2\x00hunter2"})

    assert message.startswith(f"variable SPOOLED_{name.upper()}: must be ")
    assert "hunter2" not in message


def test_every_setting_that_sounds_secret_is_masked() -> None:
    names = {name for name in TYPES if re.search(r"(secret|token|password|_key)$", name)}

    assert names == SECRETS


# --- the file


def test_a_config_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lite.toml"
    path.write_text('port = 81\nwebhook_allow_networks = ["10.0.0.0/8"]\n')

    settings, _ = load(flags={}, environ={}, file=read_file(path))

    assert settings.port == 81
    assert settings.webhook_allow_networks == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"port 80", "is not TOML: "),
        (b"host = '\xff'", "is not TOML: "),
        (b"port = " + b"9" * 5000, "is not TOML: "),
        (b"x = " + b"[" * 100_000, "is not TOML: "),
        (b"#" * (FILE_BYTES_MAX + 1), "is longer than 1048576 bytes"),
    ],
    ids=["malformed", "not UTF-8", "huge number", "deep", "too long"],
)
def test_a_bad_config_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "lite.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_file(path)

    assert str(caught.value).startswith(f"config file {path} {reason}")


def test_a_missing_config_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        read_file(tmp_path / "none.toml")
    with pytest.raises(ConfigError) as folder:
        read_file(tmp_path)

    assert str(missing.value).endswith("none.toml cannot be read: No such file or directory")
    assert str(folder.value).endswith("cannot be read: Is a directory")


def test_the_example_file_changes_nothing_as_it_stands() -> None:
    assert read_file(EXAMPLE).values == {}


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    text = re.sub(r"(?m)^# (?=\w+ = )", "", EXAMPLE.read_text())
    example_file = ConfigFile("example", msgspec.toml.decode(text))

    settings, warnings = load(flags={}, environ={}, file=example_file)

    assert set(example_file.values) == set(TYPES)
    assert msgspec.structs.replace(settings, given={}) == Settings()
    assert warnings == []
    for name, value in example_file.values.items():
        default = getattr(Settings(), name)
        assert value == {None: "", (): []}.get(default, default), name


def test_the_example_file_explains_every_setting() -> None:
    lines = EXAMPLE.read_text().splitlines()
    places = [at for at, line in enumerate(lines) if re.match(r"# \w+ = ", line)]

    assert len(places) == len(TYPES)
    assert all(re.match(r"# [A-Z\"]|# \w", lines[at - 1]) for at in places)


# --- everything


unhurried = hypothesis.settings(deadline=None)  # machines may be busy


def outcome(**given_to: Any) -> str:
    """The settings as shown, or the refusal; any other exception is a bug."""
    try:
        settings, _ = load(**given_to)
    except ConfigError as error:
        return str(error)
    return repr(settings)


values = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.sampled_from(
        ["0", "-1", "nan", "inf", "1e999", "null", "9" * 5000, "sqlite:", "postgres://", "fe80::%1"]
    ),
    st.from_regex(r"\A[0-9a-f.:/%, -]{1,20}\Z"),
)
variables = sorted({f"SPOOLED_{name.upper()}" for name in TYPES} | {row[0] for row in COMPAT})


@given(
    st.dictionaries(
        st.sampled_from(variables) | st.text(max_size=9).map("SPOOLED_".__add__), values
    )
)
@example({"SPOOLED_": "x", "SPOOLED_" + "X" * 100_000: "x"})
@example({"EMAIL_SIGNUP_ENABLED": "\udc80"})
@unhurried
def test_any_text_of_any_variable_loads_or_is_refused(environ: dict[str, str]) -> None:
    said = outcome(flags={}, environ={**environ, "SPOOLED_COMPAT_ENV": "1"})

    assert said.encode()
    assert said.startswith(("Settings(", "variable "))


toml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | values | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(sorted(TYPES)) | st.text(max_size=9), toml_values))
@example({"port": 1 << 20_000})
@example({"plan_free_max_queues": 1 << 20_000})
@unhurried
def test_any_value_of_any_key_or_flag_loads_or_is_refused(keys: dict[str, object]) -> None:
    from_flags = outcome(flags=keys, environ={})
    from_file = outcome(flags={}, environ={}, file=ConfigFile("lite.toml", keys))

    assert from_flags.startswith(("Settings(", "flag "))
    assert from_file.startswith(("Settings(", "key "))


def test_the_share_of_connections_of_one_address_is_off_behind_a_proxy_unless_it_is_set() -> None:
    assert load(flags={}, environ={})[0].connection_share == 2_500
    assert load(flags={}, environ={"SPOOLED_TRUST_PROXY": "1"})[0].connection_share == 0
    both = {"SPOOLED_TRUST_PROXY": "1", "SPOOLED_CONNECTIONS_PER_ADDRESS_MAX": "7"}
    assert load(flags={}, environ=both)[0].connection_share == 7
