"""No secret shows anywhere: canaries go in by every door, and everything that comes out is searched for them."""

import base64
import contextlib
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from running_stack import ROOT, wait_for
from sms_workspace import Workspace, alert, twilio_behaves

WORK_QUEUES = ["EventsQueue", "SmsQueue", "WebhookFastQueue", "WebhookSlowQueue", "BulkQueue"]
DEAD_LETTER_QUEUES = ["EventsDeadLetterQueue", "SmsDeadLetterQueue", "WebhookDeadLetterQueue", "BulkDeadLetterQueue"]
GARBAGE = "{nope: a wake-up that nobody can read"
OK = (200, 201)


def canary():
    """Letters alone: what masks numbers must not be what hides it."""
    return "cnry" + uuid.uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


def forms(secret):
    """The text itself, and what base64 makes of it at each offset, without the characters that neighbours decide."""
    raw = secret.encode()
    yield raw
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        whole = encoded[-(-8 * offset // 6) : (offset + len(raw)) * 8 // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def holds(text, secret):
    return any(form in text for form in forms(secret))


def test_the_search_finds_a_secret_in_base64_at_any_offset():
    secret = canary()
    for before in ["", "a", "ab", "abc", "AC00:"]:
        for after in ["", "z", "yz", "xyz"]:
            text = base64.b64encode(f"{before}{secret}{after}".encode())
            assert holds(b"Basic " + text, secret)
            assert holds(b"Basic " + base64.urlsafe_b64encode(f"{before}\xff{secret}".encode()), secret)
            assert not holds(b"Basic " + text, canary())


@contextlib.contextmanager
def watched(stack):
    """Looks at the messages that wait on queues, all the while, and at dead letters in the end."""
    sqs, seen, stop = stack.aws("sqs"), {}, threading.Event()

    def look(queue, **options):
        names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **names, **options)
        for message in answer.get("Messages", []):
            seen[message["MessageId"]] = json.dumps(message).encode()
            if message["Body"] == GARBAGE and "DeadLetter" in queue:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(answer.get("Messages", []))

    def watch(queue):
        while not stop.is_set():
            look(queue, VisibilityTimeout=0, WaitTimeSeconds=1)

    watchers = [threading.Thread(target=watch, args=(stack.queue(name),)) for name in WORK_QUEUES]
    for watcher in watchers:
        watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()
    for name in DEAD_LETTER_QUEUES:
        while look(stack.queue(name), VisibilityTimeout=60):
            pass


def table_items(stack):
    """Every item as text, its binary attributes as they are and unpacked."""
    dynamodb = stack.aws("dynamodb")
    dictionary = (ROOT / "shared/domain/src/compression/dictionary-1.txt").read_bytes()
    unpack = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary)).decompress
    items = []
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            items += [b"\n".join(texts(item, unpack)) for item in page["Items"]]
    return items


def texts(value, unpack):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name.encode()
            yield from texts(inner, unpack)
    elif isinstance(value, (list, set)):
        for inner in value:
            yield from texts(inner, unpack)
    elif isinstance(value, bytes):
        yield value
        # What compression.rs writes: 0 and the text, or 1 and zstd with the first dictionary.
        if value[:1] == b"\1" and value[1:5] == b"\x28\xb5\x2f\xfd":
            yield unpack(value[1:], max_output_size=1 << 20)
    else:
        yield str(value).encode()


class Secrets:
    """The canaries, and the answers that may show one."""

    def __init__(self):
        self.auth_token, self.next_auth_token, self.wrong = canary(), canary(), canary()
        self.api_key_secret, self.gateway_token, self.gateway_secret = canary(), canary(), canary()
        self.webhook_secret, self.rotated_secret = canary(), canary()
        self.keys, self.generated = [], []

    def all(self):
        named = {name: value for name, value in vars(self).items() if isinstance(value, str)}
        lists = {f"key {i}": key for i, key in enumerate(self.keys)}
        lists |= {f"generated {i}": secret for i, secret in enumerate(self.generated)}
        return named | lists


