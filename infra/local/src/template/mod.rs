//! What `template.yaml` asks for: AWS SAM's template, read into the few models that the local stack makes real.
//!
//! The stack must never behave otherwise than the cloud would without a word: a resource type, a property or a
//! function (`Fn::…`) that is not understood is an error that names it. Left out on purpose are
//! - whole resource types that only watch, permit, deploy or name: see [`IGNORED_TYPES`];
//! - properties that change nothing a function can see on one machine (encryption at rest, tags, policies, roles,
//!   log settings, back-ups): listed beside each model;
//! - `Metadata`, `Rules`, `Mappings` that nothing reads, `Outputs`, `DependsOn`, `DeletionPolicy`, `UpdateReplacePolicy`.
//!
//! Sources: [SAM](https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html),
//! [CloudFormation](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html).

mod error;
mod events;
mod function;
mod intrinsics;
mod parameters;
mod properties;
mod storage;

use std::collections::BTreeMap;
use std::path::Path;

use yaml_serde::{Mapping, Value};

pub use error::TemplateError;
pub use events::{QueueTrigger, Route, Schedule};
pub use function::Function;
pub use storage::{Key, Queue, Table};

use intrinsics::Resolver;
use properties::Properties;

/// Resource types that the stack leaves out: prefixes of `Type`.
pub const IGNORED_TYPES: [&str; 9] = [
    "AWS::Budgets::",
    "AWS::CloudWatch::",
    "AWS::CodeDeploy::",
    "AWS::IAM::",
    "AWS::KMS::Alias",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::SNS::",
    "AWS::SQS::QueuePolicy",
];

/// What a template consists of
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>).
const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// Settings of the HTTP API that change nothing on one machine: no stages, no throttling, no access log.
const IGNORED_API_PROPERTIES: [&str; 8] = [
    "AccessLogSettings",
    "DefaultRouteSettings",
    "Description",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "StageName",
    "Tags",
];

/// The stack that a template describes.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// KMS keys.
    pub keys: Vec<Key>,
    /// Lambda functions with what triggers them.
    pub functions: Vec<Function>,
}

/// Where the stack is made: what `Ref` and `GetAtt` of its resources lead to.
#[derive(Debug, Clone)]
pub struct Place {
    /// `AWS::StackName`.
    pub stack_name: String,
    /// The AWS endpoint, which opens queue URLs: `http://127.0.0.1:4566`.
    pub aws_endpoint: String,
}

/// Values for the template's parameters.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The stack's own, used for parameters that the template declares.
    pub defaults: BTreeMap<String, String>,
    /// What the user asked for (`--set`), over everything else; each must name a declared parameter.
    pub overrides: BTreeMap<String, String>,
}

impl Template {
    /// Reads the template at `path`.
    ///
    /// # Errors
    /// [`TemplateError`]: the file cannot be read, or as [`Template::parse`].
    pub fn read(path: &Path, settings: &Settings, place: &Place) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path).map_err(|source| TemplateError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, settings, place)
    }

    /// Reads a template's text.
    ///
    /// # Errors
    /// [`TemplateError`]: not YAML; an unknown parameter or a value that breaks its rule; something that the stack
    /// does not understand, named by resource and property.
    pub fn parse(text: &str, settings: &Settings, place: &Place) -> Result<Self, TemplateError> {
        let document: Mapping = yaml_serde::from_str(text)?;
        for name in document.keys().filter_map(Value::as_str) {
            if !SECTIONS.contains(&name) {
                return Err(TemplateError::unsupported("the template", name));
            }
        }
        let parameters = parameters::resolve(section(&document, "Parameters")?, settings)?;
        let resources = section(&document, "Resources")?;
        let globals = Globals::of(&document)?;
        let mut resolver = Resolver::new(parameters, section(&document, "Mappings")?, place);
        resolver.decide(section(&document, "Conditions")?)?;
        let wanted = wanted(&resources, &resolver)?;
        for resource in &wanted {
            resolver.place(resource)?;
        }
        Self::of(&wanted, &globals, &resolver)
    }

    fn of(
        resources: &[Resource<'_>],
        globals: &Globals,
        resolver: &Resolver,
    ) -> Result<Self, TemplateError> {
        let mut template = Self {
            queues: vec![],
            tables: vec![],
            keys: vec![],
            functions: vec![],
        };
        for resource in resources {
            match resource.kind {
                "AWS::SQS::Queue" => template.queues.push(Queue::of(resource, resolver)?),
                "AWS::DynamoDB::Table" => template.tables.push(Table::of(resource, resolver)?),
                "AWS::KMS::Key" => template.keys.push(Key::of(resource)),
                "AWS::Serverless::Function" => {
                    template
                        .functions
                        .push(Function::of(resource, &globals.function, resolver)?);
                }
                "AWS::Serverless::HttpApi" => {
                    Properties::of(resource, &IGNORED_API_PROPERTIES, resolver)?.finish()?;
                }
                kind => {
                    return Err(TemplateError::UnsupportedType {
                        resource: resource.id.into(),
                        kind: kind.into(),
                    });
                }
            }
        }
        template.check_triggers()?;
        Ok(template)
    }

    /// There are no other queues here than the template's own, however an ARN is written.
    fn check_triggers(&self) -> Result<(), TemplateError> {
        for function in &self.functions {
            let unknown = |trigger: &&QueueTrigger| {
                !self.queues.iter().any(|queue| queue.name == trigger.queue)
            };
            if let Some(trigger) = function.queues.iter().find(unknown) {
                return Err(TemplateError::Dangling {
                    at: format!("{}.Events", function.id),
                    name: trigger.queue.clone(),
                });
            }
        }
        Ok(())
    }

    /// The packages that hold the functions, each once, sorted.
    #[must_use]
    pub fn packages(&self) -> Vec<&str> {
        let mut packages: Vec<_> = self
            .functions
            .iter()
            .map(|function| function.package.as_str())
            .collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }
}

