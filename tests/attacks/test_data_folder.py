"""What lies in mifengd's data folder is one process's."""
import subprocess

from one_platform import BIN


def second(platform):
    return subprocess.run([BIN / "mifengd", "--data", platform.data, "--master-key", platform.folder / "master.key",
                           "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:1"],
                          capture_output=True, text=True, timeout=60)


def test_a_second_mifengd_does_not_begin_on_the_same_folder(platform):
    card = platform.request("GET", "/card", platform.administrator)[1]
    refused = second(platform)
    assert refused.returncode == 1, refused.stderr
    assert "data-in-use" in refused.stderr and f"(process {platform.process.pid})" in refused.stderr, refused.stderr
    assert platform.request("GET", "/card", platform.administrator)[1] == card
    # Whoever was killed holds nothing any more.
    platform.process.kill()
    platform.process.wait()
    platform.log.close()
    platform.start()
    assert platform.request("GET", "/card", platform.administrator)[1] == card
