use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Whether a request was written: the HTTP library asks for the body when it has put the head into its buffer, just
/// before it writes either. The error alone cannot tell: at a deadline there is none, and while a new connection is
/// being made the request may get under way on an idle one.
///
/// Another thread may be about to ask just when the answer is wanted, so the two race for one flag: a body that is
/// asked for after [`Written::settle`] said "no" is withheld, and without it no server can act on the request.
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
            begun: false,
            settled: Arc::clone(&self.0),
        })
    }

    /// Whether the request may have been written. If not, it never will be.
    pub(super) fn settle(self) -> bool {
        self.0.swap(true, Ordering::AcqRel)
    }
}

struct WatchedBody {
    body: reqwest::Body,
    begun: bool,
    settled: Arc<AtomicBool>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if !self.begun && self.settled.swap(true, Ordering::AcqRel) {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())));
        }
        self.begun = true;
        Pin::new(&mut self.body)
            .poll_frame(context)
            .map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Exact, so that the request has a `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_frame(body: &mut reqwest::Body) -> Option<Result<Bytes, reqwest::Error>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())),
            Poll::Pending => panic!("the body is at hand"),
        }
    }

    #[test]
    fn a_body_that_was_asked_for_counts_as_written() {
        let bytes = Bytes::from_static(b"body");
        let written = Written::new(&bytes);
        let mut body = written.watch(bytes.clone());
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(first_frame(&mut body).unwrap().unwrap(), bytes);
        assert!(written.settle());
        assert!(first_frame(&mut body).is_none());
    }

    #[test]
    fn a_body_is_withheld_once_it_was_said_not_to_be_written() {
        let bytes = Bytes::from_static(b"body");
        let written = Written::new(&bytes);
        let mut body = written.watch(bytes);
        assert!(!written.settle());
        assert!(first_frame(&mut body).unwrap().is_err());
    }
}
