"""Place an order as a FHIR ServiceRequest, wait for its check, print what was found. Standard library only.

python fhir_order.py HUB_URL TOKEN PATIENT_SYSTEM PATIENT_NUMBER ORDERING_SITE ORDER_NUMBER [STATUS]
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_SECONDS = 30


def send(url, token, path, body, content_type):
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/fhir{path}", body, headers)) as response:
            return json.load(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            issue = json.load(refusal)["issue"][0]
        sys.exit(f"{issue['details']['coding'][0]['code']} {issue.get('expression', '')}: {issue['details']['text']}")


def order(system, patient, site, number, status):
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": f"urn:priorlink:order:{site}", "value": number}],
        "status": status,
        "intent": "order",
        "priority": "routine",
        "code": {
            "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "74177"}],
            "text": "CT ABD/PELVIS W CONTRAST",
        },
        "subject": {"identifier": {"system": system, "value": patient}},
    }


def issues(url, token, site, number):
    """The issues about the order, and the codes of warnings."""
    form = urllib.parse.urlencode({"implicated:identifier": f"urn:priorlink:order:{site}|{number}"}).encode()
    found = send(url, token, "/DetectedIssue/_search", form, "application/x-www-form-urlencoded").get("entry", [])
    told = [e["resource"] for e in found if e["search"]["mode"] == "outcome"]
    warnings = {i["details"]["coding"][0]["code"] for outcome in told for i in outcome["issue"]}
    return [e["resource"] for e in found if e["search"]["mode"] == "match"], warnings


def main(url, token, system, patient, site, number, status="active"):
    body = json.dumps(order(system, patient, site, number, status)).encode()
    kept = send(url, token, "/ServiceRequest", body, "application/fhir+json")
    print("order", kept.get("status", "was closed before"))
    ends_at = time.monotonic() + PATIENCE_SECONDS
    found, warnings = issues(url, token, site, number)
    while "check_pending" in warnings and time.monotonic() < ends_at:
        time.sleep(0.2)
        found, warnings = issues(url, token, site, number)
    for issue in found:
        prior = issue["implicated"][1]["identifier"]["value"]
        print(issue["severity"], issue["status"], prior, issue["detail"])
    for warning in sorted(warnings):
        print("warning:", warning)


if __name__ == "__main__":
    main(*sys.argv[1:])
