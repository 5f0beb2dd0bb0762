"""The environment becomes one typed object, or an error that names the variable."""

import pytest

from shared.platform.settings import MEMORY_BROKER, SettingError, from_environment

SERVICES = ("identity", "reports")


def settings(**environment):
    return from_environment(SERVICES, environment)


def test_nothing_set_means_the_defaults_and_no_secret():
    made = settings()
    assert (made.amqp_uri, made.max_workers, made.rpc_timeout) == (MEMORY_BROKER, 20, 10.0)
    assert (made.jwt_private_key, made.admin_password, made.token) == ("", None, "")


def test_a_service_has_its_own_database_url_before_the_common_one():
    made = settings(DATABASE_URL="postgresql://common", IMPACTX_REPORTS_DATABASE_URL="postgresql://own")
    assert made.database_url("reports") == "postgresql://own"
    assert made.database_url("identity") == "postgresql://common"


def test_a_missing_database_url_names_both_variables():
    with pytest.raises(SettingError, match="IMPACTX_REPORTS_DATABASE_URL or DATABASE_URL"):
        settings().database_url("reports")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IMPACTX_MAX_WORKERS", "many"),
        ("IMPACTX_MAX_WORKERS", "0"),
        ("IMPACTX_DATABASE_POOL_SIZE", "1"),
        ("IMPACTX_DATABASE_PREPARE_THRESHOLD", "-1"),
        ("IMPACTX_RPC_TIMEOUT", "soon"),
        ("IMPACTX_RPC_TIMEOUT", "0"),
        ("IMPACTX_RPC_TIMEOUT", "nan"),
        ("IMPACTX_RPC_TIMEOUT", "inf"),
        ("IMPACTX_STOP_GRACE", "-1"),
        ("IMPACTX_RPC_QUORUM", "perhaps"),
        ("IMPACTX_ACCESS_TOKEN_LIFETIME", "1.5"),
        ("IMPACTX_BCRYPT_COST", "3"),
        ("DATABASE_URL", "impactx"),
        ("IMPACTX_REPORTS_DATABASE_URL", "mysql://user:secret@db.example/impactx"),
        ("AMQP_URI", "http://broker.example"),
        ("AMQP_URI", "amqp://"),
        ("AMQP_URI", "amqp:///vhost"),
        ("AMQP_URI", "amqp://guest:guest@broker.example:70000//"),
        ("AMQP_URI", "amqp://guest:guest@broker.example:0//"),
        ("AMQP_URI", "amqp://guest:guest@broker.example:port//"),
        ("AMQP_URI", "amqp://guest:guest@[::1//"),
        ("AMQP_URI", "amqp://one.example;two.example//"),
        ("AMQP_URI", "amqp://guest:gu#est@broker.example//"),
        ("AMQP_URI", "amqp://guest:gu?est@broker.example//"),
        ("AMQP_URI", "amqp://guest:guest@broker.example//?heartbeat=10"),
        ("AMQP_URI", "amqp://guest:guest@broker.example//?ssl_ca_certs=/etc/hosts"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_ca_cert=/etc/hosts"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_ca_certs=/not/there.pem"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_ca_certs=/etc/hosts"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_ca_certs="),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_certfile=/etc/hosts"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_keyfile=/etc/hosts"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_cert_reqs=perhaps"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_cert_reqs=none&ssl_cert_reqs=required"),
        ("AMQP_URI", "amqps://guest:guest@broker.example//?ssl_check_hostname=yes"),
        ("DATABASE_URL", "postgresql://user:pass@db.example:70000/impactx"),
        ("DATABASE_URL", "postgresql://user:pass@db.example:0/impactx"),
        ("DATABASE_URL", "postgresql://user:pass@db.example:port/impactx"),
        ("DATABASE_URL", "postgresql://user:pass@db.example/impactx?sslmod=require"),
        ("DATABASE_URL", "postgresql://user:pass@db.example/impactx?sslmode=verify"),
        ("DATABASE_URL", "postgresql://user:pass@db.example/impactx?sslrootcert=/not/there.pem"),
        ("DATABASE_URL", "postgresql://user:pass@db.example/impactx?connect_timeout=soon"),
        ("DATABASE_URL", "postgresql://user:pass@db.example/impactx?port=70000"),
        ("DATABASE_URL", "postgresql://user:pa%ss@db.example/impactx"),
        ("IMPACTX_REPORTS_DATABASE_URL", "postgresql+psycopg://user:pass@[::1/impactx"),
        ("IMPACTX_RABBITMQ_API", "http://"),
        ("IMPACTX_RABBITMQ_API", "http://admin:secret@broker.example:99999"),
        ("IMPACTX_RABBITMQ_API", "http://admin:sec?ret@broker.example:15672"),
        ("IMPACTX_HTTP_PORT", "65536"),
        ("IMPACTX_HTTP_PORT", "8_000"),
        ("IMPACTX_HTTP_PORT", "٨٠٠٠"),
        ("IMPACTX_HEALTH_PORT", "70000"),
        ("IMPACTX_MAX_WORKERS", "9" * 5000),
        ("IMPACTX_STOP_GRACE", "1e300"),
        ("IMPACTX_ATTACHMENT_LIMIT", "1" * 18),
        ("IMPACTX_BCRYPT_COST", "32"),
        ("IMPACTX_ACCESS_TOKEN_LIFETIME", "99999999999"),
        ("IMPACTX_LOG_LEVEL", "loud"),
        ("IMPACTX_HTTP_PUBLIC_URL", "https://impactx.example:99999"),
        ("IMPACTX_HTTP_PUBLIC_URL", "https://:::"),
        ("IMPACTX_HTTP_CORS_ORIGINS", "https://app.example:0"),
        ("IMPACTX_TRACES_ENDPOINT", "http://collector:431800"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("IMPACTX_ATTACHMENTS", "s3://"),
        ("IMPACTX_ATTACHMENTS", "s3:///files"),
        ("IMPACTX_ATTACHMENTS", "s3://a bucket/files"),
    ],
)
def test_a_malformed_value_names_its_variable(variable, value):
    with pytest.raises(SettingError, match=variable):
        settings(**{variable: value})


