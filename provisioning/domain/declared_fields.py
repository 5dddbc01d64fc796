"""Every field of form BOK-27 and every kind of customer: the one declaration that all else reads."""

from __future__ import annotations

from dataclasses import replace

from provisioning.domain.addresses import address_line
from provisioning.domain.fields import (
    CONTACT,
    CONTRACT,
    WHO,
    Box,
    CustomerType,
    Declaration,
    Field,
    Group,
    Searched,
    _,
    person_line,
)

_OPTIONAL = _("nieobowiązkowy")


ADDRESS = Group(
    "Address",
    "An address in Poland.",
    (
        Field(
            "street",
            _("Ulica"),
            called=_("ulicę"),
            hint=_("Zostaw puste, jeżeli w miejscowości nie ma ulic."),
            about="empty in villages without street names",
            box=Box(autocomplete="address-line1"),
        ),
        Field(
            "house",
            _("Numer domu"),
            called=_("numer domu"),
            about="or the number of a plot: dz. nr 1234/56",
            required=True,
            longest=40,
            box=Box(width=5),
        ),
        Field("flat", _("Numer lokalu"), called=_("numer lokalu"), optional=_("jeżeli jest"), longest=12, box=Box(width=5)),
        Field(
            "postal_code",
            _("Kod pocztowy"),
            called=_("kod pocztowy"),
            hint=_("Na przykład 43-300"),
            about="NN-NNN; 43300 is understood",
            required=True,
            check="postal_code",
            longest=20,
            box=Box(width=5, autocomplete="postal-code"),
        ),
        Field(
            "city",
            _("Miejscowość"),
            called=_("miejscowość"),
            required=True,
            longest=60,
            box=Box(autocomplete="address-level2"),
        ),
    ),
    address_line,
)


_FIRST_NAME = Field(
    "first_name",
    _("Imię"),
    called=_("imię"),
    required=True,
    check="name",
    searched=Searched.WORDS,
    box=Box(autocomplete="given-name"),
)


_LAST_NAME = Field(
    "last_name",
    _("Nazwisko"),
    called=_("nazwisko"),
    required=True,
    check="name",
    searched=Searched.WORDS,
    box=Box(autocomplete="family-name"),
)


REPRESENTATIVE = Group(
    "Representative",
    "Who signs for a company, community or institution.",
    (
        _FIRST_NAME,
        _LAST_NAME,
        Field(
            "authority",
            _("Podstawa umocowania"),
            called=_("podstawę umocowania"),
            hint=_("Na przykład: prezes zarządu według KRS, pełnomocnictwo, uchwała"),
            required=True,
            longest=200,
        ),
    ),
    person_line,
)


_FIELDS = (
    replace(_FIRST_NAME, section=WHO, everybody=False),
    replace(_LAST_NAME, section=WHO, everybody=False),
    Field(
        "pesel",
        _("PESEL"),
        called=_("PESEL"),
        hint=_("11 cyfr. Pomaga nam upewnić się, że konto dostanie właściwa osoba."),
        section=WHO,
        everybody=False,
        required="pesel_required",
        optional=_OPTIONAL,
        nothing=_("nie podano"),
        check="pesel",
        longest=20,
        register="pesel_fingerprint",
        apart=True,
        box=Box(width=10, inputmode="numeric"),
    ),
    Field(
        "company_name",
        _("Pełna nazwa"),
        called=_("nazwę"),
        short=_("Nazwa"),
        section=WHO,
        everybody=False,
        required=True,
        longest=200,
        searched=Searched.WORDS,
        box=Box(autocomplete="organization"),
    ),
    Field(
        "tax_id",
        _("NIP"),
        called=_("numer NIP"),
        hint=_("10 cyfr"),
        about="NIP",
        section=WHO,
        everybody=False,
        required=True,
        check="tax_id",
        longest=20,
        register="tax_id",
        box=Box(width=10, inputmode="numeric"),
    ),
    Field(
        "registry_number",
        _("REGON albo KRS"),
        called=_("numer REGON albo KRS"),
        about="REGON (9 or 14 digits) or KRS (10 digits)",
        section=WHO,
        everybody=False,
        optional=_OPTIONAL,
        check="registry_number",
        longest=20,
        box=Box(width=10, inputmode="numeric"),
    ),
    Field(
        "representative",
        _("Osoba, która podpisuje wniosek"),
        short=_("Reprezentant"),
        section=WHO,
        everybody=False,
        required=True,
        group=REPRESENTATIVE,
    ),
    Field(
        "customer_number",
        _("Numer ewidencyjny klienta"),
        called=_("numer ewidencyjny klienta"),
        hint=_("Znajdziesz go w prawym górnym rogu faktury za wodę."),
        about="numer ewidencyjny klienta",
        section=CONTRACT,
        required=True,
        check="customer_number",
        longest=40,
        searched=Searched.WORDS,
        register="customer_number",
        box=Box(width=10, inputmode="numeric"),
    ),
    Field(
        "contract_number",
        _("Numer umowy"),
        called=_("numer umowy"),
        section=CONTRACT,
        optional=_("jeżeli znasz"),
        longest=40,
        register="contract_number",
        box=Box(width=10),
    ),
    Field(
        "supply_point_address",
        _("Adres punktu poboru"),
        section=CONTRACT,
        required=True,
        register="supply_point",
        group=ADDRESS,
    ),
    Field(
        "email",
        _("Adres e-mail"),
        called=_("adres e-mail"),
        hint=_("Na ten adres wyślemy login i hasło tymczasowe. Musi należeć tylko do Ciebie."),
        section=CONTACT,
        required=True,
        check="email",
        longest=254,
        searched=Searched.WORDS,
        box=Box(type="email", autocomplete="email"),
    ),
    Field(
        "phone",
        _("Telefon"),
        called=_("numer telefonu"),
        hint=_("Zadzwonimy, gdy e-mail do Ciebie nie dotrze."),
        section=CONTACT,
        optional=_OPTIONAL,
        nothing=_("nie podano"),
        check="phone",
        longest=40,
        searched=Searched.PHONE,
        box=Box(width=10, type="tel", autocomplete="tel"),
    ),
    Field(
        "correspondence_address",
        _("Adres do korespondencji"),
        section=CONTACT,
        optional=_("jeżeli inny"),
        nothing=_("taki jak punkt poboru"),
        group=ADDRESS,
    ),
)


_OF_AN_ORGANISATION = ("company_name", "tax_id", "registry_number", "representative")


_TYPES = (
    CustomerType(
        "person",
        _("osoba fizyczna"),
        asks=("first_name", "last_name", "pesel"),
        name=("first_name", "last_name"),
        sorted_by=("last_name", "first_name"),
        hint=_("Umowa jest na Twoje imię i nazwisko"),
    ),
    *(
        CustomerType(
            code,
            label,
            asks=_OF_AN_ORGANISATION,
            name=("company_name",),
            sorted_by=("company_name",),
            signed_by="representative",
            hint=hint,
        )
        for code, label, hint in (
            ("business", _("przedsiębiorca"), ""),
            ("housing_community", _("wspólnota lub spółdzielnia"), ""),
            ("institution", _("instytucja"), _("Na przykład szkoła, urząd, parafia")),
        )
    ),
)


BOK_27 = Declaration(_FIELDS, _TYPES)


def declared() -> Declaration:
    """What the form asks. Everything reads it through here, each time, so that a test can add to it."""
    return BOK_27
