"""SMS from end to end: alerts in through boto3, texts checked where Twilio or a gateway takes them."""

import base64
import collections
import hashlib
import hmac
import json
import os
import random
import signal
import uuid

import pytest
from running_stack import wait_for
from sms_workspace import SENDER, Workspace, alert, post_receipt, segments, twilio_behaves, twilio_signature
from standardwebhooks.webhooks import Webhook as Verifier

KINDS = ["state_changed", "assignee_changed", "priority_changed", "comment_added"]
OK = (200, 201)


@pytest.fixture(autouse=True)
def well_behaved_twilio(stack):
    twilio_behaves(stack)
    yield
    twilio_behaves(stack)


def kill(stack, function):
    pids = stack.function_pids(function)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def test_an_alert_becomes_a_text_and_its_receipts_make_it_delivered(stack):
    workspace = Workspace(stack, "path")
    workspace.use_twilio()
    workspace.api("PUT", "/members/ann", {"name": "Ann", "phone": "+14155551234"}, 201)
    workspace.api("PUT", "/members/bob", {"name": "Bob", "phone": "+14155551235"}, 201)
    own = workspace.key("member", "ann")
    workspace.prefer("ann", ["priority_changed"], key=own)

    urgent = alert("ann", "bob", "nobody")
    workspace.publish(urgent)
    (row,) = wait_for(lambda: workspace.settled(1, {"delivered"}), 30, "it is delivered")

    (sent,) = workspace.accepted()
    assert sent["body"] == (
        'SetGet Alert: Work item ENG-42 "Fix login redirect" priority changed to Urgent.\n'
        "View: https://app.setget.io/engineering/issues/ENG-42"
    )
    assert (sent["to"], sent["from"], sent["messaging_service"]) == ("+14155551234", SENDER, None)
    callback, overrides = sent["status_callback"].split("#")
    assert callback.startswith(f"{stack.env['API_URL']}/webhooks/twilio/status?")
    assert row["id"] in callback and "rc=" in overrides

    assert (row["channel"], row["provider"], row["sender"]) == ("sms", "twilio", SENDER)
    assert row["recipient"] == {"user_id": "ann", "name": "Ann", "phone": "+14155551234"}
    assert (row["type"], row["entity"]) == ("priority_changed", "ENG-42: Fix login redirect")
    entry = workspace.entry(row["id"])
    assert {**entry, **row} == entry, "an entry holds its row"
    assert (entry["provider_message_id"], entry["encoding"], entry["segments"]) == (sent["sid"], "GSM-7", 1)
    assert (entry["error"], entry["text"]) == (None, sent["body"])
    ours = [("queued", "service"), ("sending", "service"), ("sent", "provider")]
    receipts = [(status, "receipt") for status in ("queued", "sending", "sent", "delivered")]
    timeline = [(step["status"], step["source"]) for step in entry["timeline"]]
    # The first receipt may come before the answer to the send is written down.
    assert sorted(timeline) == sorted(ours + receipts)
    assert [step for step in timeline if step in ours] == ours
    assert [step for step in timeline if step in receipts] == receipts

    counts, billed, not_sent, stats = workspace.stats()
    assert counts == billed == {("delivered", "priority_changed"): 1}
    assert not_sent == {("priority_changed", "switched_off"): 1, ("priority_changed", "no_phone"): 1}
    assert stats["success_rate"] == 1
    # The same event again, through the other door too, and with another time.
    stack.publish(urgent.message(workspace.id), urgent.message(workspace.id, "2026-03-29T14:31:00Z"))
    workspace.api("POST", "/events", urgent.message(workspace.id).encode(), 202)
    workspace.publish(alert("ann", identifier="ENG-43"))
    wait_for(lambda: workspace.settled(2, {"delivered"}), 30, "the alert behind it")
    wait_for(lambda: stack.waiting(stack.queue("EventsQueue")) == 0, 30, "the events are taken")
    assert len(workspace.accepted()) == len(workspace.history()) == 2


