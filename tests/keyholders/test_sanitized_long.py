"""Guard and gateway under the sanitizers: their tests run once more with programs that are built so."""
import pathlib
import shutil
import sys

import keyholders

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "wire"))
import sanitized  # noqa: E402

HERE = pathlib.Path(__file__).parent


def test_the_gateway(tmp_path):
    program = sanitized.build("mifeng-gateway") / "mifeng-gateway"
    reports = tmp_path / "report"
    sanitized.run_again([HERE / "test_gateway.py"], {"MIFENG_TEST_GATEWAY": str(program), **sanitized.options(reports)},
                        reports)


def test_the_guard_in_a_container(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(sanitized.build("mifeng-guard") / "mifeng-guard", programs)
    shutil.copy(keyholders.BIN / "ngx_http_mifeng.so", programs)  # without: it has a test of its own
    reports = tmp_path / "reports"
    reports.mkdir()
    reports.chmod(0o777)  # the container's user writes there
    inside = sanitized.options("/reports/report")
    tests = [HERE / f"test_{name}.py" for name in ("guard", "model_container", "restart", "health", "peers")]
    sanitized.run_again(tests,
                        {"MIFENG_TEST_GUARD_BIN": str(programs), "MIFENG_TEST_REPORTS": str(reports),
                         "MIFENG_TEST_GUARD_SETTINGS": " ".join(f"{name}={value}" for name, value in inside.items())},
                        reports / "report")
