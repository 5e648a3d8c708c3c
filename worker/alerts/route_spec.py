"""The shape of `routes.yaml`: which alerts go to which topic, in which form. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from worker.decode.located_yaml import PackModel
from worker.mapping.concept_spec import Identifier

SeverityName = Literal["emergent", "urgent", "routine", "info"]


class RouteSpec(PackModel):
    """One way for alerts; all keys that are given must fit. Several routes may fit one alert: it goes each of these ways."""

    id: Identifier = Field(description="Names the route; a later layer replaces the route with the same id.")
    topic: str = Field(default="", description="Topic of the message bus that takes the alerts.")
    variant: Literal["full", "minimal", "fhir"] = Field(
        default="full",
        description=(
            "full: everything. minimal: no patient, no value, no bed; for pagers and lock screens. "
            "fhir: a Bundle of DetectedIssue and Communication."
        ),
    )
    severities: tuple[SeverityName, ...] = Field(
        default=(), description="Any of these; empty: every severity."
    )
    units: tuple[str, ...] = Field(
        default=(),
        description=(
            "Wards where the patient is now, as the feed names them (PV1-3.1, Encounter.location); case does not matter. "
            "Empty: every ward."
        ),
    )
    facilities: tuple[str, ...] = Field(
        default=(),
        description="Houses of these wards (PV1-3.4), where two have wards of one name. Empty: any.",
    )
    default: bool = Field(
        default=False,
        description=(
            "True for exactly one route: it takes what no other route takes in full, and every alert whose ward is not known."
        ),
    )
    disabled: bool = Field(
        default=False, description="True: the route of a lower layer with this id is removed."
    )


class RoutesFile(PackModel):
    """The routes of a pack: what goes where, and in which form."""

    routes: tuple[RouteSpec, ...] = ()


MODELS: dict[str, type[PackModel]] = {"routes": RoutesFile}
"""The schema files of this module by name, as `mapping.schemas.schema_texts` takes them."""
