//! What a message says.
//!
//! ```text
//! SetGet Alert: Work item ENG-42 "Fix login redirect" priority changed to Urgent.
//! View: https://app.setget.io/engineering/issues/ENG-42
//! ```
//!
//! A text over the limit is shortened until it fits, each step only if the one before it was not enough:
//! 1. the title loses its end, down to `"..."`;
//! 2. the title is left out;
//! 3. the summary loses its end, down to `...`;
//! 4. the summary is left out.
//!
//! Brand, identifier and link are never touched. Where they alone are over the limit, the message is sent all the same:
//! an alert that costs a segment more is worth more than none.
//!
//! # Characters
//! Line breaks, control characters and white space of other kinds become plain spaces, so that nobody can write lines
//! of their own into an alert, and so that a no-break space does not force UCS-2. Taken out are
//! - bidirectional embeddings, overrides and isolates (U+202A to U+202E, U+2066 to U+2069): left open, or cut off from
//!   their end, they would turn around what follows, the link included;
//! - zero-width spaces, word joiners, byte order marks, soft hyphens and the like: nobody sees them, and each would
//!   force UCS-2, which more than doubles the price.
//!
//! Joiners (U+200C, U+200D), variation selectors, tags and direction marks stay: emoji, Indic and right-to-left texts
//! are spelt with them, and they change nothing beyond their neighbours.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

use super::segments::{Count, MaxSegments, count};
use crate::event::AlertItem;

/// Opens every message: 1 to 32 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Brand(String);

/// A text that is no [`Brand`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 characters without control characters")]
pub struct InvalidBrand;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub text: String,
    /// What it takes.
    pub count: Count,
}

/// What a message is put together from.
#[derive(Clone, Copy)]
struct Parts<'a> {
    /// `SetGet Alert: Work item ENG-42`: never shortened.
    opening: &'a str,
    /// Without its quotes; empty to leave it out.
    title: &'a str,
    /// Empty to leave it out.
    summary: &'a str,
    /// Never shortened.
    link: &'a str,
}

const MOST_BRAND_CHARACTERS: usize = 32;
/// What stands for a cut-off end: the one-character ellipsis would force UCS-2.
const DOTS: &str = "...";

/// What people are told of an alert.
///
/// The whole of it where it fits into `most` segments, else shortened as the [module](self) says, by whole grapheme
/// clusters and no further than needed. Takes time linear in the texts but for a logarithm of `most`.
#[must_use]
pub fn alert(brand: &Brand, summary: &str, item: &AlertItem, most: MaxSegments) -> Message {
    let identifier = one_line(&item.identifier);
    let opening = format!("{} Alert: Work item {identifier}", brand.0);
    Parts {
        opening: opening.trim_end(),
        title: &one_line(&item.title),
        summary: &one_line(summary),
        link: &link(&item.url),
    }
    .within(most)
}

/// The message that an administrator sends to see whether messages arrive. Shortened like an alert.
#[must_use]
pub fn test(brand: &Brand, most: MaxSegments) -> Message {
    Parts {
        opening: &format!("{} Alert: [Test] Work item ENG-42", brand.0),
        title: "Fix login redirect",
        summary: "priority changed to Urgent",
        link: "https://app.setget.io/engineering/issues/ENG-42",
    }
    .within(most)
}

impl Parts<'_> {
    fn within(self, most: MaxSegments) -> Message {
        let with_title = |title: &str| Parts { title, ..self }.message();
        let with_summary = |summary: &str| {
            Parts {
                title: "",
                summary,
                ..self
            }
            .message()
        };
        fitting(self.message(), most)
            .or_else(|| longest(self.title, most, with_title))
            .or_else(|| fitting(with_title(""), most))
            .or_else(|| longest(self.summary, most, with_summary))
            .unwrap_or_else(|| with_summary(""))
    }

    fn message(&self) -> Message {
        let text = self.text();
        let count = count(&text);
        Message { text, count }
    }

    fn text(&self) -> String {
        let mut text = self.opening.to_owned();
        if !self.title.is_empty() {
            text.extend([" \"", self.title, "\""]);
        }
        if !self.summary.is_empty() {
            text.extend([" ", self.summary]);
        }
        if !text.ends_with(ends_sentence) {
            text.push('.');
        }
        text.extend(["\nView: ", self.link]);
        text
    }
}

fn fitting(message: Message, most: MaxSegments) -> Option<Message> {
    (message.count.segments <= most.get()).then_some(message)
}

/// The message with the most of `part` that fits, where so much as its dots do.
///
/// More of it never takes fewer segments (a character that forces UCS-2 is either still there or not), so the longest
/// is found by halving.
fn longest(part: &str, most: MaxSegments, with: impl Fn(&str) -> Message) -> Option<Message> {
    let cut = |end: usize| fitting(with(&format!("{}{DOTS}", part[..end].trim_end())), most);
    let ends: Vec<usize> = part
        .grapheme_indices(true)
        .map(|(start, _)| start)
        .take(most.most_characters())
        .collect();
    let fit = ends.partition_point(|end| cut(*end).is_some());
    cut(ends[fit.checked_sub(1)?])
}

/// The text on one line: no control characters, no two spaces in a row, none at the ends, nothing that nobody sees.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_unseen(*c)) {
        if !is_blank(c) {
            line.push(c);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The link as it was given; only one with characters that break or hide a link in a text is written as parsers of
/// URLs read it, in which they are escaped (white space around it and line breaks inside it, dropped).
fn link(url: &str) -> Cow<'_, str> {
    if !url.contains(|c| is_blank(c) || is_unseen(c)) {
        return Cow::Borrowed(url);
    }
    Cow::Owned(Url::parse(url).map_or_else(|_| one_line(url), String::from))
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

fn ends_sentence(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '。' | '．' | '｡' | '！' | '？' | '।' | '؟' | '۔'
    )
}

impl Brand {
    /// The brand.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Brand {
    type Err = InvalidBrand;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Brand {
    type Error = InvalidBrand;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.chars().take(MOST_BRAND_CHARACTERS + 1).count();
        let fits =
            (1..=MOST_BRAND_CHARACTERS).contains(&length) && !text.contains(char::is_control);
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidBrand)
        }
    }
}

impl From<Brand> for String {
    fn from(brand: Brand) -> Self {
        brand.0
    }
}
