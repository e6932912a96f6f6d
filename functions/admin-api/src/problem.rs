//! Errors as problem documents (RFC 9457).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use platform::queue::QueueError;
use platform::secrets::SecretsError;
use platform::store::StoreError;
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Who gets no answer tries again after so long.
const SOON: Duration = Duration::from_secs(1);

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request is not answered as it hoped to be.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    cause: Option<Cause>,
    /// When to try again, where that is known.
    retry_after: Option<Duration>,
}

/// What went wrong inside: for the log alone.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) String);

/// A field and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field's name, with dots into nested objects; of a query parameter, the parameter's.
    field: String,
    /// What the field must be.
    rule: String,
}

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Document {
    /// Always `about:blank`: the status says what kind of error it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, and where there is one, the way out.
    detail: Cow<'static, str>,
    /// Every field that breaks a rule, where fields are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, rule: impl Into<String>) -> FieldError {
        FieldError {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// The same of a field that is inside this one.
    pub(crate) fn below(self, parent: &str) -> FieldError {
        FieldError {
            field: format!("{parent}.{}", self.field),
            rule: self.rule,
        }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            cause: None,
            retry_after: None,
        }
    }

    pub(crate) fn not_json(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn unauthorized() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "give a valid API key: Authorization: Bearer <key>",
        )
    }

    pub(crate) fn forbidden() -> Problem {
        Problem::forbidden_because("the key's role does not allow this")
    }

    pub(crate) fn forbidden_because(detail: &'static str) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, detail)
    }

    /// The same words whether something does not exist or is another workspace's: nobody can tell the two apart.
    pub(crate) fn not_found() -> Problem {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is nothing here that this key can see",
        )
    }

    pub(crate) fn conflict(detail: &'static str) -> Problem {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    pub(crate) fn too_large(most_bytes: usize) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body has more than {most_bytes} bytes"),
        )
    }

    /// Rules that are broken, each with its field.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Problem {
        let sentences: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.rule))
            .collect();
        let mut problem = Problem::broken_rule(sentences.join("; "));
        problem.errors = errors;
        problem
    }

    /// One field that breaks a rule.
    pub(crate) fn invalid_field(field: &str, rule: impl Into<String>) -> Problem {
        Problem::invalid(vec![FieldError::new(field, rule)])
    }

    /// A rule that no single field breaks.
    pub(crate) fn broken_rule(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Done too often; in so long it may be done again.
    pub(crate) fn too_many(detail: &'static str, again_in: Duration) -> Problem {
        Problem {
            retry_after: Some(again_in),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// A service behind the API does not answer.
    pub(crate) fn unavailable(cause: impl ToString) -> Problem {
        Problem {
            cause: Some(Cause(cause.to_string())),
            retry_after: Some(SOON),
            ..Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "a service behind the API does not answer; try again",
            )
        }
    }

    /// Somebody outside whom we asked does not answer.
    pub(crate) fn unanswered(detail: &'static str, cause: impl ToString) -> Problem {
        Problem {
            cause: Some(Cause(cause.to_string())),
            retry_after: Some(SOON),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// A mistake of ours.
    pub(crate) fn internal(cause: impl ToString) -> Problem {
        Problem {
            cause: Some(Cause(cause.to_string())),
            ..Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "a mistake in the product; it has been logged",
            )
        }
    }

    /// Others keep changing what is to be changed.
    pub(crate) fn contended() -> Problem {
        Problem::unavailable(StoreError::Conflict)
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let retry_after = self.retry_after.map(|wait| (RETRY_AFTER, seconds(wait)));
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let bearer = (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        retry_after.or_else(|| unauthorized.then_some(bearer))
    }
}

/// Whole seconds, rounded up, as `Retry-After` has them (RFC 9110 §10.2.3).
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(
        wait.as_millis()
            .div_ceil(1_000)
            .try_into()
            .unwrap_or(u64::MAX),
    )
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(error),
            StoreError::Damaged(_) => Problem::internal(error),
        }
    }
}

impl From<SecretsError> for Problem {
    fn from(error: SecretsError) -> Problem {
        match error {
            SecretsError::Unavailable(_) => Problem::unavailable(error),
            SecretsError::Damaged => Problem::internal(error),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Problem {
        Problem::unavailable(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let header = self.header();
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

/// Answers for every path that is no route.
pub(crate) async fn no_such_route() -> Problem {
    Problem::not_found()
}

/// Answers for a route that has other methods; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the path takes other methods: see Allow",
    )
}

/// The answers that every route behind a key may give.
pub(crate) struct Guarded;
/// The answers that a JSON body may bring about.
pub(crate) struct WithBody;
/// The answers that query parameters may bring about.
pub(crate) struct WithParams;
/// The answer of a route whose state may forbid what is asked.
pub(crate) struct WithConflict;
/// The answer of a route that may be used so often and no more.
pub(crate) struct WithAllowance;
/// The answer of a route that needs the table and nothing else.
pub(crate) struct MayBeUnavailable;

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

impl IntoResponses for Guarded {
    fn responses() -> Responses {
        documented(&[
            (401, "No key, or one that is not known."),
            (403, "The key's role does not allow this."),
            (404, "Nothing here that the key can see."),
            (503, "A service behind the API does not answer; try again."),
        ])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> Responses {
        documented(&[
            (400, "The body is not JSON."),
            (413, "The body is too large."),
            (415, "The body is said to be something else than JSON."),
            (422, "A rule is broken; `errors` names the fields."),
        ])
    }
}

impl IntoResponses for WithParams {
    fn responses() -> Responses {
        documented(&[(422, "A rule is broken; `errors` names the parameters.")])
    }
}

impl IntoResponses for WithConflict {
    fn responses() -> Responses {
        documented(&[(409, "Not now: `detail` says why, and the way out.")])
    }
}

impl IntoResponses for WithAllowance {
    fn responses() -> Responses {
        documented(&[(
            429,
            "Too often; `Retry-After` says when it may be done again.",
        )])
    }
}

impl IntoResponses for MayBeUnavailable {
    fn responses() -> Responses {
        documented(&[(503, "A service behind the API does not answer; try again.")])
    }
}

fn documented(answers: &[(u16, &str)]) -> Responses {
    let content = || {
        let schema = RefOr::Ref(Ref::from_schema_name(Document::name()));
        ContentBuilder::new().schema(Some(schema)).build()
    };
    let response = |(status, description): &(u16, &str)| {
        let response = ResponseBuilder::new()
            .description(*description)
            .content(MEDIA_TYPE, content());
        (status.to_string(), RefOr::T(response.build()))
    };
    answers.iter().map(response).collect()
}

/// The schemas that [`documented`] refers to.
pub(crate) fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = vec![(
        Document::name().into_owned(),
        <Document as utoipa::PartialSchema>::schema(),
    )];
    <Document as ToSchema>::schemas(&mut schemas);
    schemas
}
