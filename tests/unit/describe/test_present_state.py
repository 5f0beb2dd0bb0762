"""Which methods go by what the caller may at the moment of the call, and not by what the token says."""

from shared.client.types.methods import METHODS
from shared.domain import permissions
from tests.support.gateway import OPERATIONS

DANGEROUS = {
    permissions.ALERT_ISSUE,
    permissions.ALERT_APPROVE,
    permissions.ALERT_CANCEL,
    permissions.ALERT_RULE_WRITE,
    permissions.ROLE_WRITE,
    permissions.ROLE_GRANT,
    permissions.USER_UPDATE,
    permissions.USER_DEACTIVATE,
    permissions.REGION_WRITE,
}
"""Permissions of what reaches the public, or gives power over accounts, roles and regions."""

SHOW_ONLY = {"alerts.preview_alert", "alerts.preview_change"}
"""Need such a permission and change nothing."""

OF_ONES_OWN = {"identity.register_user", "identity.update_user", "identity.change_password"}
"""Need no permission for the own account, and are as dangerous as the others for that of somebody else."""


def test_what_is_dangerous_checks_the_present_state():
    checked = {name for name, contract in METHODS.items() if contract.checks_present_state}
    dangerous = {name for name, contract in METHODS.items() if DANGEROUS & set(contract.permission)}
    assert (dangerous - SHOW_ONLY) | OF_ONES_OWN <= checked
    assert not checked & SHOW_ONLY


def test_the_document_says_so():
    for name, operation in OPERATIONS.items():
        is_checked = METHODS[operation["x-rpc-method"]].checks_present_state
        assert ("of the account at this moment" in operation.get("description", "")) == is_checked, name
