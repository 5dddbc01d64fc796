"""An own certificate authority, as many utilities have one."""

from __future__ import annotations

import subprocess
from pathlib import Path


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
