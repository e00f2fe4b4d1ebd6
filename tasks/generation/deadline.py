"""An HTTP transport with a total deadline.

httpx bounds each read, not their sum: a server that sends one byte a second never times out. Here
every read, write and connect gets what is left until the deadline of the calling thread, so that a
slow drip ends on time in the headers as well as in the body.
"""

import contextlib
import contextvars
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

#: The moment (by the transport's clock, in seconds) when the exchange of this thread must be over.
_DEADLINE: contextvars.ContextVar[float | None] = contextvars.ContextVar("deadline", default=None)


@contextlib.contextmanager
def finish_by(moment: float) -> Iterator[None]:
    """Within this block, this thread's exchanges end by `moment` or raise httpx's time-outs."""
    token = _DEADLINE.set(moment)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport over sockets that know the deadline set by `finish_by`."""

    def __init__(self, *, clock: Callable[[], float], connections: int) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_DeadlineBackend(clock=clock),
        )


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _bound_timeout(timeout, clock=self._clock, error=httpcore.ConnectTimeout)
        stream = self._backend.connect_tcp(
            host, port, timeout=left, local_address=local_address, socket_options=socket_options
        )
        return _DeadlineStream(stream, clock=self._clock)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, *, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _bound_timeout(timeout, clock=self._clock, error=httpcore.ReadTimeout)
        return self._stream.read(max_bytes, timeout=left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = _bound_timeout(timeout, clock=self._clock, error=httpcore.WriteTimeout)
        self._stream.write(buffer, timeout=left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _bound_timeout(timeout, clock=self._clock, error=httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname=server_hostname, timeout=left)
        return _DeadlineStream(stream, clock=self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _bound_timeout(timeout: float | None, *, clock: Callable[[], float], error: type[Exception]) -> float | None:
    deadline = _DEADLINE.get()
    if deadline is None:
        return timeout
    left = deadline - clock()
    if left <= 0:
        raise error("The deadline of this exchange has passed.")
    return left if timeout is None else min(left, timeout)
