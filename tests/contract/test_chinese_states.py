"""Why a deployment does not run, as the command line says it in both languages."""

import http.server
import json
import threading

import pytest

from test_chinese import CHINESE, run


class Answers:
    """A platform that has one deployment, which says why it does not run."""

    def __init__(self, state, reason, update_failed=False):
        deployment = {"id": "digits-3f2a1c", "name": "digits", "model": "digits", "version": "1.0.0", "revision": 2,
                      "replicas": 3, "ready": 1, "update_failed": update_failed, "state": state, "reason": reason,
                      "grade": "L1"}
        body = json.dumps(deployment).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.parametrize("sentence,chinese", [
    ("waits for its turn", "等待处理"),
    ("what was asked for has not reached the cluster yet and is tried again: the API server cannot be reached",
     "所做的更改还没有下发到集群，正在重试：the API server cannot be reached"),
    ("unit u0: is being stopped", "运行单元 u0：正在停止"),
    ("unit u2: it is missing", "运行单元 u2：状态为不存在"),
    ("unit u0: ended with exit status 3", "运行单元 u0：已结束，退出状态 3"),
    ("unit u0: ended with exit status 139 (signal 11); its last words: ready (process 7)",
     "运行单元 u0：已结束，退出状态 139（信号 11）；最后的输出：ready (process 7)"),
    ("unit u1: has run for 12 s and does not answer on its health port 8001; its last words: unit u3: failed",
     "运行单元 u1：已运行 12 s，健康端口 8001 没有应答；最后的输出：unit u3: failed"),
    ("unit u0: host port 30000 is held by another program: free it, or deploy to another port",
     "运行单元 u0：节点端口 30000 被其他程序占用：请释放它，或部署到其他端口"),
    ("its units are being replaced by those of revision 3", "正在逐个更换为修订版本 3 的运行单元"),
    ("revision 3 does not become ready, and the one before it goes on serving; unit u2: ended with exit status 3",
     "修订版本 3 没有就绪，仍由之前的修订版本提供服务；运行单元 u2：已结束，退出状态 3"),
    ("what nobody has thought of", "what nobody has thought of"),
])
def test_why_a_deployment_does_not_run(sentence, chinese):
    with Answers("degraded", sentence) as url:
        platform = {"MIFENG_PLATFORM": url}
        lines = run("get", "deployments", "digits", language={**CHINESE, **platform}).stdout.decode().splitlines()
        assert lines[0].split() == ["标识", "模型", "版本", "修订版本", "就绪", "状态", "等级", "访问前缀", "存在时长",
                                    "原因"]
        assert "部分就绪" in lines[1] and " 1/3 " in lines[1] and lines[1].endswith("  " + chinese)
        lines = run("get", "deployments", "digits", language=platform).stdout.decode().splitlines()
        assert "degraded" in lines[1] and lines[1].endswith("  " + sentence)
    with Answers("failed", sentence) as url:
        done = run("restart", "digits", "--wait", "5", language={**CHINESE, "MIFENG_PLATFORM": url})
        assert done.returncode == 1 and f"错误：部署失败（{chinese}） [deployment-failed]" in done.stderr.decode()
        done = run("restart", "digits", "--wait", "5", language={"MIFENG_PLATFORM": url})
        assert done.stderr.decode() == f"mifeng: error: {sentence} [deployment-failed]\n"
    # An update that has failed is no reason to wait on, although what was there before goes on serving.
    with Answers("degraded", sentence, update_failed=True) as url:
        done = run("restart", "digits", "--wait", "60", language={"MIFENG_PLATFORM": url})
        assert (done.returncode, done.stderr.decode()) == (1, f"mifeng: error: {sentence} [deployment-failed]\n")
