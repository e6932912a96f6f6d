//! Where the stack listens: always on 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::StartError;

const API: u16 = 3000;
const AWS: u16 = 4566;
const OUTSIDE: u16 = 4600;

/// How far the ports are shifted from the standard ones: 0 to 60,935.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortOffset(u16);

impl PortOffset {
    /// The largest offset: the highest port becomes 65,535.
    pub const MAX: u16 = u16::MAX - OUTSIDE;

    /// An offset, unless a port would end up beyond 65,535.
    #[must_use]
    pub fn new(offset: u16) -> Option<Self> {
        (offset <= Self::MAX).then_some(Self(offset))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Which ports to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// 3000 (API), 4566 (AWS), 4600 (outside world), each plus the offset.
    Standard(PortOffset),
    /// Whichever are free: for tests, which ask [`Addresses`] afterwards.
    Free,
}

pub(super) struct Listeners {
    pub(super) api: TcpListener,
    pub(super) aws: TcpListener,
    pub(super) outside: TcpListener,
}

impl Listeners {
    pub(super) async fn bind(ports: Ports) -> Result<Self, StartError> {
        let port = |standard: u16| match ports {
            Ports::Standard(offset) => standard + offset.get(),
            Ports::Free => 0,
        };
        Ok(Self {
            api: bind(port(API), "API").await?,
            aws: bind(port(AWS), "AWS endpoint").await?,
            outside: bind(port(OUTSIDE), "outside world").await?,
        })
    }

    pub(super) fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses {
            api: self.api.local_addr()?,
            aws: self.aws.local_addr()?,
            outside: self.outside.local_addr()?,
        })
    }
}

async fn bind(port: u16, purpose: &'static str) -> Result<TcpListener, StartError> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(StartError::PortInUse { port, purpose })
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the stack listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    api: SocketAddr,
    aws: SocketAddr,
    outside: SocketAddr,
}

impl Addresses {
    /// The HTTP API: `http://127.0.0.1:3000`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// SQS, DynamoDB and KMS: `http://127.0.0.1:4566`.
    #[must_use]
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws)
    }

    /// The outside world: `http://127.0.0.1:4600`.
    #[must_use]
    pub fn outside_url(&self) -> String {
        format!("http://{}", self.outside)
    }
}
