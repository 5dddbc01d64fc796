"""Bodies of the API besides the form itself, for checking and for the OpenAPI document."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from provisioning.domain.application import RejectedFor
from provisioning.domain.doubts import ScanCheck


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FormCheckBody(_Body):
    """A part of the form, and which fields to speak about."""

    only: list[str] = Field(max_length=60)
    application: dict[str, Any]


class EmailConfirmationBody(_Body):
    token: str = Field(max_length=200)


class EmailBody(_Body):
    email: str | None = Field(None, max_length=254)


class PasswordResetBody(_Body):
    login: str = Field(max_length=200)


class EmailAloneBody(_Body):
    email: str = Field(max_length=254)


class LinkBody(_Body):
    """The token of a link that was mailed."""

    token: str = Field(max_length=200)


class LanguageBody(_Body):
    language: str = Field(max_length=10)


class TermsBody(_Body):
    terms_version: str = Field(max_length=40)
    accept: bool


class ReasonBody(_Body):
    reason: str | None = Field(None, max_length=2000)


class SuspendBody(ReasonBody):
    """`secret`: the customer is not told."""

    secret: bool = False


class AddressBody(ReasonBody):
    email: str = Field(max_length=254)


class NamesBody(ReasonBody):
    first_name: str = Field(max_length=200)
    last_name: str = Field(max_length=200)


class ContractBody(_Body):
    customer_number: str = Field(max_length=40)


class ChangeAnswerBody(ReasonBody):
    done: bool


class ErasureBody(_Body):
    received_on: date = Field(strict=False)
    channel: Literal["office", "post", "email", "portal"]


class ErasureDecisionBody(_Body):
    decision: Literal["erased", "partly", "refused"]
    ground: str | None = Field(None, max_length=2000)


class ActionBody(_Body):
    """`version` as read before: a changed application is never overwritten."""

    version: int = Field(ge=1, le=2**31)
    reason: str | None = Field(None, max_length=2000)


class AddToAccountBody(ActionBody):
    """`login`: the account that takes the customer number."""

    login: str = Field(max_length=64)


class CorrectionBody(_Body):
    """The whole form as it should be; `version` as read; `reason` when filing day or channel change."""

    version: int
    application: dict[str, Any]
    reason: str | None = Field(None, max_length=2000)


class ScanCheckBody(_Body):
    """`seen`: all that was compared with the scan and found the same; what is not named counts as not seen."""

    seen: list[Annotated[ScanCheck, Field(strict=False)]] = Field(max_length=len(ScanCheck))


class AssignBody(_Body):
    colleague: str = Field(max_length=64)


class ApproveManyBody(_Body):
    """Versions by reference, as they were read."""

    applications: dict[str, int] = Field(max_length=200)


class RejectBody(ActionBody):
    """`silent`: no mail goes out; the reason stays in the file. `rejected_for`: its kind, for the manager's numbers."""

    silent: bool = False
    rejected_for: RejectedFor = Field(RejectedFor.OTHER, strict=False)


class PaperBody(_Body):
    version: int = Field(ge=1, le=2**31)
    signed_on: date = Field(strict=False)
    filed_on: date = Field(strict=False)


class Accepted(BaseModel):
    """A filed application."""

    reference: str
    status: str
    status_token: str
    filed_at: str | None
    due_on: str | None
    version: int


class FieldProblem(BaseModel):
    field: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[FieldProblem] | None = None
