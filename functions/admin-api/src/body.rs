//! JSON bodies.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::App;
use crate::object::{NoObject, Object};
use crate::problem::Problem;

/// The largest body, in bytes, but for events.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// What can be read from an object's fields.
pub(crate) trait Fields: Sized {
    /// Whether no body is as good as an object without fields.
    const MAY_BE_ABSENT: bool = false;

    /// Reads all fields; `None` where one breaks a rule, which the object has noted.
    fn read(object: &mut Object, app: &App) -> Option<Self>;
}

/// A JSON object as the body, read strictly.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Fields> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let bytes = json_bytes(request, MAX_BYTES).await?;
        let mut object = if bytes.is_empty() && T::MAY_BE_ABSENT {
            Object::empty()
        } else {
            Object::from_json(&bytes).map_err(refusal)?
        };
        let read = T::read(&mut object, app);
        object.finish(read).map(JsonBody)
    }
}

fn refusal(no_object: NoObject) -> Problem {
    match no_object {
        NoObject::NotJson { line, column } => Problem::not_json(format!(
            "the body cannot be read as JSON (line {line}, column {column})"
        )),
        NoObject::OtherType => Problem::broken_rule("the body must be one JSON object"),
    }
}

/// The bytes of a body that claims to be JSON, or claims nothing.
pub(crate) async fn json_bytes(request: Request, most: usize) -> Result<Bytes, Problem> {
    if !may_be_json(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON, with Content-Type: application/json",
        ));
    }
    read(request.into_body(), most).await
}

async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(most)),
        Err(_) => Err(Problem::not_json("the body ended early")),
    }
}

fn may_be_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let media_type = content_type
        .to_str()
        .unwrap_or("?")
        .split(';')
        .next()
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
