"""What the template promises beyond what linters ask for: everything is watched, described and takes effect."""

import json
import pathlib
import re

import pytest
from samtranslator.yaml_helper import yaml_parse
from translate import TEMPLATE, translate

ROOT = pathlib.Path(__file__).resolve().parents[3]
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
METRICS = (ROOT / "shared/platform/src/metrics/mod.rs").read_text(encoding="utf-8")

source = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
translated = translate()


def of_type(template, kind):
    return {name: body for name, body in template["Resources"].items() if body["Type"] == kind}


FUNCTIONS = of_type(source, "AWS::Serverless::Function")
QUEUES = of_type(source, "AWS::SQS::Queue")
ALARMS = of_type(source, "AWS::CloudWatch::Alarm")


def referred(value):
    """The logical names that a value refers to, by Ref, GetAtt and Sub."""
    if isinstance(value, list):
        return set().union(*map(referred, value))
    if not isinstance(value, dict):
        return set()
    names = set()
    for key, inner in value.items():
        if key == "Ref":
            names.add(inner)
        elif key == "Fn::GetAtt":
            names.add((inner if isinstance(inner, list) else inner.split("."))[0])
        elif key == "Fn::Sub":
            text, given = (inner, {}) if isinstance(inner, str) else inner
            names |= {name.split(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", text)} - given.keys()
            names |= referred(given)
        elif key == "Fn::If":
            names |= referred(source["Conditions"][inner[0]]) | referred(inner[1:])
        else:
            names |= referred(inner)
    return names


@pytest.mark.parametrize("name", source["Parameters"])
def test_every_parameter_is_described_and_has_a_place_in_the_form(name):
    assert len(source["Parameters"][name]["Description"]) > 20
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sum(name in group["Parameters"] for group in groups) == 1


def test_the_form_names_no_parameter_that_does_not_exist():
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert {name for group in groups for name in group["Parameters"]} <= source["Parameters"].keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_given_only_settings_that_it_reads(name):
    main = (ROOT / FUNCTIONS[name]["Properties"]["CodeUri"] / "src/main.rs").read_text(encoding="utf-8")
    settings = (ROOT / "shared/platform/src/settings.rs").read_text(encoding="utf-8")
    for variable in environment(FUNCTIONS[name]):
        read = f'"{variable}"' in main or (f'"{variable}"' in settings and reader_of(settings, variable) in main)
        assert read, variable


def environment(function):
    return function["Properties"].get("Environment", {}).get("Variables", {})


def reader_of(settings, variable):
    """The function of `settings` whose body names the variable."""
    before = settings[: settings.index(f'("{variable}")')]
    return "settings::" + re.findall(r"pub fn (\w+)\(", before)[-1]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_changed_setting_makes_a_new_version_of_the_function(name):
    """An alias points to a version, and a version keeps its settings: a change must replace the version, and does so by
    changing its description, at most 256 characters
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html)."""
    function = FUNCTIONS[name]
    parameters = source["Parameters"].keys()
    settings = referred(environment(function)) & parameters
    description = function["Properties"].get("VersionDescription", "")
    assert settings == referred(description) & parameters
    longest = sum(longest_value(source["Parameters"][setting]) + 1 for setting in settings)
    # Of the public address and the domain name only one is in it.
    if {"PublicBaseUrl", "DomainName"} <= settings:
        longest -= longest_value(source["Parameters"]["DomainName"]) + 1
    assert longest <= 256
    assert function["Properties"]["AutoPublishAliasAllProperties"] is True


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_settings_by_another_way_make_no_new_version(name):
    """Lambda refuses to publish a version that equals the one before
    (https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html)."""
    function = FUNCTIONS[name]["Properties"]
    address = environment(FUNCTIONS[name]).get("PUBLIC_BASE_URL")
    if address:
        assert function["VersionDescription"]["Fn::Sub"][1] == {"Base": address}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_send_to_the_queue_that_triggers_it_only_if_lambda_lets_it_go_round(name):
    """After 16 rounds Lambda refuses a message that a function sends to itself, unless that is allowed
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html)."""
    function = FUNCTIONS[name]["Properties"]
    triggers = referred([event["Properties"]["Queue"] for event in function["Events"].values() if event["Type"] == "SQS"])
    statements = source["Resources"][f"{name}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    sends = referred([each["Resource"] for each in statements if "sqs:SendMessage" in each["Action"]])
    assert (function.get("RecursiveLoop") == "Allow") == bool(triggers & sends)


@pytest.mark.parametrize("name", ("RetrySchedule", "SmsRetrySchedule"))
def test_a_schedule_that_functions_would_refuse_is_refused_before(name):
    parameter = source["Parameters"][name]
    pattern = re.compile(parameter["AllowedPattern"])
    for good in (parameter["Default"], "1s", "43200s,720m,12h", "9999s,10000s,39999s,43199s", "99m,100m,719m"):
        assert pattern.fullmatch(good), good
    for bad in ("", "0s", "43201s", "99999s", "721m", "1000m", "13h", "1", "1d", "1m,", ",1m", "1m;2m", "01m", "1m 2m"):
        assert not pattern.fullmatch(bad), bad
    assert pattern.fullmatch(",".join(["1s"] * 20)) and not pattern.fullmatch(",".join(["1s"] * 21))


def longest_value(parameter):
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return len(str(parameter["MaxValue"]))
    fixed = re.fullmatch(r"\^\(\[0-9a-f\]\{(\d+)\}\)\?\$", parameter.get("AllowedPattern", ""))
    return int(fixed.group(1)) if fixed else parameter["MaxLength"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_role_a_log_and_an_alarm_of_its_own(name):
    properties = FUNCTIONS[name]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert properties["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": f"{name}Logs"}}
    [watched] = ALARMS[f"{name}ErrorsAlarm"]["Properties"]["Dimensions"]
    assert watched["Value"] == {"Ref": name}


@pytest.mark.parametrize("name", FUNCTIONS.keys() - {"Sweep"})
def test_only_errors_of_the_new_version_roll_a_deployment_back(name):
    """By the dimensions of an alias with two versions
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html)."""
    preference = FUNCTIONS[name]["Properties"]["DeploymentPreference"]
    assert preference["Alarms"] == {"Fn::If": ["Canary", [{"Ref": f"{name}NewVersionErrorsAlarm"}], []]}
    alarm = translated["Resources"][f"{name}NewVersionErrorsAlarm"]["Properties"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    [version] = [found for found in of_type(translated, "AWS::Lambda::Version") if found.startswith(f"{name}Version")]
    assert dimensions == {
        "FunctionName": {"Ref": name},
        "Resource": {"Fn::Sub": f"${{{name}}}:live"},
        "ExecutedVersion": {"Fn::GetAtt": [version, "Version"]},
    }


def test_every_function_counts_for_the_alarm_on_throttles():
    watched = referred(ALARMS["FunctionThrottlesAlarm"]["Properties"]["Metrics"])
    assert watched == FUNCTIONS.keys()


def alarms_on(queue, metric):
    def watches(properties):
        metrics = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
        return any(
            seen["MetricName"] == metric and queue in referred(seen["Dimensions"]) for seen in metrics or [properties]
        )

    return [name for name, body in ALARMS.items() if watches(body["Properties"])]


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_watched_for_what_can_go_wrong_with_it(queue):
    assert alarms_on(queue, "ApproximateNumberOfMessagesVisible")
    if queue.endswith("DeadLetterQueue"):
        return
    assert alarms_on(queue, "ApproximateAgeOfOldestMessage")
    assert alarms_on(queue, "NumberOfMessagesReceived")
    # Bulk jobs are few, one an order.
    assert alarms_on(queue, "ApproximateNumberOfMessagesNotVisible") or queue == "BulkQueue"


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_encrypted_and_takes_requests_over_tls_only(queue):
    properties = QUEUES[queue]["Properties"]
    assert properties["SqsManagedSseEnabled"] is True
    [policy] = of_type(source, "AWS::SQS::QueuePolicy").values()
    assert {"Ref": queue} in policy["Properties"]["Queues"]
    if "DeadLetter" in queue:
        assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    else:
        assert "DeadLetter" in properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_reaches_the_topic_and_is_explained(name):
    properties = ALARMS[name]["Properties"]
    assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert properties["TreatMissingData"] in ("breaching", "notBreaching")
    rows = OPERATIONS[OPERATIONS.index("## Alarms") : OPERATIONS.index("## Logs")]
    assert f"`{name.removesuffix('Alarm')}`" in rows


def test_the_explanations_name_no_alarm_that_does_not_exist():
    rows = OPERATIONS[OPERATIONS.index("| alarm |") : OPERATIONS.index("## Logs")].splitlines()[2:]
    named = {name for row in rows if row for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert {f"{name}Alarm" for name in named} == ALARMS.keys()


def test_silence_is_bad_where_something_measures_every_minute():
    silent = {name for name, body in ALARMS.items() if body["Properties"]["TreatMissingData"] == "breaching"}
    assert silent == {"WebhookOverdueAlarm", "SmsOverdueAlarm"}


def own_metrics(value):
    """The product's own metrics that a value names."""
    if isinstance(value, dict):
        if value.get("Namespace") == "SetGetDelivery":
            yield value["MetricName"]
        value = list(value.values())
    if isinstance(value, list):
        if value[:1] == ["SetGetDelivery"]:
            yield value[1]
        for inner in value:
            yield from own_metrics(inner)


def test_the_dashboard_can_be_read_and_shows_every_metric_that_functions_print():
    [board] = of_type(translated, "AWS::CloudWatch::Dashboard").values()
    body = board["Properties"]["DashboardBody"]["Fn::Sub"]
    known = translated["Resources"].keys() | translated["Parameters"].keys()
    for name in re.findall(r"\$\{([\w:]+)(?:\.\w+)?\}", body):
        assert name in known or name.startswith("AWS::"), name
    widgets = json.loads(body)["widgets"]
    places = [tuple(widget[edge] for edge in ("x", "y")) for widget in widgets]
    assert len(set(places)) == len(widgets)
    printed = set(re.findall(r'=> "([A-Z]\w+)",', METRICS))
    shown = set(own_metrics(widgets))
    assert "FirstAttemptLag" in printed and shown == printed


def test_alarms_name_metrics_that_functions_print():
    printed = set(re.findall(r'=> "([A-Z]\w+)",', METRICS))
    named = set(own_metrics([body["Properties"] for body in ALARMS.values()]))
    assert named and named <= printed


def test_receipts_that_do_not_reach_us_ring_and_carriers_that_send_none_do_not():
    every = [body["Properties"] for body in ALARMS.values()]
    alarms = [alarm for alarm in every if alarm.get("MetricName", "").startswith("Inquiries")]
    assert {alarm["MetricName"] for alarm in alarms} == {"InquiriesSettled", "InquiriesUnanswered"}
    for alarm in alarms:
        stack, channel = alarm["Dimensions"]
        assert stack == {"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}
        assert channel == {"Name": "Channel", "Value": "sms"}
        assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Sum", "notBreaching")
        # A few messages an hour are enough, one now and then is not.
        assert 3600 < alarm["Period"] * alarm["EvaluationPeriods"] <= 86400 and alarm["Threshold"] >= 3


def test_nothing_depends_on_itself():
    """CloudFormation counts what an UpdatePolicy names, too."""
    resources = translated["Resources"]

    def needs(name):
        body = resources[name]
        given = {key: body[key] for key in ("Properties", "UpdatePolicy") if key in body}
        after = body.get("DependsOn", [])
        return (referred(given) | set([after] if isinstance(after, str) else after)) & resources.keys()

    done, under_way = set(), []

    def visit(name):
        assert name not in under_way, " -> ".join([*under_way, name])
        if name not in done:
            under_way.append(name)
            for other in needs(name):
                visit(other)
            under_way.pop()
            done.add(name)

    for name in resources:
        visit(name)
    assert done == resources.keys()


def test_what_holds_data_outlives_the_stack():
    for name in ("Table", "SecretsKey"):
        assert source["Resources"][name]["DeletionPolicy"] == "Retain"
        assert source["Resources"][name]["UpdateReplacePolicy"] == "Retain"
    assert source["Resources"]["Table"]["Properties"]["DeletionProtectionEnabled"] is True


def test_the_key_of_secrets_opens_nothing_without_workspace_and_purpose():
    statements = source["Resources"]["SecretsKey"]["Properties"]["KeyPolicy"]["Statement"]
    cryptographic = re.compile(r"kms:(\*|Encrypt|Decrypt|ReEncrypt|GenerateDataKey|CreateGrant|Sign|Verify)")
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if any(cryptographic.match(action) for action in actions):
            assert actions == ["kms:Encrypt", "kms:Decrypt"]
            assert statement["Condition"] == {
                "Null": {"kms:EncryptionContext:workspace": "false", "kms:EncryptionContext:purpose": "false"},
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["workspace", "purpose"]},
            }
    assert len(statements) == 2