/// One entry of `Resources`.
#[derive(Debug, Clone, Copy)]
struct Resource<'a> {
    id: &'a str,
    kind: &'a str,
    properties: Option<&'a Mapping>,
}

/// The resources that this deployment makes: not ignored, and their `Condition` holds.
fn wanted<'a>(
    resources: &'a Mapping,
    resolver: &Resolver,
) -> Result<Vec<Resource<'a>>, TemplateError> {
    let mut wanted = Vec::new();
    for (id, body) in resources {
        let id = logical_id(id)?;
        let kind = body.get("Type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| TemplateError::missing(id, "Type"))?;
        let made = match body.get("Condition").and_then(Value::as_str) {
            Some(condition) => resolver.condition(condition)?,
            None => true,
        };
        if made && !IGNORED_TYPES.iter().any(|prefix| kind.starts_with(prefix)) {
            let properties = body.get("Properties").and_then(Value::as_mapping);
            wanted.push(Resource {
                id,
                kind,
                properties,
            });
        }
    }
    Ok(wanted)
}

/// Letters and digits, and no two alike: a tag does not make another id of the same text
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>).
fn logical_id(id: &Value) -> Result<&str, TemplateError> {
    let fits = |id: &&String| !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric());
    let text = match id {
        Value::String(id) => Some(id).filter(fits),
        _ => None,
    };
    let rule = "has a logical ID that is not of letters and digits";
    text.map(String::as_str)
        .ok_or_else(|| TemplateError::invalid("the template", "Resources", rule))
}

/// The `Globals` section: what every function starts from.
struct Globals {
    function: Mapping,
}

impl Globals {
    fn of(document: &Mapping) -> Result<Self, TemplateError> {
        let globals = section(document, "Globals")?;
        for (name, value) in &globals {
            match name.as_str().unwrap_or_default() {
                "Function" => {}
                "HttpApi" => known_api_settings(value)?,
                other => return Err(TemplateError::unsupported("Globals", other)),
            }
        }
        Ok(Self {
            function: section(&globals, "Function")?,
        })
    }
}

fn known_api_settings(settings: &Value) -> Result<(), TemplateError> {
    let names = settings
        .as_mapping()
        .into_iter()
        .flat_map(Mapping::keys)
        .filter_map(Value::as_str);
    for name in names {
        if !IGNORED_API_PROPERTIES.contains(&name) {
            return Err(TemplateError::unsupported("Globals.HttpApi", name));
        }
    }
    Ok(())
}

/// A section of the document; an absent one is empty.
fn section(document: &Mapping, name: &str) -> Result<Mapping, TemplateError> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(Mapping::new()),
        Some(Value::Mapping(mapping)) => Ok(mapping.clone()),
        Some(_) => Err(TemplateError::invalid(name, "", "is not a mapping")),
    }
}

#[cfg(test)]
mod tests;
