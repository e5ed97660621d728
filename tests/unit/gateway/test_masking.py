"""Errors that leave the hub."""

from __future__ import annotations

import pytest
from graphql import GraphQLError

from gateway.schema.masking import is_unexpected, mask_errors, without_values


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Variable '$order' has invalid value at .flags[0]: Value 'X' does not exist", "'$order.flags[0]'"),
        ("Variable '$id' has invalid default value: ID cannot represent 'X'", "'$id' has an invalid value"),
        ("Variable '$id' of required type 'ID!' was not provided.", "Variable '$id' of required type"),
        ("Syntax Error: Unexpected Name 'X'.", "Syntax Error"),
        ("Syntax Error: Document contains more than 5 tokens.", "Document contains more than 5 tokens"),
        ("Int cannot represent non-integer value: X", "an argument has a value"),
        ("Expected value of type 'A' to be an object, found: X.", "an argument has a value"),
        ("Cannot query field 'nothing' on type 'Query'.", "Cannot query field 'nothing' on type 'Query'."),
    ],
)
def test_what_the_caller_wrote_wrong_is_said_without_the_value(message: str, shown: str) -> None:
    assert shown in without_values(message)
    assert "X" not in without_values(message)


def test_an_error_of_ours_says_nothing_but_where_to_ask() -> None:
    ours = GraphQLError("Quillfeather", original_error=RuntimeError("Quillfeather"))
    assert is_unexpected(ours)
    (masked,) = mask_errors([ours], "c0ffee")
    assert masked.formatted == {
        "message": "internal error",
        "extensions": {"code": "INTERNAL_ERROR", "correlationId": "c0ffee"},
    }
    assert masked.original_error is None
    assert mask_errors([masked], "other") == [masked]


def test_an_error_of_graphql_inside_another_is_the_callers() -> None:
    assert not is_unexpected(GraphQLError("x", original_error=GraphQLError("y")))
