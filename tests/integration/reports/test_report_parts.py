"""Comments, attachments and catalogues on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid6 import uuid7

from services.reports import attachments, catalogue, comments, schemas
from services.reports.policy import AttachmentQuotas
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from shared.domain import CONTRACTS
from shared.platform.schemas import load
from tests.support.waiting import eventually

PHOTO = {"file_name": "bridge.jpg", "mime_type": "image/jpeg", "file_size": 48_213, "sha256": "ab" * 32}


def comment(world, caller, report, content="A ferry runs.", comment_id=None):
    with world.db.write() as connection:
        given = {"id": comment_id, "report_id": report["id"], "content": content}
        return comments.add_comment(connection, caller, given)


def edit(world, caller, found, content, version=None):
    with world.db.autocommit() as connection:
        return comments.edit_comment(connection, caller, found["id"], version or found["version"], content)


def attach(world, caller, report, quotas=None, **changed):
    given = load(schemas.AddAttachment(), {**PHOTO, "report_id": str(report["id"]), **changed})
    with world.db.write() as connection:
        return attachments.add_attachment(connection, caller, given, quotas or AttachmentQuotas())


def allowance(world, caller, report, quotas, attachment_id=None):
    with world.db.read() as connection:
        return attachments.get_attachment_allowance(connection, caller, report["id"], attachment_id, quotas)


def used_by_all(world, caller, report):
    quota = 2**40
    return (
        quota
        - allowance(world, caller, report, AttachmentQuotas(reporter=0, report=0, total=quota))["remaining"]
    )


def test_who_sees_a_report_may_comment_on_it(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    first, second = (
        comment(world, owner, report),
        comment(world, world.caller("responder"), report, "Thanks."),
    )
    with world.db.read() as connection:
        listed = comments.list_comments(
            connection, owner, {"report_id": report["id"], "cursor": None, "limit": 1}
        )
        rest = comments.list_comments(
            connection, owner, {"report_id": report["id"], "cursor": listed["next_cursor"], "limit": 1}
        )
    assert [page["items"][0]["id"] for page in (listed, rest)] == [first["id"], second["id"]]
    assert rest["next_cursor"] is None
    event = world.events(report["id"])[1]
    data = CONTRACTS["reports", "report_comment_added"].schema().load(event["data"])
    assert (data["comment_id"], data["content"]) == (first["id"], "A ferry runs.")
    assert event["correlation_id"] == owner.correlation_id


def test_who_does_not_see_it_may_not(world):
    report = world.create(world.caller("reporter"))
    with pytest.raises(NotFound):
        comment(world, world.caller("reporter"), report)
    with pytest.raises(Forbidden):
        comment(world, world.caller("viewer"), report)
    with pytest.raises(NotFound):
        comment(world, world.caller(), {"id": uuid7()})


def test_a_repeated_comment_is_one_comment(world):
    author = world.caller()
    report, comment_id = world.create(author), uuid7()
    first = comment(world, author, report, comment_id=comment_id)
    edit(world, author, first, "A ferry ran.")
    assert comment(world, author, report, comment_id=comment_id)["content"] == "A ferry ran."
    with pytest.raises(Conflict):
        comment(world, author, report, "Other words.", comment_id=comment_id)
    with pytest.raises(Conflict):
        comment(world, world.caller(), report, comment_id=comment_id)
    assert [row["type"] for row in world.events(report["id"])] == ["report_created", "report_comment_added"]


def test_only_the_author_edits_a_comment(world):
    author = world.caller("responder")
    report = world.create(author)
    found = comment(world, author, report)
    with pytest.raises(Forbidden):
        edit(world, world.caller("administrator"), found, "Not yours")
    with pytest.raises(NotFound):
        edit(world, world.caller("reporter"), found, "Not seen")
    with pytest.raises(NotFound):
        edit(world, author, {"id": uuid7(), "version": 1}, "Not there")
    edited = edit(world, author, found, "A ferry ran.")
    assert (edited["content"], edited["version"]) == ("A ferry ran.", 2)
    assert edited["updated_at"] > edited["created_at"]
    assert edit(world, author, found, "A ferry ran.")["version"] == 2, "a repeat changes nothing"
    with pytest.raises(Conflict) as caught:
        edit(world, author, found, "Something else")
    assert caught.value.details["version"] == 2


def test_a_file_is_kept_under_a_path_of_our_own(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    attachment_id = uuid7()
    found = attach(world, owner, report, id=str(attachment_id))
    assert found["file_path"] == f"reports/{report['id'].hex[-2:]}/{report['id']}/{attachment_id}"
    again = attach(world, owner, report, id=str(attachment_id))
    assert schemas.Attachment().dump(again) == schemas.Attachment().dump(found)
    with pytest.raises(Conflict):
        attach(world, owner, report, id=str(attachment_id), file_size=1)
    with world.db.read() as connection:
        listed = attachments.list_attachments(
            connection, owner, {"report_id": report["id"], "cursor": None, "limit": 50}
        )["items"]
        assert attachments.get_attachment(connection, owner, attachment_id)["sha256"] == "ab" * 32
        with pytest.raises(NotFound):
            attachments.get_attachment(connection, world.caller("reporter"), attachment_id)
    assert [row["id"] for row in listed] == [attachment_id]
    [_, event] = world.events(report["id"])
    data = CONTRACTS["reports", "report_attachment_added"].schema().load(event["data"])
    assert (data["attachment_id"], data["uploaded_by"]) == (attachment_id, owner.user_id)


WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_the_same_attachment_added_twice_at_once_is_one(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    attachment_id = str(uuid7())
    given = load(schemas.AddAttachment(), {**PHOTO, "id": attachment_id, "report_id": str(report["id"])})
    with ThreadPoolExecutor(1) as pool:
        with world.db.write() as connection:
            first = attachments.add_attachment(connection, owner, given)
            second = pool.submit(attach, world, owner, report, id=attachment_id)
            eventually(
                lambda: connection.execute(WAITING).scalar_one(), "the other waits for this transaction"
            )
        assert second.result().items() <= first.items()


@pytest.mark.parametrize("scope", ["account", "report", "total"])
def test_files_that_pass_a_quota_are_refused_with_what_is_left(world, scope):
    owner = world.caller("reporter")
    report = world.create(owner)
    others = used_by_all(world, owner, report) if scope == "total" else 0
    quota = others + 100
    quotas = AttachmentQuotas(
        **{"reporter": 0, "report": 0, {"account": "reporter"}.get(scope, scope): quota}
    )
    first = str(uuid7())
    attach(world, owner, report, quotas, id=first, file_size=60)
    with pytest.raises(TooLarge) as refused:
        attach(world, owner, report, quotas, file_size=41)
    assert refused.value.details == {"scope": scope, "quota": quota, "remaining": 40}
    assert allowance(world, owner, report, quotas) == {"remaining": 40, "quota": quota, "scope": scope}
    attach(world, owner, report, quotas, file_size=40)
    with pytest.raises(TooLarge, match="0 are left"):
        attach(world, owner, report, quotas, file_size=1)
    # what is there already needs no room
    assert str(attach(world, owner, report, quotas, id=first, file_size=60)["id"]) == first
    assert allowance(world, owner, report, quotas, UUID(first))["remaining"] is None


def test_files_that_are_attached_at_once_do_not_pass_a_quota_together(world):
    owner = world.caller("reporter")
    reports = [world.create(owner) for _ in range(12)]
    quotas = AttachmentQuotas(reporter=64, total=used_by_all(world, owner, reports[0]) + 1000)

    def attempt(report):
        try:
            return attach(world, owner, report, quotas, file_size=8)
        except TooLarge:
            return None

    with ThreadPoolExecutor(12) as pool:
        done = [found for found in pool.map(attempt, reports) if found]
    assert len(done) == 8
    assert allowance(world, owner, reports[0], quotas) == {"remaining": 0, "quota": 64, "scope": "account"}


def test_the_quota_of_an_account_is_of_a_day_and_larger_for_staff(world):
    owner, staff = world.caller("reporter"), world.caller("responder")
    report = world.create(owner)
    quotas = AttachmentQuotas(reporter=100, staff=200, report=0)
    old = attach(world, owner, report, quotas, file_size=100)
    assert allowance(world, owner, report, quotas)["remaining"] == 0
    assert allowance(world, staff, report, quotas) == {"remaining": 200, "quota": 200, "scope": "account"}
    world.as_admin(
        "UPDATE reports.report_attachments SET uploaded_at = now() - interval '25 h' WHERE id = :id",
        id=old["id"],
    )
    assert allowance(world, owner, report, quotas)["remaining"] == 100
    nothing = {"remaining": None, "quota": None, "scope": None}
    assert allowance(world, owner, report, AttachmentQuotas(reporter=0, report=0)) == nothing


def test_who_may_not_attach_has_no_allowance(world):
    report = world.create(world.caller("reporter"))
    with pytest.raises(NotFound):
        allowance(world, world.caller("reporter"), report, AttachmentQuotas())
    with pytest.raises(Forbidden):
        allowance(world, world.caller("viewer"), report, AttachmentQuotas())


def test_who_may_edit_a_report_may_attach_to_it(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    with pytest.raises(Forbidden):
        attach(world, world.caller("viewer"), report)
    with pytest.raises(NotFound):
        attach(world, world.caller("reporter"), report)
    confirmed = world.change(world.caller(), report, "confirmed")
    with pytest.raises(Conflict):
        attach(world, owner, confirmed)
    assert attach(world, world.caller("responder"), confirmed)["report_id"] == report["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_name", "../../etc/passwd"),
        ("file_name", "a\\b.jpg"),
        ("file_name", ".."),
        ("file_name", "x" * 256),
        ("mime_type", "image"),
        ("mime_type", "image/jpeg; charset=x"),
        ("file_size", 0),
        ("file_size", -1),
        ("file_size", 2**31),
        ("sha256", "AB" * 32),
        ("sha256", "ab"),
        ("file_path", "/tmp/x"),
    ],
)
def test_what_is_no_file_is_refused(field, value):
    with pytest.raises(Invalid) as caught:
        load(schemas.AddAttachment(), {**PHOTO, "report_id": str(uuid7()), field: value})
    assert set(caught.value.fields) == {field}


def test_seeding_twice_changes_nothing(world):
    with world.db.write() as connection:
        catalogue.seed(connection)
    with world.db.read() as connection:
        levels = catalogue.LEVELS.page(connection, cursor=None, limit=500)["items"]
    assert [(level["name"], level["level"]) for level in levels][:5] == [
        ("Low", 1),
        ("Medium", 2),
        ("High", 3),
        ("Severe", 4),
        ("Catastrophic", 5),
    ]
    assert all(level["color_code"].startswith("#") for level in levels)


def test_a_report_type_is_made_renamed_and_taken_out_of_use(world):
    name, type_id = f"Avalanche {uuid7()}", uuid7()
    given = {"id": type_id, "name": name, "description": None}
    with world.db.autocommit() as connection:
        made = catalogue.TYPES.create(connection, world.caller(), given)
        assert made["is_active"]
        repeated = catalogue.TYPES.create(connection, world.caller(), given)
        assert schemas.ReportType().dump(repeated) == schemas.ReportType().dump(made)
        with pytest.raises(Conflict) as caught:
            catalogue.TYPES.create(connection, world.caller(), {**given, "id": None})
        assert set(caught.value.fields) == {"name"}
        with pytest.raises(Conflict):
            catalogue.TYPES.create(connection, world.caller(), {**given, "name": "Other name"})
        with pytest.raises(Conflict):
            catalogue.TYPES.update(connection, type_id, {"name": "Flood"})
        with pytest.raises(NotFound):
            catalogue.TYPES.update(connection, uuid7(), {"is_active": False})
        catalogue.TYPES.update(connection, type_id, {"is_active": False})

        def listed(*, include_inactive):
            page = catalogue.TYPES.page(connection, include_inactive=include_inactive, cursor=None, limit=500)
            return name in [row["name"] for row in page["items"]]

        assert not listed(include_inactive=False)
        assert listed(include_inactive=True)


def test_a_severity_level_is_made_and_changed(world):
    given = {
        "id": None,
        "name": f"Unclear {uuid7()}",
        "description": None,
        "level": 2,
        "color_code": "#00ff00",
    }
    with world.db.autocommit() as connection:
        made = catalogue.LEVELS.create(connection, world.caller(), given)
        changed = catalogue.LEVELS.update(connection, made["id"], {"color_code": None})
        assert changed["color_code"] is None
        with pytest.raises(Conflict):
            catalogue.LEVELS.create(connection, world.caller(), {**given, "name": "High"})
