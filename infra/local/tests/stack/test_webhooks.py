"""Webhooks from end to end: events in through boto3, bodies checked where they arrive."""

import hashlib
import hmac
import json
import os
import random
import signal
import uuid

from running_stack import wait_for
from standardwebhooks.webhooks import Webhook as Verifier

KINDS = ["work_item.created", "work_item.updated", "comment.created", "page.deleted"]


def raw_data(number):
    """A `data` member that no serialiser would write like this: what arrives must be byte for byte the same."""
    return random.Random(number).choice(
        [
            '{ "id" : "wi_%d",\n  "title":"caf\\u00e9 \\/ naïve 🎉", "n": 1.0e2 }',
            '{"id":"wi_%d","b":[1,2 ,3],"a":{"z":null,"y":true},"big":123456789012345678901234567890}',
            '{"id":"wi_%d","title":"Fix login redirect","labels":["bug","frontend"]}',
        ]
    ) % number


def event(workspace, number, kind, project="proj_1", id=None):
    """An event as an upstream sends it, and the body that its webhooks must receive."""
    second, minute = number % 60, number // 60 % 60
    head = f'{{"event":"{kind}","timestamp":"2026-03-29T14:{minute:02}:{second:02}Z"'
    place = f'"workspace":{{"id":"{workspace}","slug":"my-workspace"}}'
    owner = f'"project":{{"id":"{project}","name":"Web App","identifier":"WEB"}}' if project else '"project":null'
    actor = '"actor":{"id":"user_1","email":"bob@example.com","display_name":"Bob"}'
    body = f'{head},{place},{owner},"data":{raw_data(number)},{actor}}}'
    message = f'{{"id":"{id or f"evt_{number}"}",' + body[1:]
    return message, body


def by_delivery(arrivals):
    found = {}
    for arrival in arrivals:
        headers = {name.lower(): value for name, value in arrival["headers"].items()}
        found.setdefault(headers["x-setget-delivery-id"], []).append((headers, arrival["body"]))
    return found


def check_signatures(secret, headers, body):
    expected = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert headers["x-setget-signature"] == expected
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "SetGet-Webhook/1.0"
    assert headers["x-setget-event"] == json.loads(body)["event"]
    assert headers["webhook-id"] == headers["x-setget-delivery-id"]
    Verifier(secret).verify(body, headers)


