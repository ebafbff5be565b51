"""What takes the 30 seconds that a connection to a balanced address lives."""
import time

import pytest
import wire


@pytest.mark.parametrize("kind, most", [("balanced", 2), ("unit", 1)])
def test_a_connection_to_a_balanced_address_is_replaced_after_30_seconds(cast, kind, most):
    guard = cast.guard()
    between = cast.keep(wire.Meddler(guard.port))
    gateway = cast.gateway(wire.table_of(guard, kind=kind, addresses={"dep-1": [between.address]}))
    begin = time.monotonic()
    while time.monotonic() < begin + 34:
        assert gateway.call("/m", "POST", b"x").status == 200
        time.sleep(0.5)  # less than what an idle connection lives
    assert len(between.connections) == most
