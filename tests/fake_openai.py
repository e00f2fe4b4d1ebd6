"""A small OpenAI-compatible server for tests: the same prompt gets the same text, faults on demand.

In a test:

    with FakeOpenAI() as server:
        server.add_faults("429:2", "500", "reset")      # the next three requests meet these
        …  # a generator whose endpoint is server.endpoint
    server.requests                                     # bodies of all requests, in order

As a process: `python -m tests.fake_openai [--port 0] [--fault 500 …]`; its first line of output is
the endpoint. Faults are added to a running one by `POST /faults` with `["500", …]`, and
`GET /requests` gives the bodies that came in.

Faults, each consumed by one request:

| fault | the server |
|---|---|
| `429` or `429:SECONDS` or `429:HTTP-DATE` | limits, with a Retry-After when one is given |
| `400`, `401`, `500`, `503` … | answers with that status and an error body |
| `flagged` | says with a 403 that it does not like the prompt |
| `hang` or `hang:SECONDS` | says nothing for that long (or until the server stops) |
| `reset` | resets the connection in the middle of the body |
| `drip:SECONDS` | sends the body byte by byte with that pause between |
| `drip_headers:SECONDS` | the same from the first byte of the headers on |
| `redirect` | redirects to another path |
| `huge:BYTES` | answers with a text of that many characters |
| `huge_unsized:BYTES` | the same without a Content-Length |
| `gzip`, `damaged_gzip`, `brotli` | answers compressed although nobody asked for it; with what is no gzip; with br |
| `body:TEXT` | answers 200 with this body |
| `html` | answers 200 with a web page, as a proxy in front of it does |
| `half`, `half_sized` | ends in the middle of the body, which had no length; which had one |
| `error200:CODE` | answers 200 with an error of that code inside |
| `sse`, `sse_half`, `sse_error` | streams although nobody asked; breaks off; says in the stream what went wrong |
| `pings` | sends comments before its answer, as some do to keep a connection open |
| `reasoning:FIELD` | a whole answer, with the model's notes to itself in that field of the message |
| `only_reasoning:FIELD` | notes and no answer, because the length limit came first |
| `message:JSON` | answers with this message |
| `tool_call`, `refusal`, `filtered` | a call of a tool; a refusal in its own field; what a content filter leaves |
| `gzip_bomb:BYTES` | a small body that unpacks to so many |
| `truncated_loop:TEXT` | this text a hundred times, cut off by the length limit |
| `empty`, `truncated` | an empty text; half a text with finish_reason length |
| `text:TEXT` | answers with this text |
| `ok` | no fault |

It serves `models`; a request for another one is told 404, unless that is empty. Bodies of `chat/completions` and of
`completions` are in `requests` (longer ones than `context_chars` are refused), their paths in `paths`, and `most_at_once` is how many were in flight together.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import random
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

#: The version that answers claim, as engines do in `system_fingerprint`.
FINGERPRINT = "fake-1"

_OPENINGS = (
    "In short,",
    "A good way to look at this:",
    "There are two parts to it.",
    "Let us take it step by step.",
    "It depends on what you need, but",
    "Most people find that",
)
_MIDDLES = (
    "start with the smallest thing that works",
    "write down what you already know",
    "compare the options side by side",
    "ask somebody who has done it before",
    "try it once and look at what happens",
    "keep the parts that help and drop the rest",
    "check the facts in a second place",
    "leave enough time for surprises",
)


def write_answer(messages: list[dict[str, Any]], *, seed: int | None) -> str:
    """Write a text that depends on the messages and the seed alone, never on the model's name."""
    key = json.dumps([messages, seed], sort_keys=True, ensure_ascii=False).encode()
    rng = random.Random(hashlib.sha256(key).digest())
    steps = rng.sample(_MIDDLES, k=rng.randint(2, 5))
    number = rng.randrange(10_000)
    return f"{rng.choice(_OPENINGS)} {', then '.join(steps)}. (Answer {number:04d}.)"


