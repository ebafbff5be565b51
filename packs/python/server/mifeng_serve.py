"""Serves a vendor's function with FastAPI on a Unix socket. The pack's own code, in the plain layer.

  python3.11 -I /opt/mifeng/mifeng_serve.py MODULE:FUNCTION
  python3.11 -I mifeng_serve.py --check SITE [--more] MODULE:FUNCTION

The second loads the entry from the current folder, as packing does, and ends; SITE is the folder of its dependencies. With
--more the image has further ones, of which nothing is known here.

The function takes the request's JSON object and returns what json can write. ValueError is the caller's mistake (400),
any other exception the model's (500, its text in the log alone). Beside it in the module may stand `metadata()`, an
object with the lists "inputs" and "outputs" of the Open Inference Protocol.
"""
import ctypes
import importlib
import json
import os
import resource
import site
import socket
import sys
import traceback

BODY_MAX = 64 << 20


def harden():
    """No core file, no ptrace, no /proc/PID/mem for anyone but the kernel: before the vendor's code is loaded."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pr_set_dumpable = 4
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0) != 0:
        sys.exit("model: cannot turn off core dumps: " + os.strerror(ctypes.get_errno()))


def load(entry, folder):
    """The function that MODULE:FUNCTION names, and its metadata, from the payload's folder."""
    module_name, _, function_name = entry.partition(":")
    sys.path.insert(0, folder)
    module = importlib.import_module(module_name)
    function = getattr(module, function_name, None)
    if not callable(function):
        others = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        sys.exit(f"model: {module_name} has no function {function_name}" +
                 (f"; there are: {', '.join(others[:20])}" if others else ""))
    describe = getattr(module, "metadata", None)
    return function, (describe() if callable(describe) else {})


class BadRequest(ValueError):
    """The request is wrong; the message is for the caller."""


def nest(flat, shape):
    """A flat list as nested ones of this shape."""
    for size in reversed(shape[1:]):
        flat = [flat[i:i + size] for i in range(0, len(flat), size)] if size else []
    return flat if shape else flat[0]


def flatten(value, out):
    if isinstance(value, list):
        for item in value:
            flatten(item, out)
    else:
        out.append(value)
    return out


def request_from_tensors(body):
    """{"inputs": [tensors]} to {name: nested lists}."""
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise BadRequest('"inputs" must be a list of tensors')
    request = {}
    for tensor in inputs:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str) \
                or not isinstance(tensor.get("data"), list) or not isinstance(tensor.get("shape"), list):
            raise BadRequest('each tensor needs "name", "shape" and "data"')
        name, shape = tensor["name"], tensor["shape"]
        elements = 1
        for size in shape:
            if type(size) is not int or not 0 <= size <= BODY_MAX or len(shape) > 8:
                raise BadRequest(f'the shape of "{name}" is not a list of at most 8 sizes')
            elements *= size
        flat = flatten(tensor["data"], [])
        if len(flat) != elements:
            raise BadRequest(f'the data of "{name}" does not fill its shape')
        if name in request:
            raise BadRequest(f'the tensor "{name}" is there twice')
        request[name] = nest(flat, shape)
    return request


def shape_of(value):
    """The shape of nested lists, or None where they are not rectangular."""
    if not isinstance(value, list):
        return []
    shapes = [shape_of(item) for item in value]
    if not shapes:
        return [0]
    if shapes[0] is None or any(shape != shapes[0] for shape in shapes):
        return None
    return [len(value)] + shapes[0]


def to_tensor(name, value):
    shape = shape_of(value)
    if shape is None:
        return {"name": name, "shape": [1], "datatype": "BYTES", "data": [json.dumps(value)]}
    flat = flatten(value, [])
    if all(isinstance(item, bool) for item in flat) and flat:
        datatype = "BOOL"
    elif all(isinstance(item, int) and not isinstance(item, bool) for item in flat) and flat:
        datatype = "INT64"
    elif all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in flat):
        datatype = "FP64"
    else:
        datatype = "BYTES"
        flat = [item if isinstance(item, str) else json.dumps(item) for item in flat]
    return {"name": name, "shape": shape or [1], "datatype": datatype, "data": flat}


