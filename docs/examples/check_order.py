"""Check one order from an EHR plugin. Standard library only.

python check_order.py HUB_URL TOKEN ASSIGNING_AUTHORITY LOCAL_PATIENT_ID ORDERING_SITE
"""

import json
import sys
import urllib.request

QUERY = """
mutation Check($order: ImagingOrderInput!) {
  checkOrder(order: $order) {
    __typename
    ... on OrderCheck {
      tier
      reasons
      complete
      identityUnderReview
      best { study { description startedAt locations { site openUrl } } }
      coverage { siteName state }
    }
    ... on Refusal { code message }
    ... on InvalidInput { field }
  }
}
"""


def check(url, token, order):
    body = json.dumps({"query": QUERY, "variables": {"order": order}}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers)) as response:
        return json.load(response)["data"]["checkOrder"]


def main(url, token, authority, number, site):
    answer = check(
        url,
        token,
        {
            "patient": {"assigningAuthority": authority, "localPatientId": number},
            "orderingSite": site,
            "description": "CT ABD/PELVIS W CONTRAST",
            "modality": "CT",
        },
    )
    if answer["__typename"] != "OrderCheck":
        sys.exit(f"{answer['code']}: {answer['message']}")
    print(answer["tier"], "; ".join(answer["reasons"]))
    if answer["best"]:
        study = answer["best"]["study"]
        print(study["description"], study["startedAt"], study["locations"])
    if answer["identityUnderReview"]:
        print("records elsewhere may be this patient's: identity under review")
    if not answer["complete"]:
        silent = [c["siteName"] for c in answer["coverage"] if c["state"] not in ("ANSWERED", "SKIPPED")]
        print("did not answer in full:", ", ".join(silent))


if __name__ == "__main__":
    main(*sys.argv[1:])
