"""Asks a running hub everything that the schema allows, and more, as every role; says what should not have been said.

Schemathesis makes the documents from ``graphql/schema.graphql``. Half of the numbers and ids in them are replaced by
ones that the hub knows, so that answers hold persons and mutations change something; some documents are then broken.

``python -m tests.fuzz.graphql_fuzz --seconds 600 [--store postgresql]`` is the long form (``make fuzz`` two minutes);
``tests/fuzz/test_graphql_fuzz.py`` runs the short one.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import schemathesis
import sqlalchemy as sa
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    IntValueNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import SqlUnitOfWork, unit_of_work_factory
from gateway.observability import configure_logging
from gateway.permissions import ROLES_ALLOWED, Role
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from mpi.usecases.verify_audit import verify_audit
from tests.builders import person, pid
from tests.integration.hub_world import ANA, SURNAME, Hub, answering, refusing, study
from tests.integration.stream_world import serving
from tests.servers.postgres import running_postgres

SCHEMA = Path(__file__).resolve().parents[2] / "graphql" / "schema.graphql"
CALLERS: tuple[tuple[Role, ...], ...] = (*((role,) for role in Role), (), tuple(Role))
EXAMPLES_AT_ONCE = 4
_TEXT = re.compile(
    r"\b(localPatientId|assigningAuthority|enterpriseId|id|checkId|alertId|decisionId|orderingSite|site|subsumed|survivor)"
    r': "(?:[^"\\]|\\.)*"'
)
_TELLING = re.compile(
    r"Traceback|sqlalchemy|psycopg|sqlite3|SELECT |INSERT |File \"|/graphql/gateway/|KeyError|TypeError"
)


@dataclass(slots=True)
class Findings:
    """What was asked, and what was wrong with an answer: the first few of each kind."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    typenames: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def complain(self, what: str, body: bytes, answer: str) -> None:
        if sum(line.startswith(what) for line in self.wrong) < 5:
            self.wrong.append(f"{what}\n  asked {body[:2000]!r}\n  said  {answer[:1000]}")


class Fuzzer:
    """One run against one hub."""

    def __init__(self, hub: Hub, address: str, rng: random.Random) -> None:
        self._hub, self._rng = hub, rng
        self._url = f"http://{address}/graphql"
        self._client = httpx2.Client(timeout=30, trust_env=False)
        self._known = self._names()
        self._tokens = {roles: hub.issuer.token(*roles) for roles in CALLERS}
        self.findings = Findings()

    def run(self, seconds: float) -> Findings:
        """Until the time is up, operation by operation, each caller in turn."""
        schema = schemathesis.graphql.from_path(SCHEMA)
        operations = [found.ok() for found in schema.get_all_operations()]
        until = time.monotonic() + seconds
        turn = 0
        with self._client:
            while time.monotonic() < until:
                operation = operations[turn % len(operations)]
                mode = GenerationMode.NEGATIVE if self._rng.random() < 0.2 else GenerationMode.POSITIVE
                self._some_of(operation.as_strategy(mode), operation.label.rpartition(".")[2], until)
                turn += 1
        return self.findings

    def _some_of(self, strategy: Any, name: str, until: float) -> None:
        @seed(self._rng.randrange(2**32))
        @settings(
            max_examples=EXAMPLES_AT_ONCE, phases=[Phase.generate], database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy)
        def ask(case: Any) -> None:
            if time.monotonic() < until:
                self._ask(self._mixed(str(case.body)), self._caller(name))

        ask()

    def _caller(self, name: str) -> tuple[Role, ...]:
        """More often than not somebody who may."""
        allowed = sorted(ROLES_ALLOWED[name], key=lambda role: role.value)
        return (self._rng.choice(allowed),) if self._rng.random() < 0.6 else self._rng.choice(CALLERS)

    def _mixed(self, document: str) -> bytes:
        """The document with known ids here and there, as a body; now and then broken."""
        document = self._mended(_TEXT.sub(self._known_instead, document))
        if self._rng.random() < 0.05:
            cut = self._rng.randrange(len(document) + 1)
            document = document[:cut] + self._rng.choice(["", "\x00", "}", '"', "…", "{", "$"]) + document[cut + 1 :]
        body = json.dumps({"query": document, "variables": self._rng.choice([None, {}, {"x": SURNAME}])})
        return body.encode("utf-8", "surrogatepass")

    def _mended(self, document: str) -> str:
        """The document with the kind of each answer asked for, and most often with arguments that can be used."""
        try:
            parsed = parse(document)
        except GraphQLError:
            return document
        return print_ast(visit(parsed, _Mend(self._rng, keep_all=self._rng.random() < 0.3)))

    def _known_instead(self, found: re.Match[str]) -> str:
        name = found.group(1)
        if self._rng.random() < 0.4:
            return found.group(0)
        return f'{name}: "{self._rng.choice(self._known.get(name, self._known["id"]))}"'

    def _names(self) -> dict[str, list[str]]:
        with self._hub.units() as uow:
            items = [item.review_item_id for item in uow.reviews.open_page(kinds=None, offset=0, limit=9).items]
        persons = [self._hub.index.person_of(number) for number in ("NGH|0007", "LKM|55")]
        return {
            "localPatientId": ["0007", "55", "9"],
            "assigningAuthority": ["NGH", "LKM", "RDI"],
            "orderingSite": ["NGH", "LKM"],
            "site": ["NGH", "LKM"],
            "enterpriseId": persons,
            "survivor": persons,
            "subsumed": persons,
            "id": items,
        }

    def _ask(self, body: bytes, roles: tuple[Role, ...]) -> None:
        headers = {"Authorization": f"Bearer {self._tokens[roles]}", "Content-Type": "application/json"}
        answer = self._client.post(self._url, content=body, headers=headers)
        self.findings.requests += 1
        self.findings.statuses[answer.status_code] += 1
        self.judge(answer, body, roles)

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def judge(self, answer: httpx2.Response, body: bytes, roles: tuple[Role, ...]) -> None:
        """Complain about what should not have been said."""
        complain: Callable[[str], None] = lambda what: self.findings.complain(what, body, answer.text)  # noqa: E731
        if answer.status_code == 401:
            complain("nobody was let in: nothing was tried")
        if answer.status_code >= 500:
            complain(f"status {answer.status_code}")
        if _TELLING.search(answer.text):
            complain("an answer that tells of our insides")
        if answer.status_code != 200:
            return
        said = answer.json()
        for error in said.get("errors", []):
            code = error.get("extensions", {}).get("code")
            if code == "INTERNAL_ERROR":
                complain("an error of ours")
            if code is None:
                complain("an error without a code")
            if SURNAME.lower() in json.dumps(error).lower():
                complain("a name in an error")
        data = said.get("data") or {}
        for answered in data.values():
            self.findings.typenames[str(answered.get("__typename", "?")) if isinstance(answered, dict) else "?"] += 1
        if not roles and SURNAME.lower() in answer.text.lower():
            complain("a name shown to somebody without a role")