def test_a_user_of_the_broker_has_the_password_of_its_variable_or_its_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("from a file\n")
    made = settings(
        IMPACTX_REPORTS_BROKER_PASSWORD="given",
        IMPACTX_NEXT_DOOR_BROKER_PASSWORD="",
        IMPACTX_NEXT_DOOR_BROKER_PASSWORD_FILE=str(file),
    )
    assert (made.broker_password("reports"), made.broker_password("next-door")) == ("given", "from a file")
    assert "given" not in repr(made)
    with pytest.raises(SettingError, match="IMPACTX_ALERTS_BROKER_PASSWORD"):
        made.broker_password("alerts")


@pytest.mark.parametrize("variable", ["AMQP_URI", "IMPACTX_RABBITMQ_API"])
def test_an_address_that_is_none_is_not_repeated_either(variable):
    with pytest.raises(SettingError, match=variable) as fault:
        settings(**{variable: "ftp://admin:secret@broker.example"})
    assert "secret" not in str(fault.value)


def test_a_url_is_not_repeated_since_it_holds_a_password():
    with pytest.raises(SettingError) as fault:
        settings(AMQP_URI="broker:secret@broker.example")
    assert "secret" not in str(fault.value)


def test_prepared_statements_can_be_turned_off():
    assert settings(IMPACTX_DATABASE_PREPARE_THRESHOLD="off").prepare_threshold is None
    assert settings(IMPACTX_DATABASE_PREPARE_THRESHOLD="0").prepare_threshold == 0


@pytest.mark.parametrize(
    ("value", "expected"), [("", False), ("0", False), ("false", False), ("1", True), ("TRUE", True)]
)
def test_flags(value, expected):
    assert settings(IMPACTX_RPC_QUORUM=value).rpc_quorum is expected


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("hidden\n")
    assert settings(IMPACTX_ADMIN_PASSWORD_FILE=str(file)).admin_password == "hidden"
    file.write_text("postgresql://hidden\n")
    assert settings(DATABASE_URL_FILE=str(file)).database_url("reports") == "postgresql://hidden"
    assert (
        settings(IMPACTX_REPORTS_DATABASE_URL_FILE=str(file)).database_url("reports") == "postgresql://hidden"
    )


def test_a_secret_file_that_is_not_there_names_its_variable(tmp_path):
    with pytest.raises(SettingError, match="IMPACTX_ADMIN_PASSWORD_FILE"):
        settings(IMPACTX_ADMIN_PASSWORD_FILE=str(tmp_path / "missing"))


