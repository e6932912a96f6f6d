//! CloudFormation's functions, in their short (`!Ref`) and long (`Ref:`, `Fn::…:`) forms.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use yaml_serde::{Mapping, Value};

use super::{Place, Resource, TemplateError};
use crate::aws::{ACCOUNT_ID, REGION};

/// Turns a property with functions in it into plain JSON.
pub(super) struct Resolver {
    /// Parameters, pseudo parameters and what `Ref` of each resource gives.
    references: BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, under `Resource.Attribute`.
    attributes: BTreeMap<String, String>,
    conditions: BTreeMap<String, bool>,
    mappings: Mapping,
    aws_endpoint: String,
}

/// A value that is resolved; `None` is `AWS::NoValue`, which removes the property.
type Resolved = Result<Option<Json>, TemplateError>;

impl Resolver {
    pub(super) fn new(
        parameters: BTreeMap<String, String>,
        mappings: Mapping,
        place: &Place,
    ) -> Self {
        let mut references = parameters;
        let stack_id = format!(
            "arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{}/local",
            place.stack_name
        );
        let pseudo = [
            ("AWS::AccountId", ACCOUNT_ID),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackId", &stack_id),
            ("AWS::StackName", &place.stack_name),
            ("AWS::URLSuffix", "amazonaws.com"),
            // The API that SAM makes for HttpApi events without an `ApiId`.
            ("ServerlessHttpApi", "local"),
        ];
        references.extend(pseudo.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let aws_endpoint = place.aws_endpoint.clone();
        Self {
            references,
            attributes: BTreeMap::new(),
            conditions: BTreeMap::new(),
            mappings,
            aws_endpoint,
        }
    }

    /// Decides the `Conditions` section. They may name each other in any order.
    pub(super) fn decide(&mut self, conditions: Mapping) -> Result<(), TemplateError> {
        let mut open: Vec<_> = conditions
            .iter()
            .map(|(name, rule)| (name.as_str().unwrap_or_default(), rule))
            .collect();
        while !open.is_empty() {
            let mut undecided = Vec::new();
            for (name, rule) in &open {
                match self
                    .resolve(rule, name)
                    .and_then(|value| truth(value, name))
                {
                    Ok(holds) => drop(self.conditions.insert((*name).to_owned(), holds)),
                    Err(error) => undecided.push(((*name, *rule), error)),
                }
            }
            if undecided.len() == open.len() {
                return Err(undecided.remove(0).1);
            }
            open = undecided
                .into_iter()
                .map(|(condition, _)| condition)
                .collect();
        }
        Ok(())
    }

    pub(super) fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        self.conditions
            .get(name)
            .copied()
            .ok_or_else(|| dangling("Conditions", name))
    }

