"""Codes of the API in the words of people who work with the pages. English; catalogues translate it from here."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.control_words import CONTROL_WORDS
from gateway.web.history_words import HISTORY_WORDS
from gateway.web.person_words import PERSON_WORDS
from gateway.web.sign_in_words import SIGN_IN_WORDS

WORDS: Mapping[str, Mapping[str, str]] = {
    **HISTORY_WORDS,
    **CONTROL_WORDS,
    **SIGN_IN_WORDS,
    **PERSON_WORDS,
    "sign_in": {
        "no_token": "Paste a token first.",
        "token_expired": "This token has expired. Ask for a new one.",
        "bad_signature": "This token was not made by the issuer that this hub trusts.",
        "session_ended": "Your session has ended. Sign in to go on where you were.",
        "not_offered": "This hub does not take pasted tokens.",
        "token_too_long": "This token is too long to be kept by a browser.",
        "malformed_token": "This is not a token.",
        "": "This token is not taken here.",
    },
    "review_kind": {
        "POSSIBLE_MATCH": "Possible match",
        "MERGE_CONFLICT": "Merge conflict",
        "MERGE_REVERSED": "Merge reversed",
        "MERGE_REFUSED": "Merge refused",
        "SUSPECTED_REUSE": "Number used again",
        "SUSPECTED_OVERLAY": "Two people in one record",
    },
    "review_question": {
        "POSSIBLE_MATCH": "Are these the same person?",
        "MERGE_CONFLICT": "A merge would join two persons. Are they the same?",
        "MERGE_REVERSED": "A merge was taken back. Are these the same person?",
        "MERGE_REFUSED": "A merge could not be carried out. Are these the same person?",
        "SUSPECTED_REUSE": "Was this number given to somebody else?",
        "SUSPECTED_OVERLAY": "Are two people in this record?",
        "": "A question about two records",
    },
    "review_status": {
        "OPEN": "Open.",
        "DECIDED": "This question is decided:",
        "SUPERSEDED": "This question no longer stands: something else settled it.",
    },
    "decision": {
        "SAME": "Same person",
        "DIFFERENT": "Different persons",
        "DISMISSED": "Nothing to do",
        "POSSIBLE_OVERLAY": "Possible overlay",
    },
    "comparison": {
        "family": "Family name",
        "given": "Given name",
        "middle": "Middle name",
        "generation": "Suffix",
        "birth_date": "Born",
        "sex": "Sex",
        "address": "Address",
        "phone": "Phone",
        "ssn_last4": "SSN, last four",
        "strong_id": "National id",
        "local_id": "Patient number",
        "prior": "Starting point",
    },
    "level": {
        "exact": "the same",
        "similar": "similar",
        "part": "one part is the same",
        "part_similar": "one part is similar",
        "swapped": "swapped with the other name",
        "different": "different",
        "nickname": "short form of the other",
        "sounds_alike": "sounds alike",
        "typo": "a typing error apart",
        "initial": "initial only",
        "middle": "the other's middle name",
        "alike_names": "alike, but two names",
        "day_month_swapped": "day and month swapped",
        "day_and_month_swapped": "day and month swapped",
        "one_digit": "one digit apart",
        "near": "close together",
        "partial": "as far as known, the same",
        "year_only": "only the year is the same",
        "default_day": "a placeholder day",
        "same_area": "same area",
        "missing": "missing on one side",
        "term_frequency": "how rare it is",
        "prior": "most pairs are two persons",
        "not_compared": "not compared",
    },
    "guard": {
        "test_record": "One of the two looks like a test record.",
        "unidentified": "One of the two came without a name.",
        "newborn": "One of the two is a newborn without a name of its own.",
        "strong_id_conflict": "Their national ids differ.",
        "reused_local_id": "The number may have been given to somebody else.",
        "generation": "Their suffixes differ, as of father and son.",
        "birth_date": "Their birth dates differ.",
        "birth_dates_differ": "Their birth dates differ.",
        "birth_date_missing": "A birth date is missing.",
        "twin": "They could be twins.",
        "household": "They could live in one household.",
        "namesake": "They could be two people of the same name.",
        "ssn_conflict": "Their social security numbers differ.",
        "never_link": "Somebody said before that they are different persons.",
        "held": "A colleague holds one of the records as a possible overlay.",
    },
    "sex": {"FEMALE": "female", "MALE": "male", "OTHER": "other", "UNKNOWN": "sex not known"},
    "link_source": {"AUTO": "linked by score", "MANUAL": "linked by staff", "": "not linked"},
    "grade": {
        "CERTAIN": "certain",
        "PROBABLE": "probable",
        "POSSIBLE": "possible",
        "CERTAINLY_NOT": "certainly not",
    },
    "refusal": {
        "said_different": "A colleague decided before that records of these two persons are different people.",
        "held": "A record is held as a possible overlay. Release it first.",
        "said_same": "Other decisions of staff hold these two records together.",
        "stale_decision": "It was taken back before, or a later decision must be taken back first.",
        "": "The hub refused it; what it refers to may have changed.",
    },
}
"""Group -> code -> words. The empty code is for any other."""


def in_words(group: str, code: str | None) -> str:
    """A code in words; a code without words is shown as it is, without underscores."""
    words, said = WORDS[group], code or ""
    if said in words:
        return words[said]
    return words.get("") or said.replace("_", " ").capitalize()
