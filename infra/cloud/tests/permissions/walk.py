"""A walk through all that makes functions call AWS: each kind of request, success and failure, and what follows."""

import datetime
import functools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from permissions.comparison import recorded
from running_stack import wait_for
from sms_workspace import Workspace, alert, post_receipt, twilio_behaves, twilio_signature

GARBAGE = "{nope: a message that nobody can read"
KIND = "priority_changed"
QUEUES = ["EventsQueue", "SmsQueue", "WebhookFastQueue", "WebhookSlowQueue", "BulkQueue"]
OK = (200, 201)


def walk(stack):
    """Goes everywhere; returns when nothing is left to be done."""
    # Twilio's faults strike whoever sends next: they come before the others send.
    doubt = message_in_doubt(stack)
    doubt_cleared_up_by_its_receipt(stack)
    parts = [
        webhooks_are_configured,
        deliveries_succeed_and_fail,
        an_endpoint_changes_lanes,
        a_webhook_goes_with_its_log,
        a_job_comes_too_early,
        messages_are_unreadable,
        texts_are_sent,
        texts_are_tested,
        a_gateway_is_used,
        people_are_managed,
        keys_come_and_go,
    ]
    with ThreadPoolExecutor(len(parts)) as pool:
        for part in [pool.submit(part, stack) for part in parts]:
            part.result()
    doubt()
    for name in QUEUES:
        wait_for(lambda name=name: stack.waiting(stack.queue(name)) == 0, 90, f"{name} is empty")
    sweep_wakes_what_has_no_message(stack)


class Events:
    """A workspace's events, of three days ago: their hour has long been over."""

    def __init__(self, stack, name):
        self.workspace = Workspace(stack, name)
        self.stack = stack
        self.api = self.workspace.api

    def event(self):
        time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=3)
        return json.dumps(
            {
                "id": f"evt_{uuid.uuid4().hex}",
                "event": "work_item.created",
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "workspace": {"id": self.workspace.id, "slug": "my-workspace"},
                "project": None,
                "data": {"id": "wi_1"},
                "actor": None,
            }
        )

    def publish(self, count=1):
        self.stack.publish(*(self.event() for _ in range(count)))

    def webhook(self, inbox, **fields):
        return self.stack.create_webhook(self.workspace.id, self.inbox(inbox), **fields)["id"]

    def inbox(self, name):
        return f"{self.workspace.id}-{name}"

    def behave(self, inbox, **behaviour):
        self.stack.behave(self.inbox(inbox), **behaviour)

    def log(self, webhook, query=""):
        return self.stack.deliveries(self.workspace.id, webhook, query)

    def await_log(self, webhook, status, count=1):
        return wait_for(
            lambda: len(found := self.log(webhook, f"&status={status}")) >= count and found,
            60,
            f"{count} times {status} in the log",
        )

    def await_off(self, webhook):
        path = f"/webhooks/{webhook}"
        wait_for(lambda: not self.api("GET", path)["active"], 60, "the webhook is switched off")


def webhooks_are_configured(stack):
    events = Events(stack, "configured")
    api = events.api
    plain = events.webhook("plain", secret="a secret of the customer's")
    made = events.webhook("made", generate_secret=True)
    api("GET", "/webhooks")
    api("PATCH", f"/webhooks/{plain}", {"secret": "another secret of the customer's"})
    api("POST", f"/webhooks/{made}/rotate-secret", {"overlap_seconds": 60})
    for webhook in (plain, made):
        api("POST", f"/webhooks/{webhook}/test", {}, 202)
        events.await_log(webhook, "success")
    api("PATCH", f"/webhooks/{plain}", {"active": False})
    api("GET", "/history?channel=webhook")
    api("GET", "/stats")
    for path in ("/v1/health", "/v1/event-types", "/v1/openapi.json"):
        stack.api("GET", path)


def deliveries_succeed_and_fail(stack):
    """Failures to the end, resent and recovered; three in a row, and 410, switch the webhook off."""
    events = Events(stack, "failing")
    events.behave("failing", status=500)
    failing, gone = events.webhook("failing", generate_secret=True), events.webhook("gone")
    events.behave("gone", status=410)
    events.api("POST", "/events", events.event().encode(), 202)
    events.await_off(gone)
    events.await_log(failing, "pending_retry")
    (entry,) = events.await_log(failing, "failed")
    path = f"/webhooks/{failing}/deliveries"
    events.api("GET", f"{path}/{entry['id']}")
    events.api("POST", f"{path}/{entry['id']}/resend", {}, 202)
    wait_for(lambda: len(events.api("GET", f"{path}/{entry['id']}")["attempts"]) == 4, 60, "it is sent again")
    events.publish(2)
    events.await_off(failing)
    events.behave("failing", status=204)
    recover = functools.partial(events.api, "POST", f"/webhooks/{failing}/recover", expect=(200, 202))
    since = {"since": "2026-01-01T00:00:00Z"}
    recover({**since, "dry_run": True})
    events.api("PATCH", f"/webhooks/{failing}", {"active": True})
    recover(since)
    events.await_log(failing, "success", 3)
    switched_off_while_something_waits(events)
    events.api("GET", "/stats")


