//! `AWS::Serverless::Function`
//! (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use yaml_serde::{Mapping, Value};

use super::events::{Events, QueueTrigger, Route, Schedule};
use super::intrinsics::{Resolver, text_of};
use super::{Properties, Resource, TemplateError};

/// How the function is deployed, permitted and watched: nothing that it can see while it runs. Every function is a
/// native binary here, so its runtime, handler and architecture are given.
const IGNORED_PROPERTIES: [&str; 18] = [
    "Architectures",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "FunctionName",
    "Handler",
    "LoggingConfig",
    "PackageType",
    "PermissionsBoundary",
    "Policies",
    "RecursiveLoop",
    "Role",
    "Runtime",
    "Tags",
    "Tracing",
    "VersionDescription",
];

/// A Lambda function and what triggers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// The logical id in the template.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The Cargo package that it is built from, and the name of its binary: the last part of `CodeUri`.
    pub package: String,
    /// Memory in MiB, told to the function but not enforced.
    pub memory_mib: u64,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<u32>,
    /// The environment variables of the template.
    pub environment: BTreeMap<String, String>,
    /// The queues that it consumes.
    pub queues: Vec<QueueTrigger>,
    /// The HTTP routes that it answers.
    pub routes: Vec<Route>,
    /// The schedules that it runs on.
    pub schedules: Vec<Schedule>,
}

impl Function {
    pub(super) fn of(
        resource: &Resource<'_>,
        globals: &Mapping,
        resolver: &Resolver,
    ) -> Result<Self, TemplateError> {
        let merged = merge(globals, resource.properties.unwrap_or(&Mapping::new()));
        let mut properties =
            Properties::resolved(resource.id, &merged, &IGNORED_PROPERTIES, resolver)?;
        let code = properties.take_text("CodeUri")?;
        let code = properties.require("CodeUri", code)?;
        let events = Events::of(resource.id, properties.take("Events"))?;
        tried_once(&mut properties)?;
        let function = Self {
            id: resource.id.into(),
            name: resolver.name_of(resource)?,
            package: package(&code)
                .ok_or_else(|| properties.invalid("CodeUri", "names no directory"))?,
            memory_mib: properties
                .take_number("MemorySize", 128..=10_240)?
                .unwrap_or(128),
            timeout: Duration::from_secs(properties.take_number("Timeout", 1..=900)?.unwrap_or(3)),
            reserved_concurrency: properties
                .take_number("ReservedConcurrentExecutions", 1..=10_000)?
                .and_then(|limit| u32::try_from(limit).ok()),
            environment: environment(&mut properties)?,
            queues: events.queues,
            routes: events.routes,
            schedules: events.schedules,
        };
        properties.finish()?;
        Ok(function)
    }
}

fn package(code_uri: &str) -> Option<String> {
    Some(Path::new(code_uri).file_name()?.to_str()?.to_owned())
}

fn environment(properties: &mut Properties) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut environment = properties.take_map("Environment")?;
    let variables = environment.take_map("Variables")?.take_rest();
    environment.finish()?;
    Ok(variables
        .into_iter()
        .map(|(name, value)| (name, text_of(&value)))
        .collect())
}

/// `EventInvokeConfig`: a scheduled run that fails is not tried again here, so the template may not ask for that either.
/// Without the property AWS would, twice
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
fn tried_once(properties: &mut Properties) -> Result<(), TemplateError> {
    let mut config = properties.take_map("EventInvokeConfig")?;
    config.take_number("MaximumRetryAttempts", 0..=0)?;
    // How long an event may wait to be tried: here it does not wait.
    config.take_number("MaximumEventAgeInSeconds", 60..=21_600)?;
    config.finish()
}

/// SAM's rule for `Globals`: mappings are merged, lists joined (the global ones first), other values overridden
/// (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>).
fn merge(globals: &Mapping, own: &Mapping) -> Mapping {
    let mut merged = globals.clone();
    for (name, value) in own {
        let value = match (merged.get(name), value) {
            (Some(Value::Mapping(global)), Value::Mapping(own)) => {
                Value::Mapping(merge(global, own))
            }
            (Some(Value::Sequence(global)), Value::Sequence(own)) => {
                Value::Sequence(global.iter().chain(own).cloned().collect())
            }
            (_, own) => own.clone(),
        };
        merged.insert(name.clone(), value);
    }
    merged
}
