"""U01 to U07: damaged files of every kind are taken or refused; a short run of the campaign in `mutated_files`."""

from tests.fuzz.mutated_files import run, valid_files
from tests.support.hostile_files import pdf


def test_every_kind_is_taken_undamaged() -> None:
    from provisioning.adapters.files.uploads import harmless_document

    for kind, contents in valid_files().items():
        for content in contents:
            assert harmless_document("", "electronic" if kind == "signed" else "scan", "x", content).content, kind


def test_u06_damaged_files_are_taken_or_refused_and_never_an_error() -> None:
    found = run(300, seed=20261125)
    print(found.table())
    assert found.good, found.table()
    assert sum(found.counts.values()) == 300


def test_the_same_seed_damages_the_same_way() -> None:
    import random  # noqa: TID251

    from tests.fuzz.mutated_files import damaged

    assert damaged(pdf(), random.Random("7:1"), [pdf()]) == damaged(pdf(), random.Random("7:1"), [pdf()])
