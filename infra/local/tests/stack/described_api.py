"""The HTTP API as it is described, and a workspace that has one of everything to try it on."""

import json
import re
import urllib.parse
import zlib

from running_stack import ROOT
from sms_workspace import Workspace

DESCRIPTION = json.loads((ROOT / "functions/admin-api/openapi.json").read_text())
OPERATIONS = [(method.upper(), path) for path, item in DESCRIPTION["paths"].items() for method in item]
OF_WORKSPACE = "/v1/workspaces/{workspace_id}"
PHONE, OTHER_PHONE = "+14155551234", "+33612345678"
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 413: "Payload Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Entity",
}  # fmt: skip


def path_patterns():
    """What a well-formed id looks like, by parameter."""
    parameters = [p for item in DESCRIPTION["paths"].values() for o in item.values() for p in o.get("parameters", [])]
    return {p["name"]: re.compile(p["schema"]["pattern"]) for p in parameters if p["in"] == "path"}


def documented_access():
    """What `docs/api.md` says of each role, by operation."""
    rows = [line.strip("|").split("|") for line in (ROOT / "docs/api.md").read_text().splitlines() if "| `/v1/" in line]
    rows = [[cell.strip().strip("`") for cell in row] for row in rows]
    columns = ["operator", "admin", "publisher", "member", "no key"]
    return {(method, path): dict(zip(columns, cells)) for method, path, *cells in rows}


PATTERNS, ACCESS = path_patterns(), documented_access()


def is_well_formed(name, value):
    """Whether it can be an id; Schemathesis quotes what a path needs quoted."""
    return PATTERNS[name].fullmatch(urllib.parse.unquote(str(value))) is not None


class Target(Workspace):
    """A workspace that has one of everything, and a key of every role."""

    def __init__(self, stack):
        super().__init__(stack, "openapi")
        self.attacks = 0
        self.url = f"{stack.env['OUTSIDE_URL']}/inbox/{self.id}"
        self.restore()
        users = {"publisher": None, "member": "user_own", "admin": "user_own"}
        self.keys = {role: self.key(role, user) for role, user in users.items()} | {"operator": stack.env["API_KEY"]}
        self.webhook, self.patched = self.new_webhook(), self.new_webhook()
        self.deliveries = [self.test(f"/webhooks/{self.webhook}/test", {}) for _ in range(2)]
        self.messages = [self.test("/sms/test", {"to": PHONE}) for _ in range(2)]
        self.api_key = self.new_key()

    def restore(self):
        """The provider and the members, as they were at first."""
        self.use_twilio()
        for user, phone in [("user_own", PHONE), ("user_other", OTHER_PHONE)]:
            self.api("PUT", f"/members/{user}", {"name": user, "phone": phone}, (200, 201))

    def new_webhook(self):
        return self.stack.create_webhook(self.id, self.id, events=["page.created"])["id"]

    def new_key(self):
        return self.api("POST", "/api-keys", {"role": "publisher", "name": "to be deleted"}, 201)["id"]

    def new_member(self):
        self.api("PUT", "/members/user_new", {"name": "to be deleted"}, (200, 201))
        return "user_new"

    def test(self, path, body):
        return self.api("POST", path, body, 202)["delivery_id"]

    def authorization(self, role):
        return {"Authorization": f"Bearer {self.keys[role]}"} if role in self.keys else {}

    def real(self, name, case, role, draw):
        """The id of something that exists; what is about to be deleted is made for it."""
        deletes = case.method == "DELETE" and ACCESS.get(("DELETE", case.path), {}).get(role) == "✓"
        if name == "webhook_id":
            kept = self.patched if case.method == "PATCH" else self.webhook
            return self.new_webhook() if deletes else kept
        if name == "key_id":
            return self.new_key() if deletes else self.api_key
        if name == "user_id":
            return self.new_member() if deletes else ["user_own", "user_other"][draw % 2]
        if name == "delivery_id":
            return (self.deliveries if "{webhook_id}" in case.path else self.messages)[draw % 2]
        return self.id

    def aim(self, case, role):
        """Most well-formed ids, URLs and phones become real ones, of this machine; what is malformed stays."""
        for name, value in list(case.path_parameters.items()):
            draw = zlib.crc32(repr((value, case.query)).encode(errors="replace"))
            wanted = name == "workspace_id" or draw % 8 or "%" in str(value)
            if wanted and is_well_formed(name, value):
                case.path_parameters[name] = self.real(name, case, role, draw)
        if isinstance(case.body, dict):
            aimed = {name: self.aim_field(name, value) for name, value in case.body.items()}
            if aimed != case.body:
                case.body = aimed

    def aim_field(self, name, value):
        if name == "url" and isinstance(value, str) and len(value) <= 2048 and re.match(r"\s*[A-Za-z]+:", value):
            return self.url
        if name in ("to", "phone") and isinstance(value, str) and re.fullmatch(r"\+[1-9][0-9]{6,14}", value):
            return PHONE
        if name == "workspace" and isinstance(value, dict) and PATTERNS["workspace_id"].fullmatch(str(value.get("id"))):
            return value | {"id": self.id}
        if name == "alert" and isinstance(value, dict) and isinstance(value.get("item"), dict):
            return value | {"item": {each: self.aim_field(each, inner) for each, inner in value["item"].items()}}
        return value


def check_problem(status, content_type, body):
    """RFC 9457, and every field that breaks a rule named."""
    assert content_type == "application/problem+json"
    problem = json.loads(body)
    assert problem.keys() <= {"type", "title", "status", "detail", "errors"}
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", TITLES[status], status)
    assert problem["detail"]
    for error in problem.get("errors", []):
        assert error.keys() == {"field", "rule"} and error["rule"]
        assert f"{error['field']}: {error['rule']}" in problem["detail"]
    return {error["field"] for error in problem.get("errors", [])}
