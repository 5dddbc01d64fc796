"""The local stack's watch over its processes."""

import subprocess
import threading
from collections import defaultdict
from pathlib import Path

from ibok_idp.errors import LocalStackError
from ibok_idp.local.processes import Service
from ibok_idp.local.stack import Stack
from ibok_idp.settings import LocalSettings


def test_a_process_that_cannot_be_started_again_at_once_is_tried_again(tmp_path: Path) -> None:
    """PostgreSQL whose killed children still hold its memory refuses to start for a moment."""
    stack = Stack(LocalSettings(state_dir=tmp_path))
    stack.secrets = defaultdict(str)
    tries: list[int] = []

    def start() -> subprocess.Popen[bytes]:
        tries.append(len(tries))
        if len(tries) == 1:
            raise LocalStackError("ended at once")
        stack._stopping.set()
        return subprocess.Popen(["sleep", "0"])

    dead = subprocess.Popen(["true"])
    dead.wait()
    stack.services["postgres"] = Service("postgres", start, lambda: True, dead)
    watching = threading.Thread(target=stack.watch, daemon=True)
    watching.start()
    watching.join(10)
    assert len(tries) == 2
    assert not watching.is_alive()