def run_twilio(stack, secrets):
    """Texts by auth token and by API key, good and bad ones; wrong input of all kinds."""
    workspace = Workspace(stack, "canary")
    workspace.token = secrets.auth_token
    for body in wrong_providers(workspace, secrets.wrong):
        path = f"/v1/workspaces/{workspace.id}/sms/provider?check=true"
        status, answer = stack.request("PUT", path, body)
        assert status in (400, 422), (body, answer)
    own_number = f"+1415558{uuid.uuid4().int % 10**4:04}"
    phones = [own_number, "+15005550001", "+15005550009", "+12125550101"]
    workspace.use_twilio()
    for number, phone in enumerate(phones):
        workspace.add_member(f"m{number}", phone, ["mentioned"])
    secrets.keys += [workspace.key("admin"), workspace.key("member", "m0"), workspace.key("publisher")]
    title = canary()
    users = [f"m{number}" for number in range(len(phones))]
    workspace.publish(alert(*users, kind="mentioned", title=title))
    wait_for(lambda: workspace.settled(4, {"delivered", "undelivered", "failed"}), 30, "sends by auth token")
    assert workspace.text(own_number, "STOP") == 200
    assert workspace.text(own_number, "START") == 200
    workspace.api("GET", "/sms/provider?check=true")
    workspace.api(
        "PUT",
        "/sms/provider?check=true",
        {
            "type": "twilio",
            "account_sid": workspace.account,
            "auth_token": secrets.next_auth_token,
            "from_number": "+15005550006",
            "api_key_sid": f"SK{uuid.uuid4().hex}",
            "api_key_secret": secrets.api_key_secret,
        },
        OK,
    )
    twilio_behaves(stack, reject_429=1, auth_tokens={workspace.account: secrets.next_auth_token})
    workspace.publish(alert(*users, kind="mentioned", title=title, identifier="ENG-43"))
    wait_for(lambda: workspace.settled(8, {"delivered", "undelivered", "failed"}), 30, "sends by API key")
    workspace.api("POST", "/sms/test", {"to": own_number}, 202)
    wait_for(lambda: workspace.settled(9, {"delivered", "undelivered", "failed"}), 30, "a test")
    for row in workspace.history():
        error = workspace.entry(row["id"])["error"] or {"message": ""}
        assert row["recipient"]["phone"][1:] not in error["message"]
    return workspace, phones, title


def wrong_providers(workspace, secret):
    good = {"type": "twilio", "account_sid": workspace.account, "auth_token": secret, "from_number": "+15005550006"}
    gateway = {"type": "http", "url": f"https://no-such-host.invalid/?token={secret}"}
    yield {**good, "account_sid": "AC1"}
    yield {**good, "from_number": "14155551234"}
    yield {**good, "from_number": "+15005550007"}
    yield {**good, "auth_token": [secret]}
    yield {**good, "auth_token": {secret: secret}}
    yield {**good, "auth_token": secret + "x" * 200}
    yield {**good, "auth_token": f"{secret}\n"}
    yield {**good, "api_key_secret": secret}
    yield {**good, "api_key_sid": f"SK{uuid.uuid4().hex}", "api_key_secret": 7, "max_segments": 11}
    yield {**good, "signing_secret": secret}
    yield {**good, "max_segments": 0}
    yield gateway
    yield {**gateway, "url": f"ftp://127.0.0.1/?token={secret}"}
    yield {**gateway, "url": f"http://user:{secret}@127.0.0.1/"}
    yield {**gateway, "url": f"http://127.0.0.1:99999/?token={secret}"}
    yield {**gateway, "url": [f"http://127.0.0.1/?token={secret}"]}
    yield {**gateway, "url": "http://127.0.0.1:4600/", "signing_secret": [secret]}
    yield {**gateway, "url": "http://127.0.0.1:4600/", "signing_secret": secret * 10}
    yield f'{{"type": "twilio", "auth_token": "{secret}'.encode()
    yield f'{{"type": "twilio", "auth_token": "{secret}", "auth_token": "{secret}"}}'.encode()
    yield f'"{secret}"'.encode()


def run_gateways(stack, secrets):
    """Texts through gateways that take them, refuse them, fail, and are not there."""
    number, title = f"415557{uuid.uuid4().int % 10**4:04}", canary()
    echoes = [
        "POST {url} refused: " + f"+1{number}",
        '{{"error": "no", "request": {{"url": "{url}", "to": ' + f'"+1{number}"' + "}}}}",
        "bad query: {query}",
        "invalid token {token} " + f"for {number[:3]}-{number[3:6]}-{number[6:]}",
    ]
    answers = [(200, "")] + [(status, echo) for status in (400, 500) for echo in echoes]
    workspaces = [Workspace(stack, "canary") for _ in [*answers, "not there"]]
    query = f"token={secrets.gateway_token}"
    for workspace, answer in zip(workspaces, [*answers, None], strict=True):
        url = f"http://127.0.0.1:1/send?{query}"
        if answer is not None:
            url = f"{stack.env['OUTSIDE_URL']}/inbox/{workspace.id}/send?{query}"
            status, echo = answer
            body = echo.format(url=url, query=query, token=secrets.gateway_token)
            stack.behave(workspace.id, status=status, body=body)
        workspace.use_gateway(url, signing_secret=secrets.gateway_secret)
        workspace.add_member("ann", f"+1{number}", ["mentioned"])
        workspace.publish(alert("ann", kind="mentioned", title=title))
    for workspace in workspaces:
        (row,) = wait_for(lambda workspace=workspace: workspace.settled(1), 30, "the gateway's word is heard")
        workspace.entry(row["id"])
        workspace.api("GET", "/sms/provider?check=true")
        workspace.api("DELETE", "/sms/provider", None, 204)
    return number, title


