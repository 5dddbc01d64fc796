"""Short form of `make fuzz`: forms behind the check of CSRF tokens, uploads and CSV; calls of the API stand in `test_openapi.py`.

Damaged files and mails have short forms of their own: `tests/unit/test_mutated_files.py`, `tests/fuzz/test_mutated_mails.py`.
"""

import os
import secrets

import pytest

from tests.fuzz.__main__ import Campaign, report
from tests.support.world import World

SEED = int(os.environ.get("IBOK_FUZZ_SEED") or secrets.randbelow(2**32))


@pytest.mark.parametrize("part", ["forms", "uploads", "csv"])
def test_f08_u06_no_hostile_input_gets_a_server_error_hangs_or_changes_what_refuses_it(world: World, part: str) -> None:
    print(f"seed {SEED}; again with IBOK_FUZZ_SEED={SEED}")
    (found,) = Campaign(world, SEED, count=2, minutes=0.35, alone=False).run([part])
    report([found])
    assert not found.broken, f"seed {SEED}\n" + "\n".join(found.broken[:10])
    assert found.count >= {"forms": 20, "uploads": 4, "csv": 20}[part]  # a busy machine gets through less before the clock ends it
