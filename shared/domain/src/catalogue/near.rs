//! "Did you mean": the names of a list that are like a text that is none of them.

use std::{cmp::Reverse, fmt};

/// How many names are offered.
const MOST: usize = 3;
/// Longer texts are compared by their beginning: no name is nearly as long, and the work stays bounded.
const COMPARED: usize = 64;

/// The message of an unknown name.
pub(super) struct Unknown<'a, T> {
    pub(super) what: &'static str,
    pub(super) given: &'a str,
    pub(super) near: &'a [T],
}

impl<T: AsRef<str>> fmt::Display for Unknown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an {}", self.given, self.what)?;
        for (place, name) in self.near.iter().enumerate() {
            let joint = if place == 0 { "; near ones: " } else { ", " };
            write!(f, "{joint}{}", name.as_ref())?;
        }
        Ok(())
    }
}

/// Up to three of `all` that are like `text`: few edits away, or sharing the part before the dot, or the part after.
pub(super) fn nearest<T: AsRef<str> + Copy>(text: &str, all: &[T]) -> Vec<T> {
    let text: String = text.trim().chars().take(COMPARED).collect();
    let text = text.to_lowercase();
    if text.is_empty() {
        return Vec::new();
    }
    let mut ranked: Vec<(Rank, T)> = all
        .iter()
        .filter_map(|&name| Some((rank_if_near(&text, name.as_ref())?, name)))
        .collect();
    ranked.sort_by_key(|&(rank, _)| rank);
    ranked
        .into_iter()
        .take(MOST)
        .map(|(_, name)| name)
        .collect()
}

/// Names that begin with the text first, then those a few edits away.
type Rank = (Reverse<bool>, usize);

fn rank_if_near(text: &str, name: &str) -> Option<Rank> {
    let distance = edit_distance(text, name);
    let close = distance <= 1 + name.len() / 4;
    let begun = name.starts_with(text);
    (close || begun || shares_a_part(text, name)).then_some((Reverse(begun), distance))
}

fn shares_a_part(text: &str, name: &str) -> bool {
    let separators = ['.', '_', '-', ' ', ':', '/'];
    match name.split_once('.') {
        Some((entity, action)) => {
            text.split('.').any(|part| part == entity)
                || text.rsplit(separators).next() == Some(action)
        }
        None => text.split(separators).next() == name.split('_').next(),
    }
}

/// Levenshtein's distance, in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
