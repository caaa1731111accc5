"""What every request must keep to before Gradio sees it, and the headers that every response has.

Middleware by the ASGI specification. Requests: a host that we are known by, a body that is no
larger or more deeply nested than any page sends; where Gradio fails on what it holds, one sentence
and one line of the log. Responses: a content security policy under which text that slipped through
unescaped would still not run, no guessing of content types, no addresses told to other sites, and
no frame around the page but of the sites that may have one.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import socket
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ttc_explorer.environment import Environment
from ttc_explorer.file_bounds import json_extent
from ttc_explorer.serving.limits import Limits

log = logging.getLogger(__name__)

GRADIO_PATH = "/gradio_api/"
UPLOAD_PATH = f"{GRADIO_PATH}upload"
MAX_BODY_BYTES = 4 * 2**20
"""Largest body of a request that is no upload."""
MAX_BODY_VALUES = 100_000
MAX_BODY_DEPTH = 32
MAX_ADDRESS_BYTES = 16_384
"""Longest address with its query."""
MAX_LOGGED_CHARACTERS = 200
"""Of an error of a request."""
NOT_UNDERSTOOD = (
    "This request cannot be understood: load the page again, or see in /gradio_api/info what "
    "programs may ask for."
)
FILES_A_REQUEST = 2
"""Uploads at once, each as large as a file may be."""

SPACE_FRAMES = ("https://huggingface.co", "https://*.hf.space")
"""Where a Space is shown in a frame."""


@dataclass(frozen=True)
class HttpRules:
    """What is kept to.

    Attributes:
        scripts: inline scripts that the page makes itself after it has come, word for word.
        hosts: names, besides this machine's own, that a request may ask for; None stands for any.
        frame_ancestors: who may show the page in a frame, as a content security policy says it.
        upload_bytes: largest body with files.
        kept_bytes: most bytes of files that are kept for visitors; None where nobody counts.
        upload_folder: where they are kept.
    """

    scripts: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = ()
    frame_ancestors: str = "'self'"
    upload_bytes: int = 128 * 2**20
    kept_bytes: int | None = None
    upload_folder: Path | None = None

    @classmethod
    def for_app(
        cls, environment: Environment, limits: Limits, upload_folder: Path, head: str
    ) -> HttpRules:
        """The rules of the app. A Space has a name of its own that only its host knows, and is
        shown in a frame.

        Args:
            environment: the variables.
            limits: what visitors may ask for.
            upload_folder: where Gradio keeps files.
            head: what the page has Gradio put into its head, which it does by a script.
        """
        on_space = environment.space_id is not None
        frames = (*environment.frames, *(SPACE_FRAMES if on_space else ()))
        return cls(
            scripts=tuple(re.findall(r"<script>(.*?)</script>", head, re.DOTALL)),
            hosts=None if on_space else environment.hosts,
            frame_ancestors=" ".join(("'self'", *frames)),
            upload_bytes=FILES_A_REQUEST * limits.upload * 2**20,
            kept_bytes=limits.kept_files and limits.kept_files * 2**20,
            upload_folder=upload_folder,
        )

    def content_security_policy(self, nonce: str) -> str:
        """The policy: everything from here, scripts only as the page came with them. Gradio makes
        functions of the scripts of its components ('unsafe-eval') and sets styles in elements."""
        hashes = (sha256(script.encode()).digest() for script in self.scripts)
        known = "".join(f" 'sha256-{b64encode(each).decode()}'" for each in hashes)
        return "; ".join(
            (
                "default-src 'self'",
                f"script-src 'self' 'nonce-{nonce}'{known} 'unsafe-eval'",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "font-src 'self' data:",
                "connect-src 'self' data: blob:",
                "worker-src 'self' blob:",
                "object-src 'none'",
                "base-uri 'self'",
                "form-action 'self'",
                f"frame-ancestors {self.frame_ancestors}",
            )
        )

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the sentence by which a request is refused unread; None if it is not."""
        headers = Headers(scope=scope)
        if self.hosts is not None and not is_known_host(headers.get("host", ""), self.hosts):
            return 421, (
                "This host is unknown here: open the page by the address that the app printed, or "
                "name the host in TTC_HOSTS."
            )
        if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
            return 414, f"The address is too long: at most {MAX_ADDRESS_BYTES:,} characters."
        upload = scope["path"] == UPLOAD_PATH
        if "transfer-encoding" in headers:
            return 411, "Say how long the body is, by Content-Length."
        length = headers.get("content-length", "0")
        limit = self.upload_bytes if upload else MAX_BODY_BYTES
        if not length.isdecimal() or int(length) > limit:
            return 413, f"Too much at once: at most {limit // 2**20} MB can be sent."
        if upload and self.kept_bytes is not None and self.upload_folder is not None:
            kept = _folder_bytes(self.upload_folder)
            if kept + int(length) > self.kept_bytes:
                return 507, "Too many files are kept here at the moment: try again in an hour."
        return None


