"""`make test`: what needs no stack while Keycloak starts, then everything else on one stack; says what ran and how long."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))

from deploy.visitor import chromium  # noqa: E402  # the path comes first
from tests.support.stack import stack_for_tests  # noqa: E402

ON_A_DATABASE = ["tests/use_cases", "tests/database", "tests/fuzz"]
SHARED_STACK = ["tests/contract", "tests/integration", "tests/faults", "tests/browser"]


def main() -> int:
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ibok-test-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this runs as root
        stack = stack_for_tests(Path(folder))
        failure: list[BaseException] = []

        def start() -> None:
            try:
                stack.start()
            except BaseException as error:  # told in the main thread
                failure.append(error)

        starting = threading.Thread(target=start)
        starting.start()
        try:
            codes = [
                _pytest("unit tests (pure, no stack)", ["tests/unit", "-n", "2", *arguments]),
                _pytest("use cases on a database of their own", [*ON_A_DATABASE, "-n", "2", *arguments]),
            ]
            starting.join()
            if failure:
                print(f"The stack did not start: {failure[0]}", file=sys.stderr)
                return 1
            watching = threading.Thread(target=stack.watch, daemon=True)
            watching.start()
            os.environ["IBOK_TEST_STACK"] = str(stack.state / "stack.json")
            if chromium() is None:
                print("\n!! Browser tests are NOT run: no Chromium here. Debian: apt-get install chromium\n")
            codes.append(
                _pytest(
                    "contract, integration, fault and browser tests (one real stack)",
                    [*SHARED_STACK, "-n", "2", "--dist", "loadfile", *arguments],
                )
            )
        finally:
            starting.join()
            stack.stop()
    return max(codes)


def _pytest(what: str, arguments: list[str]) -> int:
    print(f"\n=== {what}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=PROJECT, check=False).returncode
    print(f"=== {what}: {'passed' if code == 0 else f'FAILED ({code})'} in {time.monotonic() - began:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