def switched_off_while_something_waits(events):
    events.behave("off", status=429, headers={"Retry-After": "20"})
    webhook = events.webhook("off")
    events.publish()
    events.await_log(webhook, "pending_retry")
    events.api("PATCH", f"/webhooks/{webhook}", {"active": False})
    events.await_log(webhook, "failed")


def an_endpoint_changes_lanes(stack):
    """Proven fast after five quick successes in one process; a failure then waits in the slow lane."""
    events = Events(stack, "lanes")
    webhook = events.webhook("lanes")
    for count in range(1, 100):
        events.publish()
        events.await_log(webhook, "success", count)
        if called(stack, "FanOut", "sqs:SendMessage", "WebhookFastQueue"):
            break
    events.behave("lanes", fail_first=1)
    events.publish()
    events.await_log(webhook, "success", count + 1)


def a_webhook_goes_with_its_log(stack):
    events = Events(stack, "deleted")
    events.behave("deleted", status=500)
    webhook = events.webhook("deleted")
    events.publish(3)
    events.await_off(webhook)
    events.api("DELETE", f"/webhooks/{webhook}", None, 204)


def a_job_comes_too_early(stack):
    """A bulk job waits for the change that it belongs to."""
    events = Events(stack, "early")
    webhook = events.webhook("early")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    job = {"workspace": events.workspace.id, "webhook": webhook, "asked_at": now, "task": "end_pending"}
    queue = stack.queue("BulkQueue")
    stack.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(job))
    wait_for(lambda: called(stack, "BulkJobs", "sqs:ChangeMessageVisibility", "BulkQueue"), 30, "the job waits")
    events.api("PATCH", f"/webhooks/{webhook}", {"active": False})


def messages_are_unreadable(stack):
    dead = {"Events": 1, "Sms": 1, "Webhook": 2, "Bulk": 1}
    for name in QUEUES:
        stack.sqs.send_message(QueueUrl=stack.queue(name), MessageBody=GARBAGE)
    for name, count in dead.items():
        queue = stack.queue(f"{name}DeadLetterQueue")
        wait_for(lambda queue=queue, count=count: stack.waiting(queue) == count, 60, f"{name}: dead letters")


def message_in_doubt(stack):
    """Twilio accepts a message and does not say so. Its receipt comes without the delivery's id, and is kept until the
    account's list has told whose it is, a minute after the attempt. Returns what waits for that."""
    workspace = Workspace(stack, "doubt")
    workspace.use_twilio()
    workspace.add_member("ann", "+14155551234", [KIND])
    twilio_behaves(stack, timeout_after_accept=1, callbacks="none")
    workspace.publish(alert("ann"))
    (sent,) = wait_for(workspace.accepted, 30, "Twilio accepts it")
    twilio_behaves(stack)
    receipt(stack, workspace, sent["sid"], "delivered")
    return lambda: wait_for(lambda: workspace.settled(1, {"delivered"}), 120, "the doubt is cleared up")


def doubt_cleared_up_by_its_receipt(stack):
    workspace = Workspace(stack, "cleared")
    workspace.use_twilio()
    workspace.add_member("ann", "+14155551234", [KIND])
    twilio_behaves(stack, error_500_after_accept=1)
    workspace.publish(alert("ann"))
    wait_for(lambda: workspace.settled(1, {"delivered"}), 30, "the receipt tells of it")
    twilio_behaves(stack)


def receipt(stack, workspace, message, status, **more):
    """A receipt as set by number: it names the message and no delivery."""
    url = f"{stack.env['API_URL']}/webhooks/twilio/status"
    form = {"AccountSid": workspace.account, "MessageSid": message, "MessageStatus": status, **more}
    assert post_receipt(url, form, twilio_signature(url, form.items(), workspace.token)) == 200
    assert post_receipt(url, form, "forged") == 403


def texts_are_sent(stack):
    """Accepted, throttled and refused; equal texts; receipts; STOP and START; a replaced token."""
    workspace = Workspace(stack, "texts")
    workspace.use_twilio()
    phones = ["+14155551234", "+14155551234", "+15005550001", "+15005550004", "+12125550101"]
    users = [f"user{number}" for number in range(len(phones))]
    workspace.add_members({user: (phone, [KIND]) for user, phone in zip(users, phones, strict=True)})
    twilio_behaves(stack, reject_429=2)
    workspace.publish(alert(*users))
    rows = wait_for(lambda: workspace.settled(5, {"delivered", "undelivered", "failed"}), 60, "texts of all sorts")
    twilio_behaves(stack)
    delivered = next(row for row in rows if row["status"] == "delivered")
    message = workspace.entry(delivered["id"])["provider_message_id"]
    receipt(stack, workspace, message, "sent")
    receipt(stack, workspace, message, "failed", ErrorCode="21610")
    receipt(stack, workspace, f"SM{uuid.uuid4().hex}", "sent")
    for word in ("STOP", "START", "Thanks"):
        assert workspace.text("+14155551234", word) == 200
    workspace.api("GET", "/members/user0")
    workspace.api("DELETE", "/members/user3/opt-out", None, 204)
    for query in ("", "?status=failed", f"?type={KIND}", "?recipient=user0"):
        workspace.api("GET", f"/history{query}")
    workspace.stats()
    workspace.token = uuid.uuid4().hex
    workspace.use_twilio()
    workspace.api("DELETE", "/sms/provider", None, 204)


