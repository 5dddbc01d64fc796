"""The picture of the architecture is the one of the code."""

from deploy.architecture import PAGE, direct_imports, picture, with_picture, without_those_that_follow


def test_the_picture_in_the_docs_is_made_from_the_code_as_it_is() -> None:
    page = PAGE.read_text()
    assert page == with_picture(page, picture(direct_imports())), "out of date: .venv/bin/python -m deploy.architecture"
    assert "provisioning.use_cases -->" in page


def test_arrows_that_follow_from_others_are_left_out_and_circles_stay_visible() -> None:
    layers = {"door": {"use_cases", "domain"}, "use_cases": {"domain"}}
    assert without_those_that_follow(layers) == {"door": {"use_cases"}, "use_cases": {"domain"}}
    circle = {"one": {"other"}, "other": {"one"}, "door": {"one", "other"}}
    assert without_those_that_follow(circle) == circle
