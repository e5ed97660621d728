"""Why somebody did not get in, and what they can do, in words. See ``gateway.web.entrances.failures``."""

from __future__ import annotations

from collections.abc import Mapping

SIGN_IN_WORDS: Mapping[str, Mapping[str, str]] = {
    "sign_in_problem": {
        "not_offered": "This hub offers no such sign-in",
        "cancelled": "Signing in was called off",
        "code_expired": "Signing in took too long",
        "state_wrong": "This sign-in was not begun here",
        "nonce_wrong": "This answer belongs to another sign-in",
        "audience_wrong": "This sign-in was meant for another program",
        "issuer_wrong": "The answer came from another provider than was asked",
        "token_refused": "The provider's answer is not taken",
        "no_identity": "It was not said who you are",
        "provider_refused": "The provider refused the sign-in",
        "provider_unfit": "The provider is not set up as it must be",
        "provider_down": "The provider does not answer",
        "ehr_not_listed": "This EHR is not known here",
        "launch_incomplete": "The EHR's link is not complete",
        "no_patient": "The EHR did not say which patient is open",
        "patient_not_read": "The EHR did not show the patient",
        "patient_unknown": "This patient is not known here",
        "two_persons": "The EHR's numbers name two different people",
        "too_many_tries": "Too many tries",
        "session_too_large": "The provider says too much of you",
    },
    "sign_in_remedy": {
        "not_offered": "Go back to the sign-in page and choose one of the ways there.",
        "cancelled": "Nothing was changed, and nobody is signed in by it.",
        "code_expired": "What the provider gave you is good for a moment and once only. Begin again.",
        "state_wrong": "It was begun in another browser, finished before, or more than ten minutes ago. Begin again.",
        "nonce_wrong": "It may have been slipped in by somebody else, so it was not taken. Begin again.",
        "audience_wrong": "It was not taken. IT must compare the hub's client id with the one at the provider.",
        "issuer_wrong": "It was not taken. IT must compare the issuer in the hub's settings with the provider's.",
        "token_refused": "Begin again. If it happens again, IT finds the reason in the hub's log.",
        "no_identity": "The hub must know who looks at a patient. IT must let it ask for openid there.",
        "provider_refused": "Begin again. If it happens again, IT must look at the hub's registration there.",
        "provider_unfit": "IT finds the reason in the hub's log.",
        "provider_down": "Try again in a moment. Nothing was changed.",
        "ehr_not_listed": "Only EHRs that IT has listed can open this hub. Nobody was asked and nothing was opened.",
        "launch_incomplete": "Open the patient in the EHR and follow its link again.",
        "no_patient": "Open a patient in the EHR and follow its link from there.",
        "patient_not_read": "Try again in a moment. If it goes on, IT must let the hub read the patient's numbers.",
        "patient_unknown": "None of the numbers that the EHR gave is known here. That does not say that there are no "
        "studies.",
        "two_persons": "Nothing is shown, so that nobody is taken for somebody else. Tell the records staff.",
        "too_many_tries": "Wait a minute, then begin again.",
        "session_too_large": "The session does not fit into a browser's cookie. IT must have fewer claims sent.",
    },
}
"""Group -> code -> words."""
