"""Streams that stay open, and the work that has to go on beside them."""
import contextlib

from unix_http import UnixConnection


def follow(scene):
    connection = UnixConnection(scene.data / "run/mifengd.sock", timeout=60)
    connection.request("GET", f"/api/v1/deployments/{scene.deployment}/logs?follow=true&tail=0")
    return connection, connection.getresponse()


def test_logs_that_are_followed_hold_up_nothing_else(scene, genuine):
    with contextlib.ExitStack() as stack:
        statuses = []
        for _ in range(40):
            connection, answer = follow(scene)
            stack.callback(connection.close)
            statuses.append(answer.status)
        assert statuses == [200] * 16 + [429] * 24, "of one person so many; each of them holds a thread"
        # What waits for the cluster's engine, and what is written, goes on.
        assert scene.api("GET", "/clusters/local")["id"] == "local"
        assert scene.api("POST", "/callers", {"name": "beside the streams"})["caller"]["id"]
        assert scene.predict()[0] == 200
