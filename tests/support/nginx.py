"""deploy/nginx as it runs here: without root's ports and folders, on ports of its own, with a certificate of an own authority."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def as_somebody(folder: Path, ports: dict[str, int]) -> Path:
    """Rewrite the places and ports in `folder` (its ibok.conf, zones, upstreams), and nothing else; return the main file for `nginx -c`.

    Args:
        ports: server name to the port that takes the place of 443; a server that is not named keeps 443.
    """
    example = folder / "ibok.conf"
    text = example.read_text().replace("/etc/nginx/", f"{folder}/").replace("/var/log/nginx/", f"{folder}/")
    blocks = re.split(r"(?m)^(?=server \{)", text)
    for number, block in enumerate(blocks):
        for name, port in ports.items():
            if f"server_name {name};" in block:
                block = block.replace("listen 443", f"listen 127.0.0.1:{port}").replace(f"server_name {name};", "server_name localhost;")
        blocks[number] = block if "listen 80;" not in block or not ports else ""
    example.write_text("".join(blocks))
    main = folder / "nginx.conf"
    temporary = "".join(
        f"    {kind}_temp_path {folder}/temp-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx-error.log;\n"
        f"events {{ worker_connections 1024; }}\nhttp {{\n    include /etc/nginx/mime.types;\n{temporary}    include {example};\n}}\n"
    )
    return main


def own_certificate(folder: Path, names: list[str]) -> Path:
    """Make an authority and a certificate of it for these names, as ibok.crt and ibok.key; return the authority's file."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "30", "-subj", "/CN=Own authority")
    openssl("req", *key, "-keyout", "ibok.key", "-out", "ibok.csr", "-subj", f"/CN={names[0]}")
    (folder / "names.ext").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
    signed = ("-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "30", "-extfile", "names.ext")
    openssl("x509", "-req", "-in", "ibok.csr", "-out", "ibok.crt", *signed)
    return folder / "authority.pem"