    /// Makes the resource known to `Ref` and `Fn::GetAtt`.
    pub(super) fn place(&mut self, resource: &Resource<'_>) -> Result<(), TemplateError> {
        let (id, endpoint) = (resource.id, self.aws_endpoint.clone());
        let name = self.name_of(resource)?;
        let arn =
            |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}");
        let (reference, attributes) = match resource.kind {
            "AWS::SQS::Queue" => {
                let url = format!("{endpoint}/{ACCOUNT_ID}/{name}");
                (
                    url.clone(),
                    vec![
                        ("Arn", arn("sqs", &name)),
                        ("QueueName", name),
                        ("QueueUrl", url),
                    ],
                )
            }
            "AWS::DynamoDB::Table" => (
                name.clone(),
                vec![("Arn", arn("dynamodb", &format!("table/{name}")))],
            ),
            // The key's id is the service's to choose; its alias is ours, and stands wherever an id may.
            "AWS::KMS::Key" => {
                let alias = format!("alias/{id}");
                (
                    alias.clone(),
                    vec![("Arn", arn("kms", &alias)), ("KeyId", alias)],
                )
            }
            "AWS::Serverless::Function" => (
                name.clone(),
                vec![("Arn", arn("lambda", &format!("function:{name}")))],
            ),
            _ => (id.to_owned(), vec![]),
        };
        self.references.insert(id.to_owned(), reference);
        let attributes = attributes
            .into_iter()
            .map(|(attribute, value)| (format!("{id}.{attribute}"), value));
        self.attributes.extend(attributes);
        Ok(())
    }

    /// The resource's physical name: as the template gives it, else its logical id.
    pub(super) fn name_of(&self, resource: &Resource<'_>) -> Result<String, TemplateError> {
        let property = match resource.kind {
            "AWS::SQS::Queue" => "QueueName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Serverless::Function" => "FunctionName",
            _ => return Ok(resource.id.to_owned()),
        };
        let given = resource
            .properties
            .and_then(|properties| properties.get(property));
        let given = given
            .map(|value| self.resolve(value, resource.id))
            .transpose()?
            .flatten();
        Ok(given.map_or_else(|| resource.id.to_owned(), |name| text_of(&name)))
    }

    /// Resolves a value; `at` says where it stands, for errors.
    pub(super) fn resolve(&self, value: &Value, at: &str) -> Resolved {
        if let Some((function, argument)) = as_function(value) {
            return self.apply(&function, argument, at);
        }
        Ok(Some(match value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(number) => number_of(number),
            Value::String(text) => Json::String(text.clone()),
            Value::Sequence(items) => Json::Array(self.list(items, at)?),
            Value::Mapping(entries) => Json::Object(self.entries(entries, at)?),
            Value::Tagged(tagged) => {
                return Err(bad(&tagged.tag.to_string(), "is not supported", at));
            }
        }))
    }

    fn list(&self, items: &[Value], at: &str) -> Result<Vec<Json>, TemplateError> {
        items
            .iter()
            .filter_map(|item| self.resolve(item, at).transpose())
            .collect()
    }

    pub(super) fn entries(
        &self,
        entries: &Mapping,
        at: &str,
    ) -> Result<Map<String, Json>, TemplateError> {
        let mut resolved = Map::new();
        for (name, value) in entries {
            let name = name
                .as_str()
                .ok_or_else(|| TemplateError::invalid(at, "", "has a name that is not text"))?;
            if let Some(value) = self.resolve(value, at)? {
                resolved.insert(name.to_owned(), value);
            }
        }
        Ok(resolved)
    }

    fn apply(&self, function: &str, argument: &Value, at: &str) -> Resolved {
        match function {
            "Ref" => self.reference(argument, at),
            "Condition" => Ok(Some(Json::Bool(
                self.condition(&self.text(argument, function, at)?)?,
            ))),
            "Fn::GetAtt" => self.attribute(argument, at).map(Some),
            "Fn::Sub" => self.substitute(argument, at).map(Some),
            "Fn::If" => self.choose(argument, at),
            "Fn::Equals" => {
                let [left, right] = self.arguments(argument, function, at)?;
                Ok(Some(Json::Bool(text_of(&left) == text_of(&right))))
            }
            "Fn::Not" => {
                let [value] = self.arguments(argument, function, at)?;
                truth(Some(value), at).map(|value| Some(Json::Bool(!value)))
            }
            "Fn::And" | "Fn::Or" => self.combine(function, argument, at).map(Some),
            "Fn::Join" => self.join(argument, at).map(Some),
            "Fn::Split" => {
                let [separator, whole] = self.arguments(argument, function, at)?;
                let (separator, whole) = (text_of(&separator), text_of(&whole));
                Ok(Some(
                    whole.split(separator.as_str()).map(Json::from).collect(),
                ))
            }
            "Fn::Select" => self.select(argument, at).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, at),
            _ => Err(bad(function, "is not supported", at)),
        }
    }

    fn reference(&self, argument: &Value, at: &str) -> Resolved {
        let name = self.text(argument, "Ref", at)?;
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        let value = self
            .references
            .get(&name)
            .ok_or_else(|| dangling(at, &name))?;
        Ok(Some(Json::String(value.clone())))
    }

    /// `Resource.Attribute`, or a list of the two.
    fn attribute(&self, argument: &Value, at: &str) -> Result<Json, TemplateError> {
        let name = match self.resolve(argument, at)? {
            Some(Json::Array(parts)) => parts.iter().map(text_of).collect::<Vec<_>>().join("."),
            Some(name) => text_of(&name),
            None => String::new(),
        };
        self.attributes
            .get(&name)
            .map(|value| Json::from(value.as_str()))
            .ok_or_else(|| dangling(at, &name))
    }

    /// `${Name}`, `${Resource.Attribute}`, `${!Literal}`; a list carries names of its own.
    fn substitute(&self, argument: &Value, at: &str) -> Result<Json, TemplateError> {
        let (text, own) = match argument {
            Value::Sequence(parts) => match parts.as_slice() {
                [text, Value::Mapping(own)] => (text, self.entries(own, at)?),
                _ => return Err(bad("Fn::Sub", "takes a text, or a text and a mapping", at)),
            },
            text => (text, Map::new()),
        };
        let text = text
            .as_str()
            .ok_or_else(|| bad("Fn::Sub", "takes a text", at))?;
        self.fill(text, &own, at).map(Json::String)
    }

    fn fill(&self, text: &str, own: &Map<String, Json>, at: &str) -> Result<String, TemplateError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once("${") {
            let (name, after) = opened
                .split_once('}')
                .ok_or_else(|| bad("Fn::Sub", "has a ${ without }", at))?;
            filled.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => filled.push_str(&format!("${{{literal}}}")),
                None => filled.push_str(&self.named(name.trim(), own, at)?),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn named(
        &self,
        name: &str,
        own: &Map<String, Json>,
        at: &str,
    ) -> Result<String, TemplateError> {
        let known = own
            .get(name)
            .map(text_of)
            .or_else(|| self.references.get(name).cloned());
        known
            .or_else(|| self.attributes.get(name).cloned())
            .ok_or_else(|| dangling(at, name))
    }

    fn choose(&self, argument: &Value, at: &str) -> Resolved {
        let Some([condition, yes, no]) = argument.as_sequence().map(Vec::as_slice) else {
            return Err(bad("Fn::If", "takes a condition and two values", at));
        };
        let holds = self.condition(&self.text(condition, "Fn::If", at)?)?;
        self.resolve(if holds { yes } else { no }, at)
    }

    fn combine(&self, function: &str, argument: &Value, at: &str) -> Result<Json, TemplateError> {
        let items = argument
            .as_sequence()
            .ok_or_else(|| bad(function, "takes a list", at))?;
        let values: Result<Vec<_>, _> = items
            .iter()
            .map(|item| truth(self.resolve(item, at)?, at))
            .collect();
        let values = values?;
        let all = function == "Fn::And";
        Ok(Json::Bool(if all {
            values.into_iter().all(|value| value)
        } else {
            values.into_iter().any(|value| value)
        }))
    }

    fn join(&self, argument: &Value, at: &str) -> Result<Json, TemplateError> {
        let [separator, parts] = self.arguments(argument, "Fn::Join", at)?;
        let parts = parts
            .as_array()
            .ok_or_else(|| bad("Fn::Join", "takes a separator and a list", at))?;
        Ok(Json::from(
            parts
                .iter()
                .map(text_of)
                .collect::<Vec<_>>()
                .join(&text_of(&separator)),
        ))
    }

    fn select(&self, argument: &Value, at: &str) -> Result<Json, TemplateError> {
        let [index, items] = self.arguments(argument, "Fn::Select", at)?;
        let index: Option<usize> = text_of(&index).parse().ok();
        let item = index.and_then(|index| items.as_array()?.get(index));
        item.cloned()
            .ok_or_else(|| bad("Fn::Select", "has no such item", at))
    }

    fn find_in_map(&self, argument: &Value, at: &str) -> Resolved {
        let [map, first, second] = self
            .arguments(argument, "Fn::FindInMap", at)?
            .map(|key| text_of(&key));
        let found = self
            .mappings
            .get(map.as_str())
            .and_then(|map| map.get(first.as_str())?.get(second.as_str()));
        let found = found.ok_or_else(|| dangling(at, &format!("{map}.{first}.{second}")))?;
        self.resolve(found, at)
    }

    fn arguments<const N: usize>(
        &self,
        argument: &Value,
        function: &str,
        at: &str,
    ) -> Result<[Json; N], TemplateError> {
        let items = argument
            .as_sequence()
            .ok_or_else(|| bad(function, "takes a list", at))?;
        let items = self.list(items, at)?;
        items
            .try_into()
            .map_err(|_| bad(function, &format!("takes {N} arguments"), at))
    }

    fn text(&self, argument: &Value, function: &str, at: &str) -> Result<String, TemplateError> {
        argument
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| bad(function, "takes a name", at))
    }
}

