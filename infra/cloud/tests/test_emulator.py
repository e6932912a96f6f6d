"""The deployed product, end to end: events in, webhooks and texts out, receipts back in, and what is told of it."""

import hashlib
import hmac
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from emulator import STACK
from gaps import GAPS
from running_stack import wait_for
from sms_workspace import SENDER, Workspace, alert
from standardwebhooks.webhooks import Webhook as Verifier

WAIT_SECONDS = 60


def event(workspace, kind="work_item.created", **data):
    """An event as an upstream sends it, and the body that its webhooks must receive."""
    rest = {
        "timestamp": "2026-03-29T14:30:00Z",
        "workspace": {"id": workspace, "slug": "my-workspace"},
        "project": {"id": "proj_1", "name": "Web App", "identifier": "WEB"},
        "data": {"id": "wi_1", "title": "café 🎉", **data},
        "actor": None,
    }
    body = json.dumps({"event": kind, **rest}, separators=(",", ":"))
    return f'{{"id":"evt_{uuid.uuid4().hex}",{body[1:]}', body


def new_workspace():
    return f"ws_{uuid.uuid4().hex}"


def settled(stack, workspace, webhook, status, count=1):
    """The deliveries of that status, opened, once there are so many."""

    def found():
        entries = stack.deliveries(workspace, webhook, f"&status={status}")
        return entries if len(entries) == count else None

    entries = wait_for(found, WAIT_SECONDS, f"{count} deliveries: {status}")
    path = f"/v1/workspaces/{workspace}/webhooks/{webhook}/deliveries"
    return [stack.api("GET", f"{path}/{entry['id']}") for entry in entries]


def resources(stack):
    """What is deployed, by its name in the template."""
    pages = stack.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {resource["LogicalResourceId"]: resource for page in pages for resource in page["StackResourceSummaries"]}


def log_groups(stack):
    """The names of the log groups, by their names in the template."""
    found = resources(stack).items()
    return {
        name: resource["PhysicalResourceId"]
        for name, resource in found
        if resource["ResourceType"] == "AWS::Logs::LogGroup"
    }


def logged(stack, group, text, since_ms=0):
    """The lines of a log group that hold the text."""
    pages = stack.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since_ms)
    return [event["message"] for page in pages for event in page["events"] if text in event["message"]]


@pytest.fixture(autouse=True)
def nothing_is_denied(stack):
    """No function may lack a permission, whatever it makes of the refusal."""
    since_ms = int(time.time() * 1000)
    yield
    groups = log_groups(stack).items()
    denied = [f"{name}: {line}" for name, group in groups for line in logged(stack, group, "AccessDenied", since_ms)]
    if denied:
        pytest.fail("\n".join(denied), pytrace=False)


# The deployment -----------------------------------------------------------------------------------------------------


def test_everything_in_the_template_is_deployed_but_what_the_emulator_cannot_do(template, stack):
    translated, changed = template
    deployed = {name: resource["ResourceStatus"] for name, resource in resources(stack).items()}
    assert set(deployed) == set(translated["Resources"]), "every condition of the template is met here"
    assert set(deployed.values()) == {"CREATE_COMPLETE"}
    for gap in GAPS:
        assert changed[gap.what], f"nothing is changed for this gap: {gap.what}"


