use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::Stage;

/// Whether a request may have been written: the HTTP library asks for the body when it has put the head into its
/// buffer, just before it writes either. The error alone cannot tell: at a deadline there is none, and while a new
/// connection is being made the request may get under way on an idle one.
pub(super) struct Written(Arc<AtomicBool>);

impl Written {
    /// An empty body is never asked for, so that it counts as written from the start.
    pub(super) fn new(body: &Bytes) -> Self {
        Self(Arc::new(AtomicBool::new(body.is_empty())))
    }

    /// The body, with a watch on it.
    pub(super) fn watch(&self, body: Bytes) -> reqwest::Body {
        reqwest::Body::wrap(WatchedBody {
            body: body.into(),
            asked_for: Arc::clone(&self.0),
        })
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// How far an exchange has come whose response has not begun.
    pub(super) fn stage(&self) -> Stage {
        if self.get() {
            Stage::Responding
        } else {
            Stage::Connecting
        }
    }
}

struct WatchedBody {
    body: reqwest::Body,
    asked_for: Arc<AtomicBool>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        self.asked_for.store(true, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Exact, so that the request has a `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
