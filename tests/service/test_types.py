"""What a type calls for, as a call-taker reads it: questions, force, who is told, in either language."""

import asyncio

from tests.support.desk import desk


def asked(tmp_path, *paths, role="call_taker"):
    async def scene():
        async with desk(tmp_path) as it, it.client(role) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(scene())


def test_a_call_taker_reads_what_to_ask_and_what_a_yes_establishes(tmp_path):
    zh, en = (answer.json() for answer in asked(tmp_path, "/v1/types/robbery?lang=zh", "/v1/types/robbery?lang=en"))
    assert (zh["type"], zh["level"], zh["category"]) == ("robbery", 1, "criminal")
    assert len(zh["ask"]) == len(en["ask"]) > 3
    assert all("一" <= its["text"][0] <= "鿿" for its in zh["ask"])
    assert {"suspect_present", "weapon"} == {its["fact"] for its in en["ask"] if "fact" in its}
    assert {need["capability"] for need in en["force"]} >= {"patrol"}
    assert en["approve"]["send"]["by"]
    assert all(told["name"] for told in zh["told"])


def test_the_level_and_the_hour_that_are_asked_for_are_answered(tmp_path):
    night = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 18 * 3_600_000  # 02:00 in Shanghai
    day = night - 12 * 3_600_000
    by_day, by_night, lower = (
        answer.json()
        for answer in asked(
            tmp_path,
            f"/v1/types/theft_past?at={day}",
            f"/v1/types/theft_past?at={night}",
            "/v1/types/robbery?level=3",
        )
    )
    assert (by_day["dispatch"], by_night["dispatch"]) == ("station", "units")
    assert by_day["period"] != by_night["period"]
    assert lower["level"] == 3


def test_what_cannot_be_answered_names_the_field(tmp_path):
    unknown, level, word = asked(
        tmp_path, "/v1/types/nonsense", "/v1/types/robbery?level=9", "/v1/types/robbery?level=x"
    )
    assert [(a.status_code, a.json()["code"], a.json()["field"]) for a in (unknown, level, word)] == [
        (422, "unknown_type", "type"),
        (422, "out_of_range", "level"),
        (422, "wrong_type", "level"),
    ]


def test_the_code_lists_of_the_cards_are_in_the_bootstrap(tmp_path):
    (answer,) = asked(tmp_path, "/v1/bootstrap")
    lists = answer.json()["lists"]
    assert {"call_kinds", "return_reasons", "pause_reasons"} <= set(lists)
    assert lists["call_kinds"]["valid"] == {"zh": "有效警情", "en": "valid"}
