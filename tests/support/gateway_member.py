"""A gateway that these tests are themselves: its keys are openssl's, and its messages are made after spec/grant.md
without any of our code."""
import base64
import json
import pathlib
import secrets
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from openssl_stream import USER_ID, generate_key, key_numbers, openssl, seal, sm3  # noqa: E402

SM2_PUBLIC_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")  # the DER before the point


class Member:
    """What a join file makes of somebody: `enrolment()` and `follow()` are the header fields and bodies to send."""

    def __init__(self, join, folder):
        self.id, self.code, self.folder = join["gateway"], join["code"], folder
        statement = json.loads(base64.b64decode(join["card"]["delivery"]["statement"]))
        self.delivery = folder / "delivery.pub.pem"
        der = SM2_PUBLIC_KEY + base64.b64decode(statement["key"])
        self.delivery.write_text("-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der).decode() +
                                 "-----END PUBLIC KEY-----\n")
        self.receive, _ = generate_key(folder, "receive")
        self.sign, _ = generate_key(folder, "sign")

    def point(self, private):
        return base64.b64encode(key_numbers(private)[1]).decode()

    def sealed(self, context, message):
        return seal(secrets.token_bytes(16), "grant", 12, secrets.token_bytes(16), "\n".join(context).encode(),
                    [self.delivery], self.sign, json.dumps(message).encode())

    def enrolment(self):
        nonce = secrets.token_hex(16)
        message = {"format": "mifeng-enrolment/1", "gateway": self.id, "code": self.code, "nonce": nonce,
                   "receive_key": self.point(self.receive), "signing_key": self.point(self.sign), "version": "0.1.0"}
        return {"Mifeng-Nonce": nonce}, self.sealed(("enrol", self.id, nonce), message)

    def follow(self, time_ms=None, nonce=None):
        nonce, time_ms = nonce or secrets.token_hex(16), str(time_ms or int(time.time() * 1000))
        document = b"mifeng/v1/follow\0" + sm3("\n".join((self.id, nonce, time_ms)).encode())
        signature = openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", self.sign, *USER_ID,
                            data=document)
        return {"Mifeng-Nonce": nonce, "Mifeng-Time": time_ms,
                "Mifeng-Signature": base64.b64encode(signature).decode()}

    def report(self, serial):
        """A confirmation of that snapshot."""
        now = int(time.time() * 1000)
        message = {"format": "mifeng-report/1", "gateway": self.id, "serial": serial, "counter": 0, "from_ms": now,
                   "to_ms": now, "rows": []}
        return {"Mifeng-Serial": str(serial)}, self.sealed(("report", self.id, str(serial)), message)
