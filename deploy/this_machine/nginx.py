"""deploy/nginx as it runs here: on ports of its own, in folders of its own; nothing else of it changes."""

from __future__ import annotations

import re
from pathlib import Path


def on_own_ports(folder: Path, ports: dict[str, int], *, logs: Path) -> Path:
    """Rewrite conf.d/ibok.conf below `folder`, which stands for /etc/nginx, and return a main file for `nginx -c`. Safe to repeat.

    Args:
        ports: name of a server to the port that takes the place of 443. The server that redirects from port 80 goes.
    """
    site = folder / "conf.d" / "ibok.conf"
    text = site.read_text()
    if str(folder) not in text:
        text = text.replace("/etc/nginx/", f"{folder}/").replace("/var/log/nginx/", f"{logs}/")
        servers = [block for block in re.split(r"(?m)^(?=server \{)", text) if "listen 80;" not in block]
        for name, port in ports.items():
            servers = [
                block.replace("listen 443", f"listen 127.0.0.1:{port}").replace(name, "localhost")
                if f"server_name {name};" in block
                else block
                for block in servers
            ]
        site.write_text("".join(servers))
    temporary = "".join(
        f"    {each}_temp_path {logs}/temp-{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\nworker_processes 1;\npid {logs}/nginx.pid;\nerror_log {logs}/error.log;\n"
        "events { worker_connections 1024; }\n"
        f"http {{\n    include /etc/nginx/mime.types;\n{temporary}    include {site};\n}}\n"
    )
    return main
