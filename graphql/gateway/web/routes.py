"""Every page: its address and what answers there. Who may open it is in ``gateway.doors``."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from gateway.metrics import HubMetrics
from gateway.resources import HubResources
from gateway.schema.build import HubSchema
from gateway.settings import WebSettings
from gateway.web.doors import PAGE_HEADERS, Page
from gateway.web.entrances.entrances import build_entrances
from gateway.web.operations import PublishedOperations
from gateway.web.pages.bulk import act_on_several, undo_several
from gateway.web.pages.control import search_audit, show_access, show_control, show_sites, test_sites, who_looked
from gateway.web.pages.decisions import (
    decide_item,
    release_item,
    take_back_escalation,
    take_next,
    undo_last,
)
from gateway.web.pages.held import release_held, show_held
from gateway.web.pages.history import answer_alert, check_order, fill_in, find_patient, show_history, show_search
from gateway.web.pages.launch import come_from_ehr, launch, show_launched
from gateway.web.pages.person_search import find_person, show_persons
from gateway.web.pages.persons import confirm_act, preview_act, show_person
from gateway.web.pages.provider import come_from_provider, go_to_provider
from gateway.web.pages.quality import show_quality
from gateway.web.pages.queue import show_item, show_queue
from gateway.web.pages.sign_in import keep_preference, show_sign_in, show_start, sign_in_with_token, sign_out
from gateway.web.rendering import STATIC, Templates
from gateway.web.sessions import SessionCookies
from gateway.web.visit import Visit, Web

PAGES: tuple[Page, ...] = (
    Page("GET", "/", show_start),
    Page("GET", "/sign-in", show_sign_in),
    Page("POST", "/sign-in", sign_in_with_token),
    Page("GET", "/sign-in/provider", go_to_provider),
    Page("GET", "/sign-in/callback", come_from_provider),
    Page("GET", "/launch", launch),
    Page("GET", "/launch/callback", come_from_ehr),
    Page("GET", "/history/launched/{launch_id}", show_launched),
    Page("POST", "/sign-out", sign_out),
    Page("POST", "/preferences", keep_preference),
    Page("GET", "/history", show_search),
    Page("POST", "/history", show_history),
    Page("POST", "/history/find", find_patient),
    Page("POST", "/history/rest", fill_in),
    Page("POST", "/history/check", check_order),
    Page("POST", "/history/answer", answer_alert),
    Page("GET", "/sites", show_sites),
    Page("GET", "/quality", show_quality),
    Page("GET", "/persons", show_persons),
    Page("POST", "/persons/find", find_person),
    Page("POST", "/persons/show", show_person),
    Page("POST", "/persons/preview", preview_act),
    Page("POST", "/persons/confirm", confirm_act),
    Page("GET", "/persons/held", show_held),
    Page("POST", "/persons/held", show_held),
    Page("POST", "/persons/held/release", release_held),
    Page("POST", "/sites/check", test_sites),
    Page("GET", "/control", show_control),
    Page("GET", "/access", show_access),
    Page("POST", "/access/patient", who_looked),
    Page("POST", "/access/search", search_audit),
    Page("GET", "/queue", show_queue),
    Page("POST", "/queue/next", take_next),
    Page("POST", "/queue/undo", undo_last),
    Page("POST", "/queue/several", act_on_several),
    Page("POST", "/queue/several/undo", undo_several),
    Page("GET", "/queue/{item_id}", show_item),
    Page("POST", "/queue/{item_id}/release", release_item),
    Page("POST", "/queue/{item_id}/take-back", take_back_escalation),
    Page("POST", "/queue/{item_id}/decide", decide_item),
)


class _KeptFiles(StaticFiles):
    """Static files, named by their content: a browser may keep them for ever."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def web_routes(
    resources: HubResources,
    metrics: HubMetrics,
    settings: WebSettings,
    schema: HubSchema,
    *,
    leeway_seconds: int = 30,
) -> tuple[Mount, ...]:
    """The pages, to be asked after every other door; none when they are switched off."""
    if not settings.enabled:
        return ()
    web = Web(
        resources,
        metrics,
        settings,
        PublishedOperations(schema),
        Templates(),
        SessionCookies(settings),
        build_entrances(settings, resources, leeway_seconds=leeway_seconds),
    )

    async def not_found(request: Request, _: Exception) -> Response:
        return _outside(web, request, "not_found.html", 404)

    async def failed(request: Request, _: Exception) -> Response:
        return _outside(web, request, "failed.html", 500)

    pages = Starlette(
        routes=[page.route(web) for page in PAGES],
        exception_handlers={404: not_found, 405: not_found, 500: failed},
    )
    return (Mount("/static/web", _KeptFiles(directory=STATIC)), Mount("/", pages))


def _outside(web: Web, request: Request, template: str, status: int) -> Response:
    """A page that needs nobody to be signed in."""
    now = web.resources.clock()
    visit = Visit(web, request, web.cookies.read(request, now), None, now)
    response = visit.render(template, status=status)
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