def make_app(function, described, model, version):
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException

    app = FastAPI(title=model, version=version, docs_url=None, redoc_url=None, openapi_url=None)

    async def read_json(request):
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_MAX:
                raise HTTPException(413, f"the body is larger than {BODY_MAX} bytes")
        try:
            return json.loads(bytes(body))
        except ValueError:
            raise HTTPException(400, "the body is not JSON") from None

    async def call(request):
        """The model's answer; models may compute for long, so not on the event loop."""
        try:
            return await run_in_threadpool(function, request)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        except Exception:
            traceback.print_exc()
            raise HTTPException(500, "the model failed; its log says why") from None

    def check(name, model_version):
        if name != model or model_version not in (None, version):
            raise HTTPException(404, f"there is no such model or version here; it is {model} {version}")

    @app.exception_handler(HTTPException)
    async def on_error(_request, error):
        return JSONResponse({"error": error.detail}, error.status_code)

    @app.get("/health")
    async def health():
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(request: Request):
        return JSONResponse(await call(await read_json(request)))

    @app.get("/v2")
    async def server_metadata():
        return {"name": model, "version": version, "extensions": []}

    @app.get("/v2/health/live")
    async def live():
        return {"live": True}

    @app.get("/v2/health/ready")
    async def ready():
        return {"ready": True}

    @app.get("/v2/models/{name}")
    @app.get("/v2/models/{name}/versions/{model_version}")
    async def model_metadata(name: str, model_version: str | None = None):
        check(name, model_version)
        return {"name": model, "versions": [version], "platform": "mifeng_python", "inputs": [], "outputs": [],
                **described}

    @app.get("/v2/models/{name}/ready")
    @app.get("/v2/models/{name}/versions/{model_version}/ready")
    async def model_ready(name: str, model_version: str | None = None):
        check(name, model_version)
        return {"name": model, "ready": True}

    @app.post("/v2/models/{name}/infer")
    @app.post("/v2/models/{name}/versions/{model_version}/infer")
    async def infer(name: str, request: Request, model_version: str | None = None):
        check(name, model_version)
        body = await read_json(request)
        try:
            asked = request_from_tensors(body)
        except BadRequest as error:
            raise HTTPException(400, str(error)) from None
        answer = await call(asked)
        outputs = [to_tensor(key, value) for key, value in answer.items()] if isinstance(answer, dict) \
            else [to_tensor("output", answer)]
        result = {"model_name": model, "model_version": version, "outputs": outputs}
        if isinstance(body.get("id"), str):
            result["id"] = body["id"]
        return JSONResponse(result)

    return app


def check(folder, more, entry):
    """Loads the entry on the vendor's machine. What only the container has is no mistake here: the payload as /app, and with
    `more` what the image brings beside the dependencies."""
    if not more:  # what is installed on this machine is not in the image
        sys.path[:] = [path for path in sys.path if not path.endswith(("/dist-packages", "/site-packages"))]
    site.addsitedir(folder)
    try:
        load(entry, os.getcwd())
        return
    except OSError as error:
        if not str(error.filename).startswith("/app/"):
            raise
        missing = error.filename
    except ImportError as error:
        top = (error.name or "").partition(".")[0]
        if not more or not top or any(one.name.partition(".")[0] == top for one in os.scandir(".")):  # or the vendor's own
            raise
        missing = error.name
    print(f"model: not loaded to its end, since {missing} may be there in the container alone", file=sys.stderr)


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--check":
        status = 1
        try:
            check(sys.argv[2], "--more" in sys.argv[3:-1], sys.argv[-1])
            status = 0
        except SystemExit as end:
            print(end, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)  # a thread that the model started would be waited for
    harden()
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        sys.exit("usage: mifeng_serve.py MODULE:FUNCTION")
    path = os.environ.get("MIFENG_SOCKET")
    if not path:
        sys.exit("model: MIFENG_SOCKET must name the Unix socket to listen on")
    function, described = load(sys.argv[1], os.getcwd())
    app = make_app(function, described, os.environ.get("MIFENG_MODEL_NAME", "model"),
                   os.environ.get("MIFENG_MODEL_VERSION", "0"))
    import uvicorn
    # Bound here and not by uvicorn, which would make the socket writable for everybody.
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=75,
                            timeout_graceful_shutdown=10, lifespan="off")
    print(f"model: {app.title} {app.version} listens on {path}", file=sys.stderr, flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
