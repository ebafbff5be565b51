"""The sealed stream written a third time: SM2 and SM4 blocks by the `openssl` program, SM3 by Python's hashlib, GCM by
hand. Slow, and independent of our code: our SM4-GCM and our DER parser have no part in it."""
import hashlib
import hmac
import re
import struct
import subprocess

USER_ID = ["-pkeyopt", "distid:1234567812345678"]
KINDS = {"payload": 1, "response": 2, "grant": 3}


def openssl(*arguments, data=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def sm3(data):
    return hashlib.new("sm3", data).digest()


def mac(key, data):
    return hmac.new(key, data, "sm3").digest()


def generate_key(folder, name):
    """NAME.pem and NAME.pub.pem, by openssl."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    openssl("genpkey", "-algorithm", "SM2", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def key_numbers(private):
    """(d, 04 || x || y) of a private key's file."""
    text = openssl("pkey", "-in", private, "-text", "-noout").decode()
    numbers = re.search(r"priv:\s*([0-9a-f:\s]+?)pub:\s*([0-9a-f:\s]+?)ASN1", text)
    scalar, point = (bytes.fromhex(re.sub(r"[\s:]", "", part)) for part in numbers.groups())
    return scalar.rjust(32, b"\0")[-32:], point


def sm4_block(key, block):
    return openssl("enc", "-sm4-ecb", "-nopad", "-K", key.hex(), data=block)


def gcm_seal(key, nonce, additional, plaintext):
    blocks = [nonce + struct.pack(">I", i + 1) for i in range(2 + len(plaintext) // 16)]
    stream = sm4_block(key, bytes(16) + b"".join(blocks))  # H, the tag's mask, the key stream
    h, mask, pad = stream[:16], stream[16:32], stream[32:]
    ciphertext = bytes(a ^ b for a, b in zip(plaintext, pad))

    def padded(data):
        return data + bytes(-len(data) % 16)

    def multiply(x, y):  # GF(2^128), NIST SP 800-38D section 6.3
        z = 0
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= y
            y = y >> 1 ^ (0xe1 << 120 if y & 1 else 0)
        return z

    data = padded(additional) + padded(ciphertext) + struct.pack(">QQ", len(additional) * 8, len(ciphertext) * 8)
    y = 0
    for at in range(0, len(data), 16):
        y = multiply(y ^ int.from_bytes(data[at:at + 16], "big"), int.from_bytes(h, "big"))
    return ciphertext, (y ^ int.from_bytes(mask, "big")).to_bytes(16, "big")


def stream_keys(root_key, kind, salt, context):
    prk = mac(bytes(32), root_key)
    stream_key = mac(prk, b"mifeng/v1/" + kind.encode() + salt + context + b"\1")
    return stream_key, mac(stream_key, b"mifeng/v1/segment")[:16]


def seal(root_key, kind, exponent, salt, context, recipients, signer, plaintext):
    """One fixed stream; `recipients` are public key files, `signer` a private key file or None."""
    def block(key_id, content):
        return key_id + struct.pack(">H", len(content)) + content

    def key_id(public_pem):
        der = openssl("pkey", "-pubin", "-in", public_pem, "-outform", "DER")
        return sm3(der[-65:])[:8]

    blocks = b"".join(
        block(key_id(public), openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public, data=root_key))
        for public in recipients)
    statement = b"mifeng/v1/sender" + bytes([KINDS[kind], exponent, len(recipients)]) + blocks
    if signer:
        signature = openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", signer, *USER_ID, data=statement)
        blocks += block(sm3(key_numbers(signer)[1])[:8], signature)
    fixed = b"MFS" + bytes([1, KINDS[kind], exponent]) + struct.pack(">H", 60 + len(blocks)) + salt + bytes(
        [len(recipients), (1 if signer else 0) | 2, 0, 0])
    stream_key, segment_key = stream_keys(root_key, kind, salt, context)
    out = fixed + blocks + mac(stream_key, fixed + sm3(blocks))
    size = 1 << exponent
    for index in range(len(plaintext) // size + 1):
        piece = plaintext[index * size:(index + 1) * size]
        final = len(piece) < size
        length = struct.pack(">I", len(piece) | (1 << 31 if final else 0))
        ciphertext, tag = gcm_seal(segment_key, index.to_bytes(11, "big") + bytes([final]), length, piece)
        out += length + ciphertext + tag
    return out


class Header:
    """A header's parts, as they stand in a stream."""

    def __init__(self, stream):
        self.size = struct.unpack(">H", stream[6:8])[0]
        self.fixed, self.salt = stream[:28], stream[8:24]
        self.blocks, self.mac = stream[28:self.size - 32], stream[self.size - 32:self.size]
        self.parts, at = [], 0
        while at < len(self.blocks):
            length = struct.unpack(">H", self.blocks[at + 8:at + 10])[0]
            self.parts.append((self.blocks[at:at + 8], self.blocks[at + 10:at + 10 + length]))
            at += 10 + length
        recipients = stream[24]
        self.recipient_blocks = self.blocks[:sum(10 + len(c) for _, c in self.parts[:recipients])]
        self.statement = b"mifeng/v1/sender" + bytes([stream[4], stream[5], stream[24]]) + self.recipient_blocks
