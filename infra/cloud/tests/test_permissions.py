"""Least privilege: a role allows what its function does in a recorded run of the local stack, and no more."""

import json
import re

import pytest
from permissions.comparison import Call, compare, differences, recorded
from permissions.policies import NotUnderstood, Template
from permissions.walk import walk
from running_stack import ROOT, running
from translate import translate

OFFSET = 1500
SETTINGS = {"RetrySchedule": "1s,1s", "SmsRetrySchedule": "1s,1s"}


@pytest.fixture(scope="module")
def translated():
    return translate()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What functions did, and what the API answered."""
    with running(OFFSET, tmp_path_factory.mktemp("stack") / "output", SETTINGS) as stack:
        walk(stack)
        yield recorded(stack.permissions), stack.answers


def test_each_functions_role_allows_what_the_function_does_and_nothing_else(translated, run):
    calls, _ = run
    template = Template(translated)
    assert set(calls) == set(template.functions())
    found = differences(template, calls)
    if found:
        pytest.fail("\n".join(map(str, found)), pytrace=False)


def test_the_key_opens_nothing_that_is_not_bound_to_a_workspace_and_a_purpose(translated, run):
    """Beside the role, the key's own policy must allow a call: it allows no way around the encryption context."""
    calls = {call for called in run[0].values() for call in called if call.action.startswith("kms:")}
    grants = Template(translated).key_policy("SecretsKey")

    def allowed(call):
        return any(grant.covers(call) for grant in grants)

    actions = {grant.action for grant in grants}
    assert not any("*" in action for action in actions)
    assert not actions & {"kms:CreateGrant", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
    assert {call.action for call in calls} == {"kms:Encrypt", "kms:Decrypt"}
    for call in calls:
        assert allowed(call), call
        for keys in [(), ("purpose",), ("workspace",), ("other", "purpose", "workspace")]:
            facts = {**call.facts, "kms:EncryptionContextKeys": keys} if keys else {}
            assert not allowed(Call(call.action, call.resource, tuple(facts.items()))), keys


def test_the_walk_goes_along_every_route_of_the_api(run):
    _, answers = run
    routes = json.loads((ROOT / "functions/admin-api/openapi.json").read_text())["paths"]
    went = {(answer.method, answer.path.split("?")[0]) for answer in answers if answer.status < 300}
    for path, methods in routes.items():
        shape = re.compile(re.sub(r"\{\w+}", "[^/]+", path))
        for method in methods:
            assert any(method.upper() == used and shape.fullmatch(at) for used, at in went), (method, path)


# The comparison itself ----------------------------------------------------------------------------------------------

QUEUE, TABLE, KEY, LOGS = (
    f"arn:aws:{rest}"
    for rest in (
        "sqs:us-east-1:000000000000:Queue",
        "dynamodb:us-east-1:000000000000:table/Table",
        "kms:us-east-1:000000000000:alias/Key",
        "logs:us-east-1:000000000000:log-group:Logs",
    )
)
CONTEXT = "kms:EncryptionContext:purpose"


def arn(name):
    return {"Fn::GetAtt": [name, "Arn"]}


def sends(**changed):
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("Queue"), **changed}


def template_of(*statements, role=None, function=None, **resources):
    """A template with one function `F`, whose role has these statements and those that every function has."""
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arn("Logs")}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "f", "PolicyDocument": {"Statement": [*statements, logs]}}
    role = {"AssumeRolePolicyDocument": {"Statement": [trust]}, "Policies": [policy], **(role or {})}
    function = {"Role": arn("Role"), "LoggingConfig": {"LogGroup": {"Ref": "Logs"}}, **(function or {})}
    return Template(
        {
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue"},
                "Table": {"Type": "AWS::DynamoDB::Table"},
                "Key": {"Type": "AWS::KMS::Key"},
                "Logs": {"Type": "AWS::Logs::LogGroup"},
                "Role": {"Type": "AWS::IAM::Role", "Properties": role},
                "F": {"Type": "AWS::Lambda::Function", "Properties": function},
                **resources,
            }
        }
    )


def found(template, *calls):
    return [(each.kind, each.action, each.resource, each.detail) for each in differences(template, {"F": list(calls)})]


def decrypted(purpose):
    facts = ((CONTEXT, (purpose,)), ("kms:EncryptionContextKeys", ("purpose", "workspace")))
    return Call("kms:Decrypt", KEY, facts)


