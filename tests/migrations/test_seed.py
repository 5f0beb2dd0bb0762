"""The seed's schema, row by row: what it demands is in the database, under its names.

The tables below are the seed's own. What is there beyond them is in docs/schema.md.
"""

import re

import pytest

from tests.migrations.catalog import COLUMNS, CONSTRAINTS, FUNCTIONS, INDEXES, TRIGGERS, VIEWS, read

TABLES = """
identity.users
    id                UUID          PK
    email             VARCHAR(255)  UK, NOT NULL
    password_hash     VARCHAR(255)  NOT NULL
    first_name        VARCHAR(100)  NOT NULL
    last_name         VARCHAR(100)  NOT NULL
    phone             VARCHAR(20)
    role_id           UUID          FK
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
    is_active         BOOLEAN       NOT NULL, DEFAULT true
    preferences       JSONB
identity.regions
    id                UUID          PK
    name              VARCHAR(255)  NOT NULL
    code              VARCHAR(50)   UK, NOT NULL
    description       TEXT
    boundaries        JSONB
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
reports.report_types
    id                UUID          PK
    name              VARCHAR(100)  NOT NULL, UK
    description       TEXT
    is_active         BOOLEAN       NOT NULL, DEFAULT true
reports.severity_levels
    id                UUID          PK
    name              VARCHAR(50)   NOT NULL, UK
    description       TEXT
    level             INTEGER       NOT NULL
    color_code        VARCHAR(7)
reports.reports
    id                UUID          PK
    user_id           UUID          FK, NOT NULL
    region_id         UUID          FK, NOT NULL
    report_type_id    UUID          FK, NOT NULL
    severity_level_id UUID          FK, NOT NULL
    title             VARCHAR(255)  NOT NULL
    description       TEXT          NOT NULL
    location          JSONB         NOT NULL
    status            VARCHAR(50)   NOT NULL, DEFAULT 'pending'
    reported_at       TIMESTAMP     NOT NULL
    resolved_at       TIMESTAMP
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
reports.report_comments
    id                UUID          PK
    report_id         UUID          FK, NOT NULL
    user_id           UUID          FK, NOT NULL
    content           TEXT          NOT NULL
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
reports.report_attachments
    id                UUID          PK
    report_id         UUID          FK, NOT NULL
    file_name         VARCHAR(255)  NOT NULL
    file_path         VARCHAR(500)  NOT NULL
    mime_type         VARCHAR(100)  NOT NULL
    file_size         INTEGER       NOT NULL
    uploaded_at       TIMESTAMP     NOT NULL
reports.report_status_history
    id                UUID          PK
    report_id         UUID          FK, NOT NULL
    status            VARCHAR(50)   NOT NULL
    changed_by        UUID          FK, NOT NULL
    notes             TEXT
    changed_at        TIMESTAMP     NOT NULL
resources.resource_types
    id                UUID          PK
    name              VARCHAR(100)  NOT NULL, UK
    description       TEXT
    is_active         BOOLEAN       NOT NULL, DEFAULT true
resources.resources
    id                UUID          PK
    name              VARCHAR(255)  NOT NULL
    description       TEXT
    region_id         UUID          FK, NOT NULL
    resource_type_id  UUID          FK, NOT NULL
    contact_person    VARCHAR(255)
    contact_phone     VARCHAR(20)
    contact_email     VARCHAR(255)
    location          JSONB         NOT NULL
    capacity          INTEGER
    current_usage     INTEGER       DEFAULT 0
    status            VARCHAR(50)   NOT NULL, DEFAULT 'available'
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
resources.resource_status_history
    id                UUID          PK
    resource_id       UUID          FK, NOT NULL
    status            VARCHAR(50)   NOT NULL
    changed_by        UUID          FK, NOT NULL
    notes             TEXT
    changed_at        TIMESTAMP     NOT NULL
alerts.alerts
    id                UUID          PK
    title             VARCHAR(255)  NOT NULL
    message           TEXT          NOT NULL
    region_id         UUID          FK, NOT NULL
    issued_by         UUID          FK, NOT NULL
    issued_at         TIMESTAMP     NOT NULL
    expires_at        TIMESTAMP
    priority          VARCHAR(50)   NOT NULL
    status            VARCHAR(50)   NOT NULL, DEFAULT 'active'
    created_at        TIMESTAMP     NOT NULL
    updated_at        TIMESTAMP     NOT NULL
alerts.alert_targets
    id                UUID          PK
    alert_id          UUID          FK, NOT NULL
    target_type       VARCHAR(50)   NOT NULL
    target_id         VARCHAR(255)  NOT NULL
    is_read           BOOLEAN       NOT NULL, DEFAULT false
    read_at           TIMESTAMP
identity.roles
    id                UUID          PK
    name              VARCHAR(100)  NOT NULL, UK
    description       TEXT
    is_active         BOOLEAN       NOT NULL, DEFAULT true
    created_at        TIMESTAMP     NOT NULL
identity.user_roles
    user_id           UUID          FK, PK
    role_id           UUID          FK, PK
    assigned_at       TIMESTAMP     NOT NULL
    assigned_by       UUID          FK
identity.role_permissions
    role_id           UUID          FK, PK
    permission        VARCHAR(100)  PK
    granted_at        TIMESTAMP     NOT NULL
"""

