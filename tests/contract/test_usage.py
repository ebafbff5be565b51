"""Usage as a series: every step that was asked for, of all, of one deployment or of one model, within a bound."""
import sqlite3

import pytest

from conftest import Platform

HOUR, DAY = 3_600_000, 86_400_000
START = 20_000 * DAY  # midnight of UTC


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usage")
    running = Platform(folder)
    first = running.request("POST", "/system/first-administrator", local=True)[1]
    running.administrator = running.sign_in(first["name"], first["password"])
    # As gateways would have reported it, while nobody has the database open.
    assert running.stop() == 0
    with sqlite3.connect(running.data / "mifeng.db") as db:
        for deployment, hour, calls in (("a", 5, 10), ("b", 5, 20), ("a", 7, 30), ("a", 30, 40)):
            db.execute("INSERT INTO usage_by_hour VALUES (?, ?, ?, 1, 2)", (deployment, START + hour * HOUR, calls))
    db.close()
    running.start()
    yield running
    assert running.stop() == 0


def series(scene, status=200, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    got, answer, _ = scene.request("GET", f"/usage/series?{asked}", scene.administrator)
    assert got == status, answer
    return answer


def calls(scene, **query):
    return [one["calls"] for one in series(scene, **query)["items"]]


def test_hours_have_no_gaps(scene):
    items = series(scene, step="hour", from_ms=START + 4 * HOUR, to_ms=START + 8 * HOUR)["items"]
    assert [one["from_ms"] for one in items] == [START + hour * HOUR for hour in (4, 5, 6, 7)]
    assert [(one["calls"], one["errors"], one["refusals"]) for one in items] == [(0, 0, 0), (30, 2, 4), (0, 0, 0), (30, 1, 2)]


def test_days_begin_where_people_live(scene):
    assert calls(scene, step="day", from_ms=START, to_ms=START + 2 * DAY) == [60, 40]
    assert calls(scene, step="day", from_ms=START, to_ms=START + 2 * DAY, day_begins=6) == [30, 40]


def test_one_deployment_and_one_model(scene):
    span = {"step": "hour", "from_ms": START + 5 * HOUR, "to_ms": START + 8 * HOUR}
    assert calls(scene, **span, deployment="b") == [20, 0, 0]
    assert calls(scene, **span, deployment="none") == [0, 0, 0]
    assert calls(scene, **span, vendor="acme", model="digits") == [0, 0, 0], "it has no deployment"
    assert series(scene, 400, **span, model="digits")["reason"] == "bad-query"


def test_what_is_answered_is_bounded(scene):
    assert len(calls(scene, step="hour", from_ms=START, to_ms=START + 800 * HOUR)) == 800
    assert series(scene, 400, step="hour", from_ms=START, to_ms=START + 801 * HOUR)["reason"] == "too-many-steps"
    assert series(scene, 400, step="hour", from_ms=0)["reason"] == "too-many-steps"
    assert calls(scene, step="hour", from_ms=START + DAY, to_ms=START) == []
    for wrong in ({"step": "week", "from_ms": 0}, {"from_ms": 0}, {"step": "day"},
                  {"step": "day", "from_ms": 0, "day_begins": 24}):
        assert series(scene, 400, **wrong)["reason"] == "bad-query"
