"""What ministack cannot do of the template, and why: all that differs between what is translated and what it deploys.

It is pinned; a newer one may need less of this.
"""

import dataclasses
import json
from collections.abc import Callable

# Whose permission is also that of the batch call:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
BATCHED = {"sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"}


@dataclasses.dataclass(frozen=True)
class Gap:
    """Something of the template that ministack cannot do, and how the template is changed for it."""

    what: str
    reason: str
    close: Callable
    """Changes a template; returns the names of the resources that it has changed or taken out."""


def drop_canaries(template):
    resources = template["Resources"]
    gone = take_out(resources, lambda resource: resource["Type"].startswith("AWS::CodeDeploy::"))
    aliases = [name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Alias"]
    return gone + [name for name in aliases if resources[name].pop("UpdatePolicy", None)]


def drop_metric_math(template):
    return take_out(
        template["Resources"],
        lambda resource: resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"],
    )


def drop_context_conditions(template):
    changed = []
    for name, _, statement in statements(template["Resources"]):
        for operator, keys in list(statement.get("Condition", {}).items()):
            kept = {key: value for key, value in keys.items() if not key.startswith("kms:EncryptionContext")}
            if kept != keys:
                statement["Condition"][operator] = kept
                changed.append(name)
    return changed


def drop_tls_only(template):
    """Takes out whole statements: without its condition, a Deny would deny all."""
    changed = []
    for name, siblings, statement in statements(template["Resources"]):
        if "aws:SecureTransport" in json.dumps(statement):
            siblings.remove(statement)
            changed.append(name)
    return changed


def write_out_batches(template):
    changed = []
    for name, _, statement in statements(template["Resources"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        batches = [f"{action}Batch" for action in actions if action in BATCHED]
        if batches:
            statement["Action"] = actions + batches
            changed.append(name)
    return changed


def write_out_routes(template):
    """Makes of each operation of an OpenAPI body the integration and the route that API Gateway makes of it."""
    resources = template["Resources"]
    apis = [name for name, resource in resources.items() if resource["Type"] == "AWS::ApiGatewayV2::Api"]
    for api in apis:
        for path, operations in resources[api]["Properties"].pop("Body")["paths"].items():
            for method, operation in operations.items():
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                name = f"{api}{verb}{''.join(filter(str.isalnum, path))}"
                resources |= route(api, name, f"{verb} {path}", operation["x-amazon-apigateway-integration"])
    return apis


def write_out_concurrency(template):
    changed = []
    for name, resource in template["Resources"].items():
        scaling = resource.get("Properties", {}).get("ScalingConfig", {})
        parameter = template["Parameters"].get(reference(scaling.get("MaximumConcurrency")))
        if parameter:
            scaling["MaximumConcurrency"] = parameter["Default"]
            changed.append(name)
    return changed


GAPS = [
    Gap("canary deployments", "there is no CodeDeploy: a deployment switches at once", drop_canaries),
    Gap("alarms on metric math", "its CloudWatch refuses an alarm with `Metrics`", drop_metric_math),
    Gap(
        "conditions on the encryption context",
        "its IAM knows no kms:EncryptionContext keys, so no such condition is ever met; its KMS does check the context",
        drop_context_conditions,
    ),
    Gap(
        "batch calls to SQS",
        "its IAM asks for `sqs:SendMessageBatch` and the like, where AWS asks for `sqs:SendMessage`",
        write_out_batches,
    ),
    Gap("queues over TLS only", "it is spoken to over plain http, which those policies rightly deny", drop_tls_only),
    Gap(
        "event source mappings' concurrency from a parameter",
        "it takes a parameter's number for a text and polls nothing more: the default is written out",
        write_out_concurrency,
    ),
    Gap("the HTTP API's OpenAPI body", "it makes no routes of one: they become resources", write_out_routes),
]


def close(template):
    """Changes a translated template into what ministack can deploy; returns what each gap changed."""
    return {gap.what: gap.close(template) for gap in GAPS}


def reference(value):
    return value.get("Ref") if isinstance(value, dict) else None


def take_out(resources, unwanted):
    names = [name for name, resource in resources.items() if unwanted(resource)]
    for name in names:
        del resources[name]
    return names


def statements(resources):
    """Every policy statement of a resource: the resource's name, the list that it is in, and the statement."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        documents = [properties.get("KeyPolicy"), properties.get("PolicyDocument")]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for statements in (document["Statement"] for document in documents if document):
            for statement in list(statements):
                yield name, statements, statement


def route(api, name, key, integration):
    target = {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]}
    return {
        f"{name}Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": api},
                "IntegrationType": integration["type"].upper(),
                "IntegrationUri": integration["uri"],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            },
        },
        f"{name}Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": api}, "RouteKey": key, "Target": target},
        },
    }