def run_webhooks(stack, secrets):
    """Signed deliveries, taken and refused; secrets given, made and rotated."""
    workspace = Workspace(stack, "canary")
    stack.behave(workspace.id, status=200, fail_first=1)
    webhook = stack.create_webhook(workspace.id, workspace.id, secret=secrets.webhook_secret)
    made = stack.create_webhook(workspace.id, f"{workspace.id}-made", generate_secret=True)
    secrets.generated.append(made["secret"])
    path = f"/webhooks/{made['id']}/rotate-secret"
    secrets.generated.append(workspace.api("POST", path, {})["secret"])
    workspace.api("POST", f"/webhooks/{webhook['id']}/rotate-secret", {"secret": secrets.rotated_secret})
    marker = canary()
    message = {
        "id": f"evt_{marker}",
        "event": "work_item.created",
        "timestamp": "2026-03-29T14:30:00Z",
        "workspace": {"id": workspace.id, "slug": "my-workspace"},
        "project": None,
        "data": {"id": "wi_1", "title": f"Fix login redirect {marker}"},
        "actor": None,
    }
    stack.publish(json.dumps(message))
    for each in (webhook, made):
        find = lambda each=each: stack.deliveries(workspace.id, each["id"], "&status=success")
        (entry,) = wait_for(find, 30, "a delivery")
        workspace.api("GET", f"/webhooks/{each['id']}/deliveries/{entry['id']}")
    for body in [{"secret": [secrets.wrong]}, {"secret": secrets.wrong * 10}, {"secert": secrets.wrong}]:
        workspace.api("PATCH", f"/webhooks/{webhook['id']}", body, 422)
    return marker


def leaks(what, text, secrets, allowed=()):
    """Where in the text which secret is."""
    for name, secret in secrets.items():
        places = [text.index(form) for form in forms(secret) if form in text]
        if places and secret not in allowed:
            yield f"{name} in {what}: {text[max(0, places[0] - 80) : places[0] + 80]!r}"


@pytest.fixture
def well_behaved_twilio(stack):
    yield
    twilio_behaves(stack)


def test_no_secret_shows_in_logs_answers_messages_or_items(stack, well_behaved_twilio):
    secrets = Secrets()
    with watched(stack) as messages:
        with ThreadPoolExecutor(3) as pool:
            runs = [pool.submit(run, stack, secrets) for run in (run_twilio, run_gateways, run_webhooks)]
        (twilio, phones, title), (number, gateway_title), marker = [run.result() for run in runs]
        stack.sqs.send_message(QueueUrl=stack.queue("SmsQueue"), MessageBody=GARBAGE)
        dead = stack.queue("SmsDeadLetterQueue")
        wait_for(lambda: stack.waiting(dead) > 0, 30, "a dead letter")
    canaries = secrets.all()
    logs = {path.name: path.read_bytes() for path in [*stack.logs.iterdir(), stack.output]}
    items = table_items(stack)

    # The searches look at what they should look at.
    assert any(b"SMS batch handled" in text for text in logs.values())
    assert any(twilio.id.encode() in text for text in messages.values()), "wake-ups"
    assert any(GARBAGE.encode() in text for text in messages.values()), "dead letters"
    assert any(f"Fix login redirect {marker}".encode() in item for item in items), "unpacked bodies"
    assert any(number.encode() in item for item in items)

    found = []
    private = {"a text": title, "a gateway's text": gateway_title, "a gateway's phone": number}
    private |= {f"phone {phone}": phone[2:] for phone in phones}
    for name, text in logs.items():
        # The stack tells its user the operator's key; that one is no canary.
        found += leaks(f"log {name}", text, canaries | private)
    for text in messages.values():
        found += leaks("a message", text, canaries)
    for item in items:
        found += leaks("an item", item, canaries)
    made = secrets.keys + secrets.generated
    for answer in stack.answers:
        # Shown once, by design: a key that was just made, a webhook's secret that was just made.
        shown_once = answer.method == "POST" and answer.path.endswith(("/api-keys", "/webhooks", "/rotate-secret"))
        text = answer.headers.encode() + answer.body
        found += leaks(f"{answer.method} {answer.path}", text, canaries, made if shown_once else ())
    if found:
        pytest.fail("\n".join(found[:20]), pytrace=False)
    assert all(sum(holds(answer.body, secret) for answer in stack.answers) == 1 for secret in made), "shown once"
