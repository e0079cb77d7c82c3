"""What an operator sets from outside, and what happens when it cannot be used."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ivr.settings import (
    PRACTICE_ACCOUNT_SID,
    PRACTICE_AUTH_TOKEN,
    PRACTICE_EXCHANGE_URL,
    Settings,
    SettingsRefused,
    practice_secret_key,
)

REAL = {
    "TWILIO_ACCOUNT_SID": "AC" + "f" * 32,
    "TWILIO_AUTH_TOKEN": "newest, older,",
    "PUBLIC_URL": "https://line.example.com/",
    "SECRET_KEY": "k" * 32,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Practice keeps its key below the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _settings(monkeypatch: pytest.MonkeyPatch, **env: str) -> Settings:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Settings.from_environment()


def test_with_nothing_set_it_is_the_practice_line() -> None:
    settings = Settings.from_environment()

    assert not settings.twilio_is_real
    assert settings.twilio_account_sid == PRACTICE_ACCOUNT_SID
    assert settings.auth_tokens == (PRACTICE_AUTH_TOKEN,)
    assert settings.twilio_api_url == PRACTICE_EXCHANGE_URL
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.database_url == "sqlite:///var/rxline.db"


def test_an_empty_name_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(monkeypatch, TWILIO_ACCOUNT_SID="", DATABASE_URL="")

    assert settings.twilio_account_sid == PRACTICE_ACCOUNT_SID
    assert settings.database_url.startswith("sqlite")


def test_the_practice_key_is_made_once_and_is_ours_alone(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: practice_secret_key(), range(8)))

    assert keys == {Settings.from_environment().secret_key}
    assert stat.S_IMODE((folder / "var/secret_key").stat().st_mode) == 0o600
    assert [file.name for file in (folder / "var").iterdir()] == ["secret_key"]


def test_a_real_line(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    settings = _settings(monkeypatch, **REAL)

    assert settings.twilio_is_real
    assert settings.auth_tokens == ("newest", "older")
    assert settings.public_url == "https://line.example.com"
    assert not (folder / "var").exists()


def test_credentials_with_an_api_elsewhere_are_practice(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(
        monkeypatch,
        TWILIO_ACCOUNT_SID="ACx",
        TWILIO_AUTH_TOKEN="t",
        TWILIO_API_URL="http://127.0.0.1:9/",
    )

    assert not settings.twilio_is_real
    assert settings.twilio_api_url == "http://127.0.0.1:9"
    assert settings.auth_tokens == ("t",)


def test_a_real_line_half_set_up_is_refused_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsRefused) as refused:
        _settings(monkeypatch, TWILIO_ACCOUNT_SID=REAL["TWILIO_ACCOUNT_SID"])

    names = [line.partition(":")[0] for line in str(refused.value).splitlines()]
    assert names == ["TWILIO_AUTH_TOKEN", "PUBLIC_URL", "SECRET_KEY"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PUBLIC_URL", "line.example.com", "PUBLIC_URL: is not a web address"),
        ("DATABASE_URL", "mysql://me:hunter2@db/line", "DATABASE_URL: is neither SQLite nor PostgreSQL"),
        ("REDIS_URL", "127.0.0.1:6379", "REDIS_URL: is not a Redis or Valkey address"),
        ("ORDER_SYSTEM_KIND", "soap", "ORDER_SYSTEM_KIND: must be 'rest' or 'fhir'"),
        ("ORDER_SYSTEM_KIND", "fhir", "ORDER_SYSTEM_URL: is the sandbox's, which speaks no FHIR; set the base"),
        ("TWILIO_SIGNING_KEYS", "WK1:s, hunter2", "TWILIO_SIGNING_KEYS: key 2 is not id:secret; write the id"),
        ("TWILIO_SIGNING_KEYS", ":hunter2", "TWILIO_SIGNING_KEYS: key 1 is not id:secret; write the id"),
        ("TWILIO_SIGNING_KEYS", "WK1:a,WK1:hunter2", "TWILIO_SIGNING_KEYS: key 2 has the id of an earlier one"),
        ("AUDIT_KEY", f"{'k' * 32}, hunter2", "AUDIT_KEY: key 2 is short; give each 32 or more random letters"),
        ("ORDER_SYSTEM_EVENT_SECRET", "a,whsec_hunter2", "ORDER_SYSTEM_EVENT_SECRET: secret 2 begins with whsec_"),
        ("ORDER_SYSTEM_EVENT_SECRET", "whsec_", "ORDER_SYSTEM_EVENT_SECRET: secret 1 begins with whsec_"),
        ("DRAIN_SECONDS", "10s", "DRAIN_SECONDS: is not a number of seconds from 0 to 600"),
        ("DRAIN_SECONDS", "nan", "DRAIN_SECONDS: is not a number of seconds from 0 to 600"),
        ("DRAIN_SECONDS", "-1", "DRAIN_SECONDS: is not a number of seconds from 0 to 600"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        _settings(monkeypatch, **{name: value})

    assert str(refused.value).startswith(why)
    assert len(str(refused.value).splitlines()) == 1
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("given", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_postgresql_is_spoken_to_through_the_one_driver_we_bring(given: str) -> None:
    assert Settings(database_url=given).database_url == "postgresql+psycopg://u@h/d"


def test_signing_keys_are_told_apart_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(monkeypatch, **REAL, TWILIO_SIGNING_KEYS="WK1:first:secret, WK2:another,")

    assert settings.signing_keys == {"WK1": "first:secret", "WK2": "another"}
    assert "another" not in repr(settings)


def test_secrets_of_events_are_their_letters_or_what_their_base64_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(monkeypatch, ORDER_SYSTEM_EVENT_SECRET="letters, whsec_c2Vjb25k,")

    assert settings.event_keys == (b"letters", b"second")
    assert "letters" not in repr(settings)


def test_log_levels_may_be_written_small() -> None:
    assert Settings(log_level="debug").log_level == "DEBUG"


def test_no_secret_is_shown_where_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = repr(_settings(monkeypatch, **REAL, DATABASE_URL="postgresql://me:hunter2@db/line"))

    assert not {"newest", "hunter2", REAL["SECRET_KEY"]} & set(printed.replace("'", " ").replace(":", " ").split())
    assert "hunter2" not in printed


def test_a_short_key_of_the_record_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORD_KEY", f"{'k' * 32}, hunter2")
    with pytest.raises(SettingsRefused, match="RECORD_KEY: key 2 is short") as refused:
        Settings.from_environment()
    assert "hunter2" not in str(refused.value)


def test_every_name_of_the_environment_is_known() -> None:
    names = {name.upper() for name in Settings.model_fields}

    assert names == {
        *("PUBLIC_URL", "FALLBACK_URL", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LOG_LEVEL"),
        "AUDIT_KEY",
        *("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_API_URL"),
        "TWILIO_SIGNING_KEYS",
        *(
            "ORDER_SYSTEM_URL",
            "ORDER_SYSTEM_TOKEN",
            "ORDER_SYSTEM_KIND",
            "ORDER_SYSTEM_EVENT_SECRET",
            "RECORD_KEY",
            "DRAIN_SECONDS",
        ),
        *("RXLINE_CONTENT", "RXLINE_CLOCK", "RXLINE_CLOCK_FILE"),
    }
