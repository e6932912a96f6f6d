//! What went wrong with a message, for people.

use serde::{Deserialize, Serialize};

/// What went wrong with a message, in words, and what to do about it. Holds no phone number and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// The provider's code, or the HTTP status of a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// What is kept of others' words, in characters.
const MOST_CHARACTERS: usize = 200;
/// As [`PhoneNumber`](super::phone::PhoneNumber) has it: shorter ones are codes and short codes.
const FEWEST_DIGITS: usize = 7;
/// `+1 (415) 555-1234` has two separators in a row; some write three (` - `).
const MOST_SEPARATORS: usize = 3;
const MASK: &str = "•••";

impl ProviderError {
    /// An HTTP gateway answered with this status, which is not a 2xx.
    #[must_use]
    pub fn gateway_status(status: u16, body: &[u8]) -> Self {
        let said = readable(&String::from_utf8_lossy(body));
        let message = if said.is_empty() {
            format!("the gateway answered {status}")
        } else {
            format!("the gateway answered {status}: {said}")
        };
        Self {
            code: Some(status.into()),
            message,
            remedy: "check the endpoint's log".to_owned(),
        }
    }
}

/// Others' words as they may be kept and shown: on one line, without control characters, without what looks like a
/// phone number or a URL's query (which may carry a token), and at most 200 characters.
pub(crate) fn readable(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(without_query)
        .collect();
    let masked = without_numbers(&words.join(" "));
    masked.chars().take(MOST_CHARACTERS).collect()
}

fn without_query(word: &str) -> String {
    match word.split_once('?') {
        Some((before, query)) if query.contains('=') => format!("{before}?{MASK}"),
        _ => word.to_owned(),
    }
}

fn without_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let (before, from) = rest.split_at(start);
        let (number, after) = split_number(from);
        let digits = number.chars().filter(|c| c.is_numeric()).count();
        masked.push_str(before);
        masked.push_str(if digits < FEWEST_DIGITS { number } else { MASK });
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// The digits that `text` begins with, with a few separators between them, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let (mut end, mut separators) = (0, 0);
    for (at, c) in text.char_indices() {
        if c.is_numeric() {
            (end, separators) = (at + c.len_utf8(), 0);
        } else if matches!(c, ' ' | '-' | '.' | '/' | '(' | ')') && separators < MOST_SEPARATORS {
            separators += 1;
        } else {
            break;
        }
    }
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gateways_words_are_kept_on_one_line() {
        let error =
            ProviderError::gateway_status(422, b"\r\n{\"error\":\t\"no such\x07 sender\"}\n");
        assert_eq!(error.code, Some(422));
        assert_eq!(
            error.message,
            "the gateway answered 422: {\"error\": \"no such sender\"}"
        );
        assert_eq!(error.remedy, "check the endpoint's log");
        for silent in [&b""[..], b" \n\0 "] {
            let error = ProviderError::gateway_status(500, silent);
            assert_eq!(error.message, "the gateway answered 500");
        }
        let error = ProviderError::gateway_status(500, b"caf\xff");
        assert_eq!(error.message, "the gateway answered 500: caf\u{fffd}");
    }

    #[test]
    fn phone_numbers_are_masked_however_they_are_written() {
        for number in [
            "+14155551234",
            "14155551234",
            "%2B14155551234",
            "+1 (415) 555-1234",
            "415.555.1234",
            "+49 30 / 1234567",
            "01.23.45.67.89",
            "+1 - 415\u{a0}5551234",
            "٠١٢٣٤٥٦٧٨",
        ] {
            let shown = readable(&format!("The 'To' number {number} is not valid (21211)."));
            assert!(shown.ends_with("••• is not valid (21211)."), "{shown}");
            assert!(!shown.contains("1234") && !shown.contains("415"), "{shown}");
        }
    }

    #[test]
    fn the_query_of_a_url_is_left_out() {
        let shown = readable("Cannot POST /sms?token=geheim&to=1 now? Why?");
        assert_eq!(shown, "Cannot POST /sms?••• now? Why?");
    }

    #[test]
    fn long_words_are_cut_after_masking() {
        let text = format!("{} +14155551234", "x".repeat(MOST_CHARACTERS - 6));
        assert!(readable(&text).ends_with("x +•••"));
        assert_eq!(readable(&"é".repeat(999)).chars().count(), MOST_CHARACTERS);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_short_clean_and_stays_as_it_is(text in "(.|[0-9 ?=+\n-]){0,300}") {
            let shown = readable(&text);
            prop_assert!(shown.chars().count() <= MOST_CHARACTERS && !shown.contains(char::is_control));
            prop_assert_eq!(readable(&shown), shown.trim_end());
        }

        #[test]
        fn no_number_shows(digits in "[1-9][0-9]{6,14}", before in "[^0-9?]{0,20}", after in "[^0-9]{0,20}") {
            let shown = readable(&format!("{before}+{digits}{after}"));
            prop_assert!(!shown.contains(&digits[..7]) && !shown.contains(&digits[digits.len() - 7..]));
        }
    }
}