class _Mend(Visitor):
    """Asks for ``__typename`` at the root; unless ``keep_all``, drops or replaces what would be refused anyway."""

    def __init__(self, rng: random.Random, *, keep_all: bool) -> None:
        super().__init__()
        self._rng, self._keep_all = rng, keep_all

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> OperationDefinitionNode:
        """Each field of the root."""
        asked = tuple(self._field(field) for field in node.selection_set.selections)
        return replace(node, selection_set=replace(node.selection_set, selections=asked))

    def _field(self, field: SelectionNode) -> SelectionNode:
        if not isinstance(field, FieldNode) or field.selection_set is None:
            return field
        selections = replace(field.selection_set, selections=(*field.selection_set.selections, _TYPENAME))
        arguments = field.arguments or ()
        if not self._keep_all:
            named = [argument for argument in arguments if argument.name.value in ("patient", "enterpriseId")]
            dropped = {self._rng.choice(named).name.value} if len(named) == 2 else set()
            arguments = tuple(self._usable(one) for one in arguments if one.name.value not in {*dropped, "after"})
        return replace(field, selection_set=selections, arguments=arguments)

    def _usable(self, argument: ArgumentNode) -> ArgumentNode:
        value = _USABLE.get(argument.name.value)
        return argument if value is None else replace(argument, value=IntValueNode(value=value))


_USABLE = {"first": "3", "deadlineMs": "200", "expectedVersion": "1", "minutes": "5"}
_TYPENAME = FieldNode(name=NameNode(value="__typename"))


@contextmanager
def fuzzed_hub(engine: sa.Engine) -> Iterator[tuple[Hub, str]]:
    """A hub on a port with a database: Ana at two hospitals, a question for records staff, an archive that is down."""
    upgrade(engine)
    rows = [study(f"2.999.{n}", "NGH|0007", days_ago=n) for n in range(1, 9)]
    sources = [answering("NGH", rows), answering("LKM", [study("2.999.99", "LKM|55")]), refusing("RDI")]
    hub = Hub(*sources, units=unit_of_work_factory(engine))
    for number in ("NGH|0007", "LKM|55"):
        hub.index.register(number, as_=ANA)
    hub.index.register("LKM|9", as_=person("Okonkwo", "Bo", born="1961-07-14", sex="M"))
    with hub.units() as uow:
        open_review(
            ReviewKind.POSSIBLE_MATCH, pid("NGH|0007"), pid("LKM|9"),
            source="test", uow=uow, clock=hub.index.clock, new_id=hub.index.new_id,
        )  # fmt: skip
        uow.commit()
    with serving(hub) as served:
        yield hub, served.address


def fuzz(url: str, *, seconds: float, start: int) -> Findings:
    """One run with a log of its own; what leaked into the log is a finding too."""
    log = io.StringIO()
    configure_logging(log, level=logging.INFO)
    engine = make_engine(url)
    try:
        with fuzzed_hub(engine) as (hub, address):
            findings = Fuzzer(hub, address, random.Random(start)).run(seconds)
        with SqlUnitOfWork(engine, read_only=True) as uow:
            report = verify_audit(uow.audit_chain)
    finally:
        engine.dispose()
    if report.problem is not None:
        findings.wrong.append(f"the audit chain is broken at {report.problem}")
    if SURNAME.lower() in log.getvalue().lower():
        line = next(line for line in log.getvalue().splitlines() if SURNAME.lower() in line.lower())
        findings.wrong.append(f"a name in the log\n  {line[:500]}")
    return findings


def main(arguments: list[str]) -> int:
    """The long form; 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--start", type=int, default=None, help="where the random numbers begin; default: the clock")
    chosen = parser.parse_args(arguments)
    start = time.time_ns() % 2**32 if chosen.start is None else chosen.start
    stores = ["sqlite", "postgresql"] if chosen.store == "both" else [chosen.store]
    is_wrong = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        for store in stores:
            url = f"sqlite:///{folder / 'hub.db'}"
            if store == "postgresql":
                cluster = stack.enter_context(running_postgres(folder / "postgres"))
                url = cluster.url(cluster.create_database())
            found = fuzz(url, seconds=chosen.seconds / len(stores), start=start)
            print(f"{store}: {found.requests} requests (--start {start}), statuses {dict(found.statuses)}")
            print(f"  answers: {dict(found.typenames.most_common(12))}")
            for line in found.wrong:
                print(f"WRONG {line}")
            is_wrong = is_wrong or bool(found.wrong) or found.requests == 0
    return 1 if is_wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
