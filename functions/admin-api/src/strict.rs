//! JSON values, with what their objects name twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A value, and the paths inside it that are given more than once, such as `sms.mentioned` or `[2].id`. Of those the
/// value has the last.
pub(crate) struct Strict {
    pub(crate) value: Value,
    pub(crate) repeated: Vec<String>,
}

impl<T: Into<Value>> From<T> for Strict {
    fn from(value: T) -> Strict {
        Strict {
            value: value.into(),
            repeated: Vec::new(),
        }
    }
}

impl Strict {
    /// The repeated paths as they are seen from outside: below `parent`.
    pub(crate) fn below<'a>(
        repeated: &'a [String],
        parent: &'a str,
    ) -> impl Iterator<Item = String> {
        repeated.iter().map(move |path| {
            let joint = if path.starts_with('[') { "" } else { "." };
            format!("{parent}{joint}{path}")
        })
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Value::Null.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        let (mut values, mut repeated) = (Vec::new(), Vec::new());
        while let Some(entry) = seq.next_element::<Strict>()? {
            let place = format!("[{}]", values.len());
            repeated.extend(Strict::below(&entry.repeated, &place));
            values.push(entry.value);
        }
        let value = values.into();
        Ok(Strict { value, repeated })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let (mut values, mut repeated) = (Map::new(), Vec::new());
        while let Some((name, entry)) = map.next_entry::<String, Strict>()? {
            repeated.extend(Strict::below(&entry.repeated, &name));
            if values.insert(name.clone(), entry.value).is_some() {
                repeated.push(name);
            }
        }
        let value = values.into();
        Ok(Strict { value, repeated })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repeated(text: &str) -> Vec<String> {
        serde_json::from_str::<Strict>(text).unwrap().repeated
    }

    #[test]
    fn what_is_given_twice_is_found_at_any_depth() {
        assert_eq!(
            repeated(r#"{"a":{"b":1},"c":[{"b":1}]}"#),
            Vec::<String>::new()
        );
        let text = r#"{"a":{"b":1,"b":null},"a":2,"c":[0,{"d":1,"d":1}],"e":[[{"f":1,"f":2}]]}"#;
        assert_eq!(repeated(text), ["a.b", "a", "c[1].d", "e[0][0].f"]);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_other_value_is_read_as_it_is(value in json()) {
            let text = value.to_string();
            let strict: Strict = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(strict.value, serde_json::from_str::<Value>(&text).unwrap());
            prop_assert!(strict.repeated.is_empty());
        }
    }
}