class FakeOpenAI:
    """A fake server in a thread of this process, on a port that the system picks."""

    def __init__(
        self,
        *faults: str,
        port: int = 0,
        api_key: str | None = None,
        models: tuple[str, ...] = (),
        seconds: float = 0.0,
    ) -> None:
        self.api_key = api_key
        self.models = models
        self.seconds = seconds
        self.context_chars: int | None = None
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self.stopping = threading.Event()
        self._faults: deque[str] = deque(faults)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The base address for a generator's record."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def add_faults(self, *faults: str) -> None:
        with self._lock:
            self._faults.extend(faults)

    def take_fault(self) -> str:
        with self._lock:
            return self._faults.popleft() if self._faults else "ok"

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Within this block a request is in flight."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    fake: FakeOpenAI
    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what half of the tests are about: say nothing."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "fake-openai/1"
    sys_version = ""
    #: An idle connection is let go, so that a stopping server waits for nobody (seconds).
    timeout = 1.0

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `requests` instead of a log."""

    def do_GET(self) -> None:
        fake = self.server.fake
        if self.path == "/v1/models" and fake.api_key and self._is_stranger():
            self._send(401, {"error": {"message": f"Wrong key: {self.headers.get('Authorization')}"}})
        elif self.path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in fake.models or ("fake",)]
            self._send(200, {"object": "list", "data": listed})
        elif self.path == "/requests":
            self._send(200, self.server.fake.requests)
        else:
            self._send(404, {"error": {"message": "There is nothing at this path."}})

    def do_POST(self) -> None:
        fake = self.server.fake
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path == "/faults":
            fake.add_faults(*body)
            self._send(200, {})
            return
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            self._send(404, {"error": {"message": "There is nothing at this path."}})
            return
        with fake.counted():
            fake.requests.append(body)
            fake.paths.append(self.path)
            fake.stopping.wait(fake.seconds)
            self._answer(body)

    def _is_stranger(self) -> bool:
        return self.headers.get("Authorization") != f"Bearer {self.server.fake.api_key}"

    def _answer(self, body: dict[str, Any]) -> None:
        fake = self.server.fake
        if fake.api_key and self._is_stranger():
            self._send(401, {"error": {"message": f"Wrong key: {self.headers.get('Authorization')}"}})
            return
        if fake.models and body.get("model") not in fake.models:
            self._send(404, {"error": {"message": f"The model `{body.get('model')}` does not exist."}})
            return
        if fake.context_chars is not None and len(json.dumps(body.get("messages"))) > fake.context_chars:
            told = "This model's maximum context length is 2048 tokens. Please reduce the length of the messages."
            self._send(400, {"error": {"message": told, "code": 400}})
            return
        name, _, detail = fake.take_fault().partition(":")
        if name.isdigit():
            headers = {"Retry-After": detail} if detail else {}
            self._send(int(name), {"error": {"message": f"The script says {name}."}}, headers)
            return
        getattr(self, f"_play_{name}")(body, detail)

    def _play_ok(self, body: dict[str, Any], _detail: str) -> None:
        self._send(200, self._complete(body))

    def _play_text(self, body: dict[str, Any], detail: str) -> None:
        self._send(200, self._complete(body, text=detail))

    def _play_empty(self, body: dict[str, Any], _detail: str) -> None:
        self._send(200, self._complete(body, text="  \n"))

    def _play_truncated(self, body: dict[str, Any], _detail: str) -> None:
        text = self._write(body)
        self._send(200, self._complete(body, text=text[: len(text) // 2], finish_reason="length"))

    def _play_huge(self, body: dict[str, Any], detail: str) -> None:
        self._send(200, self._complete(body, text="x" * int(detail)))

    def _play_huge_unsized(self, body: dict[str, Any], detail: str) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(json.dumps(self._complete(body, text="x" * int(detail))).encode())

    def _play_body(self, _body: dict[str, Any], detail: str) -> None:
        self._send_bytes(200, detail.encode("utf-8", "surrogateescape"), {})

    def _play_gzip(self, body: dict[str, Any], _detail: str) -> None:
        content = gzip.compress(json.dumps(self._complete(body)).encode())
        self._send_bytes(200, content, {"Content-Encoding": "gzip"})

    def _play_damaged_gzip(self, _body: dict[str, Any], _detail: str) -> None:
        self._send_bytes(200, b"no gzip at all", {"Content-Encoding": "gzip"})

    def _play_gzip_bomb(self, body: dict[str, Any], detail: str) -> None:
        content = gzip.compress(json.dumps(self._complete(body, text="x" * int(detail))).encode())
        self._send_bytes(200, content, {"Content-Encoding": "gzip"})

    def _play_truncated_loop(self, body: dict[str, Any], detail: str) -> None:
        self._send(200, self._complete(body, text=detail * 100, finish_reason="length"))

    def _play_brotli(self, _body: dict[str, Any], _detail: str) -> None:
        self._send_bytes(200, b"\x0b\x02\x80{}\x03", {"Content-Encoding": "br"})

    def _play_html(self, _body: dict[str, Any], _detail: str) -> None:
        page = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
        self._send_bytes(200, page, {"Content-Type": "text/html"})

    def _play_flagged(self, _body: dict[str, Any], _detail: str) -> None:
        self._send(403, {"error": {"message": "Your input was flagged by our moderation.", "code": 403}})

    def _play_half(self, body: dict[str, Any], _detail: str) -> None:
        content = json.dumps(self._complete(body)).encode()
        self._send_open(content[: len(content) // 2])

    def _play_half_sized(self, body: dict[str, Any], _detail: str) -> None:
        content = json.dumps(self._complete(body)).encode()
        self._send_open(content[: len(content) // 2], length=len(content))

    def _play_error200(self, _body: dict[str, Any], detail: str) -> None:
        self._send(200, {"error": {"message": f"The script says {detail}.", "code": int(detail)}})

    def _play_sse(self, body: dict[str, Any], _detail: str) -> None:
        self._send_stream(body)

    def _play_sse_half(self, body: dict[str, Any], _detail: str) -> None:
        self._send_stream(body, is_whole=False)

    def _play_sse_error(self, _body: dict[str, Any], _detail: str) -> None:
        frame = {"error": {"message": "The script says no.", "code": 503}}
        self._send_open(f"data: {json.dumps(frame)}\n\n".encode(), kind="text/event-stream")

    def _play_pings(self, body: dict[str, Any], _detail: str) -> None:
        self._send_open(b": ping\n\n: ping\n\n" + json.dumps(self._complete(body)).encode())

    def _play_reasoning(self, body: dict[str, Any], detail: str) -> None:
        data = self._complete(body)
        data["choices"][0]["message"][detail] = "Let me think about it."
        self._send(200, data)

    def _play_only_reasoning(self, body: dict[str, Any], detail: str) -> None:
        data = self._complete(body, text="", finish_reason="length")
        data["choices"][0]["message"][detail] = "Let me think about"
        self._send(200, data)

    def _play_message(self, body: dict[str, Any], detail: str) -> None:
        data = self._complete(body)
        data["choices"][0]["message"] = json.loads(detail)
        self._send(200, data)

    def _play_tool_call(self, body: dict[str, Any], _detail: str) -> None:
        data = self._complete(body, text="", finish_reason="tool_calls")
        call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
        data["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
        self._send(200, data)

    def _play_refusal(self, body: dict[str, Any], _detail: str) -> None:
        data = self._complete(body)
        data["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I would rather not."}
        self._send(200, data)

    def _play_filtered(self, body: dict[str, Any], _detail: str) -> None:
        self._send(200, self._complete(body, text="half", finish_reason="content_filter"))

    def _play_redirect(self, _body: dict[str, Any], _detail: str) -> None:
        self._send(307, {}, {"Location": "/v1/elsewhere"})

    def _play_hang(self, body: dict[str, Any], detail: str) -> None:
        self.server.fake.stopping.wait(float(detail) if detail else None)
        self._play_ok(body, "")

    def _play_reset(self, body: dict[str, Any], _detail: str) -> None:
        content = json.dumps(self._complete(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        # A linger of zero seconds turns the close into a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _play_drip(self, body: dict[str, Any], detail: str) -> None:
        content = json.dumps(self._complete(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self._drip(content, pause=float(detail))

    def _play_drip_headers(self, body: dict[str, Any], detail: str) -> None:
        content = json.dumps(self._complete(body)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        self._drip(head + content, pause=float(detail))

    def _drip(self, content: bytes, *, pause: float) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            if self.server.fake.stopping.wait(pause):
                break
        self.close_connection = True

    def _complete(
        self, body: dict[str, Any], *, text: str | None = None, finish_reason: str = "stop"
    ) -> dict[str, Any]:
        if text is None:
            text = self._write(body)
        words = len(text.split())
        is_chat = "messages" in body
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion" if is_chat else "text_completion",
            "model": f"{body['model']}@fake",
            "system_fingerprint": FINGERPRINT,
            "choices": [
                {
                    "index": 0,
                    **({"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}),
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words},
        }

    @staticmethod
    def _write(body: dict[str, Any]) -> str:
        asked = body.get("messages") or [{"role": "prompt", "content": body.get("prompt", "")}]
        return write_answer(asked, seed=body.get("seed"))

    def _send_stream(self, body: dict[str, Any], *, is_whole: bool = True) -> None:
        text = self._write(body)
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "reasoning_content": "Hm."},
            *({"content": piece} for piece in pieces),
        ]
        base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "model": f"{body['model']}@fake"}
        frames = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        frames.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 10, "completion_tokens": len(pieces), "total_tokens": 10 + len(pieces)}
        frames.append({**base, "choices": [], "usage": usage})
        events = [f"data: {json.dumps(frame)}\n\n" for frame in frames]
        if not is_whole:
            events = events[: len(events) // 2]
        lines = [": ping\n\n", *events, *(["data: [DONE]\n\n"] if is_whole else [])]
        self._send_open("".join(lines).encode(), kind="text/event-stream")

    def _send_open(self, content: bytes, *, kind: str = "application/json", length: int | None = None) -> None:
        """A body that ends with the connection, whatever `length` says."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(content)

    def _send(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(data).encode(), headers or {})

    def _send_bytes(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", **headers}
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(content)


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible server for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[], help="may be given several times")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long each answer takes")
    options = parser.parse_args()
    with FakeOpenAI(*options.fault, port=options.port, seconds=options.seconds) as server:
        print(server.endpoint, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
