"""I05, short form of the campaign of mutated mails; the long one is `python -m tests.fuzz.mutated_mails --count 20000`."""

import random  # noqa: TID251  # repeatable

from tests.fuzz.mutated_mails import kinds, mutated, run, table

SEED = 20261125


def test_i05_no_mutated_mail_breaks_a_promise() -> None:
    campaign = run(150, SEED)
    assert not campaign.broken, f"seed {SEED}\n{table(campaign)}"
    assert sum(campaign.outcomes.values()) == 150
    assert len(campaign.outcomes) >= 4  # they are bent enough to end in many ways


def test_the_same_seed_makes_the_same_mails() -> None:
    one, two = random.Random(1), random.Random(1)
    good, again = list(kinds().values()), list(kinds().values())
    assert [mutated(one, good) for _ in range(50)] == [mutated(two, again) for _ in range(50)]
