"""Local servers that give files of weights, and break off, stall and lie when a test asks them to."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Self
from urllib.parse import unquote, urlsplit

import pytest


class FileServer(ThreadingHTTPServer):
    """Serves bytes by path, over HTTP on this machine.

    Attributes:
        files: Path to content.
        faults: What to do wrong with the next requests for content, one each: a method ``fault_NAME`` of
            :class:`Answer`; once they are used up, all goes well.
        asked: Method, path and ``Range`` of every request so far.
        version: Part of every ETag.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.version = "1"
        self.tags = True
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def url(self, path: str, content: bytes) -> str:
        """Serves the content there from now on."""
        self.files[path] = content
        return self.address + path

    @property
    def gets(self) -> int:
        return sum(method == "GET" for method, _, _ in self.asked)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that leaves early is no news."""


class HubServer(FileServer):
    """Serves repositories as the hub does: a redirect that names commit and hash, then the content from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: dict[str, str] = {}
        self.repositories: dict[tuple[str, str], dict[str, bytes]] = {}
        self.down = 0

    def commit(self, repository: str, **files: bytes) -> str:
        """A new commit of a repository; ``__`` in a name stands for its dot."""
        contents = {name.replace("__", "."): content for name, content in files.items()}
        commit = hashlib.sha1(repr(contents).encode()).hexdigest()
        self.commits[repository] = commit
        self.repositories[repository, commit] = contents
        return commit


