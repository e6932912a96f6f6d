use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::aws::{ACCOUNT_ID, REGION};

fn settings(overrides: &[(&str, &str)]) -> Settings {
    let overrides = overrides
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings {
        defaults: BTreeMap::new(),
        overrides: overrides.collect(),
    }
}

fn place() -> Place {
    Place {
        stack_name: "test".into(),
        aws_endpoint: "http://127.0.0.1:4566".into(),
    }
}

fn parse_with(text: &str, overrides: &[(&str, &str)]) -> Result<Template, TemplateError> {
    Template::parse(text, &settings(overrides), &place())
}

fn parse(text: &str) -> Result<Template, TemplateError> {
    parse_with(text, &[])
}

/// The only function's variable `X`, defined as `value`, in a template with a queue, a table, a key, a mapping and
/// conditions.
fn variable(value: &str, overrides: &[(&str, &str)]) -> Result<Option<String>, TemplateError> {
    let text = format!(
        r#"
Parameters:
  Stage: {{ Type: String, Default: test }}
Conditions:
  IsTest: !Not [!Condition IsOther]
  IsOther: !Equals [!Ref Stage, other]
  Both: !And [!Condition IsTest, !Equals [a, a]]
  Either: {{ "Fn::Or": [{{ Condition: IsOther }}, {{ "Fn::Equals": [a, b] }}] }}
Mappings:
  Sizes: {{ test: {{ memory: 256 }}, other: {{ memory: 512 }} }}
Resources:
  Queue: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: !Sub "${{AWS::StackName}}-q" }} }}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {{ KeySchema: [] }}
  Key: {{ Type: AWS::KMS::Key, Properties: {{ KeyPolicy: {{ A: !GetAtt Nowhere.Arn }} }} }}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/some-function
      Environment:
        Variables:
          X: {value}
"#
    );
    Ok(parse_with(&text, overrides)?.functions[0]
        .environment
        .get("X")
        .cloned())
}

fn value_of(value: &str) -> String {
    variable(value, &[]).unwrap().unwrap()
}

#[test]
fn references_lead_to_parameters_pseudo_parameters_and_resources() {
    assert_eq!(value_of("!Ref Stage"), "test");
    assert_eq!(value_of("{ Ref: Stage }"), "test");
    assert_eq!(value_of("!Ref AWS::Region"), "us-east-1");
    assert_eq!(value_of("!Ref AWS::AccountId"), "000000000000");
    assert_eq!(
        value_of("!Ref Queue"),
        "http://127.0.0.1:4566/000000000000/test-q"
    );
    assert_eq!(value_of("!Ref Table"), "Table");
    assert_eq!(value_of("!Ref Function"), "Function");
    assert_eq!(value_of("!Ref Key"), "alias/Key");
}

#[test]
fn attributes_lead_to_names_and_arns() {
    assert_eq!(
        value_of("!GetAtt Queue.Arn"),
        "arn:aws:sqs:us-east-1:000000000000:test-q"
    );
    assert_eq!(value_of("!GetAtt Queue.QueueName"), "test-q");
    assert_eq!(
        value_of("{ 'Fn::GetAtt': [Table, Arn] }"),
        "arn:aws:dynamodb:us-east-1:000000000000:table/Table"
    );
    assert_eq!(
        value_of("!GetAtt Function.Arn"),
        "arn:aws:lambda:us-east-1:000000000000:function:Function"
    );
}

