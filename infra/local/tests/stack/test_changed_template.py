"""The stack is what `template.yaml` says: something changed there changes what the product does."""

import os
import signal

import pytest
from running_stack import ROOT, running, wait_for
from test_webhooks import event

OFFSET = 1300
CHANGES = {
    # What a killed function had received is back sooner.
    "VisibilityTimeout: 90": "VisibilityTimeout: 3",
    # The API answers below workspaces only.
    'Path: "/v1/{proxy+}"': 'Path: "/v1/workspaces/{proxy+}"',
    # The API's own setting; the stack's parameter stays.
    "BRAND: !Ref Brand": "BRAND: Acme",
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A stack of the product's own template with all of the changes."""
    text = (ROOT / "template.yaml").read_text()
    for old, new in CHANGES.items():
        assert old in text, f"the template does not say {old}"
        text = text.replace(old, new)
    directory = tmp_path_factory.mktemp("changed")
    template = directory / "template.yaml"
    template.write_text(text)
    with running(OFFSET, directory / "output", {}, template) as stack:
        yield stack


def test_a_changed_visibility_time_out_changes_when_a_killed_functions_work_is_done(changed):
    workspace = "ws_killed"
    changed.behave(workspace, delay_ms=8000)
    changed.create_webhook(workspace, workspace)
    changed.publish(event(workspace, 1, "work_item.created")[0])
    wait_for(lambda: changed.arrivals(workspace), 30, "an attempt under way")
    changed.behave(workspace)
    pids = changed.function_pids("deliver-webhook")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert pids
    # With the product's own template only after 90 s.
    wait_for(lambda: len(changed.arrivals(workspace)) > 1, 30, "the attempt is made again")
    first, second, *_ = changed.arrivals(workspace)
    assert first["headers"]["x-setget-delivery-id"] == second["headers"]["x-setget-delivery-id"]


def test_a_changed_route_changes_what_the_api_answers(stack, changed):
    for path in ("/v1/health", "/v1/workspaces/ws_1/webhooks"):
        assert stack.request("GET", path)[0] == 200
    assert changed.request("GET", "/v1/workspaces/ws_1/webhooks")[0] == 200
    assert changed.request("GET", "/v1/health") == (404, {"message": "Not Found"})


def test_a_changed_variable_changes_what_the_function_says(stack, changed):
    item = {"identifier": "ENG-42", "title": "Fix login redirect", "url": "https://app.setget.io/ENG-42"}
    body = {"event_type": "priority_changed", "summary": "priority changed to Urgent", "item": item}
    for each, brand in ((stack, "SetGet"), (changed, "Acme")):
        text = each.api("POST", "/v1/workspaces/ws_1/sms/preview", body)["text"]
        assert text.startswith(f"{brand} Alert: ")
