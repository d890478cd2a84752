"""Drives a Chromium without a window through a pipe, for tests of pages; nothing is installed.

It speaks the DevTools protocol over two file descriptors, so it needs no library for web sockets.
"""

import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from select import select
from types import TracebackType
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
WIDTHS = (390, 768, 1280, 1920)
PATIENCE = 60


class Browser:
    """One page in a browser of its own. `said`: what its console said; `asked`: what it loaded."""

    def __init__(self) -> None:
        assert CHROMIUM
        self._home = tempfile.mkdtemp()
        to_browser, self._send = os.pipe()
        self._receive, from_browser = os.pipe()
        self._process = _start(CHROMIUM, self._home, to_browser, from_browser)
        for end in (to_browser, from_browser):
            os.close(end)
        self._number, self._left, self._session = 0, b"", ""
        self._events: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._send)
        os.close(self._receive)
        shutil.rmtree(self._home, ignore_errors=True)

    def call(self, method: str, **given: Any) -> Any:
        """The result of one method of the protocol; raises RuntimeError where there is none."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, page: Path, *, fragment: str = "") -> None:
        """Loads the page, and waits until it is laid out."""
        self._events.clear()
        # Another query each time: to another fragment of the same address nothing is loaded.
        self.call("Page.navigate", url=f"{page.resolve().as_uri()}?{self._number}{fragment}")
        while not any(each["method"] == "Page.loadEventFired" for each in self._events):
            self._next()

    def show(self, width: int, height: int = 800, *, dark: bool = False) -> None:
        """Sets the size of the window, and which of the two schemes its reader prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, script: str) -> Any:
        """The value of an expression on the page, a promise's too."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def picture(self, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not select([self._receive], [], [], PATIENCE)[0]:
                raise RuntimeError(f"the browser said nothing for {PATIENCE} s")
            more = os.read(self._receive, 1 << 20)
            if not more:
                raise RuntimeError("the browser ended")
            self._left += more
        first, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        if "method" in message:
            self._events.append(message)
            self._note(message["method"], message["params"])
        return message

    def _note(self, method: str, given: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.said.append(str(given["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.said.append(given["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str(given["args"]))
        elif method == "Network.requestWillBeSent":
            self.asked.append(given["request"]["url"][:200])


def _start(
    program: str, home: str, to_browser: int, from_browser: int
) -> "subprocess.Popen[bytes]":
    given: Sequence[str] = (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={home}", "--remote-debugging-pipe",
    )  # fmt: skip
    # The browser reads its descriptor 3 and writes to its descriptor 4.
    line = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    return subprocess.Popen(
        ["bash", "-c", line, "bash", program, *given],
        pass_fds=(to_browser, from_browser),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
