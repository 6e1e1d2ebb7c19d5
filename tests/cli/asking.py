"""The commands that ask a server, against a real one in a thread and against others."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from click.testing import CliRunner, Result

from spooled_lite.cli.main import main
from spooled_lite.testing import World

NO_ENVIRONMENT: Final = {
    f"SPOOLED_{name}": None
    for name in ("URL", "API_KEY", "API_KEY_FILE", "ADMIN_KEY", "ADMIN_KEY_FILE", "DATABASE")
}


def ran(*arguments: object, given: str | bytes | None = None, **environ: str) -> Result:
    """A command as it ends. `given` is its standard input, which is never a terminal."""
    runner = CliRunner(env={**NO_ENVIRONMENT, **environ})
    return runner.invoke(main, [str(each) for each in arguments], input=given)


class Asking:
    """Asks one world, as its administrator where that is asked for."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(
        self, *arguments: object, code: int = 0, given: str | bytes | None = None
    ) -> Result:
        result = ran(
            *arguments,
            given=given,
            SPOOLED_URL=self.world.url,
            SPOOLED_API_KEY=self.world.api_key,
            SPOOLED_ADMIN_KEY=self.world.admin_key or "",
        )
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def lines(self, *arguments: object, given: str | bytes | None = None) -> list[str]:
        return self(*arguments, given=given).stdout.splitlines()

    def json(self, *arguments: object, given: str | bytes | None = None) -> Any:
        return json.loads(self(*arguments, "--json", given=given).stdout)

    def things(self, *arguments: object) -> list[Any]:
        return [json.loads(line) for line in self.lines(*arguments, "--json")]

    def job(self, queue: str = "emails", **fields: Any) -> str:
        made = self.world.call("POST", "/jobs", {"queue_name": queue, "payload": {}, **fields})
        job_id: str = made["id"]
        return job_id


class Said:
    """What a made-up server answers to one request."""

    def __init__(self, body: object, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def answering(*answers: Said) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, the last one to all that follow. Gives its address
    and the paths that were asked for."""
    left: list[Said] = list(answers)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append(f"{self.command} {self.path}")
            said = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join(10)


def columns(line: str) -> Sequence[str]:
    """The cells of a line of a table."""
    return [cell for cell in line.split("  ") if cell.strip()]
