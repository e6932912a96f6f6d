"""What functions did beside what they may do."""

import collections
import dataclasses
import json

# Permissions whose use the local stack does not see: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html,
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
PURPOSE = "kms:EncryptionContext:purpose"


@dataclasses.dataclass(frozen=True)
class Call:
    """One action on one resource, with what conditions may ask of it: values by condition key."""

    action: str
    resource: str
    conditions: tuple = ()

    @property
    def facts(self):
        return dict(self.conditions)


@dataclasses.dataclass(frozen=True)
class Finding:
    """A difference."""

    kind: str
    function: str
    action: str
    resource: str
    detail: str = ""

    def __str__(self):
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind}: {self.function}: {self.action} on {self.resource}{detail}"


def recorded(path):
    """The calls of a recorded run, by function."""
    calls = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        facts = tuple((key, tuple(values)) for key, values in sorted(entry["conditions"].items()))
        calls[entry["function"]].append(Call(entry["action"], entry["resource"], facts))
    return calls


def expected_unrecorded(template, function):
    """The permissions of a function that no recording shows the use of."""
    group = template.log_group_of(function)
    traces = TRACES if template.is_traced(function) else ()
    return [Call(action, group) for action in LOGS] + [Call(action, "*") for action in traces]


def differences(template, calls):
    """What is missing in the functions' roles, what is superfluous, and what is too wide to tell."""
    found = []
    for function in template.functions():
        unrecorded = expected_unrecorded(template, function)
        found += compare(function, template.grants_of(function), [*calls.get(function, []), *unrecorded])
    return found


def compare(function, grants, calls):
    yield from too_wide(function, grants)
    yield from missing(function, grants, calls)
    yield from superfluous(function, grants, calls)


def too_wide(function, grants):
    for grant in grants:
        finding = Finding("wildcard", function, grant.action, grant.resource)
        anywhere = grant.action in TRACES and grant.resource == "*"
        if any(wild in grant.action + grant.resource for wild in "*?") and not anywhere:
            yield finding
        bound = any((condition.operator, condition.key) == ("StringEquals", PURPOSE) for condition in grant.conditions)
        if grant.action.startswith("kms:") and not bound:
            yield dataclasses.replace(finding, kind="unbound", detail=f"no condition on {PURPOSE}")


def missing(function, grants, calls):
    for call in calls:
        if not any(grant.covers(call) for grant in grants):
            detail = ", ".join(f"{key} = {' and '.join(values)}" for key, values in call.conditions)
            yield Finding("missing", function, call.action, call.resource, detail)


def superfluous(function, grants, calls):
    """What no call needs, or has from another statement as well."""
    for grant in grants:
        needing = [call for call in calls if [other for other in grants if other.covers(call)] == [grant]]
        finding = Finding("superfluous", function, grant.action, grant.resource)
        if not needing:
            yield finding
        for condition in grant.conditions if needing else ():
            used = {value for call in needing for value in call.facts.get(condition.key, ())}
            for value in condition.values if condition.operator != "Null" else ():
                if value not in used:
                    yield dataclasses.replace(finding, detail=f"{condition.key} = {value}")
