"""Regions from a GeoJSON file: what is brought in, what is refused, and that a repeat changes nothing."""

import orjson
import pytest
from click.testing import CliRunner

from infra.embedded import broker as embedded_broker
from services.identity import queries
from services.identity.importing import import_regions
from services.identity.service import IdentityService
from shared.rpc.client import RpcClient
from shared.runtime import Runtime
from shared.settings import MEMORY_BROKER, Settings
from tests.integration.identity.conftest import ADMIN_EMAIL, PASSWORD, private_key


def feature(code, ring, **more):
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {
        "type": "Feature",
        "properties": {"id": code, "name": f"Region {code}"},
        "geometry": geometry,
        **more,
    }


SQUARE = [[10, 10], [11, 10], [11, 11], [10, 11]]
BOW_TIE = [[0, 0], [1, 1], [1, 0], [0, 1]]


@pytest.fixture(scope="module")
def connect(world):
    embedded_broker.install()
    settings = Settings(
        database_urls={"identity": world.database.engine.url.render_as_string(hide_password=False)},
        administration_url="",
        jwt_private_key=private_key(),
        bcrypt_cost=4,
    )
    runtime = Runtime([IdentityService], settings)
    runtime.start()
    yield lambda: RpcClient(MEMORY_BROKER, email=ADMIN_EMAIL, password=PASSWORD, name="import")
    runtime.stop()


@pytest.fixture
def run(connect, tmp_path):
    file = tmp_path / "regions.geojson"

    def import_features(*features, options=()):
        file.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
        return CliRunner().invoke(import_regions, [str(file), *options], obj=connect)

    import_features.refused = tmp_path / "regions.geojson.refused.geojson"
    return import_features


def test_regions_are_made_then_unchanged_then_changed(world, run):
    first = run(feature("A-1", SQUARE), feature("A-2", SQUARE))
    assert (first.exit_code, "2 created, 0 updated, 0 unchanged, 0 refused" in first.output) == (0, True)
    again = run(feature("A-1", SQUARE), feature("A-2", SQUARE))
    assert "0 created, 0 updated, 2 unchanged" in again.output
    changed = run(feature("A-1", [[10, 10], [12, 10], [12, 12]]), feature("A-2", SQUARE))
    assert "0 created, 1 updated, 1 unchanged" in changed.output
    region = world.read(queries.get_region, code="A-1")
    assert (region["name"], region["version"]) == ("Region A-1", 2)


def test_refused_features_are_kept_with_their_reason(run):
    nameless = {"type": "Feature", "properties": {"id": "B-3"}, "geometry": None}
    result = run(feature("B-1", BOW_TIE), feature("B-2", SQUARE), nameless, feature("B 4", SQUARE))
    assert result.exit_code == 0
    assert "1 created, 0 updated, 0 unchanged, 3 refused" in result.output
    assert "B-1: " in result.output
    assert "longitude 0.500000" in result.output
    kept = orjson.loads(run.refused.read_bytes())["features"]
    assert [one["properties"]["id"] for one in kept] == ["B-1", "B-3", "B 4"]
    assert "missing" in kept[1]["properties"]["refused"]
    assert kept[0]["geometry"]["coordinates"][0][:4] == BOW_TIE


def test_properties_are_mapped_and_codes_prefixed(world, run):
    one = feature("ignored", SQUARE, properties={"FIPS": 12, "label": "Mapped"})
    result = run(one, options=["--code", "FIPS", "--name", "label", "--prefix", "C-"])
    assert "1 created" in result.output
    assert world.read(queries.get_region, code="C-12")["name"] == "Mapped"


@pytest.mark.parametrize("content", [b"not json", b"[]", b'{"type": "Feature"}', b'{"features": [1]}'])
def test_what_is_no_feature_collection_is_said_so(connect, tmp_path, content):
    file = tmp_path / "broken.geojson"
    file.write_bytes(content)
    result = CliRunner().invoke(import_regions, [str(file)], obj=connect)
    assert result.exit_code == 1
    assert "is not" in result.output
