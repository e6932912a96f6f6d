//! Which function answers a request: the most specific route
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>).

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::template::{Function, Route};

/// All routes.
pub(super) struct Routes(Vec<Entry>);

struct Entry {
    method: Option<Method>,
    /// `None` is `$default`.
    path: Option<Vec<Segment>>,
    key: String,
    function: String,
}

/// One part of a route's path. The order is that of preference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    Greedy(String),
}

/// A request's route.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The function's name.
    pub(super) function: &'a str,
    /// `ANY /v1/{proxy+}`.
    pub(super) key: &'a str,
    /// The path's parameters, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn of(functions: &[Function]) -> Self {
        let routes = functions
            .iter()
            .flat_map(|function| function.routes.iter().map(move |route| (function, route)));
        Self(
            routes
                .map(|(function, route)| Entry::of(&function.name, route))
                .collect(),
        )
    }

    /// The most specific route: literal before parameter before greedy, segment by segment, then a method of its own
    /// before `ANY`; `$default` last.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Found<'_>> {
        let matching = self
            .0
            .iter()
            .filter_map(|entry| Some((entry, entry.matches(method, path)?)));
        let (entry, parameters) = matching.min_by_key(|(entry, _)| entry.rank())?;
        Some(Found {
            function: &entry.function,
            key: &entry.key,
            parameters,
        })
    }
}

impl Entry {
    fn of(function: &str, route: &Route) -> Self {
        let is_default = route.path == "$default";
        Self {
            method: Method::from_bytes(route.method.as_bytes())
                .ok()
                .filter(|_| route.method != "ANY"),
            path: (!is_default).then(|| route.path.split('/').map(Segment::of).collect()),
            key: if is_default {
                route.path.clone()
            } else {
                format!("{} {}", route.method, route.path)
            },
            function: function.to_owned(),
        }
    }

    fn matches(&self, method: &Method, path: &str) -> Option<BTreeMap<String, String>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        match &self.path {
            None => Some(BTreeMap::new()),
            Some(segments) => parameters(segments, path),
        }
    }

    /// What is least is preferred.
    fn rank(&self) -> (bool, Vec<u8>, bool) {
        let segments = self.path.iter().flatten().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Greedy(_) => 2,
        });
        (
            self.path.is_none(),
            segments.collect(),
            self.method.is_none(),
        )
    }
}

impl Segment {
    fn of(text: &str) -> Self {
        match text
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            None => Self::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
        }
    }
}

fn parameters(segments: &[Segment], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut parts: Vec<_> = path.split('/').collect();
    for (at, segment) in segments.iter().enumerate() {
        let part = *parts.get(at)?;
        match segment {
            Segment::Literal(text) if decoded(part) != *text => return None,
            Segment::Literal(_) => {}
            Segment::Parameter(_) | Segment::Greedy(_) if part.is_empty() => return None,
            Segment::Parameter(name) => drop(parameters.insert(name.clone(), decoded(part))),
            Segment::Greedy(name) => {
                parameters.insert(name.clone(), decoded(&parts[at..].join("/")));
                parts.truncate(at + 1);
            }
        }
    }
    (parts.len() == segments.len()).then_some(parameters)
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let entry = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            Entry::of(
                "f",
                &Route {
                    method: method.into(),
                    path: path.into(),
                },
            )
        };
        Routes(keys.iter().map(entry).collect())
    }

    fn found(keys: &[&str], method: Method, path: &str) -> Option<String> {
        routes(keys)
            .find(&method, path)
            .map(|found| found.key.to_owned())
    }

    #[test]
    fn the_most_specific_route_answers() {
        let keys = [
            "ANY /{proxy+}",
            "GET /pets/{id}",
            "GET /pets/dog",
            "ANY /pets/dog",
            "$default",
        ];
        assert_eq!(
            found(&keys, Method::GET, "/pets/dog").as_deref(),
            Some("GET /pets/dog")
        );
        assert_eq!(
            found(&keys, Method::POST, "/pets/dog").as_deref(),
            Some("ANY /pets/dog")
        );
        assert_eq!(
            found(&keys, Method::GET, "/pets/7").as_deref(),
            Some("GET /pets/{id}")
        );
        assert_eq!(
            found(&keys, Method::GET, "/pets/7/toys").as_deref(),
            Some("ANY /{proxy+}")
        );
        assert_eq!(found(&keys, Method::GET, "/").as_deref(), Some("$default"));
    }

    #[test]
    fn without_a_matching_route_or_method_nothing_answers() {
        assert_eq!(found(&["GET /pets"], Method::POST, "/pets"), None);
        assert_eq!(found(&["GET /pets"], Method::GET, "/pets/7"), None);
        assert_eq!(found(&["ANY /v1/{proxy+}"], Method::GET, "/v1"), None);
        assert_eq!(found(&["ANY /v1/{proxy+}"], Method::GET, "/v1/"), None);
    }

    #[test]
    fn parameters_are_decoded_and_an_encoded_slash_does_not_split() {
        let routes = routes(&["GET /a/{x}/{rest+}"]);
        let found = routes.find(&Method::GET, "/a/b%2Fc%20d/e/f%20g").unwrap();
        assert_eq!(found.parameters["x"], "b/c d");
        assert_eq!(found.parameters["rest"], "e/f g");
    }

    proptest! {
        #[test]
        fn a_greedy_route_takes_every_path_below_it(rest in "[a-z0-9/%]{0,20}") {
            let path = format!("/v1/x{rest}");
            let routes = routes(&["ANY /v1/{proxy+}"]);
            let found = routes.find(&Method::GET, &path);
            prop_assert_eq!(found.map(|found| found.key), Some("ANY /v1/{proxy+}"));
        }
    }
}
