"""What the translated template lets each function do: the statements of its role, with the local stack's ARNs.

Whatever is not understood is an error: a statement that is passed over would be a permission that nobody checks.
"""

import dataclasses
import re

ARN = "arn:aws:{service}:us-east-1:000000000000:{rest}"
ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
LAMBDA = {"Service": "lambda.amazonaws.com"}
LAMBDA_MAY_TAKE_IT = {"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}
# Policies that would add to a role from outside it.
ATTACHED = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"}


class NotUnderstood(Exception):
    """Something that this reader does not know."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """What must hold of a call.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """

    operator: str
    key: str
    values: tuple

    OPERATORS = ("StringEquals", "ForAllValues:StringEquals", "Null")

    def holds(self, facts):
        """Whether it holds of a call's facts: lists of values by condition key."""
        if self.operator == "Null":
            return [str(not is_there(self.key, facts)).lower()] == list(self.values)
        asked = facts.get(self.key, ())
        if self.operator == "ForAllValues:StringEquals":
            # Of no values that is true.
            return all(value in self.values for value in asked)
        return len(asked) == 1 and asked[0] in self.values


def is_there(key, facts):
    """Whether a call has the key. Of an encryption context all keys are known, though not all values."""
    prefix = "kms:EncryptionContext:"
    if key.startswith(prefix):
        return key.removeprefix(prefix) in facts.get("kms:EncryptionContextKeys", ())
    return key in facts


@dataclasses.dataclass(frozen=True)
class Grant:
    """One action on one resource."""

    action: str
    resource: str
    conditions: tuple = ()

    def covers(self, call):
        return (self.action, self.resource) == (call.action, call.resource) and all(
            condition.holds(call.facts) for condition in self.conditions
        )


class Template:
    """A translated template."""

    def __init__(self, translated):
        self.resources = translated["Resources"]
        attached = [name for name, resource in self.resources.items() if resource["Type"] in ATTACHED]
        if attached:
            raise NotUnderstood(f"policies outside of roles: {', '.join(attached)}")

    def functions(self):
        return self.of_type("AWS::Lambda::Function")

    def of_type(self, kind):
        found = ((name, resource) for name, resource in self.resources.items() if resource["Type"] == kind)
        return {name: resource.get("Properties", {}) for name, resource in found}

    def role_of(self, function):
        """The name of the function's role, which is its own and Lambda's to take."""
        match self.functions()[function]["Role"]:
            case {"Fn::GetAtt": [name, "Arn"]} if name in self.of_type("AWS::IAM::Role"):
                pass
            case other:
                raise NotUnderstood(f"{function}: the role {other}")
        role = {"Fn::GetAtt": [name, "Arn"]}
        sharing = [other for other, properties in self.functions().items() if properties["Role"] == role]
        if sharing != [function]:
            raise NotUnderstood(f"{name} is the role of {', '.join(sharing)}")
        return name

    def grants_of(self, function):
        """The grants of the function's role, in the order of its statements."""
        name = self.role_of(function)
        role = self.resources[name]["Properties"]
        trust = role["AssumeRolePolicyDocument"]["Statement"]
        if trust != [LAMBDA_MAY_TAKE_IT]:
            raise NotUnderstood(f"{name}: others than Lambda may take it")
        unknown = role.keys() - {"AssumeRolePolicyDocument", "Description", "Policies", "Tags"}
        if unknown:
            raise NotUnderstood(f"{name}: {', '.join(sorted(unknown))}")
        return [grant for policy in role["Policies"] for grant in self.grants(policy["PolicyDocument"], name)]

    def grants(self, document, at, ignored=()):
        for statement in document["Statement"]:
            unknown = statement.keys() - {"Effect", "Action", "Resource", "Condition", *ignored}
            if unknown or statement["Effect"] != "Allow":
                raise NotUnderstood(f"{at}: {statement}")
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield Grant(action, self.arn(resource, at), conditions(statement, at))

    def key_policy(self, key):
        """What the policy of a key lets the account's roles do, where their own policies do so as well."""
        document = self.resources[key]["Properties"]["KeyPolicy"]
        others = [statement for statement in document["Statement"] if statement["Principal"] != ACCOUNT]
        if others:
            raise NotUnderstood(f"{key}: {others}")
        # Its `*` is the key itself.
        return [
            dataclasses.replace(grant, resource=self.arn_of(key, key))
            for grant in self.grants(document, key, ignored=("Principal", "Sid"))
        ]

    def log_group_of(self, function):
        """The ARN of the log group that the function writes to."""
        return self.arn_of(self.functions()[function]["LoggingConfig"]["LogGroup"]["Ref"], function)

    def is_traced(self, function):
        return self.functions()[function].get("TracingConfig", {}).get("Mode") == "Active"

    def arn(self, value, at):
        """The ARN that a value leads to in the local stack, where resources bear their logical ids."""
        match value:
            case str():
                return value
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn_of(name, at)
            case {"Fn::Sub": str(text)}:
                whole = re.sub(r"\$\{(\w+)\.Arn}", lambda found: self.arn_of(found[1], at), text)
                if "${" not in whole:
                    return whole
        raise NotUnderstood(f"{at}: the resource {value}")

    def arn_of(self, name, at):
        kinds = {
            "AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"),
            # The local stack knows a key by its alias.
            "AWS::KMS::Key": ("kms", "alias/", None),
            # Without AWS's `:*`, which stands for the streams.
            "AWS::Logs::LogGroup": ("logs", "log-group:", None),
            "AWS::SQS::Queue": ("sqs", "", "QueueName"),
        }
        resource = self.resources.get(name, {})
        if resource.get("Type") not in kinds:
            raise NotUnderstood(f"{at}: the ARN of {name}")
        service, kind, own_name = kinds[resource["Type"]]
        if own_name in resource.get("Properties", {}):
            raise NotUnderstood(f"{name} has a name of its own")
        return ARN.format(service=service, rest=kind + name)


def conditions(statement, at):
    found = tuple(
        Condition(operator, key, tuple(listed(values)))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )
    for condition in found:
        if condition.operator not in Condition.OPERATORS:
            raise NotUnderstood(f"{at}: {condition.operator}")
    return found


def listed(value):
    return value if isinstance(value, list) else [value]
