"""The command line in Chinese: every command's help, every text that the sources ask for, every title, reason and
sentence of the platform has its Chinese; the catalogue holds nothing that is not used; and what people see is Chinese
and aligned, while what programs read stays as it is."""

import json
import re
import subprocess
import unicodedata

import chinese_catalogue as sources
import pytest
import yaml

from conftest import BIN, DESCRIPTION, ROOT

HAN = re.compile(r"[\u4e00-\u9fff]")
CHINESE = {"LC_ALL": "zh_CN.UTF-8"}
HELP, MESSAGES, TITLES, WORDS, REASONS, PHRASES = (
    sources.table(name) for name in ("help", "messages", "titles", "words", "reasons", "phrases"))


def run(*arguments, language):
    return subprocess.run([BIN / "mifeng", *arguments], capture_output=True, timeout=60, cwd="/",
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **language})


def english(table):
    return [key for key, _ in table]


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def at_columns(line, begins):
    """The cells of a line, given the terminal columns that they begin at."""
    cells, column = [""] * len(begins), 0
    for character in line:
        cells[max(i for i, begin in enumerate(begins) if begin <= column)] += character
        column += columns(character)
    return [cell.strip() for cell in cells]


def commands():
    """Every command, as the completion knows them: ("key", "rotate"), ..."""
    script = run("completion", "bash", language={}).stdout.decode()
    return [tuple(path.split()[1:]) for path in re.findall(r"^    '(mifeng[^']*)'\)", script, flags=re.M)]


def test_no_entry_is_twice_or_unused():
    for keys in (english(HELP + MESSAGES + TITLES), english(REASONS), english(WORDS), english(PHRASES)):
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
    used = set().union(*(sources.literals(path) for path in sources.of_command_line()))
    everywhere = used.union(*(sources.literals(path) for path in sources.of_libraries()))
    labels = {"Usage", "OPTIONS", "Positionals", "SUBCOMMAND", "REQUIRED", "Env", "TEXT", "INT"}  # of CLI11
    labels |= set(sources.field_descriptions())  # what `mifeng explain` shows
    assert [key for key in english(HELP) if key not in used | labels] == []
    # Messages hold also the words that libraries have for codes, kinds of streams and roles of layers.
    archive = sources.of_the_archive()
    assert len(archive) == 3 and [key for key in english(MESSAGES) if key not in everywhere | archive] == []
    assert set(english(TITLES)) - sources.titles() - sources.asked() == set()
    assert set(english(REASONS)) - sources.reasons_of_libraries() - sources.reasons_said_in_english() == set()
    assert set(english(PHRASES)) - sources.phrases() == set()
    assert [key for key in english(WORDS) if key not in everywhere | {"true", "false"}] == []


def test_every_text_that_is_asked_for_is_there():
    asked = sources.asked()
    assert len(asked) > 90 and asked - set(english(HELP + MESSAGES + TITLES)) == set()
    assert len(sources.field_descriptions()) > 50 and set(sources.field_descriptions()) - set(english(HELP)) == set()
    titles = sources.titles()
    assert len(titles) > 40 and titles - set(english(TITLES)) == set()


def test_every_reason_has_its_chinese():
    reasons = sources.reasons_of_libraries()
    assert len(reasons) > 200 and {"prefix-taken", "bad-tag", "no-recipient", "engine-slow", "replayed"} < reasons
    assert reasons - set(english(REASONS)) == set()
    assert sources.reasons_said_in_english() - set(english(REASONS)) == set()