def test_a_receipt_counts_by_its_signature_alone(stack):
    workspace = Workspace(stack, "forged")
    workspace.use_twilio()
    workspace.add_member("ann", "+14155551234", KINDS)
    twilio_behaves(stack, callbacks="none")
    workspace.publish(alert("ann"))
    (row,) = wait_for(lambda: workspace.settled(1), 30, "it is sent")
    assert row["status"] == "sent", "without receipts that is the last word"
    (sent,) = workspace.accepted()
    url = sent["status_callback"].split("#")[0]
    form = {"AccountSid": workspace.account, "MessageSid": sent["sid"], "MessageStatus": "delivered"}
    good = twilio_signature(url, form.items(), workspace.token)
    before = workspace.entry(row["id"])
    for forged in ["", good[::-1], twilio_signature(url, form.items(), uuid.uuid4().hex)]:
        assert post_receipt(url, form, forged) == 403
    assert post_receipt(url, {**form, "MessageStatus": "failed"}, good) == 403, "signed for something else"
    assert post_receipt(url + "&x=1", form, good) == 403, "signed for somewhere else"
    assert workspace.entry(row["id"]) == before
    assert post_receipt(url, form, good) == 200
    assert workspace.entry(row["id"])["status"] == "delivered"
    # Receipts set by number carry the message's id alone.
    url = f"{stack.env['API_URL']}/webhooks/twilio/status"
    form["MessageStatus"] = "sent"
    assert post_receipt(url, form, twilio_signature(url, form.items(), workspace.token)) == 200
    last = workspace.entry(row["id"])
    assert (last["status"], last["timeline"][-1]["status"]) == ("delivered", "sent"), "kept, and no step back"


class Crowd:
    """200 members of all sorts, and what must become of an alert to each."""

    IMMEDIATE = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550009": 21614}
    LATER = {"5550101": ("undelivered", 30005), "5550102": ("failed", 30006), "5550103": ("undelivered", 30003)}
    STOPPED_AT_TWILIO = "+15005550004"
    AREAS = ["202", "212", "415"]

    def __init__(self, chance):
        self.phones = {f"user_{number:03}": f"+1415556{number:04}" for number in range(200)}
        users = iter(self.phones)
        self.phoneless = {next(users) for _ in range(10)}
        self.refused = {next(users): refusal for refusal in [*self.IMMEDIATE.items()] * 2}
        self.failing = {
            next(users): (f"+1{area}{ending}", fate) for ending, fate in self.LATER.items() for area in self.AREAS
        }
        self.opted_out_there = next(users)
        self.opted_out_by_text = {next(users) for _ in range(8)}
        self.twins = (next(users), next(users))
        for user in self.phoneless:
            self.phones[user] = None
        for user, (phone, _) in {**self.refused, **self.failing}.items():
            self.phones[user] = phone
        self.phones[self.opted_out_there] = self.STOPPED_AT_TWILIO
        self.phones[self.twins[1]] = self.phones[self.twins[0]]
        self.kinds = {user: [kind for kind in KINDS if chance.random() < 0.35] for user in self.phones}
        for user in (self.opted_out_there, *self.twins):
            self.kinds[user] = KINDS

    @property
    def opted_out(self):
        return {self.opted_out_there, *self.opted_out_by_text}

    def outcome(self, user, kind):
        """`(why not,)`, or `(status, code)`."""
        if self.phones.get(user) is None:
            return ("no_phone",)
        if kind not in self.kinds[user]:
            return ("switched_off",)
        if user in self.opted_out:
            return ("opted_out",)
        if user in self.refused:
            return ("failed", self.refused[user][1])
        return self.failing[user][1] if user in self.failing else ("delivered", None)

    def sends(self, alert):
        """Who is sent to, with the outcome."""
        outcomes = ((user, self.outcome(user, alert.kind)) for user in alert.recipients)
        return [(user, outcome) for user, outcome in outcomes if len(outcome) == 2]


