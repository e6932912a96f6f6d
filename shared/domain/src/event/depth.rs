//! How deep a JSON text nests.

/// The deepest nesting that is taken, as in `serde_json`: whatever reads the body later can do so by recursion.
pub(super) const MAX_DEPTH: usize = 127;

/// Whether a JSON text (one that has been found valid) nests deeper than [`MAX_DEPTH`].
pub(super) fn is_too_deep(json: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => _ = bytes.next(),
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn the_bound_is_that_of_serde_json() {
        assert!(!is_too_deep(&nested(MAX_DEPTH)) && is_too_deep(&nested(MAX_DEPTH + 1)));
        assert!(serde_json::from_str::<serde_json::Value>(&nested(MAX_DEPTH)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&nested(MAX_DEPTH + 1)).is_err());
    }

    #[test]
    fn brackets_in_strings_and_side_by_side_do_not_nest() {
        assert!(!is_too_deep(&format!(
            r#"["{}\\"", "\\"]"#,
            "[".repeat(500)
        )));
        assert!(!is_too_deep(&format!("[{}[]]", "[],".repeat(500))));
    }
}
