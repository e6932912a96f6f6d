"""Requests that no client library would send: each gets a problem document, and changes nothing."""

import dataclasses
import http.client
import json
import re
import urllib.parse

import pytest
from described_api import DESCRIPTION, OF_WORKSPACE, OPERATIONS, check_problem, is_well_formed
from sms_workspace import Workspace


@dataclasses.dataclass(frozen=True)
class Reply:
    """What came back, of a request that no client library would send."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def send(target, method, path, body=None, headers=(), key="operator"):
    """One request as it stands; every refusal is a problem document."""
    target.attacks += 1
    address = urllib.parse.urlsplit(target.stack.env["API_URL"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    headers = dict(target.authorization(key) if key else {}) | dict(headers)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()
    assert reply.status < 500, (method, path, body, reply)
    if reply.status >= 400:
        check_problem(reply.status, reply.headers["content-type"], reply.body)
    return reply


def blamed(reply):
    return {error["field"] for error in reply.json().get("errors", [])}


def real_path(target, path):
    ids = {
        "workspace_id": target.id, "webhook_id": target.webhook, "key_id": target.api_key, "user_id": "user_own",
        "delivery_id": target.deliveries[0] if "{webhook_id}" in path else target.messages[0],
    }  # fmt: skip
    return path.format_map(ids)


def test_the_description_that_is_served_is_the_one_that_is_tested(target):
    assert send(target, "GET", "/v1/openapi.json").json() == DESCRIPTION


WITH_BODY = [(m, p) for m, p in OPERATIONS if "requestBody" in DESCRIPTION["paths"][p][m.lower()]]
NO_JSON = {
    "truncated": b'{"url": "https://exam', "truncated escape": b'{"a": "\\u00', "two": b"{}{}", "comma": b'{"a": 1,}',
    "comment": b"{/* */}", "single quotes": b"{'a': 1}", "NaN": b'{"a": NaN}', "leading zero": b'{"a": 01}',
    "invalid UTF-8": b'{"a": "\xff"}', "overlong UTF-8": b'{"a": "\xc0\x80"}', "surrogate": b'{"a": "\xed\xa0\x80"}',
    "lone surrogate": b'{"a": "\\ud800"}', "NUL": b'{"a": "\0"}', "NUL outside": b"{}\0", "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"), "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "control": b'{"a": "\n"}',
    "a huge exponent": b'{"a": 1e999999}',
}  # fmt: skip
GRAMMATICAL = {"lone surrogate", "a huge exponent"}
OTHER_JSON = [b"null", b"true", b"7", b'"text"', b"[]", b"[{}]", b"1" * 1000]
WRONG_TYPES = [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "text/json", "application/jsonp", "application/json5", "*/*", "json", ";", "application/json, text/plain",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), WITH_BODY, ids=lambda part: part)
def test_a_body_that_is_no_json_object_changes_nothing(target, method, path):
    real = real_path(target, path)
    before = send(target, "GET", real).body if ("GET", path) in OPERATIONS else None
    for what, body in NO_JSON.items():
        # Of an event's fields, those that the product does not know are read no further than JSON's grammar.
        unread = path.endswith("/events") and what in GRAMMATICAL
        assert send(target, method, real, body).status == (422 if unread else 400), what
    nested = [b'{"a":' * depth + b"1" + b"}" * depth for depth in (200, 5000)]
    for body in OTHER_JSON + nested:
        assert send(target, method, real, body).status in (400, 422), body
    assert send(target, method, real, b'{"a": "' + b"x" * 2**20 + b'"}').status == 413
    repeated = send(target, method, real, b'{"id": 1, "\\u0069d": 2, "name": "a", "name": "b"}')
    assert repeated.status == 422 and blamed(repeated)
    for kind in WRONG_TYPES:
        assert send(target, method, real, b"{}", {"Content-Type": kind}).status == 415, kind
    if before is not None:
        assert send(target, "GET", real).body == before


NUMBERS = ["-1", "1e400", "9" * 400, "1.5", "18446744073709551616", '"1"', "null", "[1]", "true"]


def test_numbers_and_control_characters_are_refused_by_the_name_of_their_field(target):
    webhook = f"{OF_WORKSPACE}/webhooks/{{webhook_id}}"
    fields = [
        ("POST", f"{webhook}/rotate-secret", "overlap_seconds", {}),
        ("PUT", f"{OF_WORKSPACE}/sms/provider", "max_segments", {"type": "http", "url": target.url}),
    ]
    for method, path, field, rest in fields:
        for number in NUMBERS:
            body = json.dumps(rest | {field: "@"}).replace('"@"', number)
            reply = send(target, method, real_path(target, path), body.encode())
            assert reply.status == 400 or reply.status == 422 and blamed(reply) == {field}, (number, reply)
    texts = [
        ("PATCH", webhook, "url", "https://example.com/\0"),
        ("PATCH", webhook, "project_id", "proj\0"),
        ("PUT", f"{OF_WORKSPACE}/members/user_own", "phone", "+1415555\x001234"),
        ("POST", f"{OF_WORKSPACE}/sms/test", "to", "+14155551234\0"),
        ("POST", f"{OF_WORKSPACE}/events", "id", "evt\0"),
        ("PUT", f"{OF_WORKSPACE}/members/user_own", "name", "Carol\0\r\n\u2028"),
        ("PATCH", webhook, "description", "\0\r\n\u202e"),
        ("PATCH", webhook, "secret", "\0\r\n"),
    ]
    for method, path, field, text in texts:
        reply = send(target, method, real_path(target, path), json.dumps({field: text}).encode())
        if field in ("name", "description", "secret"):
            assert reply.status in (200, 422), (field, reply)
        else:
            assert reply.status == 422 and field in blamed(reply), (field, reply)
    target.restore()


BAD_IDS = [
    "..", ".", "%2e%2e", "%2E%2e%2f%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "%2f", "%5c..%5c", "a%2fb", "%00", "%ff",
    "%0d%0aX:y", "%c0%ae", "%252e%252e", "%3f", "%3Flimit=1", "%23", "*", "%20", "'%20or%20'1'='1", "{{7*7}}",
    "wh_" + "0" * 25, "wh_" + "Z" * 26, "dlv_" + "0" * 31, "key_%00", "a" * 4000, "%F0%9F%8E%89", "%E2%80%AE",
    ";a=b", "%",
]  # fmt: skip


def test_a_path_that_names_something_impossible_opens_nothing(target):
    stranger = Workspace(target.stack, "stranger")
    headers = {"Authorization": f"Bearer {stranger.key('admin')}"}
    for path in [path for method, path in OPERATIONS if method == "GET" and "{" in path]:
        for name in re.findall(r"\{(\w+)\}", path):
            for bad in BAD_IDS:
                if name == "workspace_id" and is_well_formed(name, bad):
                    continue
                real = real_path(target, path.replace(f"{{{name}}}", "@")).replace("@", bad)
                reply = send(target, "GET", real)
                assert reply.status in (404, 405), (real, reply)
                assert send(target, "GET", real, headers=headers).status in (404, 405), real


def test_a_path_that_climbs_leads_to_where_the_key_may_go_and_nowhere_else(target):
    own, other = Workspace(target.stack, "climber"), target.id
    headers = {"Authorization": f"Bearer {own.key('admin')}"}
    for climb in ["..", "%2e%2e", ".%2e", "webhooks/../..", "%2e%2e%2f" + own.id + "%2f..", "..%5c", "x%2f..%2f.."]:
        reply = send(target, "GET", f"/v1/workspaces/{own.id}/{climb}/{other}/webhooks", headers=headers)
        assert reply.status in (404, 405), (climb, reply)


def lists():
    """The lists that have pages."""
    for method, path in OPERATIONS:
        parameters = DESCRIPTION["paths"][path][method.lower()].get("parameters", [])
        if any(parameter["name"] == "cursor" for parameter in parameters):
            yield path


BAD_QUERIES = [
    "limit=0", "limit=-1", "limit=101", "limit=1e1", "limit=%00", "limit=1%0d%0aX:%20y", "limit=9" + "9" * 300,
    "limit[]=1", "limit=1&limit=2", "limit=%EF%BC%91", "cursor=%ff", "cursor=" + "A" * 8000, "x" * 8000 + "=1",
    "a=1&" * 1500, "%00=1", "__proto__=1",
]  # fmt: skip
# The last three are "99999999999999999999/a", "1/" and "/x".
BAD_CURSORS = ["", "AAAA", "====", "..%2f..", "%00", "null", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTkvYQ", "MS8", "L3g"]


@pytest.mark.parametrize("path", list(lists()))
def test_a_list_refuses_what_it_does_not_know_and_finds_nothing_by_strange_cursors(target, path):
    stranger = Workspace(target.stack, "strange")
    for _ in range(3):
        target.stack.create_webhook(stranger.id, stranger.id)
        stranger.key("publisher")
    real = real_path(target, path)
    for query in BAD_QUERIES:
        assert send(target, "GET", f"{real}?{query}").status == 422, query
    own = send(target, "GET", f"{real}?limit=100").json()["items"]
    cursors = [stranger.api("GET", f"/{each}?limit=1")["next_cursor"] for each in ("webhooks", "api-keys")]
    assert all(cursors)
    pages = [send(target, "GET", f"{real_path(target, each)}?limit=1").json() for each in lists()]
    for cursor in BAD_CURSORS + cursors + [page["next_cursor"] for page in pages if page["next_cursor"]]:
        reply = send(target, "GET", f"{real}?limit=100&cursor={cursor}")
        if reply.status == 200:
            assert all(item in own for item in reply.json()["items"]), cursor
        else:
            assert (reply.status, blamed(reply)) == (422, {"cursor"}), cursor


def test_of_two_authorization_headers_neither_counts(target):
    path = f"/v1/workspaces/{target.id}/webhooks"
    good, bad = f"Bearer {target.keys['admin']}", "Bearer x"
    for first, second in [(good, good), (good, bad), (bad, good)]:
        headers = {"Authorization": first, "authorization": second}
        assert send(target, "GET", path, headers=headers, key=None).status == 401, (first, second)
    assert send(target, "GET", path, headers={"Authorization": good}, key=None).status == 200