KEYS = """
fk_users_role                           users                   role_id           roles
fk_reports_user                         reports                 user_id           users
fk_reports_region                       reports                 region_id         regions
fk_reports_type                         reports                 report_type_id    report_types
fk_reports_severity                     reports                 severity_level_id severity_levels
fk_report_comments_report               report_comments         report_id         reports
fk_report_comments_user                 report_comments         user_id           users
fk_report_attachments_report            report_attachments      report_id         reports
fk_report_status_history_report         report_status_history   report_id         reports
fk_report_status_history_changed_by     report_status_history   changed_by        users
fk_resources_region                     resources               region_id         regions
fk_resources_type                       resources               resource_type_id  resource_types
fk_resource_status_history_resource     resource_status_history resource_id       resources
fk_resource_status_history_changed_by   resource_status_history changed_by        users
fk_alerts_region                        alerts                  region_id         regions
fk_alerts_issued_by                     alerts                  issued_by         users
fk_alert_targets_alert                  alert_targets           alert_id          alerts
fk_user_roles_user                      user_roles              user_id           users
fk_user_roles_role                      user_roles              role_id           roles
fk_role_permissions_role                role_permissions        role_id           roles
"""

INDEXED = """
idx_users_email                             users                     email
idx_users_role                              users                     role_id
idx_reports_user                            reports                   user_id
idx_reports_region                          reports                   region_id
idx_reports_type                            reports                   report_type_id
idx_reports_severity                        reports                   severity_level_id
idx_reports_status                          reports                   status
idx_reports_reported_at                     reports                   reported_at
idx_resources_region                        resources                 region_id
idx_resources_type                          resources                 resource_type_id
idx_resources_status                        resources                 status
idx_alerts_region                           alerts                    region_id
idx_alerts_issued_by                        alerts                    issued_by
idx_alerts_priority                         alerts                    priority
idx_alerts_status                           alerts                    status
idx_alerts_issued_at                        alerts                    issued_at
idx_report_status_history_report            report_status_history     report_id
idx_report_status_history_changed_at        report_status_history     changed_at
idx_resource_status_history_resource        resource_status_history   resource_id
idx_resource_status_history_changed_at      resource_status_history   changed_at
"""

TRIGGERED = """
update_users_updated_at           BEFORE  users
update_reports_updated_at         BEFORE  reports
update_resources_updated_at       BEFORE  resources
update_alerts_updated_at          BEFORE  alerts
update_regions_updated_at         BEFORE  regions
report_status_change_trigger      AFTER   reports
resource_status_change_trigger    AFTER   resources
"""

VIEWED = {
    "reports.active_reports": (
        "id title description report_type severity_level severity_color region_name location reported_at"
        " reporter_name"
    ),
    "resources.available_resources": (
        "id name description resource_type region_name capacity current_usage available_capacity location"
    ),
    "alerts.recent_alerts": "id title message priority region_name issuer_name issued_at expires_at",
}

CALLABLE = {
    "identity": {"update_updated_at_column": ("", "trigger")},
    "reports": {
        "update_updated_at_column": ("", "trigger"),
        "record_report_status_change": ("", "trigger"),
        "resolve_report": (
            "report_id uuid, resolver_id uuid, resolution_notes text DEFAULT NULL::text",
            "void",
        ),
    },
    "resources": {
        "update_updated_at_column": ("", "trigger"),
        "record_resource_status_change": ("", "trigger"),
        "update_resource_usage": ("resource_id uuid, usage_change integer", "void"),
    },
    "alerts": {"update_updated_at_column": ("", "trigger")},
}

SCHEMA_OF = {
    line.split(".")[1]: line.split(".")[0]
    for line in TABLES.splitlines()
    if line and not line.startswith(" ")
}

# The one change of type: moments have a time zone.
TYPES = {"TIMESTAMP": "timestamp with time zone", "VARCHAR": "character varying"}

# Where the seed names no default, a row can be written without the column all the same.
ADDED_DEFAULTS = {"uuid": r"\w+\.uuid7\(\)", "timestamp with time zone": "CURRENT_TIMESTAMP"}


def lines(table):
    return [line.split() for line in table.strip().splitlines()]


