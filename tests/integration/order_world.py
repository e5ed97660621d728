"""A hub that also takes HL7 messages and does its background work when it is told to."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

from adapters.hl7v2.order_effect import NormalizeOrder, without_code_maps
from federation.imaging.alerts import DuplicateAlert
from federation.imaging.placed_orders import PlacedOrder
from gateway.outbox_work import Deliver, OutboxWork
from tests.builders import NOON
from tests.hl7_door import Ack, Door
from tests.integration.hub_world import Hub

SENT_AT = "20260310120000+0000"


def outbox_work(hub: Hub, *, deliver: Deliver | None = None, max_deliveries: int = 20) -> OutboxWork:
    resources = hub.resources
    return OutboxWork(
        units=hub.units,
        read=hub.units,
        directory=resources.directory,
        procedure_of=resources.procedure_of,
        rules=resources.rules,
        deadline_seconds=0.3,
        clock=resources.clock,
        new_id=resources.new_id,
        run=asyncio.run,
        deliver=deliver,
        max_deliveries=max_deliveries,
    )


class OrderDoor:
    """The HL7 door of a hub, spoken to in one line."""

    def __init__(self, hub: Hub, *, normalize: NormalizeOrder = without_code_maps) -> None:
        self.hub = hub
        self.door = Door(hub.units, clock=lambda: NOON)
        self.door.dispatcher._tools = type(self.door.dispatcher._tools)(
            hub.index.matcher, lambda: NOON, hub.index.new_id, normalize
        )
        self._control_id = 0

    def order(
        self,
        *groups: str,
        patient: str = "0007^^^NGH",
        name: str = "QUILLFEATHER^ANA||19840312|F",
        site: str = "NGH",
        kind: str = "ORM^O01",
        at: str = SENT_AT,
        pv1: str = "",
        control_id: str = "",
    ) -> Ack:
        """One message; each group is its ORC and OBR segments, separated by a line end."""
        self._control_id += 1
        lines = [
            rf"MSH|^~\&|CPOE|{site}|MPI|FED|{at}||{kind}|{control_id or f'O-{self._control_id}'}|P|2.5",
            f"PID|||{patient}||{name}",
            *([pv1] if pv1 else []),
            *groups,
        ]
        return self.door.send("\r".join(lines).replace("\n", "\r") + "\r")

    def placed(self, key: str) -> PlacedOrder:
        with self.hub.units() as uow:
            found = uow.placed_orders.get(key)
        assert found is not None
        return found

    def alerts(self) -> list[DuplicateAlert]:
        with self.hub.units() as uow:
            return list(uow.alerts.find(limit=99))

    def work(self, handle: Callable[[int], None] | None = None) -> list[str]:
        """Do all background work that waits, what it leads to included; the kinds that were done."""
        done: list[str] = []
        handler = handle or outbox_work(self.hub)
        while rows := self._due():
            for row in rows:
                handler(row.outbox_id)
                done.append(row.kind)
        return done

    def _due(self) -> Any:
        with self.hub.units() as uow:
            return uow.outbox.due(limit=99, now=NOON + dt.timedelta(days=9), retry_after_seconds=1)


def new_order(
    number: str = "P-1", *, control: str = "NW", obr4: str = "74177^CT ABD/PELVIS W CONTRAST^C4", rest: str = ""
) -> str:
    return f"ORC|{control}|{number}^CPOE|||SC\nOBR|1|{number}^CPOE||{obr4}{rest}"