#[test]
fn text_is_substituted_joined_split_and_selected() {
    assert_eq!(
        value_of(r#"!Sub "${Stage}/${Queue.QueueName}/${!Raw}""#),
        "test/test-q/${Raw}"
    );
    assert_eq!(
        value_of(r#"!Sub ["${A}-${Stage}", { A: !Ref Table }]"#),
        "Table-test"
    );
    assert_eq!(value_of(r#"!Join ["-", [a, !Ref Stage, 7]]"#), "a-test-7");
    assert_eq!(value_of(r#"!Select [1, !Split [",", "a,b,c"]]"#), "b");
    assert_eq!(value_of("!FindInMap [Sizes, !Ref Stage, memory]"), "256");
}

#[test]
fn conditions_choose_and_may_name_each_other_in_any_order() {
    assert_eq!(value_of("!If [IsTest, yes-it-is, no]"), "yes-it-is");
    assert_eq!(value_of("!If [Both, !Ref Stage, x]"), "test");
    assert_eq!(value_of("!If [Either, a, b]"), "b");
    assert_eq!(
        variable("!If [IsTest, a, b]", &[("Stage", "other")])
            .unwrap()
            .as_deref(),
        Some("b")
    );
    assert_eq!(
        variable("!If [IsOther, a, !Ref AWS::NoValue]", &[]).unwrap(),
        None
    );
}

#[test]
fn what_leads_nowhere_or_is_not_supported_is_named() {
    for (value, named) in [
        ("!Ref Nothing", "Nothing"),
        ("!GetAtt Queue.Nothing", "Queue.Nothing"),
        (r#"!Sub "${Nothing}""#, "Nothing"),
        ("!If [Nothing, a, b]", "Nothing"),
        ("!ImportValue Other", "Fn::ImportValue"),
        ("!FindInMap [Sizes, none, memory]", "Sizes.none.memory"),
        (r#"!Select [3, [a]]"#, "Fn::Select"),
        (r#"!Sub "${Stage""#, "Fn::Sub"),
    ] {
        let error = variable(value, &[]).unwrap_err().to_string();
        assert!(error.contains(named), "{value}: {error}");
    }
}

#[test]
fn conditions_that_name_each_other_in_a_circle_are_an_error() {
    let text = "Conditions: { A: !Not [!Condition B], B: !Not [!Condition A] }\nResources: {}";
    assert!(parse(text).is_err());
}

#[test]
fn a_resource_whose_condition_does_not_hold_is_left_out() {
    let text = "Conditions: { Never: !Equals [a, b] }\n\
                Resources: { Q: { Type: AWS::SQS::Queue, Condition: Never }, R: { Type: AWS::SQS::Queue } }";
    let template = parse(text).unwrap();
    assert_eq!(
        template
            .queues
            .iter()
            .map(|queue| queue.id.as_str())
            .collect::<Vec<_>>(),
        ["R"]
    );
}

#[test]
fn a_parameter_that_the_template_does_not_have_is_refused_with_those_it_has() {
    let error = parse_with(
        "Parameters: { A: { Type: String, Default: x } }",
        &[("B", "y")],
    )
    .unwrap_err();
    assert!(
        matches!(&error, TemplateError::UnknownParameter { name, known } if name == "B" && known == "A")
    );
}

#[test]
fn the_stacks_own_values_are_used_only_where_the_template_declares_them() {
    let settings = Settings {
        defaults: BTreeMap::from([("A".into(), "own".into()), ("B".into(), "own".into())]),
        overrides: BTreeMap::new(),
    };
    let text = "Parameters: { A: { Type: String, AllowedValues: [own] } }";
    assert!(Template::parse(text, &settings, &place()).is_ok());
}

#[test]
fn a_value_that_breaks_its_parameters_rule_is_refused_without_being_shown() {
    let broken = |rules: &str, value: &str| {
        let error = parse_with(
            &format!("Parameters: {{ A: {{ {rules} }} }}"),
            &[("A", value)],
        )
        .unwrap_err();
        assert!(
            matches!(&error, TemplateError::Parameter { name, .. } if name == "A"),
            "{error}"
        );
        assert!(!error.to_string().contains(value), "{error}");
    };
    broken("Type: String, AllowedValues: [x, y]", "secret-value");
    broken("Type: String, AllowedPattern: '[a-z]+'", "SECRET7");
    broken("Type: Number", "secret-value");
    broken("Type: Number, MinValue: 100", "77");
    broken("Type: Number, MaxValue: 60", "77");
    broken("Type: String, MaxLength: 3", "secret-value");
    broken("Type: 'AWS::SSM::Parameter::Value<String>'", "secret-value");
    let without_a_value = parse("Parameters: { A: { Type: String } }").unwrap_err();
    assert!(matches!(without_a_value, TemplateError::Parameter { .. }));
}

#[test]
fn a_section_that_no_template_has_is_an_error_that_names_it() {
    let error = parse("Resorces: { Q: { Type: AWS::SQS::Queue } }").unwrap_err();
    assert!(error.to_string().contains("Resorces"), "{error}");
}

#[test]
fn what_the_stack_does_not_understand_is_an_error_that_names_it() {
    for (resources, named) in [
        (
            "Q: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true } }",
            "Q: the local stack does not support the property FifoQueue",
        ),
        (
            "B: { Type: AWS::S3::Bucket }",
            "B: the local stack does not support AWS::S3::Bucket",
        ),
        (
            "T: { Type: AWS::DynamoDB::Table, Properties: { StreamSpecification: {} } }",
            "StreamSpecification",
        ),
        (
            "F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f, Layers: [] } }",
            "F: the local stack does not support the property Layers",
        ),
        (
            "F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f, EventInvokeConfig: { MaximumRetryAttempts: 1 } } }",
            "EventInvokeConfig.MaximumRetryAttempts",
        ),
        (
            "F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f, EventInvokeConfig: { DestinationConfig: {} } } }",
            "EventInvokeConfig.DestinationConfig",
        ),
        (
            "D: { Type: AWS::ApiGatewayV2::DomainName }",
            "D: the local stack does not support AWS::ApiGatewayV2::DomainName",
        ),
        (
            "F: { Type: AWS::Serverless::Function, Properties: { } }",
            "CodeUri",
        ),
        (
            "A: { Type: AWS::Serverless::HttpApi, Properties: { CorsConfiguration: true } }",
            "CorsConfiguration",
        ),
    ] {
        let error = parse(&format!("Resources: {{ {resources} }}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{resources}: {error}");
    }
    let error = parse(
        "Globals: { Function: { Layers: [] } }\nResources: { F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f } } }",
    );
    assert!(error.unwrap_err().to_string().contains("Layers"));
}

#[test]
fn what_only_watches_permits_or_deploys_is_left_out() {
    let text = r#"
Conditions: { HasDomain: !Not [!Equals ["", ""]] }
Globals: { Function: { Architectures: [!Ref Unresolved], AutoPublishAlias: live, AutoPublishAliasAllProperties: true } }
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: []
      DeletionProtectionEnabled: true
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
  Domain: { Type: AWS::ApiGatewayV2::DomainName, Condition: HasDomain }
  Record: { Type: AWS::Route53::RecordSet, Condition: HasDomain }
  Role: { Type: AWS::IAM::Role }
  Alias: { Type: AWS::KMS::Alias }
  Logs: { Type: AWS::Logs::LogGroup }
  Alarm: { Type: AWS::CloudWatch::Alarm }
  Dashboard: { Type: AWS::CloudWatch::Dashboard }
  Topic: { Type: AWS::SNS::Topic }
  Application: { Type: AWS::CodeDeploy::Application }
  Policy: { Type: AWS::SQS::QueuePolicy }
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f
      Role: !GetAtt Role.Arn
      Tracing: Active
      VersionDescription: !Ref Unresolved
      LoggingConfig: { LogFormat: JSON, LogGroup: !Ref Logs }
      DeploymentPreference: { Type: AllAtOnce, Alarms: [!Ref Alarm] }
      EventInvokeConfig: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 }
      Environment: { Variables: { STACK_NAME: !Ref AWS::StackName } }
      Events: { EveryMinute: { Type: Schedule, Properties: { Schedule: rate(1 minute) } } }
"#;
    let template = parse(text).unwrap();
    let function = &template.functions[0];
    assert_eq!(function.environment["STACK_NAME"], "test");
    assert_eq!(function.schedules[0].every, Duration::from_secs(60));
    assert_eq!(
        (
            template.tables.len(),
            template.queues.len(),
            template.keys.len()
        ),
        (1, 0, 0)
    );
}

fn event(kind: &str, properties: &str) -> Result<Function, TemplateError> {
    let text = format!(
        "Resources:\n  Q: {{ Type: AWS::SQS::Queue }}\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {{ \
         CodeUri: ./functions/f/, Events: {{ E: {{ Type: {kind}, Properties: {{ {properties} }} }} }} }}"
    );
    Ok(parse(&text)?.functions.remove(0))
}

#[test]
fn an_event_source_mapping_is_read_with_awss_defaults() {
    let function = event("SQS", "Queue: !GetAtt Q.Arn").unwrap();
    assert_eq!(function.package, "f");
    assert_eq!(
        (function.memory_mib, function.timeout),
        (128, Duration::from_secs(3))
    );
    let expected = QueueTrigger {
        queue: "Q".into(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        report_item_failures: false,
        maximum_concurrency: None,
    };
    assert_eq!(function.queues, [expected]);
    assert!(
        event("SQS", "Queue: !GetAtt Q.Arn, Enabled: false")
            .unwrap()
            .queues
            .is_empty()
    );
}

#[test]
fn an_event_source_mapping_that_aws_would_refuse_or_the_stack_does_not_know_is_an_error() {
    for (more, named) in [
        ("BatchSize: 11", "MaximumBatchingWindowInSeconds"),
        (
            "BatchSize: 10001, MaximumBatchingWindowInSeconds: 1",
            "BatchSize",
        ),
        (
            "ScalingConfig: { MaximumConcurrency: 1 }",
            "ScalingConfig.MaximumConcurrency",
        ),
        ("FunctionResponseTypes: [Other]", "FunctionResponseTypes"),
        (
            "FilterCriteria: { Filters: [] }",
            "Events.E.Properties.FilterCriteria",
        ),
        (
            "ProvisionedPollerConfig: {}",
            "Events.E.Properties.ProvisionedPollerConfig",
        ),
    ] {
        let error = event("SQS", &format!("Queue: !GetAtt Q.Arn, {more}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{more}: {error}");
    }
    assert!(event("SQS", "Queue: nowhere").is_err());
    assert!(event("SNS", "Topic: x").is_err());
}

#[test]
fn an_event_source_mapping_of_a_queue_that_is_not_the_templates_is_an_error_that_names_it() {
    let of = |queue: &str| format!("Queue: 'arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue}'");
    assert_eq!(event("SQS", &of("Q")).unwrap().queues[0].queue, "Q");
    for nowhere in ["Elsewhere", "", "q"] {
        let error = event("SQS", &of(nowhere)).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("nothing in the template answers to {nowhere}")),
            "{error}"
        );
    }
}

#[test]
fn a_logical_id_is_of_letters_and_digits_and_there_once() {
    let queues = |ids: &[&str]| {
        let all = ids
            .iter()
            .map(|id| format!("  {id}: {{ Type: AWS::SQS::Queue }}\n"));
        parse(&format!("Resources:\n{}", all.collect::<String>()))
    };
    assert_eq!(queues(&["A", "B2"]).unwrap().queues.len(), 2);
    for ids in [
        &["1", "2"][..],
        &["~"],
        &["''"],
        &["a-b"],
        &["é"],
        &["A", "!x A"],
        &["A", "A"],
    ] {
        assert!(queues(ids).is_err(), "{ids:?}");
    }
}

#[test]
fn routes_and_schedules_are_read() {
    let api = event("HttpApi", "Path: '/v1/{proxy+}', Method: any").unwrap();
    assert_eq!(
        api.routes,
        [Route {
            method: "ANY".into(),
            path: "/v1/{proxy+}".into()
        }]
    );
    let default = event("HttpApi", "").unwrap();
    assert_eq!(default.routes[0].path, "$default");
    let schedule = event("Schedule", "Schedule: rate(5 minutes), Description: x").unwrap();
    let expected = Schedule {
        name: "E".into(),
        every: Duration::from_secs(300),
        input: None,
    };
    assert_eq!(schedule.schedules, [expected]);
    assert!(
        event(
            "ScheduleV2",
            "ScheduleExpression: rate(1 hour), State: DISABLED"
        )
        .unwrap()
        .schedules
        .is_empty()
    );
    assert!(event("Schedule", "Schedule: cron(0 12 * * ? *)").is_err());
    assert!(
        event("HttpApi", "Path: /x, Method: GET, Auth: {}")
            .unwrap_err()
            .to_string()
            .contains("Auth")
    );
}

#[test]
fn an_event_that_is_not_a_type_and_its_properties_is_an_error_that_names_it() {
    for (event, at) in [
        ("1", "Events.E must be a mapping"),
        ("text", "Events.E must be a mapping"),
        ("[]", "Events.E must be a mapping"),
        ("{}", "Events.E.Type"),
        ("{ Type: [] }", "Events.E.Type"),
        ("{ Type: Cognito }", "Events.E.Type"),
        ("{ Type: HttpApi, Properties: x }", "Events.E.Properties"),
        ("{ Type: HttpApi, RestApiId: x }", "Events.E.RestApiId"),
    ] {
        let text = format!(
            "Resources: {{ F: {{ Type: AWS::Serverless::Function, Properties: {{ CodeUri: f, Events: {{ E: {event} }} }} }} }}"
        );
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(at), "{event}: {error}");
    }
}

#[test]
fn globals_are_merged_into_every_function_and_overridden_by_its_own() {
    let text = "
Globals: { Function: { Timeout: 7, MemorySize: 256, Environment: { Variables: { A: global, B: global } } } }
Resources:
  F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f, Timeout: 9, Environment: { Variables: { B: own } } } }";
    let function = parse(text).unwrap().functions.remove(0);
    assert_eq!(
        (function.timeout, function.memory_mib),
        (Duration::from_secs(9), 256)
    );
    assert_eq!(
        function.environment,
        BTreeMap::from([("A".into(), "global".into()), ("B".into(), "own".into())])
    );
}

#[test]
fn the_products_own_template_is_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = Template::read(&path, &Settings::default(), &place()).unwrap();
    assert!(
        template
            .queues
            .iter()
            .any(|queue| queue.id == "EventsQueue")
    );
    assert!(template.packages().contains(&"deliver-webhook"));
    let slow = template
        .functions
        .iter()
        .flat_map(|function| &function.queues)
        .find(|q| q.queue == "WebhookSlowQueue");
    assert!(slow.is_some_and(|slow| slow.report_item_failures && slow.batch_size > 10));
    let scheduled = |function: &&Function| !function.schedules.is_empty();
    assert!(
        template
            .functions
            .iter()
            .find(scheduled)
            .is_some_and(|sweep| sweep.routes.is_empty())
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[A-Za-z:!&${}\\[\\]\" \n,-]{0,80}") {
        let _ = parse(&text);
        let _ = variable(&format!("!Sub {text:?}"), &[]);
    }

    #[test]
    fn text_without_placeholders_is_substituted_by_itself(text in "[a-z0-9 /:.$-]{0,30}") {
        prop_assume!(!text.contains("${"));
        let quoted = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(value_of(&format!("!Sub {quoted}")), text);
    }
}
