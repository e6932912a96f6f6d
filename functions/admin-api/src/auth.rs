//! Who calls, and whether they may.
//!
//! A handler names the right that it needs as an argument, such as [`Access<Configure>`](Access); the argument comes
//! about only for a caller who has it in the workspace of the path. A key of another workspace learns nothing, not even
//! that the workspace exists: 404. A key of this workspace whose role lacks the right: 403.
//!
//! Where it counts whose phone, preferences or message it is, the handler asks the [`Caller`] that comes with the right.

use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::access::{ApiKey, KeyHash, Role};
use domain::ids::{UserId, WorkspaceId};
use subtle::ConstantTimeEq;

use crate::App;
use crate::boundary::Known;
use crate::path::{At, WorkspacePath};
use crate::problem::Problem;

/// The hash of the operator's key that the deployment sets; there may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorKeyHash(Option<String>);

/// A setting that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the SHA-256 of a key in lower-case hex, or empty")]
pub struct InvalidOperatorKeyHash;

impl FromStr for OperatorKeyHash {
    type Err = InvalidOperatorKeyHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hash = text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text {
            "" => Ok(OperatorKeyHash(None)),
            _ if is_hash => Ok(OperatorKeyHash(Some(text.to_owned()))),
            _ => Err(InvalidOperatorKeyHash),
        }
    }
}

impl OperatorKeyHash {
    fn is_of(&self, presented: &KeyHash) -> bool {
        let Some(hash) = &self.0 else { return false };
        hash.as_bytes().ct_eq(presented.as_str().as_bytes()).into()
    }
}

/// Something that some roles may do in their workspace. Operators may do everything everywhere.
pub(crate) trait Right: 'static {
    /// Whether the role has it.
    fn granted_to(role: Role) -> bool;
}

/// Reading and changing a workspace's configuration, and its delivery logs.
pub(crate) enum Configure {}
/// Posting events.
pub(crate) enum Publish {}
/// What people do who get messages; how far they may go, the handler asks the [`Caller`].
pub(crate) enum TakePart {}

impl Right for Configure {
    fn granted_to(role: Role) -> bool {
        matches!(role, Role::Operator | Role::Admin)
    }
}

impl Right for Publish {
    fn granted_to(role: Role) -> bool {
        matches!(role, Role::Operator | Role::Admin | Role::Publisher)
    }
}

impl Right for TakePart {
    fn granted_to(role: Role) -> bool {
        matches!(role, Role::Operator | Role::Admin | Role::Member)
    }
}

/// The caller has this right in the workspace of the path.
pub(crate) struct Access<R> {
    /// Who it is.
    pub(crate) caller: Caller,
    right: PhantomData<fn() -> R>,
}

impl<R: Right> FromRequestParts<Arc<App>> for Access<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Caller::of(parts, app).await?;
        let At(WorkspacePath { workspace_id }) = At::from_request_parts(parts, app).await?;
        if let Some(known) = parts.extensions.get::<Known>() {
            known.set_caller(&workspace_id, caller.name());
        }
        caller.require::<R>(&workspace_id)?;
        Ok(Access {
            caller,
            right: PhantomData,
        })
    }
}

/// Whose key it is.
pub(crate) enum Caller {
    /// The deployment's.
    Operator,
    /// One that was made through the API.
    Key(ApiKey),
}

impl Caller {
    async fn of(parts: &Parts, app: &App) -> Result<Caller, Problem> {
        let hash = KeyHash::of(bearer(parts).ok_or_else(Problem::unauthorized)?);
        if app.operator.is_of(&hash) {
            return Ok(Caller::Operator);
        }
        let key = app.store.api_key(&hash).await?;
        key.map(Caller::Key).ok_or_else(Problem::unauthorized)
    }

    /// What the key may do.
    pub(crate) fn role(&self) -> Role {
        match self {
            Caller::Operator => Role::Operator,
            Caller::Key(key) => key.role,
        }
    }

    /// The user that the key stands for; an operator's stands for none.
    pub(crate) fn user_id(&self) -> Option<&UserId> {
        match self {
            Caller::Operator => None,
            Caller::Key(key) => key.user_id.as_ref(),
        }
    }

    /// Whether the key stands for this user.
    pub(crate) fn is(&self, user: &UserId) -> bool {
        self.user_id() == Some(user)
    }

    /// Whether it is the deployment's own key.
    pub(crate) fn is_operator(&self) -> bool {
        self.role() == Role::Operator
    }

    /// Whether the caller looks after the whole workspace.
    pub(crate) fn administers(&self) -> bool {
        matches!(self.role(), Role::Operator | Role::Admin)
    }

    fn name(&self) -> &str {
        match self {
            Caller::Operator => "operator",
            Caller::Key(key) => key.id.as_str(),
        }
    }

    fn require<R: Right>(&self, workspace: &WorkspaceId) -> Result<(), Problem> {
        match self {
            Caller::Operator => Ok(()),
            Caller::Key(key) if key.workspace != *workspace => Err(Problem::not_found()),
            Caller::Key(key) if !R::granted_to(key.role) => Err(Problem::forbidden()),
            Caller::Key(_) => Ok(()),
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1). A request
/// has one such header (RFC 9110 §11.6.2): of two, nobody could say which the others on the way have read.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut given = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(authorization), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_hash_is_empty_or_lower_case_hex() {
        let hash = KeyHash::of("key");
        let operator: OperatorKeyHash = hash.as_str().parse().unwrap();
        assert!(operator.is_of(&hash) && !operator.is_of(&KeyHash::of("other")));
        assert!(
            !"".parse::<OperatorKeyHash>()
                .unwrap()
                .is_of(&KeyHash::of(""))
        );
        for text in [
            "key",
            &hash.as_str()[1..],
            &hash.as_str().to_uppercase(),
            &"g".repeat(64),
        ] {
            assert_eq!(
                text.parse::<OperatorKeyHash>(),
                Err(InvalidOperatorKeyHash),
                "{text}"
            );
        }
    }
}
