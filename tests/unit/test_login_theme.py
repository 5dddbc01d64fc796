"""The login theme's own templates bear any missing variable: an error page has no client, no login, no locale."""

import re

import pytest

from ibok_idp.local.keycloak import theme_folder

THEME = theme_folder() / "ibok" / "login"
_GUARDED = re.compile(r"\(\w+(?:\.\w+)+\)!")  # (client.clientId)!"" covers the whole path, client.clientId!"" its last step alone


@pytest.mark.parametrize("name", ["footer.ftl"])
def test_every_variable_of_a_template_on_every_page_has_a_default_for_its_whole_path(name: str) -> None:
    text = re.sub(r"<#--.*?-->", "", (THEME / name).read_text(), flags=re.DOTALL)
    expressions = re.findall(r"\$\{([^}]*)\}|<#(?:if|list|assign|elseif)\s([^>]*)>", text)
    bare = []
    for expression in ("".join(each) for each in expressions):
        left = re.sub(r'"[^"]*"', '""', _GUARDED.sub("", expression))
        bare += re.findall(r"\b(?!l\.)(\w+)\.\w+", left)
    assert bare in ([], ["locale"])  # `<#list locale.supported>` stands inside the check of it


def test_no_template_of_ours_holds_a_script_and_none_can_be_put_into_a_page() -> None:
    """F10: the policy of the realm allows none. Keycloak puts one before the end tag of <head>, where there is one."""
    for template in THEME.glob("*.ftl"):
        text = re.sub(r"<#--.*?-->", "", template.read_text(), flags=re.DOTALL)
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|</head>", text, re.IGNORECASE), template.name


def test_both_languages_have_the_same_words() -> None:
    keys = [
        {
            line.split("=")[0]
            for line in (THEME / "messages" / f"messages_{language}.properties").read_text().splitlines()
            if "=" in line
        }
        for language in ("pl", "en")
    ]
    assert keys[0] == keys[1]
