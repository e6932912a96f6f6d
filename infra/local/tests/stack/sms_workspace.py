"""A workspace that sends SMS, for tests: its provider, its members, its alerts, and what became of them."""

import base64
import collections
import dataclasses
import datetime
import hashlib
import hmac
import json
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

from running_stack import exchange

SENDER = "+15005550006"
SETTLED = {"sent", "delivered", "undelivered", "failed", "unknown"}


@dataclasses.dataclass(frozen=True)
class Alert:
    """An alert as an upstream sends it."""

    id: str
    kind: str
    identifier: str
    title: str
    recipients: tuple

    summary = "priority changed to Urgent"

    @property
    def url(self):
        return f"https://app.setget.io/engineering/issues/{self.identifier}"

    @property
    def text(self):
        return f'SetGet Alert: Work item {self.identifier} "{self.title}" {self.summary}.\nView: {self.url}'

    @property
    def entity(self):
        return f"{self.identifier}: {self.title}"

    def message(self, workspace, timestamp="2026-03-29T14:30:00Z"):
        """The event that carries it, and nothing else."""
        item = {"identifier": self.identifier, "title": self.title, "url": self.url}
        alert = {"event_type": self.kind, "summary": self.summary, "item": item, "recipients": list(self.recipients)}
        place = {"id": workspace, "slug": "my-workspace"}
        return json.dumps({"id": self.id, "timestamp": timestamp, "workspace": place, "alert": alert})


def alert(*recipients, kind="priority_changed", identifier="ENG-42", title="Fix login redirect"):
    return Alert(f"evt_{uuid.uuid4().hex}", kind, identifier, title, recipients)


class Workspace:
    """A workspace of its own, with a Twilio account of its own."""

    def __init__(self, stack, name):
        self.stack = stack
        self.id = f"ws_{name}_{uuid.uuid4().hex[:8]}"
        self.account = f"AC{uuid.uuid4().hex}"
        self.token = uuid.uuid4().hex

    def api(self, method, path, body=None, expect=200, key=None):
        return self.stack.api(method, f"/v1/workspaces/{self.id}{path}", body, expect, key)

    def use_twilio(self, expect=(200, 201), **fields):
        """Configures the workspace's own Twilio account and Twilio's own test number, unless told otherwise."""
        body = {"type": "twilio", "account_sid": self.account, "auth_token": self.token, "from_number": SENDER}
        return self.api("PUT", "/sms/provider", {**body, **fields}, expect)

    def use_gateway(self, url, expect=(200, 201), **fields):
        return self.api("PUT", "/sms/provider", {"type": "http", "url": url, **fields}, expect)

    def key(self, role, user=None):
        """A new API key."""
        user = {} if user is None else {"user_id": user}
        return self.api("POST", "/api-keys", {"role": role, "name": role, **user}, 201)["key"]

    def add_member(self, user, phone, kinds=()):
        self.api("PUT", f"/members/{user}", {"name": f"Member {user}", "phone": phone}, 201)
        if kinds:
            self.prefer(user, kinds)

    def add_members(self, members):
        """Members by user: phone and alert types."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda user: self.add_member(user, *members[user]), members))

    def prefer(self, user, kinds, key=None):
        return self.api("PUT", f"/members/{user}/preferences", {"sms": dict.fromkeys(kinds, True)}, key=key)

    def publish(self, *alerts):
        self.stack.publish(*(alert.message(self.id) for alert in alerts))

    def history(self, query=""):
        """The whole history, page after page."""
        found, cursor = [], ""
        while True:
            page = self.api("GET", f"/history?limit=100{query}{cursor}")
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def entry(self, delivery):
        return self.api("GET", f"/history/{delivery}")

    def settled(self, count, final=SETTLED, query=""):
        """The history, once it holds so many deliveries and all have come so far; else nothing."""
        found = self.history(query)
        assert len(found) <= count, "more deliveries than alerts"
        return found if len(found) == count and all(row["status"] in final for row in found) else None

    def stats(self):
        """Counts and segments by status and type, those not sent to by type and reason, and the rest."""
        yesterday = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
        stats = self.api("GET", f"/stats?from={yesterday}")
        counts, segments, not_sent = collections.Counter(), collections.Counter(), collections.Counter()
        for day in stats["days"]:
            if day["channel"] == "sms":
                counts[day["status"], day["type"]] += day["count"]
                segments[day["status"], day["type"]] += day["segments"]
        for day in stats["not_sent"]:
            not_sent[day["type"], day["reason"]] += day["count"]
        return counts, segments, not_sent, stats

    def accepted(self):
        """The messages that Twilio accepted from this account, oldest first."""
        return [sent for sent in twilio_messages(self.stack) if sent["account"] == self.account]

    def text(self, phone, word, sender=SENDER, **fields):
        """A phone's owner texts the sender; the answer is the status that the product gave Twilio."""
        url = f"{self.stack.env['API_URL']}/webhooks/twilio/inbound"
        body = {"account_sid": self.account, "from": phone, "to": sender, "body": word, "url": url, **fields}
        return self.stack.outside("PUT", "/twilio/inbound", body)["status"]


def twilio_messages(stack):
    return stack.outside("GET", "/twilio/messages")


def twilio_behaves(stack, **behaviour):
    """Sets how Twilio behaves; whatever is not named behaves well."""
    stack.outside("PUT", "/twilio/behaviour", behaviour)


def twilio_signature(url, parameters, token):
    """https://www.twilio.com/docs/usage/security#validating-requests"""
    text = url + "".join(name + value for name, value in sorted(parameters))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def post_receipt(url, parameters, signature):
    body = urllib.parse.urlencode(parameters).encode()
    return exchange(urllib.request.Request(url, body, {"X-Twilio-Signature": signature}))[0]


def segments(text):
    """What carriers bill for a text without characters of GSM-7's extension table."""
    if all(character in "\n" or character.isascii() and character not in "[]{}\\~^|`" for character in text):
        length, single, part = len(text), 160, 153
    else:
        length, single, part = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // part)