def test_secrets_do_not_show_when_the_settings_are_printed():
    shown = repr(
        settings(
            DATABASE_URL="postgresql://u:topsecret@h/d",
            IMPACTX_REPORTS_DATABASE_URL="postgresql://u:topsecret@h/d",
            AMQP_URI="amqp://u:topsecret@h//",
            IMPACTX_JWT_PRIVATE_KEY="topsecret",
            IMPACTX_ADMIN_PASSWORD="topsecret",
            IMPACTX_TOKEN="topsecret",
            IMPACTX_REPORTS_DATABASE_PASSWORD="topsecret",
        )
    )
    assert "topsecret" not in shown


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        settings().max_workers = 1


def test_probes_are_answered_only_where_a_port_is_named():
    assert settings().health_port is None
    assert settings(IMPACTX_HEALTH_PORT="8001", IMPACTX_HEALTH_HOST="0.0.0.0").health_port == 8001
    with pytest.raises(SettingError, match="IMPACTX_HEALTH_PORT"):
        settings(IMPACTX_HEALTH_PORT="here")


def test_traces_go_where_we_or_opentelemetry_are_told():
    assert settings().traces_endpoint == ""
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert settings(**standard).traces_endpoint == "http://collector:4318"
    own = settings(**standard, IMPACTX_TRACES_ENDPOINT="https://traces.example/")
    assert own.traces_endpoint == "https://traces.example"
    with pytest.raises(SettingError, match="IMPACTX_TRACES_ENDPOINT"):
        settings(IMPACTX_TRACES_ENDPOINT="collector:4318")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AMQP_URI", "amqp://guest:guest@127.0.0.1//"),
        ("AMQP_URI", "amqp://guest:guest@127.0.0.1:5672/impactx"),
        ("AMQP_URI", "amqp://a%40b:%2F%3F%23@broker.example:5673/%2F"),
        ("AMQP_URI", "amqp://guest:guest@[::1]:5672//"),
        ("AMQP_URI", "amqps://broker.example"),
        (
            "AMQP_URI",
            "amqps://broker.example//?ssl_cert_reqs=CERT_REQUIRED&ssl_server_hostname=other.example",
        ),
        ("AMQP_URI", "amqps://broker.example//?ssl_check_hostname=false"),
        ("AMQP_URI", "amqps://broker.example//?ssl_cert_reqs=none"),
        ("AMQP_URI", "memory://"),
        ("DATABASE_URL", "postgres://user:p%25ss@db.example/impactx"),
        ("DATABASE_URL", "postgresql://user@/impactx?host=/run/postgresql&port=5433"),
        ("DATABASE_URL", "postgresql://user:pass@[::1]:5432/impactx?sslmode=verify-full&sslrootcert=system"),
        (
            "DATABASE_URL",
            "postgresql+psycopg://user:pass@db.example/impactx?connect_timeout=3&options=-c%20a%3Db",
        ),
        ("IMPACTX_RABBITMQ_API", "https://admin:p%3Fss@broker.example:15671"),
        ("IMPACTX_LOG_LEVEL", "debug"),
        ("IMPACTX_ATTACHMENTS", "s3://bucket/files"),
        ("IMPACTX_ATTACHMENTS", "/srv/attachments"),
        ("IMPACTX_HTTP_PUBLIC_URL", "https://[::1]:8443/path"),
    ],
)
def test_what_can_work_is_taken(variable, value):
    settings(**{variable: value})


@pytest.mark.parametrize(
    "uri",
    [
        "amqp://user:hunter2@broker.example:70000//",
        "amqps://user:hunter2@broker.example//?ssl_ca_certs=/not/there.pem",
        "amqp://user:hunter2@broker.example//?heartbeat=1",
    ],
)
def test_a_fault_in_the_address_of_the_broker_does_not_repeat_its_password(uri):
    with pytest.raises(SettingError, match="AMQP_URI") as fault:
        settings(AMQP_URI=uri)
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hun%ter2@db.example/x",
        "postgresql://user:hunter2@db.example:99999/x",
        "postgresql://hunter2@[",
    ],
)
def test_a_fault_in_the_address_of_a_database_does_not_repeat_its_password(url):
    with pytest.raises(SettingError, match="DATABASE_URL") as fault:
        settings(DATABASE_URL=url)
    assert "ter2" not in str(fault.value)


def test_a_secret_file_that_is_not_text_names_its_variable(tmp_path):
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="IMPACTX_TOKEN_FILE"):
        settings(IMPACTX_TOKEN_FILE=str(file))