/// The function that a value calls, by its long name, and its argument.
fn as_function(value: &Value) -> Option<(String, &Value)> {
    match value {
        Value::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let long = if matches!(name, "Ref" | "Condition") {
                name.to_owned()
            } else {
                format!("Fn::{name}")
            };
            Some((long, &tagged.value))
        }
        Value::Mapping(entries) if entries.len() == 1 => {
            let (name, argument) = entries.iter().next()?;
            let name = name.as_str()?;
            // A mapping `{Condition: Name}` is a call only among conditions, where nothing else has that shape.
            (name == "Ref"
                || name.starts_with("Fn::")
                || (name == "Condition" && argument.is_string()))
            .then(|| (name.to_owned(), argument))
        }
        _ => None,
    }
}

/// A value as text, as CloudFormation passes it on.
pub(super) fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number_of(number: &yaml_serde::Number) -> Json {
    let whole = number
        .as_i64()
        .map(Json::from)
        .or_else(|| number.as_u64().map(Json::from));
    whole.unwrap_or_else(|| number.as_f64().map_or(Json::Null, Json::from))
}

fn truth(value: Option<Json>, at: &str) -> Result<bool, TemplateError> {
    value
        .as_ref()
        .and_then(Json::as_bool)
        .ok_or_else(|| bad("a condition", "is neither true nor false", at))
}

fn bad(function: &str, problem: &str, at: &str) -> TemplateError {
    TemplateError::Function {
        at: at.into(),
        function: function.into(),
        problem: problem.into(),
    }
}

fn dangling(at: &str, name: &str) -> TemplateError {
    TemplateError::Dangling {
        at: at.into(),
        name: name.into(),
    }
}
