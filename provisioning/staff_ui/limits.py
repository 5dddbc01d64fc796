"""How much may be sent to the pages that take scans."""

from __future__ import annotations

from provisioning.adapters.files.scan_batches import LARGEST
from provisioning.adapters.files.uploads import MAXIMUM_BYTES

_OVERHEAD = 64 * 2**10
# Bytes by endpoint: several files at once, each with its own limit.
LARGE_UPLOADS = {"staff.add_files": 4 * MAXIMUM_BYTES + _OVERHEAD, "staff.scans": 2 * LARGEST + _OVERHEAD}
# What is received at all: more than any page takes, so that a page says what was too large.
LARGEST_BODY = max(LARGE_UPLOADS.values()) + 16 * 2**20