def is_known_host(host: str, names: tuple[str, ...]) -> bool:
    """Whether a Host header names this machine: by an address, as itself, or by one of ``names``.
    A page of another site that has its own name resolve to this machine (DNS rebinding) is told by
    that name.

    >>> [is_known_host(host, ()) for host in ("localhost:7860", "[::1]:80", "evil.example")]
    [True, True, False]
    """
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::\d{1,5})?", host)
    if match is None:
        return False
    name = match[1].strip("[]").rstrip(".").lower()
    own = socket.gethostname().lower()
    if name in ("localhost", own, f"{own}.local") or name.endswith(".localhost"):
        return True
    if name in (known.lower() for known in names):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class HttpGuard:
    """The middleware around an application ``app``."""

    def __init__(self, app: ASGIApp, rules: HttpRules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        policy = self._rules.content_security_policy(nonce)
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = policy
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "same-origin"
            await send(message)

        refusal = self._rules.refusal(scope)
        if refusal is None and scope["method"] == "POST" and scope["path"] != UPLOAD_PATH:
            body = await _read_body(receive)
            refusal = _refused_body(body)
            receive = _replay(body, receive)
        if refusal is not None:
            status, sentence = refusal
            response = JSONResponse({"detail": sentence, "error": sentence}, status)
            await response(scope, receive, send_guarded)
        elif scope["path"] == "/" and scope["method"] == "HEAD":
            # Gradio asks so whether it can be reached, and gives up after three seconds: on a busy
            # machine making the page takes longer.
            await HTMLResponse()(scope, receive, send_guarded)
        elif scope["path"] == "/" and scope["method"] == "GET":
            await self._app(scope, receive, _with_nonce(nonce, send_guarded))
        else:
            try:
                await self._app(scope, receive, send_guarded)
            except OSError:
                raise
            except Exception as error:  # a name that it does not have, a text for a list
                if begun or not scope["path"].startswith(GRADIO_PATH):
                    raise
                log.warning("%s", log_line("request not understood", error))
                response = JSONResponse({"detail": NOT_UNDERSTOOD, "error": NOT_UNDERSTOOD}, 400)
                await response(scope, receive, send_guarded)


def log_line(what: str, error: BaseException) -> str:
    """An error of a request for the log: one line of plain letters, however long it is and whatever
    was sent.

    >>> log_line("not taken", ValueError("a\\nb" + "c" * 1000))[:34]
    'not taken: ValueError: a\\\\nbccccccc'
    """
    told = ascii(str(error)[:MAX_LOGGED_CHARACTERS])[1:-1]
    return f"{what}: {type(error).__name__}: {told}"


def _with_nonce(nonce: str, send: Send) -> Send:
    """Sends a page whose scripts bear the nonce. Gradio escapes ``<`` in what it writes into it."""
    start: Message = {}
    parts: list[bytes] = []

    async def send_page(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        page = b"".join(parts)
        if Headers(scope=start).get("content-type", "").startswith("text/html"):
            page = page.replace(b"<script", b'<script nonce="%s"' % nonce.encode())
        MutableHeaders(scope=start)["content-length"] = str(len(page))
        await send(start)
        await send({"type": "http.response.body", "body": page})

    return send_page


async def _read_body(receive: Receive) -> bytes:
    """The body of a request, whose length has been checked."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _refused_body(body: bytes) -> tuple[int, str] | None:
    values, depth = json_extent(body)
    if values > MAX_BODY_VALUES or depth > MAX_BODY_DEPTH:
        return 413, "Too much at once: the request holds too many values, or nests them too deeply."
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receives the body that was read, then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder; one that is deleted meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
