//! Templates. Whatever the text is, the local stack reads it or says what is wrong with it, the same each time; and what
//! it has read can be made: every queue that a function names is there, and every number is one that AWS takes.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

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
    let read = || template::Template::parse(text, &settings, &place);
    match (read(), read()) {
        (Ok(template), Ok(again)) => {
            assert_eq!(template, again);
            check(&template);
        }
        (Err(error), Err(again)) => assert_eq!(error.to_string(), again.to_string()),
        (one, other) => panic!("{one:?} and then {other:?}"),
    }
});

fn check(template: &template::Template) {
    let ids: BTreeSet<_> = template.queues.iter().map(|queue| &queue.id).collect();
    assert_eq!(ids.len(), template.queues.len());
    let queues: BTreeSet<_> = template.queues.iter().map(|queue| &queue.name).collect();
    for function in &template.functions {
        // https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        assert!((128..=10_240).contains(&function.memory_mib));
        assert!((1..=900).contains(&function.timeout.as_secs()));
        assert!(template.packages().contains(&function.package.as_str()));
        for trigger in &function.queues {
            assert!(queues.contains(&trigger.queue), "{}", trigger.queue);
            // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
            assert!((1..=10_000).contains(&trigger.batch_size));
            assert!(trigger.batching_window.as_secs() <= 300);
            assert!(trigger.batch_size <= 10 || !trigger.batching_window.is_zero());
            let most = trigger.maximum_concurrency;
            assert!(most.is_none_or(|most| (2..=1_000).contains(&most)));
        }
    }
    let packages = template.packages();
    assert!(packages.is_sorted_by(|one, next| one < next));
}
