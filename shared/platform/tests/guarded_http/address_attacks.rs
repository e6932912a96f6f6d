//! Server-side request forgery: no spelling, answer or redirect leads to a private address.

use std::sync::Arc;
use std::time::Duration;

use domain::address::{self, NotPublic, Transition};
use domain::endpoint_url::{EndpointUrl, UrlError, UrlRules};
use platform::http::{HttpSend, SendError};

use crate::support::{
    Answers, CLOUD, LOCAL, NO_CONTENT, Server, client, local_client, post, request, url,
};

/// Hosts that are addresses, as a URL can spell them.
const LITERAL_HOSTS: &[&str] = &[
    // Loopback: dotted, short, decimal, octal, hexadecimal and mixed
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7F000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000000177.0.0.1",
    "127.0x1",
    // … percent-encoded, full-width, circled, with ideographic full stops
    "127%2e0.0.1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127｡0｡0｡1",
    // This host
    "0",
    "0.0.0.0",
    "0x0",
    "0.1",
    "00",
    // Private networks
    "10.0.0.1",
    "10.1",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "0xac.0x10.0.1",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "0300.0250.0.1",
    // Metadata services
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    // Other ranges that are not the public internet's
    "100.64.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    // IPv6
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[fe80::1]",
    "[febf::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[2001:db8::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[3fff::1]",
    "[5f00::1]",
    // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:10.0.0.1]",
    "[::ffff:0.0.0.0]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::169.254.169.254]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[64:ff9b:1:ffff::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2002:a00:1::]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2606:4700::5efe:127.0.0.1]",
    "[2606:4700::200:5efe:a00:1]",
];

/// Answers of a resolver that point away from the public internet.
const PRIVATE_ANSWERS: &[&str] = &[
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::127.0.0.1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2606:4700::5efe:127.0.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
];

/// Public by every rule, but in a part of IPv6 that IANA has given to nobody: nothing answers there.
const NOBODYS_PUBLIC_ADDRESS: &str = "2d00::1";

/// Listeners on 127.0.0.1 and, where the machine has it, [::1], on one port.
async fn trap() -> (Server, Option<Server>) {
    let v4 = Server::answering(NO_CONTENT).await;
    let v6_address = format!("[::1]:{}", v4.address.port()).parse().unwrap();
    let v6 = Server::start_at(v6_address, |_, _| async {}).await.ok();
    (v4, v6)
}

fn caught((v4, v6): &(Server, Option<Server>)) -> usize {
    v4.log.connections() + v6.as_ref().map_or(0, |v6| v6.log.connections())
}

#[tokio::test]
async fn no_spelling_of_a_private_address_gets_through_at_any_point() {
    let trap = trap().await;
    let resolver = Answers::loopback();
    let strict = client(Arc::clone(&resolver) as _, CLOUD);
    for host in LITERAL_HOSTS {
        let text = format!("http://{host}:{}/", trap.0.address.port());
        let refused = EndpointUrl::parse(&text, CLOUD);
        assert!(
            matches!(refused, Err(UrlError::NotPublic(_))),
            "{host}: {refused:?}"
        );

        // A URL that was saved while the rules were loose.
        let saved = EndpointUrl::parse(&text, LOCAL).unwrap();
        let checked = strict.check(&saved).await;
        assert!(
            matches!(checked, Err(SendError::NotPublic(_))),
            "{host}: {checked:?}"
        );
        let sent = post(&strict, &saved).await;
        assert!(
            matches!(sent, Err(SendError::NotPublic(_))),
            "{host}: {sent:?}"
        );
    }
    assert_eq!(resolver.asked(), 0);
    assert_eq!(caught(&trap), 0);

    // The trap works: without the guard the first of them is reached.
    let loose = client(resolver, LOCAL);
    assert_eq!(
        post(&loose, &trap.0.url("127.1", "/"))
            .await
            .unwrap()
            .status,
        204
    );
    assert_eq!(caught(&trap), 1);
}

#[tokio::test]
async fn a_name_with_any_private_address_is_refused_and_nothing_is_connected_to() {
    let trap = trap().await;
    let hook = trap.0.url("hooks.example.com", "/");
    for ip in PRIVATE_ANSWERS {
        let expected = address::vet(ip.parse().unwrap()).map_err(SendError::NotPublic);
        let answers: [&[&str]; 3] = [&[ip], &["8.8.8.8", ip], &[ip, "8.8.8.8"]];
        let strict = client(Answers::new(&answers), CLOUD);
        for answer in answers {
            assert_eq!(post(&strict, &hook).await.map(drop), expected, "{answer:?}");
        }
        assert_eq!(strict.check(&hook).await, expected, "{ip}");
    }
    assert_eq!(caught(&trap), 0);
}

