use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use domain::address;
use domain::endpoint_url::UrlRules;
use futures::future::BoxFuture;

use super::SendError;

/// Turns a host name into its addresses.
pub trait Resolve: Send + Sync {
    /// All addresses of a host, in the order in which to try them. Never asked about a host that is an address.
    ///
    /// # Errors
    /// Whatever went wrong; the caller only sees that the name does not resolve.
    fn resolve(&self, host: &str) -> BoxFuture<'_, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver that answers with public addresses only, unless the deployment allows others.
#[derive(Clone)]
pub(super) struct VettingResolver {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) rules: UrlRules,
}

impl VettingResolver {
    /// The addresses of a host: at least one, and all of them fit to be connected to.
    pub(super) async fn vetted_addresses(&self, host: &str) -> Result<Vec<IpAddr>, SendError> {
        let addresses = self.resolver.resolve(host).await.unwrap_or_default();
        if addresses.is_empty() {
            return Err(SendError::NotResolved);
        }
        if !self.rules.allow_private_networks {
            // One private address among public ones is an attack or a mistake; never pick the good ones out of it.
            addresses.iter().copied().try_for_each(address::vet)?;
        }
        Ok(addresses)
    }
}

impl reqwest::dns::Resolve for VettingResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.vetted_addresses(name.as_str()).await?;
            // Port 0 stands for the URL's port.
            let sockets = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(sockets) as reqwest::dns::Addrs)
        })
    }
}
