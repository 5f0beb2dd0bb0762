"""The environment becomes one typed object, or an error that names the variable."""

import pytest

from shared.settings import MEMORY_BROKER, SettingError, from_environment

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
