"""The command line in Chinese: every command's help has its text, the catalogue holds nothing that is not used, and every
text that the sources ask for stands in it."""

import pathlib
import re
import subprocess

import pytest

from conftest import BIN, ROOT

SOURCES = ROOT / "apps/mifeng"
HAN = re.compile(r"[\u4e00-\u9fff]")
LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')


def joined(text):
    """Adjacent literals are one."""
    return "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))


def literals(path):
    return {joined(match) for match in LITERALS.findall(re.sub(r"^#include.*$", "", path.read_text(), flags=re.M))}


def catalogue(name, table):
    text = (SOURCES / "cli" / name).read_text()
    body = text[text.index(f"constexpr Translation {table}[]"):]
    body = body[:body.index("\n};")]
    rows = re.findall(r'\{("(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*),\s*("(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*)\}',
                      body)
    assert len(rows) == len(re.findall(r"^    \{\"", body, flags=re.M)), "every row was read"
    return [(joined(english), joined(chinese)) for english, chinese in rows]


HELP = catalogue("chinese_help.cpp", "kHelp")
MESSAGES = catalogue("chinese_messages.cpp", "kMessages")
REASONS = catalogue("chinese_messages.cpp", "kReasons")
USED = set().union(*(literals(path) for path in SOURCES.rglob("*.cpp") if not path.name.startswith("chinese")))


def run(*arguments, language):
    return subprocess.run([BIN / "mifeng", *arguments], capture_output=True, timeout=60, cwd="/",
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **language})


def commands():
    """Every command, as the completion knows them: ("key", "rotate"), ..."""
    script = run("completion", "bash", language={}).stdout.decode()
    return [tuple(path.split()[1:]) for path in re.findall(r"^    '(mifeng[^']*)'\)", script, flags=re.M)]


def test_no_entry_is_unused_or_twice():
    keys = [english for english, _ in HELP + MESSAGES]
    assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
    codes = literals(ROOT / "libs/base/src/error.cpp")
    labels = {"Usage", "OPTIONS", "Positionals", "SUBCOMMAND", "REQUIRED", "Env", "TEXT", "INT"}
    assert [key for key in keys if key not in USED | codes | labels] == []
    everywhere = set()
    for path in list((ROOT / "libs").rglob("*.cpp")) + list((ROOT / "libs").rglob("*.h")):
        everywhere |= literals(path)
    reasons = [reason for reason, _ in REASONS]
    assert len(reasons) == len(set(reasons)) and [one for one in reasons if one not in everywhere | USED] == []


def test_every_text_that_is_asked_for_is_there():
    known = {english for english, _ in HELP + MESSAGES}
    asked = set()
    for path in SOURCES.rglob("*.cpp"):
        for match in re.findall(r'\b(?:tr|say)\(\s*("(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*)', path.read_text()):
            asked.add(joined(match))
    assert len(asked) > 40 and asked - known == set()


def test_the_parts_are_the_same_in_both():
    for english, chinese in MESSAGES:
        assert english.count("{}") == chinese.count("{}"), english
        assert HAN.search(chinese), english
    for english, chinese in HELP:
        assert HAN.search(chinese), english


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_commands_help_is_chinese(path):
    english = run(*path, "--help", language={"LANG": "C.UTF-8"})
    chinese = run(*path, "--help", language={"LC_ALL": "zh_CN.UTF-8"})
    assert english.returncode == chinese.returncode == 0
    assert not HAN.search(english.stdout.decode())
    text = chinese.stdout.decode()
    assert HAN.search(text.splitlines()[0]), text
    # Each option and subcommand: its name, then on that line or the next what it is, in Chinese.
    known = {translated for _, translated in HELP}
    section = re.split(r"\n\n?示例：", text)[0].split("\n\n", 1)[1]
    entries = re.split(r"\n(?=  \S)", section)
    for entry in entries[1:]:
        assert any(word in entry for word in known if len(word) > 1 and word not in ("文本", "整数", "必填")), entry


def test_which_variable_counts():
    def chinese(**language):
        return bool(HAN.search(run("get", "--help", language=language).stdout.decode()))
    assert chinese(LANG="zh_CN.UTF-8") and chinese(LC_MESSAGES="zh_TW.UTF-8", LANG="en_US.UTF-8")
    assert chinese(LC_ALL="zh", LC_MESSAGES="C") and chinese(LC_ALL="", LANG="zh_CN")
    assert not chinese(LC_ALL="C", LANG="zh_CN.UTF-8") and not chinese(LC_MESSAGES="en", LANG="zh") and not chinese()


def test_errors_and_messages(tmp_path):
    chinese = {"LANG": "zh_CN.UTF-8"}
    done = run("get", "models", language=chinese)
    assert done.returncode == 2 and "连接哪个平台" in done.stderr.decode() and b"no-platform" in done.stderr
    done = run("push", "none.mfpkg", language={**chinese, "MIFENG_PLATFORM": "http://127.0.0.1:1"})
    assert done.returncode == 3 and "没有模型包 none.mfpkg" in done.stderr.decode()
    done = run("get", "models", language={**chinese, "MIFENG_PLATFORM": "http://127.0.0.1:1"})
    assert done.returncode == 1 and "暂不可用：" in done.stderr.decode()
    done = run("scale", "x", language=chinese)
    assert done.returncode == 2 and "用法错误" in done.stderr.decode()
    done = run("nonsense", language=chinese)
    assert done.returncode == 2 and "没有命令 nonsense" in done.stderr.decode()
    done = run("key", "fingerprint", str(tmp_path / "none"), language=chinese)
    assert done.returncode == 3 and "没有这个文件（" in done.stderr.decode()


def test_a_refusal_of_the_platform(own, signed_in):
    done = signed_in("person", "add", "x", "--role", "vendor", env={"LANG": "zh_CN.UTF-8"})
    assert done.returncode == 2 and HAN.search(done.stderr.decode()), done.stderr
    done = signed_in("get", "models", signed_in=False, platform=own.url, env={"LC_ALL": "zh_CN"})
    assert done.returncode == 4 and "请先登录：mifeng login" in done.stderr.decode()
