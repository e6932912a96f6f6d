//! The trace that an event belongs to, so that what is logged of it anywhere can be put together.
//!
//! Two ways of writing it are in use: [W3C's `traceparent`](https://www.w3.org/TR/trace-context/#traceparent-header) and
//! [X-Ray's tracing header](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
//! Their ids are the same numbers, written differently:
//! [X-Ray takes W3C ids](https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids).
//!
//! What others send is taken if it is well formed and left alone if not: no event is refused for its trace.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// A place in a trace: whatever happens next happens below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: TraceId,
    parent: NonZeroU64,
    sampled: bool,
}

/// The id of a trace, 128 bits, never zero. Shows as 32 digits of lower-case hex, as W3C writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

/// Digits of a `traceparent` of version `00`.
const TRACEPARENT: usize = 55;

impl TraceContext {
    /// A place in this trace, below this span. `sampled` says whether the trace is recorded.
    #[must_use]
    pub const fn new(trace: NonZeroU128, parent: NonZeroU64, sampled: bool) -> TraceContext {
        TraceContext {
            trace: TraceId(trace),
            parent,
            sampled,
        }
    }

    /// Reads a `traceparent`. Of versions to come the fields of today are taken, as
    /// [W3C asks](https://www.w3.org/TR/trace-context/#versioning-of-traceparent); `None` for anything else.
    #[must_use]
    pub fn from_traceparent(text: &str) -> Option<TraceContext> {
        let (today, later) = text.split_at_checked(TRACEPARENT)?;
        let mut fields = today.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = hex(fields.next()?, 32)?;
        let parent = hex(fields.next()?, 16)?;
        let flags = hex(fields.next()?, 2)?;
        let known = match version {
            0 => later.is_empty(),
            0xff => false,
            _ => later.is_empty() || later.starts_with('-'),
        };
        if !known || fields.next().is_some() {
            return None;
        }
        Self::of(trace, parent, flags & 1 == 1)
    }

    /// Reads X-Ray's header: `Root=1-` and 8 and 24 digits, `Parent=` and 16, `Sampled=` and `0` or `1`, in any order,
    /// among other fields. `None` for anything else; a header without a parent names no span to go on from.
    #[must_use]
    pub fn from_xray(text: &str) -> Option<TraceContext> {
        let (mut trace, mut parent, mut sampled) = (None, None, false);
        for field in text.split(';') {
            match field.trim().split_once('=') {
                Some(("Root", root)) => trace = Some(root_id(root)?),
                Some(("Parent", id)) => parent = Some(hex(id, 16)?),
                Some(("Sampled", decision)) => sampled = decision == "1",
                _ => {}
            }
        }
        Self::of(trace?, parent?, sampled)
    }

    fn of(trace: u128, parent: u128, sampled: bool) -> Option<TraceContext> {
        let parent = u64::try_from(parent).ok().and_then(NonZeroU64::new)?;
        Some(Self::new(NonZeroU128::new(trace)?, parent, sampled))
    }

