//! Which characters an SQS message may hold.

/// The first character that SQS refuses in a message body, so that it can be escaped or named.
///
/// Allowed are `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, `MessageBody`).
#[must_use]
pub fn first_forbidden_sqs_char(text: &str) -> Option<char> {
    text.chars().find(|c| !is_allowed(*c))
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// JSON with the two characters that it may hold and SQS refuses, U+FFFE and U+FFFF, as escapes. In JSON they stand
/// inside strings only, so that the text means the same.
#[must_use]
pub fn escape_noncharacters(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_those_of_the_page() {
        let forbidden = [
            '\0', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{1f}', '\u{fffe}', '\u{ffff}',
        ];
        let allowed = [
            '\t',
            '\n',
            '\r',
            ' ',
            '\u{7f}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{fffd}',
            '\u{10000}',
            '\u{10ffff}',
        ];
        for c in forbidden {
            assert_eq!(
                first_forbidden_sqs_char(&format!("a{c}b\0")),
                Some(c),
                "{c:?}"
            );
        }
        assert_eq!(
            first_forbidden_sqs_char(&allowed.iter().collect::<String>()),
            None
        );
    }
}