def test_the_emulator_denies_what_no_policy_allows(emulator, stack):
    """Without this, the other tests would say nothing about roles."""
    iam = emulator.aws("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = emulator.aws("sqs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    with pytest.raises(ClientError, match="AccessDenied"):
        stranger.send_message(QueueUrl=stack.events_queue, MessageBody="{}")


# Webhooks -----------------------------------------------------------------------------------------------------------


def test_an_event_arrives_signed_and_as_it_came(stack):
    workspace = new_workspace()
    webhook = stack.create_webhook(workspace, workspace, generate_secret=True)
    by_queue, over_http = event(workspace), event(workspace, "work_item.updated")
    stack.publish(by_queue[0])
    stack.api("POST", f"/v1/workspaces/{workspace}/events", over_http[0].encode(), expect=202)
    entries = settled(stack, workspace, webhook["id"], "success", 2)
    arrivals = stack.arrivals(workspace)
    assert sorted(arrival["body"] for arrival in arrivals) == sorted([by_queue[1], over_http[1]])
    for arrival in arrivals:
        headers, body = arrival["headers"], arrival["body"]
        expected = hmac.new(webhook["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
        assert headers["x-setget-signature"] == expected
        Verifier(webhook["secret"]).verify(body, headers)
        (entry,) = [entry for entry in entries if entry["id"] == headers["x-setget-delivery-id"]]
        assert (entry["request"]["body"], entry["response_code"]) == (body, 200)


def test_a_failing_endpoint_is_tried_again_and_the_log_tells_each_attempt(stack):
    workspace = new_workspace()
    stack.behave(workspace, fail_first=2)
    webhook = stack.create_webhook(workspace, workspace)
    stack.publish(event(workspace)[0])
    (entry,) = settled(stack, workspace, webhook["id"], "success")
    assert [attempt["response_code"] for attempt in entry["attempts"]] == [500, 500, 200]
    arrivals = stack.arrivals(workspace)
    assert {arrival["headers"]["x-setget-delivery-id"] for arrival in arrivals} == {entry["id"]}
    assert len(arrivals) == 3


def test_what_has_failed_is_recovered_and_a_deleted_webhook_leaves_no_log(stack):
    workspace = new_workspace()
    stack.behave(workspace, status=503)
    webhook = stack.create_webhook(workspace, workspace)
    path = f"/v1/workspaces/{workspace}/webhooks/{webhook['id']}"
    stack.publish(event(workspace)[0])
    (failed,) = settled(stack, workspace, webhook["id"], "failed")
    assert [attempt["response_code"] for attempt in failed["attempts"]] == [503] * 3
    stack.behave(workspace, status=204)
    since = {"since": "2026-03-29T00:00:00Z"}
    assert stack.api("POST", f"{path}/recover", since, expect=202) == {"count": 1}
    (recovered,) = settled(stack, workspace, webhook["id"], "success")
    assert (recovered["id"], recovered["response_code"]) == (failed["id"], 204)

    dynamodb = stack.aws("dynamodb")
    table = resources(stack)["Table"]["PhysicalResourceId"]

    def entries():
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        keys = [item["pk"]["S"] for page in pages for item in page["Items"]]
        return [key for key in keys if key.startswith(f"LOG#{webhook['id']}#")]

    assert entries()
    stack.api("DELETE", path, expect=204)
    wait_for(lambda: not entries(), WAIT_SECONDS, "the log is gone")


def test_a_message_that_is_no_event_ends_as_a_dead_letter_with_the_reason(stack):
    workspace = new_workspace()
    webhook = stack.create_webhook(workspace, workspace)
    good, _ = event(workspace)
    bad = ["{nope", good.replace("work_item.created", "work_item.creatd")]
    stack.publish(bad[0], good, bad[1])
    settled(stack, workspace, webhook["id"], "success")
    queue, dead = stack.queue("EventsDeadLetterQueue"), {}

    def receive():
        answer = stack.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        for message in answer.get("Messages", []):
            dead[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
        return set(bad) <= set(dead)

    wait_for(receive, WAIT_SECONDS, "dead letters")
    assert "not JSON" in dead[bad[0]]
    assert "work_item.created" in dead[bad[1]], "near types are named"


# SMS ----------------------------------------------------------------------------------------------------------------


def test_an_alert_becomes_a_text_and_its_signed_receipts_make_it_delivered(stack):
    workspace = Workspace(stack, "cloud")
    workspace.use_twilio()
    workspace.add_member("ann", "+14155551234", ["priority_changed"])
    workspace.add_member("bob", "+14155551235")
    workspace.publish(alert("ann", "bob", "nobody"))
    (row,) = wait_for(lambda: workspace.settled(1, {"delivered"}), WAIT_SECONDS, "it is delivered")

    (sent,) = workspace.accepted()
    assert (sent["to"], sent["from"]) == ("+14155551234", SENDER)
    assert sent["status_callback"].startswith(f"{stack.env['API_URL']}/webhooks/twilio/status?")
    entry = workspace.entry(row["id"])
    assert (entry["provider_message_id"], entry["text"]) == (sent["sid"], sent["body"])
    receipts = [step["status"] for step in entry["timeline"] if step["source"] == "receipt"]
    assert receipts == ["queued", "sending", "sent", "delivered"]
    counts, billed, not_sent, stats = workspace.stats()
    assert counts == billed == {("delivered", "priority_changed"): 1}
    assert not_sent == {("priority_changed", "switched_off"): 1, ("priority_changed", "no_phone"): 1}
    assert stats["success_rate"] == 1

    assert workspace.text("+14155551234", "STOP") == 200
    workspace.publish(alert("ann"))
    refused = ("priority_changed", "opted_out")
    wait_for(lambda: workspace.stats()[2][refused] == 1, WAIT_SECONDS, "she gets nothing more")
    assert len(workspace.accepted()) == 1


# The schedule -------------------------------------------------------------------------------------------------------


def test_the_schedule_runs_sweep_every_minute(stack):
    """Last, since the first minute has mostly passed by now."""
    group = log_groups(stack)["SweepLogs"]
    wait_for(lambda: logged(stack, group, "looked at what waits"), 60 + WAIT_SECONDS, "sweep has run")
