"""The published operations, run for a page: the same schema, permissions, limits, audit and masking as at /graphql."""

from __future__ import annotations

from typing import Any

from gateway.context import HubContext
from gateway.operations_files import operation
from gateway.schema.build import HubSchema

Answer = dict[str, Any]
"""One root field of an answer, as a client of the published operations gets it."""


class NotForThisRole(Exception):
    """The caller's roles do not cover what the page needs."""


class OperationFailed(Exception):
    """The hub could not answer; what went wrong is in its log."""


class PublishedOperations:
    """Runs operations by their published names."""

    def __init__(self, schema: HubSchema) -> None:
        self._schema = schema
        self._texts: dict[str, str] = {}

    async def run(self, name: str, context: HubContext, **variables: Any) -> Answer:
        """The one root field of the operation's answer; a refusal is an answer, too.

        Raises:
            NotForThisRole: the caller may not.
            OperationFailed: an error of ours.
        """
        text = self._texts.get(name) or self._texts.setdefault(name, operation(name))
        result = await self._schema.execute(
            text, variable_values={k: v for k, v in variables.items() if v is not None}, context_value=context
        )
        if result.errors or result.data is None:
            raise OperationFailed(name)
        (answer,) = result.data.values()
        if answer["__typename"] == "NotAllowed":
            raise NotForThisRole(name)
        return dict(answer)
