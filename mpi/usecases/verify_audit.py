"""Is every row of the audit log the one that was written, with none missing, added or moved?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mpi.audit_chain import (
    EMPTY_CHAIN,
    PRUNE_ACTION,
    AuditHead,
    ChainFault,
    ChainProblem,
    ChainReport,
    ChainRow,
    next_hash,
    pruned_detail,
)
from mpi.ports import AuditChain

_ROWS_AT_ONCE = 1_000


def verify_audit(chain: AuditChain, *, kept_heads: Iterable[AuditHead] = ()) -> ChainReport:
    """Walk the chain from its beginning and stop at the first bad row.

    ``kept_heads`` are heads of this chain that were kept outside of the store, in any order. Those of rows that were
    pruned in the meantime say nothing any more.
    """
    anchor = chain.anchor() or EMPTY_CHAIN
    walk = _Walk(anchor, {head.number: head.chain_hash for head in kept_heads if head.number >= anchor.number})
    problem = walk.check_head(anchor)
    for row in _rows(chain):
        problem = problem or walk.step(row)
        if problem is not None:
            break
    problem = problem or walk.at_the_end()
    return ChainReport(anchor, walk.head, walk.head.number - anchor.number, problem)


def _rows(chain: AuditChain) -> Iterator[ChainRow]:
    after: int | None = None
    while page := chain.rows(after=after, limit=_ROWS_AT_ONCE):
        yield from page
        after = page[-1].number


class _Walk:
    """How far the chain is sound."""

    def __init__(self, anchor: AuditHead, kept: dict[int, bytes]) -> None:
        self.head = anchor
        self._anchor = anchor
        self._kept = kept
        self._is_recorded = anchor.number == 0

    def step(self, row: ChainRow) -> ChainProblem | None:
        expected = self.head.number + 1
        if row.number > expected:
            return ChainProblem(expected, ChainFault.MISSING)
        if row.number < expected:
            return ChainProblem(row.number, ChainFault.NOT_EXPECTED)
        if row.event is None or row.chain_hash != next_hash(self.head.chain_hash, row.number, row.event):
            return ChainProblem(row.number, ChainFault.CHANGED)
        self.head = AuditHead(row.number, row.chain_hash)
        if row.event.action == PRUNE_ACTION and row.event.detail == pruned_detail(self._anchor.number):
            self._is_recorded = True
        return self.check_head(self.head)

    def check_head(self, head: AuditHead) -> ChainProblem | None:
        if self._kept.get(head.number, head.chain_hash) == head.chain_hash:
            return None
        return ChainProblem(head.number, ChainFault.REWRITTEN)

    def at_the_end(self) -> ChainProblem | None:
        if any(number > self.head.number for number in self._kept):
            return ChainProblem(self.head.number + 1, ChainFault.CUT_OFF)
        if not self._is_recorded:
            return ChainProblem(self._anchor.number, ChainFault.PRUNED_UNRECORDED)
        return None
