"""A search finds words as they are written, inside others, in scripts without blanks, and with a typing error."""

import pytest
from sqlalchemy import text

from services.reports import reports, schemas, statistics
from shared.platform.schemas import load


@pytest.fixture(scope="module")
def caller(world):
    return world.caller("reporter")


@pytest.fixture(scope="module")
def filed(world, caller):
    titles = (
        "Hochwasserschutzanlage defekt",
        "市の避難所は満員です",
        "洪水で橋が流された",
        "น้ำท่วมหนักมาก",
        "ນ້ຳຖ້ວມ ວຽງຈັນ",
        "ភ្នំពេញលិចទឹក",
        "ရန်ကုန်တွင်ရေကြီး",
        "홍수가 났다",
        "Наводнение в городе",
        "No water in the camp",
        "Bridge closed on the main road",
        "Hospital without electricity",
        "Évacuation du marché",
    )
    return {title: world.create(caller, title=title, description="-") for title in titles}


def found(world, caller, searched):
    return [item["title"] for item in world.list(caller, text=searched)["items"]]


@pytest.mark.parametrize(
    ("searched", "title"),
    [
        ("Hochwasser", "Hochwasserschutzanlage defekt"),
        ("schutzanlage", "Hochwasserschutzanlage defekt"),
        ("避難所", "市の避難所は満員です"),
        ("満員", "市の避難所は満員です"),
        ("洪水", "洪水で橋が流された"),
        ("橋", "洪水で橋が流された"),
        ("น้ำท่วม", "น้ำท่วมหนักมาก"),
        ("หนัก", "น้ำท่วมหนักมาก"),
        ("ວຽງຈັນ", "ນ້ຳຖ້ວມ ວຽງຈັນ"),
        ("លិចទឹក", "ភ្នំពេញលិចទឹក"),
        ("ရေကြီး", "ရန်ကုန်တွင်ရေကြီး"),
        ("홍수", "홍수가 났다"),
        ("наводнени", "Наводнение в городе"),
        ("новоднение", "Наводнение в городе"),
        ("watr", "No water in the camp"),
        ("wather", "No water in the camp"),
        ("brigde", "Bridge closed on the main road"),
        ("hopsital", "Hospital without electricity"),
        ("electrcity", "Hospital without electricity"),
        ("evacuaton", "Évacuation du marché"),
        ("watr camp", "No water in the camp"),
        ("避難所 -洪水", "市の避難所は満員です"),
    ],
)
def test_what_resembles_the_search_is_found(world, caller, filed, searched, title):
    assert title in filed
    assert found(world, caller, searched) == [title]


@pytest.mark.parametrize("searched", ["難避", "watr -camp", "tsunami", "main river", "-"])
def test_what_does_not_resemble_it_is_not(world, caller, filed, searched):
    assert filed
    assert found(world, caller, searched) == []


def test_what_is_found_as_it_is_written_stands_first_on_every_page(world):
    caller = world.caller("reporter")
    titles = ["Landslide", "Landslides everywhere", "Landslide again", "Landslid", "Landslide, last"]
    ids = {title: world.create(caller, title=title, description="-")["id"] for title in titles}
    exact = [ids["Landslide, last"], ids["Landslide again"], ids["Landslide"]]
    loose = [ids["Landslid"], ids["Landslides everywhere"]]
    pages, cursor = [], None
    while True:
        page = world.list(caller, text="landslide", limit=1, **({"cursor": cursor} if cursor else {}))
        pages += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == exact + loose


def test_a_changed_text_is_found_by_its_new_words(world, caller):
    report = world.create(caller, title="Nothing yet", description="-")
    world.update(caller, report, title="Erdrutschgefahr am Hang")
    assert found(world, caller, "erdrutsch") == ["Erdrutschgefahr am Hang"]


def test_counts_follow_the_same_search(world, caller, filed):
    assert filed
    with world.db.read() as connection:
        summary = statistics.summarise_reports(
            connection, caller, load(schemas.SummariseReports(), {"text": "避難所"})
        )
    assert summary["total"] == 1


@pytest.mark.parametrize(
    ("words", "index"), [("watr", "idx_reports_search"), ("避難所", "idx_reports_grams")]
)
def test_the_search_uses_its_indexes(world, caller, filed, words, index):
    assert filed
    with world.db.read() as connection:
        search = reports.SEARCH.read(connection, words)
        condition = reports.SEARCH.finds(search).compile(
            connection.engine, compile_kwargs={"literal_binds": True}
        )
        # Only a bitmap is left, which an index can make for a condition that it serves, whatever the statistics say.
        for method in ("seqscan", "indexscan", "indexonlyscan"):
            connection.execute(text(f"SET LOCAL enable_{method} = off"))
        plan = connection.execute(
            text(f"EXPLAIN SELECT id FROM reports.reports WHERE {condition}".replace(":", "\\:"))
        )
        assert index in str(plan.all())
