"""What names a record of a file."""

from __future__ import annotations

from services.cli.importing.files import Source
from services.cli.importing.keys import FormerIds


def test_the_ids_that_earlier_versions_made_of_rows_are_known(tmp_path):
    """They made them of the whole row, and of the order among rows that are the same."""
    path = tmp_path / "list.csv"
    path.write_text("name,lon\nSchool,-81.5\nSchool,-81.5\n")
    former = FormerIds()
    assert [str(former.of(record)) for record in Source(path).records()] == [
        "39caeaf2-1f04-575d-a2a9-28b281e20619",
        "9d772668-2277-538b-bff1-da44ca19772b",
    ]


def test_a_marker_that_is_taken_away_and_an_id_of_a_feature_leave_the_former_id_as_it_was(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("name\n'=1\n")
    [record] = Source(path).records()
    assert (record.values, record.content) == ({"name": "=1"}, [{"name": "'=1"}, None])
    path = tmp_path / "list.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","id":"N1","properties":{"a":1}}]}'
    )
    [record] = Source(path).records()
    assert (record.values, record.content) == ({"id": "N1", "a": 1}, [{"a": 1}, None])


def test_a_property_called_id_is_not_hidden_by_the_id_of_the_feature(tmp_path):
    path = tmp_path / "list.geojson"
    path.write_text(
        '[{"type":"Feature","id":7,"properties":{"id":"HT.GR"}},{"type":"Feature","id":8,"properties":{}}]'
    )
    assert [record.values["id"] for record in Source(path).records()] == ["HT.GR", 8]
