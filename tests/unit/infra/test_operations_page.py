"""docs/operations.md says what is there: every setting, every alarm, and nothing besides."""

import re
from pathlib import Path

import yaml

from infra.rabbitmq.rights import USERS
from shared.domain.topology import SERVICES
from tests.support.variables import asked_for

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
RULES = ROOT / "infra" / "prometheus" / "rules.yml"


def section(title):
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """The cells of the tables of a section, without the line under each heading."""
    lines = re.findall(r"^\| .+ \|$", section(title), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if "---" not in line]


def described_settings():
    """The variables of the table, those of each service and user written out, and whether each is a secret."""
    found = {}
    for first, *_ in rows("Environment")[1:]:
        for name in re.findall(r"`([A-Z_<>]+)`", first):
            for place, values in (("<SERVICE>", SERVICES), ("<USER>", USERS)):
                if place in name:
                    for value in values:
                        found[name.replace(place, value.upper())] = "*secret*" in first
                    break
            else:
                found[name] = "*secret*" in first
    return found


def test_every_setting_is_described_and_every_secret_is_called_one():
    # Those of others, such as OpenTelemetry's, stand beside ours.
    asked = {name for name in asked_for() if name.startswith(("IMPACTX_", "DATABASE_URL", "AMQP_URI"))}
    secrets = {name.removesuffix("_FILE") for name in asked if name.endswith("_FILE")}
    expected = {name: name in secrets for name in asked if not name.endswith("_FILE")}
    expected |= {f"IMPACTX_{user.upper()}_BROKER_PASSWORD": True for user in USERS}
    assert described_settings() == expected


def test_every_alarm_is_explained():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alarms = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
    explained = [
        name.strip("`") for name, meaning, what_to_do in rows("Alarms")[1:] if meaning and what_to_do
    ]
    assert explained == alarms


def test_every_heading_that_is_led_to_is_there():
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