def columns():
    table = ""
    for line in TABLES.strip().splitlines():
        if not line.startswith(" "):
            table = line
            continue
        name, kind, *rest = line.split(maxsplit=2)
        yield table, name, kind, rest[0] if rest else ""


@pytest.fixture(scope="module")
def found(looking):
    """Everything in the four schemas, by kind, each row with its schema in front."""
    queries = {
        "columns": COLUMNS,
        "constraints": CONSTRAINTS,
        "indexes": INDEXES,
        "triggers": TRIGGERS,
        "functions": FUNCTIONS,
        "views": VIEWS,
    }
    everything = {kind: [] for kind in queries}
    for schema in CALLABLE:
        for kind, rows in read(looking, schema, queries).items():
            everything[kind] += [(schema, *row) for row in rows]
    return everything


@pytest.mark.parametrize(("table", "name", "kind", "demands"), list(columns()))
def test_column(found, table, name, kind, demands):
    rows = {(f"{schema}.{relation}", column): rest for schema, relation, column, *rest in found["columns"]}
    actual_type, not_null, default, generated, _ = rows[table, name]
    word, length = re.fullmatch(r"(\w+)(\(\d+\))?", kind).groups()
    assert actual_type == TYPES.get(word, word.lower()) + (length or "")
    assert not_null == ("NOT NULL" in demands or "PK" in demands)
    assert generated == ""
    if "DEFAULT" in demands:
        wanted = demands.partition("DEFAULT ")[2]
        assert re.fullmatch(re.escape(wanted) + r"(::[\w ]+)?", default)
    elif default is not None:
        assert not_null
        assert re.fullmatch(ADDED_DEFAULTS[actual_type], default)


def test_columns_of_the_seed_come_first_and_in_its_order(found):
    for table in {table for table, *_ in columns()}:
        wanted = [name for other, name, *_ in columns() if other == table]
        actual = [
            column for schema, relation, column, *_ in found["columns"] if f"{schema}.{relation}" == table
        ]
        assert actual[: len(wanted)] == wanted, table


def test_primary_and_unique_keys(found):
    keys = {
        (f"{schema}.{relation}", definition)
        for schema, relation, _, definition in found["constraints"]
        if definition.startswith(("PRIMARY KEY", "UNIQUE"))
    }
    for table in {table for table, *_ in columns()}:
        primary = ", ".join(
            name for other, name, _, demands in columns() if other == table and "PK" in demands
        )
        assert (table, f"PRIMARY KEY ({primary})") in keys
    for table, name, _, demands in columns():
        if "UK" in demands:
            assert (table, f"UNIQUE ({name})") in keys


@pytest.mark.parametrize(("name", "table", "column", "foreign"), lines(KEYS))
def test_foreign_key(found, name, table, column, foreign):
    rows = {
        (relation, constraint): definition for _, relation, constraint, definition in found["constraints"]
    }
    assert rows[table, name] == f"FOREIGN KEY ({column}) REFERENCES {SCHEMA_OF[foreign]}.{foreign}(id)"


def test_every_foreign_key_of_a_column_that_is_marked_as_one(found):
    definitions = {
        (f"{schema}.{relation}", definition) for schema, relation, _, definition in found["constraints"]
    }
    for table, name, _, demands in columns():
        if "FK" in demands:
            assert any(
                other == table and definition.startswith(f"FOREIGN KEY ({name}) ")
                for other, definition in definitions
            ), (table, name)


@pytest.mark.parametrize(("name", "table", "column"), lines(INDEXED))
def test_index(found, name, table, column):
    rows = {index: definition for _, _, index, definition in found["indexes"]}
    assert rows[name] == f"CREATE INDEX {name} ON {SCHEMA_OF[table]}.{table} USING btree ({column})"


@pytest.mark.parametrize(("name", "moment", "table"), lines(TRIGGERED))
def test_trigger(found, name, moment, table):
    rows = {trigger: (relation, definition) for _, relation, trigger, definition in found["triggers"]}
    relation, definition = rows[name]
    assert relation == table
    assert f"{moment} UPDATE ON {SCHEMA_OF[table]}.{table}" in definition


@pytest.mark.parametrize(("view", "names"), list(VIEWED.items()))
def test_view(found, view, names):
    actual = [column for schema, relation, column, *_ in found["columns"] if f"{schema}.{relation}" == view]
    assert actual == names.split()
    assert view in {f"{schema}.{relation}" for schema, relation, _ in found["views"]}


@pytest.mark.parametrize(
    ("schema", "name", "signature"),
    [(schema, name, signature) for schema, names in CALLABLE.items() for name, signature in names.items()],
)
def test_function(found, schema, name, signature):
    rows = {
        (owner, function): (given, returned) for owner, function, given, returned, _ in found["functions"]
    }
    assert rows[schema, name] == signature
