"""A pinned Keycloak on a Java runtime from a wheel: built once, started many times.

`kc.sh build` takes half a minute, so its outcome is cached by version and build options. The server is
started without kc.sh (whose java child would outlive it); the Java options are those of kc.sh.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ibok_idp.errors import LocalStackError
from ibok_idp.keycloak_provider.build import build_provider, install_provider
from ibok_idp.local.artifacts import KEYCLOAK, fetch, locked, unpack
from ibok_idp.local.java import java_home

BUILD_OPTIONS = ("--db=postgres", "--health-enabled=true", "--metrics-enabled=true")
_JAVA_OPTIONS = [
    "-XX:MetaspaceSize=96M",
    "-XX:MaxMetaspaceSize=256m",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.security.egd=file:/dev/urandom",
    "-XX:+UseG1GC",
    "-Xms64m",
    "-Xmx768m",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
]


def theme_folder() -> Path:
    """The folder that holds the login theme `ibok`."""
    return Path(__file__).parents[1] / "login_theme"


def built_server(cache: Path, build_options: tuple[str, ...] = BUILD_OPTIONS) -> Path:
    """Return the home of a Keycloak with our provider that `kc.sh build` has already optimised, making it when needed.

    Args:
        cache: folder for downloads and built servers.
        build_options: options of `kc.sh build`.

    Raises:
        LocalStackError: the download or the build failed; nothing half-made is ever used.
    """
    provider = build_provider(cache)
    digest = hashlib.sha256(" ".join([provider.name, *build_options]).encode())
    home = cache / f"keycloak-{KEYCLOAK.version}-{digest.hexdigest()[:12]}"
    ready = home / ".ready"
    with locked(cache / f".{home.name}.lock"):
        if ready.exists():
            return home
        shutil.rmtree(home, ignore_errors=True)
        unpacked = cache / f".{home.name}.unpacking"
        shutil.rmtree(unpacked, ignore_errors=True)
        unpack(fetch(KEYCLOAK, cache), unpacked)
        (unpacked / f"keycloak-{KEYCLOAK.version}").rename(home)
        unpacked.rmdir()
        install_provider(provider, home)
        done = subprocess.run(
            [str(home / "bin" / "kc.sh"), "build", *build_options],
            env={"PATH": os.environ.get("PATH", ""), "JAVA_HOME": str(java_home())},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalStackError(f"kc.sh build failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        ready.touch()
    return home


class Keycloak:
    """One running server.

    Args:
        home: a built server.
        port: HTTP port of its address, as browsers know it; `management_port` serves health and metrics.
        database_url: `postgresql://user:password@host:port/name`.
        theme: folder with login themes.
        behind: the port on 127.0.0.1 it listens on when something else answers at its address; 0: the address itself.
    """

    def __init__(self, home: Path, *, port: int, management_port: int, database_url: str, theme: Path, behind: int = 0) -> None:
        self.home, self.port, self.management_port, self.behind = home, port, management_port, behind
        self.database_url, self.theme = database_url, theme
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, log: Path, *, admin_username: str, admin_password: str, portal_url: str) -> None:
        """Start the process; `wait_until_ready` tells when it serves. Secrets go by environment, never by argv."""
        database = urlsplit(self.database_url)
        data = log.parent.parent / "keycloak"
        data.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "KC_BOOTSTRAP_ADMIN_USERNAME": admin_username,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": admin_password,
            "KC_DB_URL": f"jdbc:postgresql://{database.hostname}:{database.port}{database.path}",
            "KC_DB_USERNAME": database.username or "",
            "KC_DB_PASSWORD": database.password or "",
            "IBOK_PORTAL_URL": portal_url,
        }
        # Compressed theme files of an older theme would be served for ever: their paths name only Keycloak's version.
        shutil.rmtree(self.home / "data" / "tmp" / "kc-gzip-cache", ignore_errors=True)
        lib = self.home / "lib"
        command = [
            str(java_home() / "bin" / "java"),
            *_JAVA_OPTIONS,
            f"-Dkc.home.dir={self.home}",
            f"-Djboss.server.config.dir={self.home / 'conf'}",
            f"-Djava.io.tmpdir={data}",
            "-cp",
            f"{lib / 'quarkus-run.jar'}",
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start",
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self.behind or self.port}",
            "--http-management-host=127.0.0.1",
            f"--http-management-port={self.management_port}",
            f"--hostname=http://localhost:{self.port}",
            "--cache=local",
            "--log-level=info,org.keycloak.events:warn",
            f"--spi-theme--folder--dir={self.theme}",
        ]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        self._log = log

    def wait_until_ready(self, seconds: float = 180) -> None:
        """Wait for `/health/ready`.

        Raises:
            LocalStackError: the process ended or did not become ready in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise LocalStackError(f"Keycloak ended while starting; its log says why: {self._log}")
            try:
                answer = requests.get(f"http://127.0.0.1:{self.management_port}/health/ready", timeout=3)
                if answer.ok and requests.get(f"{self.url}/realms/master", timeout=5).ok:
                    return
            except requests.RequestException:
                pass  # not up yet: that is what this loop waits for
            time.sleep(0.2)
        raise LocalStackError(f"Keycloak was not ready within {seconds:.0f} s; see {self._log}")

    def stop(self) -> None:
        """SIGTERM and wait."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
