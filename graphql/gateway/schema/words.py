"""Words of the contract that have no place at a resolver or a domain enum: arguments and enum values, by name.

The schema is given them when it is built. An argument or a value without words fails a test.
"""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema

from gateway.schema.enums import DESCRIPTIONS

ARGUMENTS = {
    "after": "Cursor behind which the page begins; null begins at the start. Cursors of other lists are refused.",
    "alertId": "Id of the alert.",
    "authorities": "Only numbers of these assigning authorities; null is all of them.",
    "check": "Ask each archive now whether it answers (up to 3 seconds).",
    "checkId": "Id of an order check.",
    "comment": "In the caller's own words, at most 500 characters; no demographics.",
    "deadlineMs": "How long to wait for the sites, milliseconds, 100 to 30000; null is the hub's default.",
    "days": "How many days back.",
    "decision": "What records staff decided.",
    "decisionId": "Id of the decision.",
    "effect": "Whether it hides, or takes hiding back.",
    "described": "What is known of the person; null is nothing but the numbers.",
    "enterpriseId": "The hub's own id of a person.",
    "escalated": "True: only questions that were handed to somebody senior; false: only the others; null is both.",
    "expectedVersion": "The version that the caller has seen; another one by now refuses the change.",
    "expectedVersions": "The versions of all persons that the change touches, as the caller has seen them; others by "
    "now refuse the change.",
    "filter": "What to show; null shows everything.",
    "first": "How many on a page at most.",
    "id": "Id of the review item.",
    "identifier": "The patient number that leaves its person.",
    "identifiers": "Patient numbers of one person, at most 20.",
    "kinds": "Only questions of these kinds; null is every kind.",
    "leaving": "The patient numbers that leave; together they become a person of their own.",
    "left": "One of two patient numbers.",
    "minutes": "How long it holds, minutes.",
    "numbers": "Patient numbers, 1 to 100, of one person or of several.",
    "onlyCertain": "Leave out whoever is not certain to be meant.",
    "order": "The order that is about to be placed.",
    "patient": "The patient, by a patient number or by the hub's own id.",
    "preview": "Change nothing: answer with the persons as they would be.",
    "reason": "Why, in plain words, at most 500 characters; no demographics.",
    "relevantTo": "What is about to be ordered: studies are then ranked by how well they answer it.",
    "right": "The other of two patient numbers.",
    "scope": "What it is about.",
    "since": "First day of the period, YYYY-MM-DD, UTC; null is 90 days before its end.",
    "site": "Id of a site.",
    "state": "Only alerts in this state; null is any.",
    "states": "Only alerts that come into one of these states; null is any.",
    "subject": "Whose tokens: the claim sub.",
    "subsumed": "Enterprise id of the person that goes into the other one.",
    "suspected": "Which record may hold two people's data; with POSSIBLE_OVERLAY only.",
    "survivor": "Enterprise id of the person that remains.",
    "target": "Id of a site or name of a study class; empty for everything.",
    "tokenId": "Which token: the claim jti.",
    "until": "The day after the period, YYYY-MM-DD, UTC; null is now.",
}

