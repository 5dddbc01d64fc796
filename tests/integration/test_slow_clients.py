"""F14: 200 slow connections to each process, no proxy before it; others are served meanwhile."""

import pytest

from tests.support.slow_clients import KINDS, SlowClients, others_meanwhile
from tests.support.world import World


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("process", "page"), [("webapp", "/wniosek"), ("provisioning", "/api/v1/openapi.json")])
def test_f14_two_hundred_slow_clients_of_every_kind_keep_nobody_waiting(world: World, process: str, page: str, kind: str) -> None:
    url = {"webapp": world.webapp, "provisioning": world.provisioning}[process]
    with SlowClients(url, kind, 200) as slow:
        waited = others_meanwhile(url, 4, page=page)
        assert slow.held() == 200  # nobody was simply thrown out to pass this
    assert waited.failed == 0, waited
    assert waited.health < 1, waited
    assert waited.page < 3, waited
