"""What a page costs in a real browser: bytes as they were sent, layout shift, largest paint, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from playwright.sync_api import CDPSession, Page

#: What Lighthouse calls slow 4G, on a phone four times slower than this machine.
LATENCY_MS, DOWN_BYTES, UP_BYTES, SLOWER = 150, 1.6e6 / 8, 0.75e6 / 8, 4

WATCH = """
window.seen = {shift: 0, paint: 0, events: []};
new PerformanceObserver(list => list.getEntries().forEach(e => { if (!e.hadRecentInput) seen.shift += e.value; }))
  .observe({type: 'layout-shift', buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(e => { seen.paint = e.startTime; }))
  .observe({type: 'largest-contentful-paint', buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(e => {
  if (e.interactionId) seen.events.push(e.duration);
})).observe({type: 'event', durationThreshold: 16, buffered: true});
"""


def watch(page: Page) -> None:
    """Count from the next page on; ask with `read_seen`."""
    page.add_init_script(WATCH)


def read_seen(page: Page) -> dict[str, Any]:
    """`shift` (CLS without windows: all of it), `paint` (ms until the largest), `events` (ms of each interaction)."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    return cast("dict[str, Any]", page.evaluate("window.seen"))


def slow_down(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": LATENCY_MS, "downloadThroughput": DOWN_BYTES, "uploadThroughput": UP_BYTES},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return session


def weigh(page: Page, load: Callable[[], object]) -> dict[str, int]:
    """Bytes of each answer while `load` loads a page, headers and all, as they came over the wire."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    urls: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda event: urls.update({event["requestId"]: event["response"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({urls.get(event["requestId"], "?"): int(event["encodedDataLength"])}),
    )
    load()
    page.wait_for_load_state("networkidle")
    session.detach()
    return sizes
