//! Reading an object of fields strictly: a JSON body or a query string.
//!
//! Nothing is ignored and nothing is guessed: an unknown field, one that is given twice and one of the wrong type are
//! refused, and all that is wrong is told at once. Values are not repeated in what is told, for they may be secrets.

use std::fmt;

use domain::catalogue::EventType;
use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::problem::{FieldError, Problem};
use crate::strict::Strict;

/// A field as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Given<T> {
    /// Not at all.
    #[default]
    Absent,
    /// As `null`.
    Null,
    /// With a value.
    Value(T),
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null => None,
        }
    }

    /// The same, borrowed.
    pub(crate) fn as_value(&self) -> Option<&T> {
        match self {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null => None,
        }
    }
}

const GIVEN_TWICE: &str = "must be given once";

/// What a request brings, read field by field.
pub(crate) struct Object {
    entries: Vec<(String, Value)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// Why a text is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoObject {
    /// Not JSON, or nested beyond reason; the error stands there (line and column from 1).
    NotJson { line: usize, column: usize },
    /// Another kind of JSON.
    OtherType,
}

impl Object {
    /// An object without fields.
    pub(crate) fn empty() -> Object {
        Object::of(Vec::new())
    }

    /// A JSON object.
    pub(crate) fn from_json(text: &[u8]) -> Result<Object, NoObject> {
        let not_json = |error: serde_json::Error| NoObject::NotJson {
            line: error.line(),
            column: error.column(),
        };
        match serde_json::from_slice::<Entries>(text) {
            Ok(Entries(entries)) => Ok(Object::of_strict(entries)),
            // Reading stopped at the first character: the rest need not be JSON.
            Err(error) if error.is_data() => match serde_json::from_slice::<IgnoredAny>(text) {
                Ok(IgnoredAny) => Err(NoObject::OtherType),
                Err(error) => Err(not_json(error)),
            },
            Err(error) => Err(not_json(error)),
        }
    }

    /// A query string; all values are strings.
    pub(crate) fn from_query(query: &str) -> Object {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Object::of(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect(),
        )
    }

    fn of_strict(entries: Vec<(String, Strict)>) -> Object {
        let mut object = Object::empty();
        for (name, strict) in entries {
            for path in Strict::below(&strict.repeated, &name) {
                object.refuse::<Value>(&shown(&path), GIVEN_TWICE);
            }
            object.entries.push((name, strict.value));
        }
        object
    }

    fn of(entries: Vec<(String, Value)>) -> Object {
        Object {
            entries,
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// A field that must be given. `None` once an error is noted.
    pub(crate) fn required<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        match self.nullable(field, read) {
            Ok(Given::Value(value)) => Some(value),
            Ok(Given::Absent) => self.refuse(field, "is required"),
            Ok(Given::Null) => self.refuse(field, "must not be null"),
            Err(Noted) => None,
        }
    }

    /// A field that may be left out, but is not `null`.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Result<Option<T>, Noted> {
        match self.nullable(field, read)? {
            Given::Value(value) => Ok(Some(value)),
            Given::Absent => Ok(None),
            Given::Null => {
                self.refuse::<T>(field, "must not be null; leave it out");
                Err(Noted)
            }
        }
    }

    /// A field that may be left out or `null`.
    pub(crate) fn nullable<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Result<Given<T>, Noted> {
        match self.take(field)? {
            Given::Absent => Ok(Given::Absent),
            Given::Null => Ok(Given::Null),
            Given::Value(value) => read(value).map(Given::Value).map_err(|rule| {
                self.refuse::<T>(field, rule);
                Noted
            }),
        }
    }

    /// A field that must be given and holds an object of its own.
    pub(crate) fn nested<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Object) -> Option<T>,
    ) -> Option<T> {
        let entries = self.required(field, |value| match value {
            Value::Object(entries) => Ok(entries),
            _ => Err("must be an object".to_owned()),
        })?;
        let mut inner = Object::of(entries.into_iter().collect());
        let result = read(&mut inner);
        let (result, errors) = inner.settle(result);
        let errors = errors.into_iter().map(|error| error.below(field));
        self.errors.extend(errors);
        result
    }

    /// Lets all fields pass that were not asked for: what is wrong already tells enough.
    pub(crate) fn leave_rest(&mut self) {
        self.entries.clear();
    }

    /// All fields that were not asked for, whatever their names. `None` where one breaks its rule.
    pub(crate) fn each<T>(
        &mut self,
        read: impl Fn(&str, Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let mut all = Some(Vec::new());
        for (name, value) in std::mem::take(&mut self.entries) {
            match (read(&name, value), &mut all) {
                (Ok(value), Some(all)) => all.push(value),
                (Ok(_), None) => {}
                (Err(rule), _) => all = self.refuse(&shown(&name), rule),
            }
        }
        all
    }

    fn take(&mut self, field: &'static str) -> Result<Given<Value>, Noted> {
        self.known.push(field);
        let mut given = self
            .entries
            .extract_if(.., |(name, _)| name == field)
            .map(|(_, value)| value);
        let (first, second) = (given.next(), given.next());
        drop(given);
        match (first, second) {
            (None, _) => Ok(Given::Absent),
            (Some(Value::Null), None) => Ok(Given::Null),
            (Some(value), None) => Ok(Given::Value(value)),
            (Some(_), Some(_)) => {
                self.refuse::<Value>(field, GIVEN_TWICE);
                Err(Noted)
            }
        }
    }

    /// Notes that a field breaks a rule.
    pub(crate) fn refuse<T>(&mut self, field: &str, rule: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError::new(field, rule));
        None
    }

    /// The result, if no rule was broken and every field was asked for.
    pub(crate) fn finish<T>(self, result: Option<T>) -> Result<T, Problem> {
        match self.settle(result) {
            (Some(result), errors) if errors.is_empty() => Ok(result),
            (_, errors) => Err(Problem::invalid(errors)),
        }
    }

    /// The result with the rules that were broken, unknown fields among them.
    fn settle<T>(mut self, result: Option<T>) -> (Option<T>, Vec<FieldError>) {
        let rule = match self.known.as_slice() {
            [] => "is not known here: there are no fields".to_owned(),
            known => format!("is not known here; the fields are {}", known.join(", ")),
        };
        for (name, _) in std::mem::take(&mut self.entries) {
            self.refuse::<T>(&shown(&name), rule.clone());
        }
        (result, self.errors)
    }
}

