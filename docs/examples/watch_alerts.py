"""Prints every change of a site's alerts as it happens. Needs the package websockets.

python watch_alerts.py ws://HOST:PORT/graphql TOKEN SITE
"""

import json
import sys

from websockets.sync.client import connect

WATCH = """subscription($site: ID) { alertRevisions(site: $site) { __typename
  ... on AlertRevision { alert { alertId state tier priorId } }
  ... on Refusal { code } } }"""


def watch(url, token, site):
    with connect(url, subprotocols=["graphql-transport-ws"]) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        socket.recv()  # connection_ack; a token that is not taken closes the socket instead (4403)
        operation = {"query": WATCH, "variables": {"site": site}}
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": operation}))
        while (message := json.loads(socket.recv()))["type"] != "complete":
            if message["type"] == "ping":
                socket.send(json.dumps({"type": "pong"}))
            elif message["type"] == "error":
                raise SystemExit(f"refused: {message['payload'][0]['message']}")
            else:
                yield message["payload"]["data"]["alertRevisions"]


if __name__ == "__main__":
    for change in watch(*sys.argv[1:4]):
        alert = change.get("alert")
        print(f"{alert['state']} {alert['tier']} {alert['alertId']}" if alert else change["code"], flush=True)
