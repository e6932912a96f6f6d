//! Templates. Whatever the text is, the local stack reads it or says what is wrong with it.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;

// The reader alone: all of the local stack would bring SQLite and the AWS SDK with it.
#[allow(dead_code, unused_imports, reason = "the stack uses the rest")]
#[path = "../../local/src/template/mod.rs"]
mod template;

/// What the reader takes from its neighbour in the local stack.
mod aws {
    pub(crate) const ACCOUNT_ID: &str = "000000000000";
    pub(crate) const REGION: &str = "us-east-1";
}

fuzz_target!(|text: &str| {
    let place = template::Place {
        stack_name: "fuzz".to_owned(),
        aws_endpoint: "http://127.0.0.1:4566".to_owned(),
    };
    let settings = template::Settings {
        defaults: BTreeMap::new(),
        overrides: BTreeMap::new(),
    };
    match template::Template::parse(text, &settings, &place) {
        Ok(template) => drop(template.packages().len()),
        Err(error) => drop(error.to_string()),
    }
});