/// A name that a caller made up, as it is repeated to them.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// A field breaks its rule, and that has been noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted;

/// Reads a string.
pub(crate) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

/// Reads a boolean.
pub(crate) fn flag(value: Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| "must be true or false".to_owned())
}

/// Reads a whole number from 0 on; `3.0` is one, as JSON Schema has it.
pub(crate) fn whole_number(value: Value) -> Result<u64, String> {
    let as_float = |value: &Value| {
        let number = value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && (0.0..1e15).contains(number))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within an f64's whole numbers"
        )]
        let whole = number as u64;
        Some(whole)
    };
    let number = value.as_u64().or_else(|| as_float(&value));
    number.ok_or_else(|| "must be a whole number, 0 or more".to_owned())
}

/// Reads a string that follows the rule of `T`.
pub(crate) fn parsed<T>(value: Value) -> Result<T, String>
where
    T: std::str::FromStr<Err: fmt::Display>,
{
    text(value)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

/// Reads one event type.
pub(crate) fn event_type(value: Value) -> Result<EventType, String> {
    parsed(value)
}

/// Reads an RFC 3339 time.
pub(crate) fn time(value: Value) -> Result<Timestamp, String> {
    let rule = "must be an RFC 3339 time with an offset, e.g. 2026-03-29T14:30:00Z";
    domain::time::rfc3339(&text(value)?).ok_or_else(|| rule.to_owned())
}

/// An object's entries in their order, repeated ones as well.
struct Entries(Vec<(String, Strict)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap;

        impl<'de> Visitor<'de> for OfMap {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(OfMap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_rfc_3339_times_with_an_offset_are_read() {
        let read = |text: &str| time(text.into());
        for text in [
            "2026-03-29T14:30:00Z",
            "2026-03-29t14:30:00z",
            "2026-03-29T16:30:00+02:00",
            "2026-03-29T14:30:00.000Z",
        ] {
            assert_eq!(
                read(text).unwrap().to_string(),
                "2026-03-29T14:30:00Z",
                "{text}"
            );
        }
        for text in [
            "",
            "now",
            "2026-03-29",
            "2026-03-29T14:30:00",
            "2026-03-29T14:30Z",
            "2026-03-29 14:30:00Z",
            "2026-3-29T14:30:00Z",
            "2026-03-29T14:30:00+02",
            "2026-03-29T14:30:00+0200",
            "2026-03-29T14:30:00Z[UTC]",
            "2026-13-29T14:30:00Z",
            "2026-03-29T14:30:00.Z",
            " 2026-03-29T14:30:00Z",
            "2026-03-29T14:30:00+02:00:00",
            "20260329T143000Z",
            "+002026-03-29T14:30:00Z",
            "2026-03-29T14:30:00ZZ",
            "2026-03-29T14:30:00+00:00Z",
        ] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction_without_one() {
        for (text, number) in [
            ("0", Some(0)),
            ("3.0", Some(3)),
            ("1e3", Some(1_000)),
            ("-1", None),
            ("1.5", None),
            ("1e300", None),
            ("\"1\"", None),
        ] {
            assert_eq!(
                whole_number(serde_json::from_str(text).unwrap()).ok(),
                number,
                "{text}"
            );
        }
    }

    #[test]
    fn every_field_is_read_once_or_refused() {
        let mut object =
            Object::from_json(br#"{"a":"x","b":1,"b":2,"c":null,"d":7,"e":true}"#).unwrap();
        assert_eq!(object.required("a", text).as_deref(), Some("x"));
        assert_eq!(object.optional("b", whole_number), Err(Noted));
        assert_eq!(object.nullable("c", text), Ok(Given::Null));
        assert_eq!(object.nullable("missing", text), Ok(Given::Absent));
        assert_eq!(object.required("d", text), None);
        let blamed = |error: &FieldError| {
            serde_json::to_value(error).unwrap()["field"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            object.errors.iter().map(blamed).collect::<Vec<_>>(),
            ["b", "d"]
        );
        assert!(object.finish(Some(())).is_err());
    }

    proptest! {
        #[test]
        fn a_time_reads_back(seconds in -62_135_596_800_i64..253_402_207_200, nanos in 0..1_000_000_000_i32) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(time(at.to_string().into()), Ok(at));
        }

        #[test]
        fn whatever_is_read_as_a_time_has_its_shape(text in "[0-9]{4}-[0-9]{2}-[0-9]{1,2}[Tt ][0-9:.+zZ-]{0,20}") {
            if time(text.clone().into()).is_ok() {
                let bytes = text.as_bytes();
                prop_assert!(bytes.len() >= 20 && bytes[10].eq_ignore_ascii_case(&b'T') && bytes[13] == b':' && bytes[16] == b':');
            }
        }

        #[test]
        fn any_text_is_an_object_or_is_not(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let is_json = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
            match Object::from_json(&text) {
                Ok(_) => prop_assert!(is_json),
                Err(NoObject::OtherType) => prop_assert!(is_json),
                Err(NoObject::NotJson { .. }) => {}
            }
        }
    }
}
