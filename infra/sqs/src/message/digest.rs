//! The MD5 digests that SDK clients verify
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>, "Calculating
//! the MD5 message digest for message attributes").

use md5::{Digest, Md5};

use super::{AttributeValue, MessageAttribute};

pub(crate) fn md5_of_body(body: &str) -> String {
    hex(Md5::digest(body.as_bytes()).as_ref())
}

/// The digest of attributes in the order of their names; none for no attributes.
pub(super) fn md5_of_attributes<'a>(
    attributes: impl Iterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let mut digest = None;
    for (name, attribute) in attributes {
        add(digest.get_or_insert_with(Md5::new), name, attribute);
    }
    digest.map(|digest| hex(digest.finalize().as_ref()))
}

/// The digest of a single attribute of type `String`.
pub(crate) fn md5_of_text_attribute(name: &str, value: &str) -> String {
    let attribute = MessageAttribute {
        data_type: "String".into(),
        value: AttributeValue::Text(value.to_owned()),
    };
    let mut digest = Md5::new();
    add(&mut digest, name, &attribute);
    hex(digest.finalize().as_ref())
}

fn add(digest: &mut Md5, name: &str, attribute: &MessageAttribute) {
    add_part(digest, name.as_bytes());
    add_part(digest, attribute.data_type.as_bytes());
    let transport_type: u8 = match attribute.value {
        AttributeValue::Text(_) => 1,
        AttributeValue::Binary(_) => 2,
    };
    digest.update([transport_type]);
    add_part(digest, attribute.value.as_bytes());
}

fn add_part(digest: &mut Md5, part: &[u8]) {
    // Messages end at 1 MiB: no part is longer than four bytes can say.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    digest.update(length.to_be_bytes());
    digest.update(part);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn digest(attributes: &[(&str, &str, AttributeValue)]) -> Option<String> {
        let attributes: BTreeMap<String, MessageAttribute> = attributes
            .iter()
            .map(|(name, data_type, value)| {
                let attribute = MessageAttribute {
                    data_type: (*data_type).to_owned(),
                    value: value.clone(),
                };
                ((*name).to_owned(), attribute)
            })
            .collect();
        md5_of_attributes(attributes.iter())
    }

    fn text(value: &str) -> AttributeValue {
        AttributeValue::Text(value.to_owned())
    }

    /// Digests that the real service gave.
    #[test]
    fn the_digests_are_those_of_the_service() {
        assert_eq!(md5_of_body("msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
        let three = [
            ("Help.Me", "String", text("Me")),
            ("Hello", "String", text("There")),
            ("General", "String", text("Kenobi")),
        ];
        assert_eq!(
            digest(&three).as_deref(),
            Some("4c360f3fdafd970e05fae2f149d997f5")
        );
        assert_eq!(
            digest(&three[1..2]).as_deref(),
            Some("a311262e065454b75da111d535b8dacd")
        );
        let trace = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let binary = AttributeValue::Binary(trace.to_vec());
        assert_eq!(
            digest(&[("attr1", "Binary", binary)]).as_deref(),
            Some("8cbe4db156db8a94db8b801b7addb984")
        );
    }

    #[test]
    fn no_attributes_have_no_digest() {
        assert_eq!(digest(&[]), None);
    }
}