def alerts_to(crowd, chance, count):
    """Alerts to a few members each, strangers among them; some in need of UCS-2 or of a second segment."""
    titles = ["Fix login redirect", "Café 🎉", "Rename all that has a bad name in the third module and in its tests"]
    made = []
    for number in range(count):
        users = chance.sample(sorted(crowd.phones), 4) + ["stranger"] * (number % 50 == 0)
        made.append(alert(*users, kind=KINDS[number % 4], identifier=f"ENG-{number}", title=chance.choice(titles)))
    twins = alert(*crowd.twins, kind=KINDS[0], identifier="ENG-TWINS")
    return [*made[:-1], twins]


@pytest.fixture
def quick_returns(stack):
    """What a killed function had received is back after 15 s, and not after the deployment's 90 s."""
    queue, name = stack.queue("SmsQueue"), "VisibilityTimeout"
    before = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"]
    stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: "15"})
    yield
    stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


@pytest.mark.usefixtures("quick_returns")
def test_500_alerts_to_200_members_agree_with_twilio_to_the_last_message_although_functions_are_killed(stack):
    chance = random.Random(3)
    crowd = Crowd(chance)
    alerts = alerts_to(crowd, chance, 500)
    workspace = Workspace(stack, "load")
    workspace.use_twilio()
    workspace.add_members({user: (phone, crowd.kinds[user]) for user, phone in crowd.phones.items()})
    sms_queue = stack.queue("SmsQueue")
    wait_for(lambda: stack.waiting(sms_queue) == 0, 90, "nothing is left of other tests")

    # One opted out earlier, which Twilio alone knows; it knows the account's token from then on.
    first = alert(crowd.opted_out_there, kind=KINDS[0], identifier="ENG-FIRST")
    workspace.publish(first)
    (row,) = wait_for(lambda: workspace.settled(1), 30, "the opt-out is heard of")
    assert (row["status"], row["error"]["code"]) == ("failed", 21610)
    for user in crowd.opted_out_by_text:
        assert workspace.text(crowd.phones[user], "Stop ") == 200

    sends = {(user, each.entity): (outcome, each) for each in alerts for user, outcome in crowd.sends(each)}
    in_flight = kill_amid_sends(stack, workspace, crowd, alerts, sms_queue)
    twilio_behaves(stack, callbacks="reordered", reject_429=10)
    published = {each.id for each in in_flight}
    workspace.publish(*(each for each in alerts if each.id not in published))

    def by_status():
        counts = collections.Counter()
        for (status, _), count in workspace.stats()[0].items():
            counts[status] += count
        return counts

    for part in (4, 2):
        wait_for(lambda part=part: by_status()["delivered"] > len(sends) // part, 120, f"1/{part} of the texts")
        assert kill(stack, "twilio-status") > 0
    expected = collections.Counter(["failed", *(status for (status, _), _ in sends.values())])
    wait_for(lambda: by_status() == expected, 120, "all deliveries have come to their ends")
    agree(workspace, crowd, [first, *alerts], sends)
    wait_for(lambda: stack.waiting(sms_queue) == 0, 90, "no wake-ups are left")
    assert stack.waiting(stack.queue("SmsDeadLetterQueue")) == 0
    assert stack.waiting(stack.queue("EventsQueue")) == 0


def kill_amid_sends(stack, workspace, crowd, alerts, sms_queue):
    """Kills all senders while each waits for Twilio's answers to texts that Twilio has accepted; the alerts of it.

    At any other moment a death leaves a doubt that takes minutes to clear up, as tests with a clock of their own show.
    """
    wave = [
        each
        for each in alerts
        if crowd.sends(each)
        and not any(user in crowd.refused or user in crowd.twins for user, _ in crowd.sends(each))
    ][:150]
    twilio_behaves(stack, timeout_after_accept=1000)
    workspace.publish(*wave)
    seen = []

    def all_hang(at_least):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = stack.sqs.get_queue_attributes(QueueUrl=sms_queue, AttributeNames=names)["Attributes"]
        left, in_flight = (int(answer[name]) for name in names)
        seen.append((in_flight, len(workspace.accepted())))
        # Twice the same with messages left: all senders are busy, and all that they are busy with was accepted.
        steady = left > 0 and seen[-2:] == [(in_flight, in_flight)] * 2
        return in_flight if steady and in_flight >= at_least else None

    # The first batches are small; those of whoever comes after the dead are full.
    small = wait_for(lambda: all_hang(1), 30, "sends that hang")
    assert kill(stack, "deliver-sms") > 0
    wait_for(lambda: all_hang(small + 20), 30, "full batches of sends that hang")
    twilio_behaves(stack)
    assert kill(stack, "deliver-sms") > 0
    return wave


def receipts(workspace, row):
    """What receipts have told of a delivery."""
    return {step["status"] for step in workspace.entry(row["id"])["timeline"] if step["source"] == "receipt"}


def agree(workspace, crowd, alerts, sends):
    """History, stats, Twilio and what must have become of each alert are the same."""
    history = workspace.history()
    by_send = {(row["recipient"]["user_id"], row["entity"]): row for row in history}
    first = by_send.pop((crowd.opted_out_there, alerts[0].entity))
    assert len(by_send) == len(history) - 1 and set(by_send) == set(sends), "nothing twice, nothing lost"
    sent = workspace.accepted()
    by_sid = {message["sid"]: message for message in sent}
    owned = {row["provider_message_id"]: row for row in history if row["provider_message_id"]}
    assert len(owned) == sum(row["provider_message_id"] is not None for row in history)
    assert set(owned) == set(by_sid), "every message at Twilio is one delivery's"

    expected_texts = collections.Counter()
    for (user, entity), (outcome, each) in sends.items():
        row = by_send[user, entity]
        assert (row["status"], row["error"] and row["error"]["code"]) == outcome, (user, entity)
        assert row["recipient"]["phone"] == crowd.phones[user]
        assert (row["type"], row["segments"]) == (each.kind, segments(each.text))
        if user in crowd.refused:
            assert row["provider_message_id"] is None
            continue
        message = by_sid[row["provider_message_id"]]
        assert (message["to"], message["body"]) == (crowd.phones[user], each.text)
        assert message["history"][-1]["status"] == row["status"]
        assert message["error_code"] == outcome[1]
        expected_texts[crowd.phones[user], each.text] += 1
    assert collections.Counter((message["to"], message["body"]) for message in sent) == expected_texts
    assert first["status"] == "failed"
    for row in random.Random(5).sample(list(owned.values()), 30):
        steps = {step["status"] for step in by_sid[row["provider_message_id"]]["history"]}
        # Receipts of earlier steps may come after the last one's.
        wait_for(lambda row=row, steps=steps: receipts(workspace, row) == steps, 30, "each step's receipt is kept")
    agree_in_numbers(workspace, crowd, alerts, history)


def agree_in_numbers(workspace, crowd, alerts, history):
    """The stats are those of the history, and count everybody who was named and not sent to."""
    counts, billed, not_sent, stats = workspace.stats()
    by_status = collections.Counter()
    billed_of_history = collections.Counter()
    for row in history:
        by_status[row["status"], row["type"]] += 1
        billed_of_history[row["status"], row["type"]] += row["segments"]
    assert (counts, billed) == (by_status, billed_of_history)
    for total in stats["totals"]:
        rows = [row for row in history if (row["status"], row["type"]) == (total["status"], total["type"])]
        assert (total["count"], total["segments"]) == (len(rows), sum(row["segments"] for row in rows))
    succeeded = sum(row["status"] == "delivered" for row in history)
    assert stats["success_rate"] == pytest.approx(succeeded / len(history))
    reasons = collections.Counter()
    for each in alerts[1:]:
        for user in each.recipients:
            outcome = crowd.outcome(user, each.kind)
            if len(outcome) == 1:
                reasons[each.kind, outcome[0]] += 1
    assert not_sent == reasons


def test_a_message_whose_acceptance_got_no_answer_is_settled_by_its_receipt_at_once(stack):
    workspace = Workspace(stack, "unanswered")
    workspace.use_twilio()
    workspace.add_member("ann", "+14155551234", KINDS)
    for number, fault in enumerate(["error_500_after_accept", "timeout_after_accept"]):
        twilio_behaves(stack, **{fault: 1})
        workspace.publish(alert("ann", identifier=f"ENG-{number}"))
        # Less than the 10 s after which a send without an answer gives up.
        wait_for(lambda number=number: workspace.settled(number + 1, {"delivered"}), 8, f"the receipt after {fault}")

    def answer_given_up():
        (_, silent) = workspace.accepted()
        (row,) = [row for row in workspace.history() if row["provider_message_id"] == silent["sid"]]
        return stack.waiting(stack.queue("SmsQueue")) <= 1 and row["status"] == "delivered"

    # The wake-up of the first sleeps until it would have been looked into.
    wait_for(answer_given_up, 30, "the send without an answer is done with")
    assert len(workspace.accepted()) == len(workspace.history()) == 2, "and nothing is sent again"


def test_a_test_message_goes_to_the_callers_own_number_and_to_a_given_one(stack):
    workspace = Workspace(stack, "test")
    assert workspace.api("POST", "/sms/test", {"to": "+14155551299"}, (409, 422))["detail"], "no provider"
    service = f"MG{uuid.uuid4().hex}"
    workspace.api(
        "PUT",
        "/sms/provider",
        {
            "type": "twilio",
            "account_sid": workspace.account,
            "auth_token": workspace.token,
            "messaging_service_sid": service,
        },
        OK,
    )
    workspace.add_member("ann", "+14155551234")
    own, admin = workspace.key("member", "ann"), workspace.key("admin")
    first = workspace.api("POST", "/sms/test", {}, 202, key=own)["delivery_id"]
    second = workspace.api("POST", "/sms/test", {"to": "+14155551299"}, 202, key=admin)["delivery_id"]
    workspace.api("POST", "/sms/test", {"to": "+14155551299"}, 403, key=own)
    workspace.api("POST", "/sms/test", {}, 422, key=admin)
    wait_for(lambda: workspace.settled(2, {"delivered"}), 30, "both arrive")
    text = (
        'SetGet Alert: [Test] Work item ENG-42 "Fix login redirect" priority changed to Urgent.\n'
        "View: https://app.setget.io/engineering/issues/ENG-42"
    )
    sent = workspace.accepted()
    assert {message["to"]: message["body"] for message in sent} == {"+14155551234": text, "+14155551299": text}
    assert {message["messaging_service"] for message in sent} == {service}
    mine, given = workspace.entry(first), workspace.entry(second)
    assert mine["test"] and given["test"] and mine["sender"] == given["sender"] == service
    assert mine["recipient"] == {"user_id": "ann", "name": "Member ann", "phone": "+14155551234"}
    assert given["recipient"] == {"user_id": None, "name": None, "phone": "+14155551299"}
    # Others' numbers are masked for a member, and others' texts kept from them.
    as_member = workspace.api("GET", f"/history/{second}", key=own)
    assert "55512" not in json.dumps(as_member) and as_member["recipient"]["phone"].startswith("+1415")
    workspace.publish(alert("ann"))
    wait_for(lambda: workspace.stats()[2], 30, "an alert that is not sent")
    assert not any(row["test"] for row in workspace.history() if row["id"] not in (first, second))


def test_stop_and_start_change_who_gets_alerts_and_an_administrator_may_clear_it(stack):
    workspace = Workspace(stack, "stop")
    workspace.use_twilio()
    phone = "+14155551234"
    workspace.add_member("ann", phone, KINDS)
    workspace.add_member("bob", "+14155551235", KINDS)

    def round_of(number, *reached):
        """One more alert to both; who got it."""
        expected = len(workspace.accepted()) + len(reached)
        named = 2 * number - sum(workspace.stats()[0].values()) - sum(workspace.stats()[2].values())
        assert named == 2
        each = alert("ann", "bob", identifier=f"ENG-{number}")
        workspace.publish(each)
        wait_for(
            lambda: sum(workspace.stats()[0].values()) + sum(workspace.stats()[2].values()) == 2 * number,
            30,
            "all are decided on",
        )
        wait_for(lambda: workspace.settled(expected, {"delivered"}), 30, "it is delivered")
        got = {row["recipient"]["user_id"] for row in workspace.history() if row["entity"] == each.entity}
        assert got == set(reached)
        assert len(workspace.accepted()) == expected

    def opted_out():
        return workspace.api("GET", "/members/ann")["opted_out"]

    round_of(1, "ann", "bob")
    assert workspace.text(phone, "I will never STOP reading these") == 200
    assert not opted_out()
    assert workspace.text(phone, " stop\n") == 200
    assert opted_out()
    round_of(2, "bob")
    assert workspace.text(phone, "Start") == 200
    round_of(3, "ann", "bob")
    assert workspace.text(phone, "Arrêt", opt_out_type="STOP") == 200, "the account's own words"
    round_of(4, "bob")
    workspace.api("DELETE", "/members/ann/opt-out", None, 204)
    assert not opted_out()
    round_of(5, "ann", "bob")
    # Nobody but the account says so.
    url = f"{stack.env['API_URL']}/webhooks/twilio/inbound"
    form = {"AccountSid": workspace.account, "MessageSid": f"SM{'0' * 32}", "From": phone, "To": SENDER, "Body": "STOP"}
    assert post_receipt(url, form, twilio_signature(url, form.items(), "no" + workspace.token)) == 403
    round_of(6, "ann", "bob")


def test_a_gateway_gets_what_the_product_promises_and_is_tried_again(stack):
    workspace = Workspace(stack, "gateway")
    inbox = workspace.id
    secret = f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
    url = f"{stack.env['OUTSIDE_URL']}/inbox/{inbox}/send"
    shown = workspace.use_gateway(f"{url}?token=t0ken", signing_secret=secret)
    assert shown["url"] == f"{url}?***"
    workspace.add_member("ann", "+14155551234", KINDS)
    stack.behave(inbox, status=202, fail_first=2)
    workspace.publish(alert("ann", kind="mentioned"), alert("ann"))
    (row,) = wait_for(lambda: workspace.settled(1), 30, "it is sent")
    assert (row["status"], row["provider"], row["sender"]) == ("sent", "http", f"{url}?***")
    assert (row["provider_message_id"], row["error"]) == (None, None)
    arrivals = stack.arrivals(inbox)
    assert len(arrivals) == 3
    for arrival in arrivals:
        headers = arrival["headers"]
        assert (arrival["method"], arrival["path"], arrival["query"]) == ("POST", f"/inbox/{inbox}/send", "token=t0ken")
        assert json.loads(arrival["body"]) == {
            "to": "+14155551234",
            "body": 'SetGet Alert: Work item ENG-42 "Fix login redirect" priority changed to Urgent.\n'
            "View: https://app.setget.io/engineering/issues/ENG-42",
            "workspace_id": workspace.id,
            "event_type": "priority_changed",
            "timestamp": "2026-03-29T14:30:00Z",
        }
        assert headers["content-type"] == "application/json"
        assert headers["idempotency-key"] == row["id"] == headers["webhook-id"] == headers["x-setget-delivery-id"]
        assert headers["x-setget-event"] == "priority_changed"
        plain = hmac.new(secret.encode(), arrival["body"].encode(), hashlib.sha256).hexdigest()
        assert headers["x-setget-signature"] == plain
        Verifier(secret).verify(arrival["body"], headers)
    timeline = [step["status"] for step in workspace.entry(row["id"])["timeline"]]
    assert timeline == ["queued", *["sending", "retrying"] * 2, "sending", "sent"]

    # What the gateway refuses is final, with its words; nothing is signed without a secret.
    workspace.use_gateway(url, signing_secret=None)
    stack.behave(inbox, status=422, body="no such sender")
    workspace.publish(alert("ann", identifier="ENG-43"))
    wait_for(lambda: workspace.settled(2), 30, "it is refused")
    (row,) = workspace.history("&status=failed")
    assert (row["error"]["code"], "no such sender" in row["error"]["message"]) == (422, True)
    assert len(stack.arrivals(inbox)) == 4
    assert not {"x-setget-signature", "webhook-signature"} & set(stack.arrivals(inbox)[-1]["headers"])
    assert workspace.stats()[3]["success_rate"] == 0.5
