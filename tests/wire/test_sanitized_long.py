"""The module under the sanitizers, inside a real nginx: tests of the wire run once more with it."""
import pathlib

import sanitized
import wire

# Left out: a sanitizer takes memory of its own, and gives none back at once.
MEASURES_MEMORY = "tables_change_under_load"


def test_the_module_in_nginx(tmp_path):
    module = sanitized.build("ngx_http_mifeng") / "ngx_http_mifeng.so"
    reports = tmp_path / "report"
    program = tmp_path / "nginx"
    settings = {**sanitized.options(reports),
                "LD_PRELOAD": f"{sanitized.library('libasan.so')} {sanitized.library('libstdc++.so')}"}
    exports = "".join(f"export {name}='{value}'\n" for name, value in settings.items())
    program.write_text(f'#!/bin/sh\n{exports}exec {wire.NGINX} "$@"\n')
    program.chmod(0o755)
    here = pathlib.Path(__file__).parent
    sanitized.run_again([here / f"test_{name}.py" for name in ("calls", "routes", "attacks", "endpoints", "limits")]
                        + ["-k", f"not {MEASURES_MEMORY}"],
                        {"MIFENG_TEST_MODULE": str(module), "MIFENG_TEST_NGINX": str(program)}, reports)
