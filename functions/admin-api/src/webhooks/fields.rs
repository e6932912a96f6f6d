//! The rules of a webhook's fields, as creating and updating share them.

use domain::catalogue::EventFilter;
use domain::ids::WorkspaceId;
use domain::secret::WebhookSecret;
use domain::webhook::SealedSecret;
use serde_json::Value;

use crate::App;
use crate::object::{self, Given, Object};
use crate::problem::Problem;

const MAX_DESCRIPTION_CHARACTERS: usize = 500;

/// A new secret, encrypted.
pub(crate) struct NewSecret {
    pub(crate) sealed: SealedSecret,
    /// In clear, where we made it.
    pub(crate) generated: Option<WebhookSecret>,
}

impl NewSecret {
    /// Encrypts the caller's secret, or else makes one.
    pub(crate) async fn seal(
        app: &App,
        workspace: &WorkspaceId,
        chosen: Option<&WebhookSecret>,
    ) -> Result<NewSecret, Problem> {
        if let Some(chosen) = chosen {
            let sealed = app.secrets.seal(workspace, chosen).await?;
            return Ok(NewSecret {
                sealed,
                generated: None,
            });
        }
        let ours = WebhookSecret::generate(app.entropy.bytes());
        let sealed = app.secrets.seal(workspace, &ours).await?;
        Ok(NewSecret {
            sealed,
            generated: Some(ours),
        })
    }

    /// The same where a secret is chosen or asked for; `None` where neither.
    pub(crate) async fn seal_if_asked(
        app: &App,
        workspace: &WorkspaceId,
        chosen: Option<&WebhookSecret>,
        generate: bool,
    ) -> Result<Option<NewSecret>, Problem> {
        if chosen.is_some() || generate {
            NewSecret::seal(app, workspace, chosen).await.map(Some)
        } else {
            Ok(None)
        }
    }
}

pub(crate) fn events(value: Value) -> Result<EventFilter, String> {
    let rule = || "must be a list of event types, or of \"*\" alone".to_owned();
    let Value::Array(names) = value else {
        return Err(rule());
    };
    let names = names
        .into_iter()
        .map(object::text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| rule())?;
    EventFilter::parse(&names).map_err(|error| error.to_string())
}

pub(crate) fn description(value: Value) -> Result<String, String> {
    let text = object::text(value)?;
    if text.chars().count() <= MAX_DESCRIPTION_CHARACTERS {
        Ok(text)
    } else {
        Err(format!(
            "must have at most {MAX_DESCRIPTION_CHARACTERS} characters"
        ))
    }
}

pub(crate) fn secret(value: Value) -> Result<WebhookSecret, String> {
    WebhookSecret::parse(object::text(value)?).map_err(|error| error.to_string())
}

/// Reads `secret` and `generate_secret`, of which at most one may be given.
pub(crate) fn secret_or_generate(object: &mut Object) -> Option<(Given<WebhookSecret>, bool)> {
    let secret = object.nullable("secret", secret);
    let generate = object.optional("generate_secret", object::flag);
    match (secret.ok()?, generate.ok()?.unwrap_or(false)) {
        (Given::Null | Given::Value(_), true) => object.refuse(
            "generate_secret",
            "must not be true beside secret: give one of them",
        ),
        read => Some(read),
    }
}
