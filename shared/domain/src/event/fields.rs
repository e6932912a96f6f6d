//! Reading a JSON object field by field, so that each error can name its field.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::EventError;

/// The fields of one JSON object, their values untouched, and where the object stands in the event.
///
/// A field that is read must not be given twice: nobody can tell which of the two was meant.
pub(super) struct Fields<'a> {
    path: String,
    entries: Entries<'a>,
}

impl<'a> Fields<'a> {
    /// Reads the event itself.
    pub(super) fn of_event(json: &'a str) -> Result<Self, EventError> {
        let value: &RawValue = serde_json::from_str(json).map_err(|error| EventError::NotJson {
            ends_early: error.is_eof(),
            line: error.line(),
            column: error.column(),
        })?;
        if !is_object(value) {
            return Err(EventError::NotAnObject);
        }
        Self::of_value(String::new(), value)
    }

    /// Reads an object that is a field's value.
    fn of_value(path: String, value: &'a RawValue) -> Result<Self, EventError> {
        match serde_json::from_str(value.get()) {
            Ok(entries) => Ok(Self { path, entries }),
            Err(_) => Err(EventError::field_rule(path, "must be an object")),
        }
    }

    /// The object's field of this name; `null` counts as absent.
    pub(super) fn value(&self, name: &str) -> Result<Option<&'a RawValue>, EventError> {
        if self.entries.repeated.contains(name) {
            return Err(self.error(name, "must be given once"));
        }
        let value = self.entries.values.get(name).copied();
        Ok(value.filter(|value| value.get() != "null"))
    }

    /// The path of a field of this object.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// An error about a field of this object.
    pub(super) fn error(&self, name: &str, rule: &'static str) -> EventError {
        EventError::field_rule(self.path_of(name), rule)
    }

    /// An object that may be absent.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, EventError> {
        self.value(name)?
            .map(|value| Fields::of_value(self.path_of(name), value))
            .transpose()
    }

    /// An object that must be there.
    pub(super) fn required_object(&self, name: &str) -> Result<Fields<'a>, EventError> {
        self.object(name)?
            .ok_or_else(|| self.error(name, "is required, an object"))
    }

    /// An object as it was written.
    pub(super) fn raw_object(&self, name: &str) -> Result<&'a RawValue, EventError> {
        let value = self.value(name)?.filter(|value| is_object(value));
        value.ok_or_else(|| self.error(name, "is required, an object"))
    }

    /// A string that may be absent.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, EventError> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        serde_json::from_str(value.get())
            .map(Some)
            .map_err(|_| self.error(name, "must be a string"))
    }

    /// A string that must be there.
    pub(super) fn text(&self, name: &str) -> Result<String, EventError> {
        self.optional_text(name)?
            .ok_or_else(|| self.error(name, "is required, a string"))
    }

    /// A string that must be there and follow the rule of `T`.
    pub(super) fn parsed<T>(&self, name: &str) -> Result<T, EventError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(name)?;
        text.parse()
            .map_err(|error: T::Err| EventError::field_rule(self.path_of(name), error.to_string()))
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// An object's entries, the last of each name, and the names that occur more than once.
#[derive(Default)]
struct Entries<'a> {
    values: BTreeMap<String, &'a RawValue>,
    repeated: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Entries::default();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if entries.values.insert(name.clone(), value).is_some() {
                entries.repeated.insert(name);
            }
        }
        Ok(entries)
    }
}