#[tokio::test]
async fn local_names_are_refused_without_asking_the_resolver() {
    let resolver = Answers::loopback();
    let strict = client(Arc::clone(&resolver) as _, CLOUD);
    for host in [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "metadata.google.internal",
        "nas.local",
        "intranet",
    ] {
        let sent = post(&strict, &url(&format!("http://{host}/"))).await;
        assert_eq!(
            sent,
            Err(SendError::UrlRefused(UrlError::LocalName)),
            "{host}"
        );
    }
    assert_eq!(resolver.asked(), 0);
}

#[tokio::test]
async fn a_name_that_turns_private_after_the_check_is_refused_when_it_is_sent_to() {
    let trap = trap().await;
    let hook = trap.0.url("rebind.example.com", "/");
    let strict = client(Answers::new(&[&["8.8.8.8"], &["127.0.0.1"]]), CLOUD);
    assert_eq!(strict.check(&hook).await, Ok(()));
    assert_eq!(
        post(&strict, &hook).await,
        Err(SendError::NotPublic(NotPublic::Loopback))
    );
    assert_eq!(caught(&trap), 0);
}

#[tokio::test]
async fn a_name_that_turns_private_between_vetting_and_connecting_gains_nothing() {
    let trap = trap().await;
    let hook = trap.0.url("rebind.example.com", "/");
    let resolver = Answers::new(&[&[NOBODYS_PUBLIC_ADDRESS], &["127.0.0.1"]]);
    let strict = client(Arc::clone(&resolver) as _, CLOUD);
    let sent = strict
        .send(request(&hook), Duration::from_millis(300))
        .await;
    // No route, or no answer: but not refused, and not sent to the second answer.
    assert!(
        matches!(
            sent,
            Err(SendError::ConnectionFailed(_) | SendError::TimedOut { .. })
        ),
        "{sent:?}"
    );
    assert_eq!(resolver.asked(), 1);
    assert_eq!(caught(&trap), 0);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_of_the_one_and_only_answer() {
    let vetted = Server::answering(NO_CONTENT).await;
    let other_address = format!("127.0.0.2:{}", vetted.address.port())
        .parse()
        .unwrap();
    let other = Server::start_at(other_address, |_, _| async {})
        .await
        .unwrap();
    let resolver = Answers::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let loose = client(Arc::clone(&resolver) as _, LOCAL);
    let response = post(&loose, &vetted.url("rebind.example.com", "/"))
        .await
        .unwrap();
    assert_eq!(response.status, 204);
    assert_eq!(
        (
            resolver.asked(),
            vetted.log.connections(),
            other.log.connections()
        ),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn redirects_are_answers_like_any_other_and_are_not_followed() {
    let trap = trap().await;
    let client = local_client();
    for status in [301, 302, 303, 307, 308] {
        for location in [
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            format!("http://127.0.0.1:{}/", trap.0.address.port()),
            "//[::1]/".to_owned(),
            "/elsewhere".to_owned(),
        ] {
            let head = format!(
                "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            );
            let server = Server::answering(head).await;
            let response = post(&client, &server.url("127.0.0.1", "/")).await.unwrap();
            assert_eq!(response.status, status);
            assert_eq!(server.log.requests().len(), 1);
        }
    }
    assert_eq!(caught(&trap), 0);
}

#[tokio::test]
async fn the_rules_of_the_scheme_hold_when_sending_too() {
    let strict = client(Answers::new(&[&["8.8.8.8"]]), UrlRules::default());
    let sent = post(&strict, &url("http://example.com/")).await;
    assert_eq!(
        sent,
        Err(SendError::UrlRefused(UrlError::Scheme {
            plain_http_allowed: false
        }))
    );
}

#[tokio::test]
async fn the_check_connects_to_nothing() {
    let trap = trap().await;
    let loose = local_client();
    assert_eq!(
        loose.check(&trap.0.url("hooks.example.com", "/")).await,
        Ok(())
    );
    assert_eq!(loose.check(&trap.0.url("127.0.0.1", "/")).await, Ok(()));
    let strict = client(Answers::new(&[&["8.8.8.8", "2606:4700:4700::1111"]]), CLOUD);
    assert_eq!(
        strict.check(&url("https://hooks.example.com/")).await,
        Ok(())
    );
    assert_eq!(caught(&trap), 0);
}

#[test]
fn the_delivery_log_says_private_address_and_never_which() {
    let words = |kind| SendError::NotPublic(kind).to_string();
    assert_eq!(words(NotPublic::Private), "resolves to a private address");
    assert_eq!(
        words(NotPublic::Loopback),
        "resolves to a private address (loopback)"
    );
    assert_eq!(
        words(NotPublic::EmbedsIpv4(Transition::Nat64)),
        "resolves to a private address (NAT64)"
    );
}