    /// The trace.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// As W3C writes it, in version `00`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = u8::from(self.sampled);
        format!("00-{}-{:016x}-{flags:02x}", self.trace, self.parent)
    }

    /// As X-Ray writes it.
    #[must_use]
    pub fn xray(&self) -> String {
        let trace = self.trace.to_string();
        let (time, rest) = trace.split_at(8);
        let sampled = u8::from(self.sampled);
        format!(
            "Root=1-{time}-{rest};Parent={:016x};Sampled={sampled}",
            self.parent
        )
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The trace of `1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx`.
fn root_id(root: &str) -> Option<u128> {
    let (time, rest) = root.strip_prefix("1-")?.split_once('-')?;
    Some(hex(time, 8)? << 96 | hex(rest, 24)?)
}

/// Exactly so many digits of lower-case hex.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let all_hex = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != digits || !all_hex {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of <https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers>.
    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// The same place, as X-Ray writes it.
    const XRAY: &str = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";

    #[test]
    fn one_place_is_written_in_two_ways() {
        let w3c = TraceContext::from_traceparent(W3C).unwrap();
        let xray = TraceContext::from_xray(XRAY).unwrap();
        assert_eq!(w3c, xray);
        assert_eq!((w3c.traceparent(), w3c.xray()), (W3C.into(), XRAY.into()));
        assert_eq!(
            w3c.trace_id().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert!(w3c.is_sampled());
    }

    #[test]
    fn only_the_lowest_flag_says_sampled() {
        let sampled = |flags: &str| {
            let text = format!("{}{flags}", &W3C[..53]);
            TraceContext::from_traceparent(&text).map(|trace| trace.is_sampled())
        };
        let flags = ["00", "01", "02", "03", "ff", "0g"];
        let expected = [
            Some(false),
            Some(true),
            Some(false),
            Some(true),
            Some(true),
            None,
        ];
        assert_eq!(flags.map(sampled), expected);
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let versioned = |version: &str, rest: &str| {
            TraceContext::from_traceparent(&format!("{version}{}{rest}", &W3C[2..])).is_some()
        };
        assert!(versioned("cc", "") && versioned("cc", "-what-the-future-will-be-like"));
        assert!(!versioned("cc", ".what") && !versioned("00", "-what"));
        assert!(!versioned("ff", "") && !versioned("0", ""));
    }

    #[test]
    fn lambdas_own_header_holds_more_than_is_taken() {
        let header = format!(
            " {} ; Lineage=1:a87bd80c:0 ;Self=x",
            XRAY.replace(';', "; ")
        );
        assert_eq!(
            TraceContext::from_xray(&header),
            TraceContext::from_xray(XRAY)
        );
    }

    #[test]
    fn a_header_of_xray_that_does_not_say_sampled_is_not() {
        for decision in ["", ";Sampled=0", ";Sampled=?", ";Sampled="] {
            let header = XRAY.replace(";Sampled=1", decision);
            let trace = TraceContext::from_xray(&header).unwrap();
            assert!(!trace.is_sampled(), "{header}");
        }
    }

    #[test]
    fn what_names_no_place_in_a_trace_is_none() {
        let zeros = |digits| "0".repeat(digits);
        for traceparent in [
            "",
            "00",
            &W3C.to_uppercase(),
            &W3C.replace('-', "_"),
            &format!(" {W3C}"),
            &W3C[..54],
            &W3C.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros(32)),
            &W3C.replace("00f067aa0ba902b7", &zeros(16)),
            &W3C.replace("4bf9", "+bf9"),
        ] {
            assert_eq!(
                TraceContext::from_traceparent(traceparent),
                None,
                "{traceparent}"
            );
        }
        for xray in [
            "",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736",
            "Parent=00f067aa0ba902b7;Sampled=1",
            &XRAY.replace("Root=1-", "Root=2-"),
            &XRAY
                .replace("Root=1-4bf92f35-", &format!("Root=1-{}-", zeros(8)))
                .replace("77b34da6a3ce929d0e0e4736", &zeros(24)),
            &XRAY.replace("00f067aa0ba902b7", &zeros(16)),
            &XRAY.replace("4bf92f35-", "4bf92f3-"),
        ] {
            assert_eq!(TraceContext::from_xray(xray), None, "{xray}");
        }
    }

    fn any_place() -> impl Strategy<Value = TraceContext> {
        (1u128.., 1u64.., any::<bool>()).prop_map(|(trace, parent, sampled)| {
            let (trace, parent) = (NonZeroU128::new(trace), NonZeroU64::new(parent));
            TraceContext::new(trace.unwrap(), parent.unwrap(), sampled)
        })
    }

    proptest! {
        #[test]
        fn every_place_is_read_back_from_either_way_of_writing_it(place in any_place()) {
            prop_assert_eq!(TraceContext::from_traceparent(&place.traceparent()), Some(place));
            prop_assert_eq!(TraceContext::from_xray(&place.xray()), Some(place));
        }

        #[test]
        fn whatever_is_sent_is_read_or_left_alone(
            text in ".{0,80}|[0-9a-f]{2}-[0-9a-f]{30,34}-[0-9a-f]{15,17}-[0-9a-f]{2}.{0,4}|(Root|Parent|Sampled|x)=[0-9a-f;=-]{0,60}"
        ) {
            let read = [TraceContext::from_traceparent(&text), TraceContext::from_xray(&text)];
            for place in read.into_iter().flatten() {
                prop_assert_eq!(TraceContext::from_traceparent(&place.traceparent()), Some(place));
            }
        }
    }
}
