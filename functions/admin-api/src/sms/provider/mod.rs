//! `/sms/provider`: who carries a workspace's messages.
//!
//! * [`read`], [`put`], [`delete`] — the resource
//! * [`body`] — what is given; [`draft`] — what becomes of it beside what is configured; [`view`] — how it is shown
//! * [`check`] — what Twilio says of an account, and what is in the way of receipts
//!
//! A provider is computed from the one that was read and written only if that one still stands; else it is computed anew.

mod body;
mod check;
pub(super) mod delete;
mod draft;
pub(super) mod put;
pub(super) mod read;
mod view;

pub(crate) use body::ProviderBody;

use serde_json::Value;
use utoipa::IntoParams;

use crate::App;
use crate::body::Fields;
use crate::object::{self, Object};

/// Whether to check.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckParams {
    /// `true`: ask the provider first, and report what is in the way of messages and receipts.
    #[param(value_type = Option<bool>, default = false)]
    check: bool,
}

impl Fields for CheckParams {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let check = object.optional("check", flag);
        Some(CheckParams {
            check: check.ok()?.unwrap_or(false),
        })
    }
}

fn flag(value: Value) -> Result<bool, String> {
    object::text(value)?
        .parse()
        .map_err(|_| "must be true or false".to_owned())
}