def texts_are_tested(stack):
    """Through an API key and a messaging service; the provider asked, kept and shown."""
    workspace = Workspace(stack, "tested")
    workspace.add_member("ann", "+14155551234")
    twilio = {
        "type": "twilio",
        "account_sid": workspace.account,
        "auth_token": workspace.token,
        "messaging_service_sid": f"MG{uuid.uuid4().hex}",
        "api_key_sid": f"SK{uuid.uuid4().hex}",
        "api_key_secret": uuid.uuid4().hex,
    }
    for _ in range(2):
        workspace.api("PUT", "/sms/provider?check=true", twilio, OK)
    workspace.api("GET", "/sms/provider")
    workspace.api("GET", "/sms/provider?check=true")
    item = {"identifier": "ENG-42", "title": "Fix login redirect", "url": "https://app.setget.io/ENG-42"}
    workspace.api("POST", "/sms/preview", {"event_type": KIND, "summary": "done", "item": item})
    own = workspace.key("member", "ann")
    workspace.api("POST", "/sms/test", {}, 202, key=own)
    workspace.api("POST", "/sms/test", {"to": "+14155551299"}, 202)
    wait_for(lambda: workspace.settled(2), 60, "the tests are sent")
    workspace.api("GET", "/history", key=own)


def a_gateway_is_used(stack):
    workspace = Workspace(stack, "gateway")
    stack.behave(workspace.id, status=202, fail_first=1)
    url = f"{stack.env['OUTSIDE_URL']}/inbox/{workspace.id}?token=t0ken"
    for _ in range(2):
        workspace.use_gateway(url, signing_secret="a secret of the gateway's")
    workspace.api("GET", "/sms/provider?check=true")
    workspace.add_member("ann", "+14155551234", [KIND])
    workspace.publish(alert("ann"))
    wait_for(lambda: workspace.settled(1, {"sent"}), 60, "the gateway takes it")


def people_are_managed(stack):
    workspace = Workspace(stack, "people")
    workspace.add_member("ann", "+14155551234", [KIND])
    own = workspace.key("member", "ann")
    workspace.api("PUT", "/members/ann", {"phone": "+14155551235"}, key=own)
    workspace.prefer("ann", [KIND], key=own)
    workspace.api("GET", "/members")
    workspace.api("GET", "/members/ann")
    workspace.api("GET", "/members/ann/preferences")
    # Named, and not sent to: there is no provider, and one of them is no member.
    workspace.publish(alert("ann", "nobody"))
    wait_for(lambda: sum(workspace.stats()[2].values()) == 2, 60, "both are counted")
    workspace.api("DELETE", "/members/ann", None, 204)


def keys_come_and_go(stack):
    workspace = Workspace(stack, "keys")
    key = workspace.api("POST", "/api-keys", {"role": "admin", "name": "walk"}, 201)
    workspace.api("GET", "/api-keys", key=key["key"])
    workspace.api("DELETE", f"/api-keys/{key['id']}", None, 204)
    workspace.api("GET", "/api-keys", expect=401, key=key["key"])


def sweep_wakes_what_has_no_message(stack):
    """Entries of the index as parked deliveries and SMS without a receipt have them; and one without a workspace, as an
    earlier version wrote it, whose item is asked for it."""
    dynamodb = stack.aws("dynamodb")
    (table,) = dynamodb.list_tables()["TableNames"]
    webhook, delivery = f"LOG#wh_{'0' * 26}", f"dlv_{'0' * 30}"
    entry = {"sk": {"S": delivery}, "due_at": {"N": "0"}}
    named = {**entry, "workspace": {"S": "ws_nobody"}}
    for entry, pk, shard in (
        (named, f"{webhook}#8", "PARKED#WEBHOOK#0"),
        (entry, f"{webhook}#9", "PARKED#WEBHOOK#0"),
        (entry, "SMS#ws_nobody#9", "RECEIPT#SMS#0"),
    ):
        dynamodb.put_item(TableName=table, Item={**entry, "pk": {"S": pk}, "due_shard": {"S": shard}})
    for action, resource in (
        ("sqs:SendMessage", "WebhookSlowQueue"),
        ("sqs:SendMessage", "SmsQueue"),
        ("dynamodb:UpdateItem", "Table"),
        ("dynamodb:GetItem", "Table"),
    ):
        wait_for(lambda call=(action, resource): called(stack, "Sweep", *call), 90, f"sweep calls {action}")


def called(stack, function, action, resource):
    """Whether a function has made such a call, on a resource whose ARN ends so."""
    calls = recorded(stack.permissions)[function]
    return any(call.action == action and call.resource.endswith(resource) for call in calls)
