"""What keeps a database from being used, in plain words; the texts are those of libpq and PostgreSQL 15."""

from __future__ import annotations

import pytest

from worker.model.errors import ConfigError, TemporaryError
from worker.storage.reach import (
    DatabaseState,
    Schema,
    check_schema,
    explain_database,
    host_of,
    place_of,
    state_url,
)

AT = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (AT + 'FATAL:  password authentication failed for user "pw"', ConfigError, "user name or password"),
        (AT + "fe_sendauth: no password supplied", ConfigError, "give database_password_file"),
        (
            AT + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption',
            ConfigError,
            "lets nobody in from this address",
        ),
        (AT + 'FATAL:  database "nodb" does not exist', ConfigError, "no such database"),
        (AT + 'FATAL:  role "nouser" does not exist', ConfigError, "no such user"),
        (AT + "server does not support SSL, but SSL was required", ConfigError, "does not speak TLS"),
        (
            AT + 'root certificate file "/home/x/.postgresql/root.crt" does not exist',
            ConfigError,
            "the file of sslrootcert in the URL cannot be read",
        ),
        (
            AT + 'private key file "/k.pem" does not exist',
            ConfigError,
            "the file of sslkey in the URL cannot be read",
        ),
        (
            AT + 'could not open certificate file "/c.pem": No such file or directory',
            ConfigError,
            "the file of sslcert in the URL cannot be read",
        ),
        (AT + "SSL error: certificate verify failed", ConfigError, "cannot be verified"),
        (
            AT + 'server certificate for "x" does not match host name "y"',
            ConfigError,
            "for another host name",
        ),
        (AT + "Connection refused", TemporaryError, "nobody listens on this port"),
        ("failed to resolve host 'x': [Errno -2] Name or service not known", TemporaryError, "resolved"),
        (AT + "FATAL:  the database system is starting up", TemporaryError, "is starting"),
        (AT + "FATAL:  the database system is shutting down", TemporaryError, "is shutting down"),
        (AT + "FATAL:  sorry, too many clients already", TemporaryError, "no connection left"),
        ("connection timeout expired", TemporaryError, "no answer in time"),
        ("something nobody has seen", TemporaryError, "cannot be reached"),
    ],
)
def test_failure_is_said_in_plain_words_without_its_own_text(
    text: str, kind: type[Exception], said: str
) -> None:
    error = explain_database(text, "database h:1/d")
    assert type(error) is kind
    assert said in error.reason
    assert error.place == "database h:1/d"


def test_password_that_is_kept_apart_is_put_into_the_url() -> None:
    url = state_url("postgresql://u@h:5433/d?sslmode=require", "se/cret")
    assert url == "postgresql+psycopg://u:se%2Fcret@h:5433/d?sslmode=require"
    assert (place_of(url), host_of(url)) == ("database h:5433/d", "h")


@pytest.mark.parametrize("text", ["nonsense", "mysql://h/d", "sqlite:///state.db"])
def test_what_is_no_postgresql_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"postgresql\+psycopg://USER@HOST:PORT/NAME"):
        state_url(text)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (Schema.EMPTY, "is empty; run: lpwatch db migrate"),
        (Schema.OLDER, "older release; run: lpwatch db migrate"),
        (Schema.FOREIGN, "another release; update lpwatch here"),
    ],
)
def test_other_schema_is_refused_with_what_to_do(schema: Schema, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_schema(DatabaseState(15, schema, 0, is_encrypted=False, may_write=True), "database")
