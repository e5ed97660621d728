"""A receiver of the hub's signed webhook. Standard library only.

RECEIVER_SECRET=... python receive_alerts.py PORT
"""

import hashlib
import hmac
import http.server
import json
import os
import sys
import time

OLDEST_SECONDS = 300


def is_genuine(secret, headers, body, now):
    """From the hub, unchanged, and not an old one sent again by somebody who listened."""
    timestamp = headers.get("X-Priorlink-Timestamp", "")
    signed = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={signed}", headers.get("X-Priorlink-Signature", "")):
        return False
    return abs(now - int(timestamp)) <= OLDEST_SECONDS


taken = set()  # a real receiver keeps these, and the alerts, before it answers


class Receiver(http.server.BaseHTTPRequestHandler):
    secret = b""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_genuine(self.secret, self.headers, body, time.time()):
            self.answer(401)
            return
        delivery = self.headers["X-Priorlink-Delivery"]
        if delivery not in taken:
            taken.add(delivery)
            alert = json.loads(body)
            print(alert["tier"], alert["placerOrderNumber"], "repeats", alert["priorId"], flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is logged."""


def main(port):
    Receiver.secret = os.environ["RECEIVER_SECRET"].encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
