//! A resource's resolved properties, taken one by one: what is left at the end was not understood.

use serde_json::{Map, Value as Json};
use yaml_serde::Mapping;

use super::intrinsics::{Resolver, text_of};
use super::{Resource, TemplateError};

pub(super) struct Properties {
    resource: String,
    path: String,
    values: Map<String, Json>,
}

impl Properties {
    /// The resource's properties but the `ignored` ones, which are not even resolved: they may name ignored resources.
    pub(super) fn of(
        resource: &Resource<'_>,
        ignored: &[&str],
        resolver: &Resolver,
    ) -> Result<Self, TemplateError> {
        let empty = Mapping::new();
        Self::resolved(
            resource.id,
            resource.properties.unwrap_or(&empty),
            ignored,
            resolver,
        )
    }

    pub(super) fn resolved(
        resource: &str,
        properties: &Mapping,
        ignored: &[&str],
        resolver: &Resolver,
    ) -> Result<Self, TemplateError> {
        let mut kept = properties.clone();
        kept.retain(|name, _| !name.as_str().is_some_and(|name| ignored.contains(&name)));
        let values = resolver.entries(&kept, resource)?;
        Ok(Self {
            resource: resource.into(),
            path: String::new(),
            values,
        })
    }

    /// Properties that are resolved already; `path` leads to them.
    pub(super) fn plain(resource: &str, path: &str, values: Map<String, Json>) -> Self {
        Self {
            resource: resource.into(),
            path: path.into(),
            values,
        }
    }

    /// Takes a property.
    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        self.values.remove(name)
    }

    /// Takes a property that is a mapping, to be taken apart in its turn; an absent one is empty.
    pub(super) fn take_map(&mut self, name: &str) -> Result<Self, TemplateError> {
        let path = format!("{}{name}.", self.path);
        match self.take(name) {
            None => Ok(Self {
                resource: self.resource.clone(),
                path,
                values: Map::new(),
            }),
            Some(Json::Object(values)) => Ok(Self {
                resource: self.resource.clone(),
                path,
                values,
            }),
            Some(_) => Err(self.invalid(name, "must be a mapping")),
        }
    }

    /// Takes a property that is text or a number, as text.
    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Array(_) | Json::Object(_) | Json::Null) => {
                Err(self.invalid(name, "must be text"))
            }
            Some(value) => Ok(Some(text_of(&value))),
        }
    }

    /// Takes a whole number within the bounds.
    pub(super) fn take_number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, TemplateError> {
        let Some(text) = self.take_text(name)? else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        let rule = || {
            format!(
                "must be a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            )
        };
        number.map(Some).ok_or_else(|| self.invalid(name, rule()))
    }

    /// Takes a flag; absent means `default`.
    pub(super) fn take_flag(&mut self, name: &str, default: bool) -> Result<bool, TemplateError> {
        match self.take_text(name)?.as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(self.invalid(name, "must be true or false")),
        }
    }

    /// Takes what is left.
    pub(super) fn take_rest(&mut self) -> Map<String, Json> {
        std::mem::take(&mut self.values)
    }

    pub(super) fn require<T>(&self, name: &str, value: Option<T>) -> Result<T, TemplateError> {
        value.ok_or_else(|| TemplateError::missing(&self.resource, &format!("{}{name}", self.path)))
    }

    pub(super) fn invalid(&self, name: &str, rule: impl Into<String>) -> TemplateError {
        TemplateError::invalid(&self.resource, &format!("{}{name}", self.path), rule)
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), TemplateError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(TemplateError::unsupported(
                &self.resource,
                &format!("{}{name}", self.path),
            )),
        }
    }
}
