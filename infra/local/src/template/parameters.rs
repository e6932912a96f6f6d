//! The `Parameters` section and its rules
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>).

use std::collections::BTreeMap;

use regex::Regex;
use yaml_serde::{Mapping, Value};

use super::{Settings, TemplateError};

/// The value of every declared parameter: what the user set, else what the stack sets, else the default.
pub(super) fn resolve(
    declared: Mapping,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut values = BTreeMap::new();
    for (name, rules) in &declared {
        let name = name.as_str().unwrap_or_default();
        let given = settings
            .overrides
            .get(name)
            .or_else(|| settings.defaults.get(name))
            .cloned();
        let value = given
            .or_else(|| scalar(rules.get("Default")?))
            .ok_or_else(|| broken(name, "has no value"))?;
        check(name, rules, &value)?;
        values.insert(name.to_owned(), value);
    }
    match settings
        .overrides
        .keys()
        .find(|name| !values.contains_key(*name))
    {
        None => Ok(values),
        Some(name) => Err(TemplateError::UnknownParameter {
            name: name.clone(),
            known: values.into_keys().collect::<Vec<_>>().join(", "),
        }),
    }
}

fn check(name: &str, rules: &Value, value: &str) -> Result<(), TemplateError> {
    kind(name, rules, value)?;
    allowed(name, rules, value)?;
    pattern(name, rules, value)?;
    let length = value.chars().count() as f64;
    bounds(name, rules, ["MinLength", "MaxLength"], length)?;
    match value.parse::<f64>() {
        Ok(number) => bounds(name, rules, ["MinValue", "MaxValue"], number),
        Err(_) => Ok(()),
    }
}

fn kind(name: &str, rules: &Value, value: &str) -> Result<(), TemplateError> {
    match rules.get("Type").and_then(Value::as_str) {
        Some("String" | "CommaDelimitedList") => Ok(()),
        Some("Number") if value.parse::<f64>().is_ok() => Ok(()),
        Some("Number") => Err(broken(name, "must be a number")),
        other => Err(broken(
            name,
            format!(
                "has the type {}, which is not supported",
                other.unwrap_or("none")
            ),
        )),
    }
}

fn allowed(name: &str, rules: &Value, value: &str) -> Result<(), TemplateError> {
    let Some(allowed) = rules.get("AllowedValues").and_then(Value::as_sequence) else {
        return Ok(());
    };
    let allowed: Vec<_> = allowed.iter().filter_map(scalar).collect();
    if allowed.iter().any(|allowed| allowed == value) {
        return Ok(());
    }
    Err(broken(
        name,
        format!("must be one of {}", allowed.join(", ")),
    ))
}

fn pattern(name: &str, rules: &Value, value: &str) -> Result<(), TemplateError> {
    let Some(pattern) = rules.get("AllowedPattern").and_then(Value::as_str) else {
        return Ok(());
    };
    // CloudFormation matches the whole value.
    let whole =
        Regex::new(&format!("^(?:{pattern})$")).map_err(|error| broken(name, error.to_string()))?;
    if whole.is_match(value) {
        return Ok(());
    }
    Err(broken(name, format!("must match {pattern}")))
}

fn bounds(
    name: &str,
    rules: &Value,
    [least, most]: [&str; 2],
    number: f64,
) -> Result<(), TemplateError> {
    let bound = |rule| {
        rules
            .get(rule)
            .and_then(scalar)
            .and_then(|bound| bound.parse::<f64>().ok())
    };
    match (bound(least), bound(most)) {
        (Some(bound), _) if number < bound => Err(broken(name, format!("breaks {least} {bound}"))),
        (_, Some(bound)) if number > bound => Err(broken(name, format!("breaks {most} {bound}"))),
        _ => Ok(()),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn broken(name: &str, rule: impl Into<String>) -> TemplateError {
    TemplateError::Parameter {
        name: name.into(),
        rule: rule.into(),
    }
}
