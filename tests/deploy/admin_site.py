"""A relay with the operator's HTTP, and the HTTP client of a monitor."""

import http.client
import re
from dataclasses import dataclass

TOKEN = "a-token-for-this-test"
ADMIN = re.compile(r"event=admin_listening url=http://127\.0\.0\.1:(\d+)/")


@dataclass
class Answer:
    status: int
    text: str
    headers: dict


class Admin:
    """The operator's HTTP of a relay (support.process.Relay); settings(folder) are to be given to it before it starts."""

    def __init__(self, relay):
        self.relay = relay

    @staticmethod
    def settings(folder):
        token = folder / "admin.token"
        token.touch(mode=0o600)
        token.write_text(f"{TOKEN}\n")
        return {"admin_address": "127.0.0.1", "admin_port": 0, "admin_token_file": token}

    @property
    def port(self):
        entry = self.relay.process.listening.wait(where=lambda e: ADMIN.search(e["line"]))
        return int(ADMIN.search(entry["line"]).group(1))

    def ask(self, path, token=TOKEN, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        result = Answer(answer.status, answer.read().decode(), dict(answer.headers))
        connection.close()
        return result