class Answer(BaseHTTPRequestHandler):
    """One answer."""

    protocol_version = "HTTP/1.1"
    server: FileServer

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        if isinstance(self.server, HubServer) and "/resolve/" in path:
            self.resolve(self.server, path)
        elif path not in self.server.files:
            self.say(404)
        else:
            fault = self.server.faults.pop(0) if self.command == "GET" and self.server.faults else "nothing"
            with suppress(ConnectionError):
                getattr(self, f"fault_{fault}")(self.server.files[path])

    def resolve(self, hub: HubServer, path: str) -> None:
        repository, _, rest = path[1:].partition("/resolve/")
        revision, _, name = rest.partition("/")
        commit = hub.commits.get(repository) if revision == "main" else revision
        files = hub.repositories.get((repository, commit or ""))
        if hub.down or files is None or commit is None:
            return self.say(hub.down or 404, **({} if hub.down else {"X-Error-Code": "RepoNotFound"}))
        if name not in files:
            return self.say(404, **{"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        content = files[name]
        facts = {"X-Repo-Commit": commit, "X-Linked-Size": str(len(content))}
        if not name.endswith((".safetensors", ".bin")):
            tag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            return self.say(200, content, ETag=f'"{tag}"', **facts)
        sha256 = hashlib.sha256(content).hexdigest()
        hub.files.setdefault(f"/stored/{sha256}", content)
        elsewhere = f"http://localhost:{hub.server_address[1]}/stored/{sha256}"
        return self.say(302, Location=elsewhere, **facts, **{"X-Linked-Etag": f'"{sha256}"'})

    def say(self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def tag(self) -> dict[str, str]:
        return {"ETag": f'"version-{self.server.version}"'} if self.server.tags else {}

    def fault_nothing(self, content: bytes, send: Callable[..., None] | None = None) -> None:
        """The whole, or the rest that was asked for, if it is still of the same version."""
        send = send or self.say
        wanted, tag = self.headers.get("Range"), self.tag()
        if wanted is None or self.headers.get("If-Range") != tag.get("ETag"):
            return send(200, content, **tag)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(content):
            return self.say(416)
        place = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        return send(206, content[begin:], **tag, **{"Content-Range": place})

    def leave(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def fault_cut(self, content: bytes) -> None:
        """Ends in the middle of what it promised."""

        def half(status: int, body: bytes, **headers: str) -> None:
            self.say(status, body[: len(body) // 2], length=len(body), **headers)

        self.fault_nothing(content, half)
        self.leave()

    def fault_stall(self, content: bytes) -> None:
        """Falls silent in the middle."""
        self.fault_cut(content)
        self.server.over.wait(5)

    def fault_silence(self, content: bytes) -> None:
        """Never answers."""
        self.server.over.wait(5)
        self.close_connection = True

    def fault_drip(self, content: bytes) -> None:
        """A byte now and then."""
        self.say(200, length=len(content), **self.tag())
        for position in range(len(content)):
            self.wfile.write(content[position : position + 1])
            if self.server.over.wait(0.02):
                break
        self.close_connection = True

    def fault_refuse(self, content: bytes) -> None:
        """Closes without a word."""
        self.close_connection = True

    def fault_500(self, content: bytes) -> None:
        self.say(500)

    def fault_403(self, content: bytes) -> None:
        self.say(403)

    def fault_416(self, content: bytes) -> None:
        self.say(416)

    def fault_flip(self, content: bytes) -> None:
        """One wrong bit, in the right length."""
        middle = len(content) // 2
        self.say(200, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], **self.tag())

    def fault_other_range(self, content: bytes) -> None:
        """As many bytes as were asked for, but the first ones."""
        wanted = int(str(self.headers.get("Range")).removeprefix("bytes=").removesuffix("-"))
        place = f"bytes 0-{len(content) - wanted - 1}/{len(content)}"
        self.say(206, content[: len(content) - wanted], **self.tag(), **{"Content-Range": place})

    def fault_whole(self, content: bytes) -> None:
        """Takes no notice of a range."""
        self.say(200, content, **self.tag())

    def fault_no_length(self, content: bytes) -> None:
        """Says that the end of the connection is the end of the file."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.leave()

    def fault_chunked(self, content: bytes) -> None:
        self.chunked(content, b"0\r\n\r\n")

    def fault_chunked_cut(self, content: bytes) -> None:
        """Never sends the last chunk."""
        self.chunked(content[: len(content) // 2], b"")
        self.leave()

    def chunked(self, content: bytes, end: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n%b" % (len(content), content, end))

    def fault_page(self, content: bytes) -> None:
        """A login page, as some networks answer to everything."""
        self.say(200, b"<html>Please sign in</html>", **{"Content-Type": "text/html; charset=utf-8"})

    def fault_compressed(self, content: bytes) -> None:
        self.say(200, gzip.compress(content), **{"Content-Encoding": "gzip"})

    def fault_redirect(self, content: bytes) -> None:
        self.say(302, Location=f"http://localhost:{self.server.server_address[1]}{self.path}")

    def fault_redirect_to_a_file(self, content: bytes) -> None:
        self.say(302, Location="ftp://127.0.0.1/weights.pth")


@contextmanager
def own_hub(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A server that the hub's client takes for the hub; its cache and headstart's lie in a folder, empty.

    The client gets little patience and no switch that would keep it offline.
    """
    from huggingface_hub import constants, file_download

    with HubServer() as hub:
        template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "ENDPOINT", hub.address)
        patch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
        patch.setattr(file_download, "time", SimpleNamespace(sleep=lambda _: None))
        patch.setenv("HEADSTART_CACHE", str(folder / "cache"))
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        for switch in ("HEADSTART_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            patch.delenv(switch, raising=False)
        yield hub


#: A small model of timm's and its repository.
TIMM_NAME, TIMM_REPOSITORY = "timm:mobilenetv3_small_050.lamb_in1k", "timm/mobilenetv3_small_050.lamb_in1k"


def load_from_timm() -> str:
    """The hash of the file that this model's weights are read from, after they are."""
    from headstart.backbones.architectures import build
    from headstart.backbones.sources.contract import Request
    from headstart.backbones.sources.timm_models import TimmSource

    model = build("timm", "mobilenetv3_small_050", 224)
    file = TimmSource().load(Request.parse(TIMM_NAME), model).file
    assert file is not None
    return file.sha256
