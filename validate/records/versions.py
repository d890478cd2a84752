"""Lets records of an earlier version be read, and written, as they were."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Record(BaseModel):
    """Base of all records."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Versioned(Record):
    """A record whose later versions have fields that the first has not: `since` says which version
    brought them, and an earlier one is read and written without.
    """

    since: ClassVar[Mapping[str, int]] = {}

    @property
    def version(self) -> int:
        """The number in its schema."""
        return int(str(getattr(self, "schema_")).rpartition("/")[2])  # noqa: B009  # of subclasses

    def foreign(self) -> str | None:
        """A field that its version has and that was not stated, or the other way round."""
        return next(
            (
                name
                for name, first in self.since.items()
                if (first <= self.version) != (name in self.model_fields_set)
            ),
            None,
        )

    @model_serializer(mode="wrap")
    def _of_its_version(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stated = handler(self)
        return {
            name: value for name, value in stated.items() if self.since.get(name, 1) <= self.version
        }
