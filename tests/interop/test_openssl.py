"""Keys, SM2 ciphertexts, signatures and whole streams, each way round with the `openssl` program."""
import os

import pytest

import openssl_stream as other
from openssl_stream import openssl

CONTEXT = b"acme\ndigits\n1.2.0"


def test_our_keys_are_openssls(mifeng):
    private, public = mifeng.generate_key("ours")
    text = openssl("pkey", "-in", private, "-text", "-noout").decode()
    assert "ASN1 OID: SM2" in text
    assert openssl("pkey", "-in", private, "-pubout") == public.read_bytes()
    assert private.stat().st_mode & 0o777 == 0o600


def test_openssls_keys_are_ours(mifeng, tmp_path):
    private, public = other.generate_key(tmp_path, "theirs")
    assert mifeng("key", "public", private) == public.read_bytes()
    fingerprint = mifeng("key", "fingerprint", public).decode()
    assert fingerprint.replace(" ", "").strip().lower() == other.sm3(other.key_numbers(private)[1]).hex()
    assert mifeng("key", "fingerprint", private).decode() == fingerprint


@pytest.mark.parametrize("arguments", [
    ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-algorithm", "ED25519"],
    ["-algorithm", "SM2", "-aes-128-cbc", "-pass", "pass:x"]])
def test_other_keys_are_refused_with_a_reason(mifeng, tmp_path, arguments):
    openssl("genpkey", *arguments, "-out", tmp_path / "other.pem")
    done = mifeng.run("key", "public", "other.pem")
    assert done.returncode == 2
    assert b"other.pem" in done.stderr and b"private-key]" in done.stderr


@pytest.mark.parametrize("round", range(8))  # so that short integers come up in the DER now and then
def test_openssl_takes_our_header_apart(mifeng, tmp_path, round):
    private, public = mifeng.generate_key("receiver")
    signer, signer_public = mifeng.generate_key("signer")
    stream = mifeng("seal", "--kind", "payload", "--to", public, "--sign", signer, "--context-hex", CONTEXT.hex(),
                    data=os.urandom(round * 100))
    header = other.Header(stream)
    (key_id, ciphertext), (signer_id, signature) = header.parts
    assert key_id == other.sm3(other.key_numbers(private)[1])[:8]
    assert signer_id == other.sm3(other.key_numbers(signer)[1])[:8]
    root_key = openssl("pkeyutl", "-decrypt", "-inkey", private, data=ciphertext)
    assert len(root_key) == 16
    stream_key, _ = other.stream_keys(root_key, "payload", header.salt, CONTEXT)
    assert other.mac(stream_key, header.fixed + other.sm3(header.blocks)) == header.mac
    (tmp_path / "signature").write_bytes(signature)
    openssl("pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", signer_public, "-sigfile",
            tmp_path / "signature", *other.USER_ID, data=header.statement)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 500, 1023, 1024, 1025, 2100])
def test_we_open_what_openssl_and_python_made(mifeng, tmp_path, size):
    private, public = other.generate_key(tmp_path, "receiver")
    signer, signer_public = other.generate_key(tmp_path, "signer")
    plaintext = os.urandom(size)
    stream = other.seal(os.urandom(16), "response", 10, os.urandom(16), CONTEXT, [public], signer, plaintext)
    arguments = ["open", "-k", private, "--kind", "response", "--signer", signer_public, "--require-signature"]
    assert mifeng(*arguments, "--context-hex", CONTEXT.hex(), data=stream) == plaintext
    done = mifeng.run(*arguments, "--context-hex", (CONTEXT + b"x").hex(), data=stream)
    assert (done.returncode, done.stdout) == (6, b"") and b"[bad-header-mac]" in done.stderr


def test_python_makes_the_very_bytes_that_we_make(mifeng, tmp_path):
    """Given our root key and salt, the other implementation's segments are ours, byte for byte."""
    private, public = mifeng.generate_key("receiver")
    plaintext = os.urandom(2500)
    stream = mifeng("seal", "--kind", "payload", "--to", public, "--segment-exponent", "10", "--context-hex",
                    CONTEXT.hex(), data=plaintext)
    header = other.Header(stream)
    root_key = openssl("pkeyutl", "-decrypt", "-inkey", private, data=header.parts[0][1])
    theirs = other.seal(root_key, "payload", 10, header.salt, CONTEXT, [public], None, plaintext)
    assert theirs[other.Header(theirs).size:] == stream[header.size:]
