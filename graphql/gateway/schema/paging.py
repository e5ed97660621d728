"""Relay pages. Source: GraphQL Cursor Connections Specification."""

from __future__ import annotations

import strawberry


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="More comes after this page.")
    has_previous_page: bool = strawberry.field(description="Something comes before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge, null for an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge; give it as `after` to go on.")
