//! Lists, a page at a time.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::body::Fields;
use crate::object::{self, Object};

const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 100;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// Given as `cursor`, it leads to the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Entries wanted.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    pub(crate) limit: usize,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Position>,
}

impl Fields for PageParams {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let limit = limit(object);
        let cursor = cursor(object);
        Some(PageParams {
            limit: limit?,
            cursor: cursor?,
        })
    }
}

/// Reads `limit`.
pub(crate) fn limit(object: &mut Object) -> Option<usize> {
    let rule = || format!("must be a whole number from 1 to {MAX_LIMIT}");
    let read = |value: Value| {
        let digits = object::text(value)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let limit = digits.and_then(|digits| digits.parse().ok());
        limit
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(rule)
    };
    object
        .optional("limit", read)
        .ok()
        .map(|limit| limit.unwrap_or(DEFAULT_LIMIT))
}

/// Reads `cursor`: where in the list a page ended.
pub(crate) fn cursor<P: FromStr>(object: &mut Object) -> Option<Option<P>> {
    let read = |value| {
        let position = object::text(value).ok().and_then(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            String::from_utf8(bytes).ok()?.parse().ok()
        });
        position.ok_or_else(|| "must be the next_cursor of another page of this list".to_owned())
    };
    object.optional("cursor", read).ok()
}

/// The cursor that leads behind this position.
pub(crate) fn cursor_after(position: &impl fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(position.to_string())
}

/// Where an entry stands in a list that is sorted by time and id. Stays good when the entry is deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    millis: i64,
    id: String,
}

impl Position {
    pub(crate) fn new(at: Timestamp, id: impl ToString) -> Position {
        Position {
            millis: at.as_millisecond(),
            id: id.to_string(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.millis, self.id)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, id) = text.split_once('/').ok_or(())?;
        let millis = millis.parse().map_err(|_| ())?;
        Ok(Position {
            millis,
            id: id.to_owned(),
        })
    }
}

impl PageParams {
    /// The page of a whole list that is sorted by position.
    pub(crate) fn of<T, V>(&self, list: &[T], position: impl Fn(&T) -> Position) -> Page<V>
    where
        V: for<'a> From<&'a T>,
    {
        let begin = self.cursor.as_ref().map_or(0, |after| {
            list.partition_point(|entry| position(entry) <= *after)
        });
        let rest = &list[begin..];
        let page = &rest[..rest.len().min(self.limit)];
        let more = rest.len() > page.len();
        Page {
            items: page.iter().map(V::from).collect(),
            next_cursor: page
                .last()
                .filter(|_| more)
                .map(|last| cursor_after(&position(last))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Option<Position>> {
        cursor(&mut Object::from_query(&format!("cursor={text}")))
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_position(millis in any::<i64>(), id in "[a-z0-9_]{1,40}") {
            let position = Position { millis, id };
            prop_assert_eq!(read(&cursor_after(&position)), Some(Some(position)));
        }

        #[test]
        fn any_other_text_is_refused_or_a_position(text in "[A-Za-z0-9_-]{0,60}") {
            if let Some(Some(position)) = read(&text) {
                prop_assert_eq!(read(&cursor_after(&position)), Some(Some(position)));
            }
        }

        #[test]
        fn pages_cover_a_list_once_and_in_order(length in 0_usize..60, limit in 1_usize..20) {
            struct Shown(usize);
            impl From<&usize> for Shown {
                fn from(entry: &usize) -> Shown {
                    Shown(*entry)
                }
            }
            let list: Vec<usize> = (0..length).collect();
            let position = |entry: &usize| Position { millis: i64::try_from(entry / 3).unwrap(), id: format!("{entry:03}") };
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page: Page<Shown> = PageParams { limit, cursor }.of(&list, position);
                seen.extend(page.items.iter().map(|shown| shown.0));
                match page.next_cursor {
                    Some(next) => cursor = read(&next).unwrap(),
                    None => break,
                }
            }
            prop_assert_eq!(seen, list);
        }
    }
}