def decrypts(*purposes, **changed):
    condition = {"StringEquals": {CONTEXT: list(purposes)}}
    return {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": arn("Key"), "Condition": condition, **changed}


def test_what_is_used_and_allowed_is_no_finding():
    tables = [arn("Table"), {"Fn::Sub": "${Table.Arn}/index/due"}]
    statements = [
        sends(),
        {"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": tables},
        decrypts("webhook-secret", "gateway-url"),
    ]
    queries = [Call("dynamodb:Query", TABLE), Call("dynamodb:Query", f"{TABLE}/index/due")]
    decryptions = [decrypted("webhook-secret"), decrypted("gateway-url")]
    assert found(template_of(*statements), Call("sqs:SendMessage", QUEUE), *queries, *decryptions) == []


def test_a_call_that_no_statement_allows_is_missing():
    assert found(template_of(), Call("sqs:SendMessage", QUEUE)) == [("missing", "sqs:SendMessage", QUEUE, "")]
    on_index = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": arn("Table")}
    calls = [Call("dynamodb:Query", TABLE), Call("dynamodb:Query", f"{TABLE}/index/due")]
    assert found(template_of(on_index), *calls) == [("missing", "dynamodb:Query", f"{TABLE}/index/due", "")]
    ((kind, action, _, detail),) = found(template_of(decrypts("a")), decrypted("a"), decrypted("b"))
    assert (kind, action) == ("missing", "kms:Decrypt") and f"{CONTEXT} = b" in detail


def test_what_is_allowed_and_not_used_is_superfluous():
    assert found(template_of(sends())) == [("superfluous", "sqs:SendMessage", QUEUE, "")]
    two = template_of(sends(Action=["sqs:SendMessage", "sqs:PurgeQueue"]))
    assert found(two, Call("sqs:SendMessage", QUEUE)) == [("superfluous", "sqs:PurgeQueue", QUEUE, "")]
    purposes = template_of(decrypts("a", "b"))
    assert found(purposes, decrypted("a")) == [("superfluous", "kms:Decrypt", KEY, f"{CONTEXT} = b")]
    twice = template_of(decrypts("a", "b"), decrypts("b"))
    assert ("superfluous", "kms:Decrypt", KEY, "") in found(twice, decrypted("a"), decrypted("b"))


def test_wildcards_and_secrets_of_every_purpose_are_findings():
    for wide in [
        sends(Action="sqs:*"),
        sends(Action="sqs:Send?essage"),
        sends(Resource="*"),
        sends(Resource=f"{QUEUE}*"),
    ]:
        assert "wildcard" in [kind for kind, *_ in found(template_of(wide), Call("sqs:SendMessage", QUEUE))]
    unbound = decrypts("a")
    del unbound["Condition"]
    ((kind, *_),) = found(template_of(unbound), decrypted("a"))
    assert kind == "unbound"


def test_own_logs_and_traces_are_allowed_exactly():
    traced = {"TracingConfig": {"Mode": "Active"}}
    traces = {"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"}
    assert found(template_of(traces, function=traced)) == []
    assert {kind for kind, *_ in found(template_of(traces))} == {"superfluous"}
    assert {kind for kind, *_ in found(template_of(function=traced))} == {"missing"}
    others = {"LoggingConfig": {"LogGroup": {"Ref": "Others"}}}
    group = {"Others": {"Type": "AWS::Logs::LogGroup"}}
    kinds = [(kind, resource) for kind, _, resource, _ in found(template_of(function=others, **group))]
    assert ("superfluous", LOGS) in kinds and ("missing", LOGS.replace("Logs", "Others")) in kinds


def test_what_is_not_understood_is_an_error_and_not_passed_over():
    by_policy = {"P": {"Type": "AWS::IAM::Policy"}}
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    second = {"G": {"Type": "AWS::Lambda::Function", "Properties": {"Role": arn("Role")}}}
    for build in [
        lambda: template_of(sends(Effect="Deny")),
        lambda: template_of({"Effect": "Allow", "NotAction": "sqs:PurgeQueue", "Action": [], "Resource": arn("Queue")}),
        lambda: template_of(sends(Condition={"StringLike": {CONTEXT: "*"}})),
        lambda: template_of(sends(Resource={"Fn::ImportValue": "x"})),
        lambda: template_of(sends(Resource={"Fn::Sub": "${Queue.Arn}${Other}"})),
        lambda: template_of(sends(Resource=arn("Nothing"))),
        lambda: template_of(role={"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
        lambda: template_of(role={"AssumeRolePolicyDocument": {"Statement": [trust]}}),
        lambda: template_of(function={"Role": "arn:aws:iam::000000000000:role/other"}),
        lambda: template_of(**by_policy),
        lambda: template_of(**second),
    ]:
        with pytest.raises(NotUnderstood):
            differences(build(), {})


def test_taking_any_permission_from_the_products_template_or_adding_one_is_noticed(translated):
    """On calls made of what the roles allow: so the comparison finds whatever is changed in any of them."""
    template = Template(translated)
    for function in template.functions():
        grants = list(template.grants_of(function))
        calls = [call for grant in grants for call in calls_within(grant)]
        assert list(compare(function, grants, calls)) == []
        for number, grant in enumerate(grants):
            fewer = grants[:number] + grants[number + 1 :]
            assert {each.kind for each in compare(function, fewer, calls)} == {"missing"}, grant
            unused = [call for call in calls if not grant.covers(call)]
            assert {each.kind for each in compare(function, grants, unused)} == {"superfluous"}, grant


def calls_within(grant):
    """Calls that use the grant to the full."""
    purposes = [value for condition in grant.conditions if condition.key == CONTEXT for value in condition.values]
    if not purposes:
        return [Call(grant.action, grant.resource)]
    facts = [((CONTEXT, (purpose,)), ("kms:EncryptionContextKeys", ("purpose", "workspace"))) for purpose in purposes]
    return [Call(grant.action, grant.resource, fact) for fact in facts]