def test_every_sentence_has_its_chinese():
    phrases = sources.phrases()
    assert len(phrases) > 90 and phrases - set(english(PHRASES)) == set()
    # And none goes to a person past phrase(): as a bare literal, or put together of some.
    # A gateway says what stands in the group that its module is made with, and nothing else.
    group = json.loads((sources.CATALOGUE / "phrases.json").read_text())["what a gateway answers to a caller"]
    of_gateways = {sources.joined(given[0]) for path in sources.of_gateways()
                   for given in sources.calls(sources.code_of(path), "phrase")}
    assert set(group) == of_gateways
    for path in sources.of_gateways():
        for given in sources.calls(sources.code_of(path), "refuse_request"):
            bare = re.sub(r'phrase\((?:[^"]|"(?:[^"\\]|\\.)*")*\)', "", ",".join(given[3:]))
            assert '"' not in bare or "enter_guard" in sources.code_of(path), (path.name, given)
    for folder, said in (("stack", r"say|message_|listener_?\.message|listener_?\.result"),
                         ("package", r"listener\.step|listener\.note|listener\.progress")):
        for path in (ROOT / "libs" / folder / "src").glob("*.cpp"):
            for given in sources.calls(sources.code_of(path), f"(?:{said})"):
                if given[0].startswith("json::"):  # what `mifeng up --once` says to programs
                    continue
                bare = re.sub(r'phrase\((?:[^"]|"(?:[^"\\]|\\.)*")*\)|""', "", given[0])
                assert '"' not in bare, (path.name, given[0])
    engine = "".join(sources.code_of(path) for path in (ROOT / "libs/cluster/src").glob("podman_*.cpp")
                     if not path.stem.endswith("_test"))
    rows = "".join(sources.code_of(path) for path in (ROOT / "libs/deployments/src").glob("deployment_*.cpp"))
    assert re.findall(r'reason \+?= "[^"]', engine + rows) == []


def test_every_state_has_its_chinese():
    """What a member that is shown in Chinese may be, as spec/openapi.yaml has it."""
    words = set()

    def look(value):
        if isinstance(value, dict):
            for name, schema in value.get("properties", {}).items():
                if name in ("state", "purpose") and "enum" in schema:
                    words.update(schema["enum"])
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(yaml.safe_load(DESCRIPTION.read_text()))
    assert {"ready", "in-force", "used-by-others", "identity", "enrolled"} < words
    assert words - set(english(WORDS)) == set()


def test_the_parts_are_the_same_in_both():
    for key, chinese in MESSAGES:
        assert key.count("{}") == chinese.count("{}"), key
    for key, chinese in PHRASES:
        assert key.count("{}") == len(re.findall(r"\{(?:|phrase|word)\}", chinese)) == chinese.count("{"), key
    for key, chinese in HELP + MESSAGES + REASONS + TITLES + WORDS + PHRASES:
        assert HAN.search(chinese), key


def test_a_sentence_is_taken_for_no_other():
    """The first template that fits counts, where none is the sentence itself."""
    forms = [(key, re.compile("(?s:.*?)".join(re.escape(part) for part in key.split("{}")))) for key, _ in PHRASES]
    for key in (key for key in english(PHRASES) if "{}" in key):
        sentence = key.replace("{}", "7")
        assert next(other for other, form in forms if form.fullmatch(sentence)) == key


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_commands_help_is_chinese(path):
    english_help = run(*path, "--help", language={"LANG": "C.UTF-8"})
    chinese = run(*path, "--help", language=CHINESE)
    assert english_help.returncode == chinese.returncode == 0
    assert not HAN.search(english_help.stdout.decode())
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
    assert done.returncode == 1 and "无法连接：" in done.stderr.decode() and b"[cannot-connect]" in done.stderr
    done = run("scale", "x", language=chinese)
    assert done.returncode == 2 and "用法错误" in done.stderr.decode()
    done = run("nonsense", language=chinese)
    assert done.returncode == 2 and "没有命令 nonsense" in done.stderr.decode()
    # Also where the name itself is Chinese.
    for name in ("none", "密钥"):
        done = run("key", "fingerprint", str(tmp_path / name), language=chinese)
        assert done.returncode == 3 and "没有这个文件（" in done.stderr.decode(), done.stderr.decode()
    done = run("key", "generate", "--output-file", str(tmp_path / "密钥"), language=chinese)
    assert done.returncode == 0 and "指纹：" in done.stderr.decode()
    done = run("key", "generate", "--output-file", str(tmp_path / "密钥"), language=chinese)
    assert done.returncode == 5 and "错误：" + str(tmp_path / "密钥") + " 已存在" in done.stderr.decode()