VALUES = {
    "AdministrativeSex": {"FEMALE": "Female.", "MALE": "Male.", "OTHER": "Neither."},
    "AlertState": {
        "RAISED": "Found, shown to nobody yet.",
        "SHOWN": "Somebody has seen it.",
        "ACCEPTED": "The order was given up for the prior.",
        "OVERRIDDEN": "The order stands, with a reason.",
        "SUPERSEDED": "What it was about fell away.",
        "EXPIRED": "Nobody answered in time.",
    },
    "AuditOutcome": {
        "SUCCESS": "It took place.",
        "REFUSED": "The caller may not, or was not known.",
        "FAILED": "Allowed, but it did not work.",
    },
    "CircuitState": {
        "CLOSED": "The site is asked.",
        "OPEN": "The site is left alone for a while.",
        "HALF_OPEN": "One question finds out whether the site is well again.",
    },
    "ClinicalFlag": {
        "SERIAL_MONITORING": "One of a planned series.",
        "DEVICE_CHECK": "Checks where a tube, line or implant lies.",
        "FOLLOW_UP_RECOMMENDED": "A report recommended it.",
        "INTERVENTION_SINCE_PRIOR": "Something was operated or treated since the prior.",
        "NEW_INJURY_SINCE_PRIOR": "An injury since the prior.",
        "ACUTE_CHANGE": "The patient's state changed suddenly.",
        "IMAGE_GUIDANCE": "Guides a procedure.",
        "RT_PLANNING": "Plans a radiation treatment.",
        "RESEARCH_PROTOCOL": "A study's protocol asks for it.",
        "ONCOLOGY_RESTAGING": "Stages a cancer anew.",
        "LIFE_THREATENING": "Life is in danger.",
        "ED_CONTEXT": "Ordered in an emergency department.",
    },
    "ConsentEffect": {
        "DENY": "Hides it.",
        "PERMIT": "Takes a denial back, or opens a class that is hidden by default.",
    },
    "ConsentScope": {
        "EVERYTHING": "Everything the person has, at every site.",
        "SITE": "What one site would share.",
        "STUDY_CLASS": "Studies of one sensitive class, at every site.",
    },
    "Contrast": {
        "WITH": "With contrast medium.",
        "WITHOUT": "Without contrast medium.",
        "BOTH": "Without and then with contrast medium.",
        "UNKNOWN": "Not stated.",
    },
    "CoverageState": {
        "ANSWERED": "It answered in full: it has no other studies.",
        "PARTIAL": "It answered, but the list may be cut.",
        "INDEXED": "It did not answer in time; what it last said stands in, with its age.",
        "TIMED_OUT": "It did not answer before the deadline.",
        "FAILED": "It answered with an error, or could not be reached.",
        "WITHHELD": "Kept back; in aggregate only.",
        "SKIPPED": "It was not asked; the reason says why.",
    },
    "DecisionKind": {
        "LINK": "Two records are one person.",
        "UNLINK": "A record is not of its person.",
        "MERGE": "Two persons are one.",
        "SPLIT": "Some records are another person.",
        "DIFFERENT": "Two records are never one person.",
        "HOLD": "A record may hold two people's data: it is a person by itself, and no machine links it.",
        "RELEASE": "A held record is matched again as if it had come just now.",
    },
    "Laterality": {
        "LEFT": "Left.",
        "RIGHT": "Right.",
        "BILATERAL": "Both sides.",
        "NONE": "The region is not paired.",
        "UNKNOWN": "A paired region whose side is not stated.",
    },
    "LinkSource": {"AUTO": "A score or a message.", "MANUAL": "Records staff; no machine changes it."},
    "MatchGrade": {
        "CERTAIN": "One person.",
        "PROBABLE": "Most likely one person; staff decide.",
        "POSSIBLE": "Perhaps one person; staff decide.",
        "CERTAINLY_NOT": "Two persons.",
    },
    "Modality": {
        "CT": "Computed tomography.",
        "MR": "Magnetic resonance.",
        "XR": "Plain X-ray (DICOM CR, DX, PX, RG, IO).",
        "US": "Ultrasound.",
        "NM": "Nuclear medicine.",
        "PT": "Positron emission tomography.",
        "MG": "Mammography.",
        "RF": "Fluoroscopy.",
        "XA": "X-ray angiography.",
        "BMD": "Bone density.",
        "UNKNOWN": "Not stated, or not one of these.",
    },
    "OverrideReason": {
        "CLINICAL_CHANGE": "The patient's state is another one now.",
        "DIFFERENT_QUESTION": "The prior answers another question.",
        "IMAGES_NOT_ACCESSIBLE": "The prior's images cannot be had.",
        "REPORT_NOT_ACCESSIBLE": "The prior's report cannot be had.",
        "PRIOR_QUALITY_INADEQUATE": "The prior is not good enough.",
        "FOLLOW_UP_INTERVAL_DUE": "The follow-up is due.",
        "SPECIALIST_OR_PROTOCOL_REQUEST": "A specialist or a protocol asks for it.",
        "URGENT_NO_TIME": "There is no time to look.",
    },
    "ProcedureFlag": {
        "GUIDANCE": "Guides an intervention.",
        "LIMITED": "Looks at less than the whole region.",
        "LOW_DOSE": "With a low dose.",
        "PORTABLE": "At the bedside.",
    },
    "RecordSide": {"LEFT": "The record that raised the question.", "RIGHT": "The other one."},
    "Relation": {
        "EQUIVALENT": "The prior answers the order in full.",
        "PARTIAL": "The prior answers a part of it.",
        "CROSS": "Another technique may answer it.",
        "UNRELATED": "The prior does not answer it.",
        "NONE": "No prior counts.",
    },
    "ReportStatus": {
        "FINAL": "Signed.",
        "PRELIMINARY": "Written, not signed.",
        "NONE": "There is none.",
        "UNKNOWN": "The source cannot tell.",
    },
    "RecordField": {
        "FAMILY": "Family name.",
        "GIVEN": "Given name.",
        "MIDDLE": "Further given names.",
        "SUFFIX": "What stands after the name, such as JR.",
        "BIRTH_DATE": "Birth date.",
        "SEX": "Administrative sex.",
        "ADDRESS": "Address, as a whole.",
        "PHONE": "Phones, as a whole.",
    },
    "ReviewDecision": {
        "SAME": "One person.",
        "DIFFERENT": "Never one person; kept for ever.",
        "DISMISSED": "Nothing to do.",
        "POSSIBLE_OVERLAY": "One of the records may hold two people's data: it is held until staff release it.",
    },
    "ReviewKind": {
        "POSSIBLE_MATCH": "Two records may be one person.",
        "MERGE_CONFLICT": "A merge message would join two persons who have other records, or crosses a decision.",
        "MERGE_REVERSED": "A merge message asks for the opposite of an earlier one.",
        "MERGE_REFUSED": "A merge message could not be carried out.",
        "SUSPECTED_REUSE": "A patient number seems to have been given to somebody else.",
        "SUSPECTED_OVERLAY": "A record seems to hold two people's data.",
    },
    "ReviewStatus": {"OPEN": "Waits for staff.", "DECIDED": "Staff decided.", "SUPERSEDED": "Stands no longer."},
    "StudyStatus": {
        "SCHEDULED": "Planned.",
        "IN_PROGRESS": "Begun.",
        "COMPLETED": "Done.",
        "CANCELLED": "Not done.",
        "ENTERED_IN_ERROR": "Never was.",
        "UNKNOWN": "The source cannot tell.",
    },
    "Tier": {
        "NONE": "No repeat.",
        "INFO": "A prior may be of use.",
        "WARNING": "The order probably repeats a prior.",
        "INTERRUPTIVE": "The order repeats a recent prior: stop and look.",
    },
    "ValueState": {
        "CURRENT": "The record says so now.",
        "EARLIER": "The record said so before.",
        "NOT_TAKEN": "It was sent, and the record never said so.",
    },
}


def describe(schema: GraphQLSchema) -> None:
    """Put the words where they belong. A type's own words win."""
    enums = {domain_enum.__name__: description for domain_enum, description in DESCRIPTIONS.items()}
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLEnumType):
            kind.description = kind.description or enums.get(name)
            for value, definition in kind.values.items():
                definition.description = definition.description or VALUES.get(name, {}).get(value)
        elif isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                for argument, described in field.args.items():
                    described.description = described.description or ARGUMENTS.get(argument)
