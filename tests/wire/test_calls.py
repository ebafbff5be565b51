"""The ordinary ways through gateway and guard."""
import wire


def test_a_call_comes_back_as_the_model_said_it(cast):
    guard, gateway = cast.pair()
    answer = gateway.call("/m/predict?x=1", "POST", b'{"inputs":[1]}')
    assert (answer.status, answer.body, answer.complete) == (200, b'{"ok":true}', True)
    assert answer.field("Content-Type") == "application/json"
    assert answer.field("Content-Length") == "11"
    [seen] = guard.model.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/predict?x=1", b'{"inputs":[1]}')