def test_what_a_file_is(tmp_path):
    run("key", "generate", "--output-file", str(tmp_path / "a.pem"), "--public", str(tmp_path / "a.pub"), language={})
    sealed = subprocess.run([BIN / "mifeng", "seal", "--kind", "response", "--to", tmp_path / "a.pub"], input=b"text",
                            capture_output=True, timeout=60, check=True).stdout
    (tmp_path / "sealed").write_bytes(sealed)
    in_english = run("inspect", str(tmp_path / "sealed"), language={"LANG": "C.UTF-8"}).stdout.decode().splitlines()
    in_chinese = run("inspect", str(tmp_path / "sealed"), language=CHINESE).stdout.decode().splitlines()
    assert in_english[0] == "form       sealed stream, version 1 (not verified)"
    assert in_english[1] == "kind       response" and in_english[-1] == "signer     none: not signed"
    assert in_chinese[:2] == ["格式    密封流，版本 1（未验证）", "种类    回答"]
    assert in_chinese[-1] == "签名者  无：未签名"
    assert len(in_chinese) == len(in_english)
    assert (run("inspect", "-o", "json", str(tmp_path / "sealed"), language=CHINESE).stdout ==
            run("inspect", "-o", "json", str(tmp_path / "sealed"), language={}).stdout)


def test_a_refusal_of_the_platform(own, signed_in):
    done = signed_in("person", "add", "x", "--role", "vendor", env={"LANG": "zh_CN.UTF-8"})
    assert done.returncode == 2 and "角色有误（" in done.stderr.decode() and b"[bad-roles]" in done.stderr
    done = signed_in("get", "models", signed_in=False, platform=own.url, env={"LC_ALL": "zh_CN"})
    assert done.returncode == 4 and "请先登录：`mifeng login`" in done.stderr.decode()


def test_a_table(own, signed_in):
    """Titles and states are Chinese, a cell stands under its title as a terminal shows it, and no other form changes."""
    for name in ("一号病房", "ward-7"):
        assert signed_in("caller", "add", name).returncode == 0
    assert signed_in("caller", "revoke", "ward-7").returncode == 0
    done = signed_in("get", "callers", env=CHINESE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["标识", "名称", "启用", "创建时间"]
    begins = [columns(lines[0][:lines[0].index(title)]) for title in lines[0].split()]
    rows = [at_columns(line, begins) for line in lines[1:]]
    assert sorted(row[1:3] for row in rows) == [["ward-7", "否"], ["一号病房", "是"]]
    assert all(re.fullmatch(r"ca-\w+", row[0]) and re.fullmatch(r"20\d\d-.*", row[3]) for row in rows)

    in_english = signed_in("get", "callers", env={"LANG": "C.UTF-8"}).stdout.decode().splitlines()
    begins = [columns(in_english[0][:in_english[0].index(title)]) for title in ("ID", "NAME", "ENABLED", "CREATED")]
    assert [at_columns(line, begins)[1:3] for line in in_english] == [
        ["NAME", "ENABLED"], *([row[1], {"是": "true", "否": "false"}[row[2]]] for row in rows)]

    for form in ("json", "yaml", "name"):
        assert (signed_in("get", "callers", "-o", form, env=CHINESE).stdout ==
                signed_in("get", "callers", "-o", form).stdout != b"")
    keys = signed_in("key", "list", env=CHINESE).stdout.decode()
    assert "生效时间" in keys and "身份" in keys and "交付" in keys
    assert "identity" not in keys and "in-force" not in keys


def test_what_a_machine_lacks(tmp_path):
    def doctor(language):
        done = run("doctor", "--data", str(tmp_path), "--guard", str(tmp_path / "none"), language=language)
        assert done.returncode == 1, done.stderr
        return done.stdout.decode().splitlines()
    in_english, in_chinese = doctor({"LANG": "C.UTF-8"}), doctor(CHINESE)
    assert in_english[0].split() == ["WHAT", "FOUND", "WHAT", "TO", "DO"]
    assert in_chinese[0].split() == ["项目", "现状", "处理方法"] and len(in_chinese) == len(in_english)
    english_guard = next(line for line in in_english if "guard image" in line)
    assert english_guard.startswith("missing") and english_guard.endswith(
        "build it, as ./run does, or give another one with --guard")
    guard = next(line for line in in_chinese if "守护程序镜像" in line)
    assert guard.startswith("缺少  ") and guard.endswith("或用 --guard 另行指定")
    assert columns(guard[:guard.index("守护程序镜像")]) == columns(in_chinese[0][:in_chinese[0].index("项目")])
    assert columns(guard[:guard.index("请构建")]) == columns(in_chinese[0][:in_chinese[0].index("处理方法")])
    assert any("内存" in line and "可用 " in line for line in in_chinese)
