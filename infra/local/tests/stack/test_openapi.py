"""The HTTP API under attack: whatever is sent, by whomever, the answer is one that the description describes.

Schemathesis makes requests from the description, well-formed and malformed ones; each is sent by somebody who may do
that and by somebody who may not. What it does not think of is in `test_hostile_requests.py`. All of it stays on this
machine.

The requests are the same in every run. In the long form, `OPENAPI_EXAMPLES=1000 pytest test_openapi.py`, so many random
ones an operation follow those at the limits of each field, from a seed that every failure names (`OPENAPI_SEED` repeats
it), and each is sent with every role's key and without one.
"""

import json
import os
import random
import re
import urllib.parse
import zlib

import hypothesis.configuration
import pytest
import requests
import schemathesis
from described_api import ACCESS, DESCRIPTION, OF_WORKSPACE, OPERATIONS, check_problem, is_well_formed
from running_stack import ROOT
from schemathesis.checks import CHECKS
from schemathesis.core import NOT_SET

EXAMPLES = os.environ.get("OPENAPI_EXAMPLES")
SEED = int(os.environ.get("OPENAPI_SEED", random.getrandbits(32) if EXAMPLES else 1))
ROLES = ["no key", "publisher", "member", "admin", "operator"]

# Fields whose rules hang on other fields, on what is configured, on the time or on numbering plans, not on a schema.
BEYOND_THE_SCHEMA = {
    "GET /api-keys": {"cursor"},
    "POST /api-keys": {"user_id"},
    "POST /events": {"timestamp", "workspace.id", "data.changes"},
    "GET /history": {"channel", "status", "recipient", "type", "from", "to", "cursor"},
    "GET /members": {"cursor"},
    "PUT /members/{user_id}": {"name", "phone"},
    "PUT /sms/provider": {
        "url", "account_sid", "auth_token", "from_number", "messaging_service_sid", "api_key_sid", "api_key_secret",
    },
    "POST /sms/preview": {"item.url", "item.identifier", "summary"},
    "POST /sms/test": {"to"},
    "GET /stats": {"from", "to"},
    "GET /webhooks": {"cursor"},
    "POST /webhooks": {"generate_secret", "url"},
    "PATCH /webhooks/{webhook_id}": {"generate_secret", "url"},
    "GET /webhooks/{webhook_id}/deliveries": {"cursor"},
    "POST /webhooks/{webhook_id}/recover": {"since"},
}  # fmt: skip

hypothesis.configuration.set_hypothesis_home_dir(ROOT / "target" / "hypothesis")
schema = schemathesis.openapi.from_dict(DESCRIPTION, config=schemathesis.Config(seed=SEED))
schema.config.generation.update(max_examples=int(EXAMPLES or 8), with_security_parameters=False)
schema.config.phases.update(phases=["examples", "coverage", "fuzzing"])


@pytest.fixture
def restored(target):
    target.restore()
    print(f"OPENAPI_SEED={SEED}")
    return target


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


def names(case):
    """The operation as the tables of this file name it."""
    return f"{case.method} {case.path.removeprefix(OF_WORKSPACE)}"


def check_refusal(case, role, response, blamed):
    """A role gets what the documentation says, whatever the request looks like otherwise."""
    cell = ACCESS[case.method, case.path][role]
    well_formed = all(is_well_formed(name, value) for name, value in case.path_parameters.items())
    if cell.isdigit() and well_formed:
        assert response.status_code == int(cell)
    if cell == "✓" and role in ("operator", "admin"):
        assert response.status_code not in (401, 403)
    if response.status_code == 422:
        assert blamed or not isinstance(case.body, dict)
        if case.meta.generation.mode.is_positive:
            assert blamed <= BEYOND_THE_SCHEMA.get(names(case), set()), response.content
    if response.status_code == 401:
        assert response.headers["www-authenticate"] == ["Bearer"]


def is_another_route(case, response):
    """Slashes, dots and question marks in an id lead to another route: API Gateway decodes paths."""
    ids = urllib.parse.unquote("/".join(map(str, case.path_parameters.values())))
    return response.status_code == 405 and re.search(r"[/\\?#]|\.\.", ids)


def senders(case):
    """Who sends it: one whom the documentation allows that and one whom it refuses; all of them in the long run."""
    cells = ACCESS.get((case.method, case.path))
    if EXAMPLES:
        return ROLES
    body = None if case.body is NOT_SET else case.body
    draw = zlib.crc32(repr((case.query, body)).encode(errors="replace"))
    allowed = [role for role in ROLES if cells is None or not cells[role].isdigit()]
    refused = [role for role in ROLES if role not in allowed]
    return [roles[draw % len(roles)] for roles in (refused, allowed) if roles]


def check_answer(case, role, response, headers):
    assert response.status_code < 500, (role, response.content)
    blamed = set()
    if response.status_code >= 400 and case.method != "HEAD":
        blamed = check_problem(response.status_code, response.headers["content-type"][0], response.content)
    if response.status_code == 405:
        allowed = {method.strip() for method in response.headers["allow"][0].split(",")}
        assert case.method not in allowed
    if is_another_route(case, response):
        return
    if case.method != case.operation.method.upper():
        described = {method for method, path in OPERATIONS if path == case.path}
        assert response.status_code != 405 or allowed - {"HEAD"} == described
        return
    check_refusal(case, role, response, blamed)
    # `ignored_auth` is what the roles are for; what a schema does not tell is in the table above.
    excluded = ["ignored_auth", "positive_data_acceptance"]
    # URLs are read as browsers read them, which takes more than RFC 3986 does: a host in other letters, say.
    if "'uri' format" in (case.meta.phase.data.description or ""):
        excluded.append("negative_data_rejection")
    excluded = CHECKS.get_by_names(excluded)
    case.validate_response(response, excluded_checks=excluded, headers=headers)


@hypothesis.settings(deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
@schema.parametrize()
def test_every_answer_is_a_described_one(case, restored, session):
    case.headers.pop("Authorization", None)
    for role in senders(case):
        restored.attacks += 1
        restored.aim(case, role)
        headers = restored.authorization(role)
        response = case.call(base_url=restored.stack.env["API_URL"], session=session, headers=headers)
        check_answer(case, role, response, headers)
        if response.status_code == 201 and names(case) == "POST /webhooks":
            restored.api("DELETE", f"/webhooks/{json.loads(response.content)['id']}", None, 204)
