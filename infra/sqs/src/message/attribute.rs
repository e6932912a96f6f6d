//! Message attributes and their rules
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>).

use std::collections::BTreeMap;

use super::content::is_allowed;
use super::digest::md5_of_attributes;
use crate::limits;

/// A message attribute: typed data beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with a custom label after a period where the sender gave one (`Number.float`).
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// Of type `String`, or of type `Number` in the sender's spelling.
    Text(String),
    /// Of type `Binary`.
    Binary(Vec<u8>),
}

impl AttributeValue {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// The attributes of one message, all rules checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageAttributes(BTreeMap<String, MessageAttribute>);

impl MessageAttributes {
    pub(crate) fn new(
        attributes: BTreeMap<String, MessageAttribute>,
    ) -> Result<Self, MessageAttributeError> {
        if attributes.len() > limits::MESSAGE_ATTRIBUTES {
            return Err(MessageAttributeError::TooMany(attributes.len()));
        }
        attributes
            .iter()
            .try_for_each(|(name, attribute)| check(name, attribute))?;
        Ok(Self(attributes))
    }

    pub(crate) fn as_map(&self) -> &BTreeMap<String, MessageAttribute> {
        &self.0
    }

    pub(super) fn size(&self) -> usize {
        let bytes = |(name, attribute): (&String, &MessageAttribute)| {
            name.len() + attribute.data_type.len() + attribute.value.as_bytes().len()
        };
        self.0.iter().map(bytes).sum()
    }

    pub(crate) fn md5(&self) -> Option<String> {
        md5_of_attributes(self.0.iter())
    }

    /// Those whose names `wanted` takes.
    pub(crate) fn select(
        attributes: &BTreeMap<String, MessageAttribute>,
        wanted: impl Fn(&str) -> bool,
    ) -> (BTreeMap<String, MessageAttribute>, Option<String>) {
        let selected: BTreeMap<_, _> = attributes
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, attribute)| (name.clone(), attribute.clone()))
            .collect();
        let md5 = md5_of_attributes(selected.iter());
        (selected, md5)
    }
}

/// What is wrong with a message's attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageAttributeError {
    #[error(
        "Number of message attributes [{0}] exceeds the allowed maximum [{limit}].",
        limit = limits::MESSAGE_ATTRIBUTES
    )]
    TooMany(usize),
    #[error(
        "The message attribute name '{0}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen \
         (-), and period (.) characters, not start with 'AWS.' or 'Amazon.', not start or end with a period, not have \
         successive periods, and be up to 256 characters long."
    )]
    Name(String),
    #[error(
        "The message attribute '{0}' has an invalid message attribute type, the set of supported type prefixes is \
         Binary, Number, and String."
    )]
    Type(String),
    #[error(
        "The message attribute '{name}' must contain a non-empty message attribute value for message attribute type \
         '{data_type}'."
    )]
    Empty { name: String, data_type: String },
    #[error("Can't cast the value of message attribute '{0}' to a number.")]
    NotANumber(String),
    #[error("The message attribute '{0}' holds characters that are not allowed in a message.")]
    Characters(String),
}

fn check(name: &str, attribute: &MessageAttribute) -> Result<(), MessageAttributeError> {
    use MessageAttributeError::{Characters, Empty, Name, NotANumber, Type};
    if !is_name(name) {
        return Err(Name(name.to_owned()));
    }
    let data_type = &attribute.data_type;
    let Some(kind) = Kind::of(data_type) else {
        return Err(Type(name.to_owned()));
    };
    match (kind, &attribute.value) {
        (_, value) if value.as_bytes().is_empty() => Err(Empty {
            name: name.to_owned(),
            data_type: data_type.clone(),
        }),
        (Kind::String, AttributeValue::Text(text)) if !text.chars().all(is_allowed) => {
            Err(Characters(name.to_owned()))
        }
        (Kind::Number, AttributeValue::Text(text)) if !is_number(text) => {
            Err(NotANumber(name.to_owned()))
        }
        (Kind::String | Kind::Number, AttributeValue::Text(_))
        | (Kind::Binary, AttributeValue::Binary(_)) => Ok(()),
        _ => Err(Empty {
            name: name.to_owned(),
            data_type: data_type.clone(),
        }),
    }
}

enum Kind {
    String,
    Number,
    Binary,
}

impl Kind {
    fn of(data_type: &str) -> Option<Self> {
        if data_type.chars().count() > limits::MESSAGE_ATTRIBUTE_CHARACTERS
            || !data_type.chars().all(is_allowed)
        {
            return None;
        }
        match data_type
            .split_once('.')
            .map_or(data_type, |(kind, _)| kind)
        {
            "String" => Some(Self::String),
            "Number" => Some(Self::Number),
            "Binary" => Some(Self::Binary),
            _ => None,
        }
    }
}

fn is_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=limits::MESSAGE_ATTRIBUTE_CHARACTERS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

/// A decimal number of up to 38 significant digits between 10^-128 and 10^126 in size.
fn is_number(text: &str) -> bool {
    const SIGNIFICANT_DIGITS: usize = 38;
    let mantissa = text
        .split_once(['e', 'E'])
        .map_or(text, |(mantissa, _)| mantissa);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let spelled = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let size = text.parse::<f64>().map(f64::abs);
    spelled
        && digits.trim_start_matches('0').len() <= SIGNIFICANT_DIGITS
        && size.is_ok_and(|size| size == 0.0 || (1e-128..=1e126).contains(&size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_documented_rules() {
        for allowed in ["a", "Trace-Id_1.x", "awsome", "AWS", "a.aws.b"] {
            assert!(is_name(allowed), "{allowed}");
        }
        for refused in [
            "", ".a", "a.", "a..b", "AWS.x", "aWs.x", "Amazon.x", "AMAZON.x", "a b", "ä", "a/b",
        ] {
            assert!(!is_name(refused), "{refused}");
        }
        assert!(is_name(&"a".repeat(256)));
        assert!(!is_name(&"a".repeat(257)));
    }

    #[test]
    fn numbers_have_at_most_38_digits_and_a_bounded_size() {
        for allowed in [
            "0",
            "-1",
            "+1.50",
            "1e126",
            "1E-128",
            "0.001",
            &"9".repeat(38),
            &format!("00{}", "9".repeat(38)),
        ] {
            assert!(is_number(allowed), "{allowed}");
        }
        for refused in [
            "",
            "-",
            "1,5",
            "0x10",
            "inf",
            "NaN",
            "1e127",
            "1e-129",
            "1 ",
            &"9".repeat(39),
        ] {
            assert!(!is_number(refused), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_integer_is_a_number(number: i128) {
            prop_assume!(number.unsigned_abs().to_string().len() <= 38);
            prop_assert!(is_number(&number.to_string()));
        }

        #[test]
        fn no_text_at_all_upsets_the_checks(name: String, data_type: String, value: String) {
            let attribute = MessageAttribute { data_type, value: AttributeValue::Text(value) };
            let _ = check(&name, &attribute);
        }
    }
}
