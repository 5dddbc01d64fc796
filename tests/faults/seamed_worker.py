"""A worker that dies (SIGKILL) the first time it reaches a named seam; for tests only."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from ibok_idp.log import configure_logging
from provisioning.settings import Settings
from provisioning.wiring import wire
from provisioning.worker.run import run_worker


def main(seam_to_die_at: str, marker: str) -> None:
    configure_logging()
    settings = Settings()

    def seam(name: str) -> None:
        if name == seam_to_die_at and not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    run_worker(replace(wire(settings).services, seam=seam), settings.database_url.get_secret_value(), 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
