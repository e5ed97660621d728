"""What holds for every test: with `CI=true` a skipped test fails the run, and the last lines say which and why."""

from __future__ import annotations

import os

import pytest


def _skipped(terminal: pytest.TerminalReporter) -> list[tuple[str, str]]:
    reports = terminal.stats.get("skipped", [])
    reasons = [(r.nodeid, r.longrepr[2] if isinstance(r.longrepr, tuple) else str(r.longrepr)) for r in reports]
    return sorted(set(reasons))


def _graded(terminal: pytest.TerminalReporter) -> dict[str, tuple[int, int]]:
    """Cases with a grade (a test records it as ``grade``): how many are as expected, of how many."""
    counts: dict[str, tuple[int, int]] = {}
    for outcome in ("passed", "failed", "xfailed"):
        for report in terminal.stats.get(outcome, []):
            for name, grade in getattr(report, "user_properties", ()):
                if name == "grade" and report.when == "call":
                    passed, total = counts.get(grade, (0, 0))
                    counts[grade] = (passed + (outcome == "passed"), total + 1)
    return counts


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter):  # type: ignore[no-untyped-def]
    result = yield
    for node, reason in _skipped(terminalreporter):
        terminalreporter.write_line(f"not run: {node}: {reason.removeprefix('Skipped: ')}")
    for grade, (passed, total) in sorted(_graded(terminalreporter).items()):
        terminalreporter.write_line(f"cases: {grade}: {passed} of {total} as expected")
    return result


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and os.environ.get("CI", "").lower() == "true" and _skipped(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
