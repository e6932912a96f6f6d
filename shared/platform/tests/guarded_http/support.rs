use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use domain::endpoint_url::{EndpointUrl, UrlRules};
use futures::future::BoxFuture;
use http::HeaderMap;
use platform::http::{
    GuardedClient, HttpSend, InboundResponse, OutboundRequest, Resolve, SendError,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const CLOUD: UrlRules = UrlRules {
    allow_plain_http: true,
    allow_private_networks: false,
};
pub(crate) const LOCAL: UrlRules = UrlRules {
    allow_plain_http: true,
    allow_private_networks: true,
};

/// Longer than any exchange on a loaded machine, so that only a hang reaches it.
pub(crate) const AMPLE: Duration = Duration::from_secs(20);

/// A resolver that gives its answers in turn, the last one for ever, and counts the questions.
pub(crate) struct Answers {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers
            .iter()
            .map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect());
        Arc::new(Self {
            answers: Mutex::new(parsed.collect()),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn loopback() -> Arc<Self> {
        Self::new(&[&["127.0.0.1"]])
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        tell("DNS answers", self.asked());
    }
}

/// Prints how many of something there were, under the test's name, so that they can be counted over all tests.
pub(crate) fn tell(what: &str, times: usize) {
    let thread = std::thread::current();
    if times > 0 {
        println!("{}: {times} {what}", thread.name().unwrap_or_default());
    }
}

impl Resolve for Answers {
    fn resolve(&self, _host: &str) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Box::pin(std::future::ready(
            answer.ok_or_else(|| io::Error::other("no such host")),
        ))
    }
}

/// A resolver that never answers.
pub(crate) struct Silent;

impl Resolve for Silent {
    fn resolve(&self, _host: &str) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

/// Runs a piece of test code for every connection, and counts and keeps what came.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
}

#[derive(Default)]
pub(crate) struct Log {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Log {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Reads one request with its body; `None` when the client has closed the connection.
    pub(crate) async fn read_request(&self, stream: &mut (impl AsyncRead + Unpin)) -> Option<()> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        self.requests
            .lock()
            .unwrap()
            .push(String::from_utf8(request).unwrap());
        Some(())
    }
}

impl Drop for Server {
    /// A connection may carry several requests, or come to none.
    fn drop(&mut self) {
        let (connections, requests) = (self.log.connections(), self.log.requests().len());
        tell("exchanges", connections.max(requests));
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}

impl Server {
    pub(crate) async fn start<F, Fut>(on_connection: F) -> Self
    where
        F: Fn(TcpStream, Arc<Log>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0".parse().unwrap(), on_connection)
            .await
            .unwrap()
    }

    pub(crate) async fn start_at<F, Fut>(address: SocketAddr, on_connection: F) -> io::Result<Self>
    where
        F: Fn(TcpStream, Arc<Log>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await?;
        let server = Self {
            address: listener.local_addr()?,
            log: Arc::default(),
        };
        let log = Arc::clone(&server.log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(on_connection(stream, Arc::clone(&log)));
            }
        });
        Ok(server)
    }

    /// Answers every request on a connection with the same bytes, and then leaves the connection open.
    pub(crate) async fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(move |mut stream, log| {
            let response = response.clone();
            async move {
                while log.read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&response).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> EndpointUrl {
        url(&format!("http://{host}:{}{path}", self.address.port()))
    }
}

pub(crate) const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A URL at which nothing listens.
pub(crate) async fn unused_port(host: &str) -> EndpointUrl {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    url(&format!("https://{host}:{port}/"))
}

pub(crate) fn url(text: &str) -> EndpointUrl {
    EndpointUrl::parse(text, LOCAL).unwrap()
}

pub(crate) fn client(resolver: Arc<dyn Resolve>, rules: UrlRules) -> GuardedClient {
    GuardedClient::new(resolver, rules).unwrap()
}

pub(crate) fn local_client() -> GuardedClient {
    client(Answers::loopback(), LOCAL)
}

pub(crate) fn request(url: &EndpointUrl) -> OutboundRequest {
    let body = Bytes::from_static(b"{\"a\":1}");
    OutboundRequest::post(url.clone(), HeaderMap::new(), body)
}

pub(crate) async fn post(
    client: &GuardedClient,
    url: &EndpointUrl,
) -> Result<InboundResponse, SendError> {
    client.send(request(url), AMPLE).await
}
