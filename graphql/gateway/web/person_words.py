"""What staff do to persons, in words. English; catalogues translate it from here."""

from __future__ import annotations

from collections.abc import Mapping

PERSON_WORDS: Mapping[str, Mapping[str, str]] = {
    "act": {
        "LINK": "Records linked",
        "UNLINK": "Record unlinked",
        "MERGE": "Persons merged",
        "SPLIT": "Person split",
        "DIFFERENT": "Said to be different persons",
        "HOLD": "Record held as a possible overlay",
        "RELEASE": "Held record released",
    },
    "bulk_act": {
        "take": "Taken",
        "give_back": "Given back",
        "escalate": "Escalated",
        "different": "Different persons",
        "undo": "Taken back",
    },
    "bulk_problem": {
        "nothing_chosen": "Choose some questions first.",
        "no_reason": "Write a reason first, so that whoever is senior knows what to look at.",
        "not_safe": "These are not safe to decide together: no one hard rule says of each that they are two people.",
    },
    "bulk_answer": {
        "item_claimed": "Somebody else works on this question now.",
        "stale_review_item": "The question changed since it was shown to you.",
        "stale_persons": "A person changed since the decision.",
        "built_upon": "A later decision about the same records must be taken back first.",
        "already_undone": "This decision was taken back before.",
        "": "The hub refused it; what it refers to may have changed.",
    },
    "door": {
        "hl7": "HL7 message",
        "fhir": "FHIR",
        "csv": "loaded from a file",
        "graphql": "API",
        "review": "records staff:",
    },
    "seen": {"left": "Left", "right": "Right", "goes": "Go along:", "stays": "Stay with"},
    "preview": {
        "merge": "If these two persons are merged",
        "split": "If this person is split",
        "unlink": "If this record is taken out",
        "undo": "If this decision is taken back",
    },
    "confirm": {
        "merge": "Merge the two persons",
        "split": "Split the person",
        "unlink": "Take the record out",
        "undo": "Take the decision back",
    },
    "person_search": {
        "nobody_there": "Nobody is known under this number.",
        "described.birthDate": "The birth date is not a date: write it as year-month-day.",
        "described": "Say a name with a birth date.",
        "": "This cannot be searched for.",
    },
    "held_refusal": {
        "stale_persons": "The record changed since it was shown to you. This is how it stands now.",
        "not_held": "The record is not held any more.",
        "": "The hub refused it; what it refers to may have changed.",
    },
    "person_refusal": {
        "stale_persons": "A person changed since the preview. This is how it stands now.",
        "nothing_chosen": "Choose the records that leave; the person may have changed since it was shown.",
        "nobody_there": "Nobody is known under the other number.",
        "same_person": "Both numbers are this person's already.",
        "alone": "One record at least must stay.",
        "built_upon": "A later decision about the same records must be taken back first.",
        "already_undone": "This decision was taken back before.",
        "said_different": "A colleague decided before that records of these two persons are different people.",
        "held": "A record is held as a possible overlay. Release it first.",
        "not_held": "The record is not held any more.",
        "": "The hub refused it; what it refers to may have changed.",
    },
}