def test_a_thousand_events_reach_five_webhooks_although_functions_are_killed(stack):
    workspace = "ws_load"
    wants = {
        "all": ({}, lambda kind, project: True),
        "created": ({"events": ["work_item.created"]}, lambda kind, project: kind == "work_item.created"),
        "project": ({"project_id": "proj_2"}, lambda kind, project: project == "proj_2"),
        "flaky": ({"events": ["page.deleted", "comment.created"]}, lambda kind, project: kind in KINDS[2:]),
        "slow": ({"events": ["work_item.updated"]}, lambda kind, project: kind == "work_item.updated"),
    }
    stack.behave("load-flaky", status=200, fail_first=25)
    stack.behave("load-slow", status=204, delay_ms=150)
    webhooks = {
        name: stack.create_webhook(workspace, f"load-{name}", generate_secret=True, **fields)
        for name, (fields, _) in wants.items()
    }
    events = []
    for number in range(1000):
        kind, project = KINDS[number % 4], ["proj_1", "proj_2", None][number % 3]
        events.append((kind, project, *event(workspace, number, kind, project)))
    expected = {
        name: sorted(body for kind, project, _, body in events if wanted(kind, project))
        for name, (_, wanted) in wants.items()
    }

    def bodies(name):
        return {body for sent in by_delivery(stack.arrivals(f"load-{name}")).values() for _, body in sent}

    killed = 0
    for start in range(0, 1000, 250):
        stack.publish(*(message for _, _, message, _ in events[start : start + 250]))
        if start in (250, 500):
            wait_for(lambda start=start: len(bodies("all")) > start // 2, 60, "deliveries under way")
            for pid in stack.function_pids("deliver-webhook"):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert killed > 0
    for name in wants:
        wait_for(lambda name=name: len(bodies(name)) >= len(expected[name]), 240, f"all bodies at {name}")

    for name, webhook in webhooks.items():
        arrived = by_delivery(stack.arrivals(f"load-{name}"))
        assert sorted(sent[0][1] for sent in arrived.values()) == expected[name], name
        for sent in arrived.values():
            assert len({body for _, body in sent}) == 1, "every attempt carries the same bytes"
            for headers, body in sent:
                check_signatures(webhook["secret"], headers, body)
        wait_for(
            lambda webhook=webhook, name=name: len(
                stack.deliveries(workspace, webhook["id"], "&status=success")
            ) == len(expected[name]),
            240,
            f"a log of successes for {name}",
        )
        log = stack.deliveries(workspace, webhook["id"])
        assert {entry["id"] for entry in log} == set(arrived), name
        ids = [entry["id"] for entry in log]
        assert ids == sorted(ids, reverse=True), "newest first"
    for queue in ("EventsQueue", "WebhookFastQueue", "WebhookSlowQueue"):
        wait_for(lambda queue=queue: stack.waiting(stack.queue(queue)) == 0, 240, f"{queue} is empty")
    assert stack.waiting(stack.queue("WebhookDeadLetterQueue")) == 0


def test_the_same_event_twice_is_one_delivery(stack):
    workspace = "ws_twice"
    webhook = stack.create_webhook(workspace, "twice")
    message, _ = event(workspace, 1, "work_item.created", id="evt_same")
    stack.publish(message)
    wait_for(lambda: stack.arrivals("twice"), 30, "the first delivery")
    wait_for(lambda: stack.deliveries(workspace, webhook["id"], "&status=success"), 30, "its record")
    stack.publish(message)
    stack.api("POST", f"/v1/workspaces/{workspace}/events", message.encode(), expect=202)
    marker, _ = event(workspace, 2, "work_item.created", id="evt_marker")
    stack.publish(marker)
    wait_for(lambda: len(by_delivery(stack.arrivals("twice"))) == 2, 30, "the event behind it")
    for queue in ("EventsQueue", "WebhookFastQueue", "WebhookSlowQueue"):
        wait_for(lambda queue=queue: stack.waiting(stack.queue(queue)) == 0, 120, f"{queue} is empty")
    assert len(stack.deliveries(workspace, webhook["id"])) == 2
    assert all(len(sent) == 1 for sent in by_delivery(stack.arrivals("twice")).values())


def test_bad_messages_go_to_the_dead_letter_queue_with_the_reason_and_hold_nothing_up(stack):
    workspace = "ws_bad"
    webhook = stack.create_webhook(workspace, "bad")
    good, _ = event(workspace, 1, "work_item.created")
    oversize = json.dumps({"id": "evt_big", "data": {"text": "x" * 300_000}})
    bad = {
        "not JSON": "{nope",
        "an array": "[1,2,3]",
        "a wrong type": good.replace('"data":{', '"data":7,"other":{'),
        "an unknown event": good.replace("work_item.created", "work_item.creatd"),
        "no id": good.replace('"id":"evt_1",', ""),
        "a bad time": good.replace("2026-03-29T14:00:01Z", "yesterday"),
        "the far future": good.replace("2026-03-29", "2099-03-29"),
        "too large": oversize,
    }
    stack.publish(*list(bad.values())[:4], good, *list(bad.values())[4:7])
    stack.publish(oversize)
    wait_for(lambda: stack.deliveries(workspace, webhook["id"], "&status=success"), 30, "the good one")
    dead = {}
    queue = stack.queue("EventsDeadLetterQueue")

    def receive():
        answer = stack.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        for message in answer.get("Messages", []):
            dead[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
        return set(bad.values()) <= set(dead)

    wait_for(receive, 60, "dead letters")
    assert all(dead[body] for body in bad.values())
    assert "work_item.created" in dead[bad["an unknown event"]], "near types are named"
    assert len(stack.deliveries(workspace, webhook["id"])) == 1


def test_an_unknown_workspace_simply_has_no_deliveries(stack):
    message, _ = event("ws_nobody", 1, "work_item.created")
    stack.publish(message)
    stack.api("POST", "/v1/workspaces/ws_nobody/events", message.encode(), expect=202)
    wait_for(lambda: stack.waiting(stack.queue("EventsQueue")) == 0, 30, "the events are taken")
    assert stack.api("GET", "/v1/workspaces/ws_nobody/webhooks")["items"] == []


def test_forged_and_foreign_keys_see_nothing(stack):
    workspace = "ws_keys"
    webhook = stack.create_webhook(workspace, "keys")
    body = {"role": "admin", "name": "foreign"}
    foreign = stack.api("POST", "/v1/workspaces/ws_other/api-keys", body, expect=201)["key"]
    path = f"/v1/workspaces/{workspace}/webhooks/{webhook['id']}"
    assert stack.request("GET", path, key="sk_" + "A" * 43)[0] == 401
    assert stack.request("GET", path, key=foreign[:-1])[0] == 401
    status, answer = stack.request("GET", path, key=foreign)
    assert status == 404
    missing = stack.request("GET", f"/v1/workspaces/ws_{uuid.uuid4().hex}/webhooks/{webhook['id']}", key=foreign)
    assert (status, answer["detail"]) == (missing[0], missing[1]["detail"]), "a workspace of others looks like none"


def test_deleting_a_webhook_removes_its_log_and_stops_its_retries(stack):
    workspace = "ws_delete"
    stack.behave("delete", status=500)
    webhook = stack.create_webhook(workspace, "delete")
    message, _ = event(workspace, 1, "work_item.created")
    stack.publish(message)
    wait_for(lambda: stack.arrivals("delete"), 30, "a first attempt")
    stack.api("DELETE", f"/v1/workspaces/{workspace}/webhooks/{webhook['id']}", expect=204)
    seen = len(stack.arrivals("delete"))
    wait_for(lambda: stack.waiting(stack.queue("WebhookSlowQueue")) == 0, 120, "no wake-ups are left")
    wait_for(lambda: stack.waiting(stack.queue("BulkQueue")) == 0, 120, "the log is removed")
    # One attempt may have been under way when the webhook went.
    assert len(stack.arrivals("delete")) <= seen + 1
    assert stack.request("GET", f"/v1/workspaces/{workspace}/webhooks/{webhook['id']}/deliveries")[0] == 404


def test_a_failed_delivery_is_recovered_with_the_same_id(stack):
    workspace = "ws_recover"
    stack.behave("recover", status=500)
    webhook = stack.create_webhook(workspace, "recover")
    message, _ = event(workspace, 1, "work_item.created")
    stack.publish(message)
    path = f"/v1/workspaces/{workspace}/webhooks/{webhook['id']}"
    wait_for(lambda: stack.deliveries(workspace, webhook["id"], "&status=failed"), 90, "six failures")
    stack.behave("recover", status=200)
    answer = stack.api("POST", f"{path}/recover", {"since": "2026-03-29T00:00:00Z"}, expect=202)
    assert answer == {"count": 1}
    (entry,) = wait_for(lambda: stack.deliveries(workspace, webhook["id"], "&status=success"), 60, "recovered")
    entry = stack.api("GET", f"{path}/deliveries/{entry['id']}")
    assert [attempt["response_code"] for attempt in entry["attempts"]] == [500] * 6 + [200]
    assert set(by_delivery(stack.arrivals("recover"))) == {entry["id"]}
