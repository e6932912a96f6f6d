//! Query parameters, read as strictly as bodies are.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::App;
use crate::body::Fields;
use crate::object::Object;
use crate::problem::Problem;

/// The query's parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: Fields> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let mut object = Object::from_query(parts.uri.query().unwrap_or_default());
        let read = T::read(&mut object, app);
        object.finish(read).map(Params)
    }
}
