//! What resolvers answer: every address of the domain's table, alone and mixed, and answers that change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::address::{self, NotPublic};
use platform::http::{GuardedClient, HttpSend, SendError};

use crate::support::{Answers, CLOUD, LOCAL, NO_CONTENT, Server, client, post, request, url};

/// Verdicts from IANA's registries; see `address_vectors.rs` there.
const ADDRESSES: &str = include_str!("../../../domain/tests/address_vectors/addresses.tsv");

fn addresses(verdict: &str) -> Vec<&'static str> {
    let lines = ADDRESSES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|columns| columns[0] == verdict)
        .map(|columns| columns[1])
        .collect()
}

/// A client whose resolver gives these answers in turn, to one question each.
fn told(answers: &[Vec<&str>]) -> (GuardedClient, Arc<Answers>) {
    let slices: Vec<&[&str]> = answers.iter().map(Vec::as_slice).collect();
    let resolver = Answers::new(&slices);
    (client(Arc::clone(&resolver) as _, CLOUD), resolver)
}

#[tokio::test]
async fn a_refused_address_is_refused_wherever_in_an_answer_it_stands() {
    let hook = url("https://hooks.example.com/");
    let refused = addresses("refused");
    assert!(refused.len() >= 250);
    let (v4, v6) = ("8.8.8.8", "2606:4700:4700::1111");
    let answers: Vec<_> = refused
        .iter()
        .flat_map(|&ip| {
            [
                vec![ip],
                vec![ip, v4, v6],
                vec![v4, ip, v6],
                vec![v4, v6, ip],
            ]
        })
        .collect();
    let (strict, resolver) = told(&answers);
    for answer in &answers {
        let mut refusals = answer
            .iter()
            .filter_map(|ip| address::vet(ip.parse().unwrap()).err());
        let expected = SendError::NotPublic(refusals.next().unwrap());
        assert_eq!(post(&strict, &hook).await, Err(expected), "{answer:?}");
    }
    assert_eq!(resolver.asked(), answers.len());
}

#[tokio::test]
async fn any_answer_of_public_addresses_alone_passes_the_check() {
    let hook = url("https://hooks.example.com/");
    let allowed = addresses("allowed");
    let mut answers: Vec<_> = allowed.iter().map(|&ip| vec![ip]).collect();
    answers.push(allowed);
    let (strict, _) = told(&answers);
    for answer in &answers {
        assert_eq!(strict.check(&hook).await, Ok(()), "{answer:?}");
    }
}

#[tokio::test]
async fn one_private_address_at_the_end_of_a_long_answer_is_found() {
    let public: Vec<String> = (0..2_000)
        .map(|n| format!("8.8.{}.{}", n / 250, n % 250))
        .collect();
    let mut answer: Vec<&str> = public.iter().map(String::as_str).collect();
    answer.push("10.0.0.1");
    let strict = client(Answers::new(&[&answer]), CLOUD);
    let sent = post(&strict, &url("https://hooks.example.com/")).await;
    assert_eq!(sent, Err(SendError::NotPublic(NotPublic::Private)));
}

/// Rebinding with an answer for each question: every request asks once and is judged by what it was told.
#[tokio::test]
async fn an_answer_that_alternates_is_judged_at_every_request_anew() {
    let trap = Server::answering(NO_CONTENT).await;
    let hook = trap.url("rebind.example.com", "/");
    // Public by every rule, but given to nobody: nothing answers there.
    let public: &[&str] = &["2d00::1"];
    let private: &[&str] = &["127.0.0.1"];
    let resolver = Answers::new(&[public, private, public, private]);
    let strict = client(Arc::clone(&resolver) as _, CLOUD);
    for asked in 1..=4 {
        let sent = strict
            .send(request(&hook), Duration::from_millis(200))
            .await;
        let refused = sent == Err(SendError::NotPublic(NotPublic::Loopback));
        assert_eq!(refused, asked % 2 == 0, "{sent:?}");
        assert!(sent.is_err());
        assert_eq!(resolver.asked(), asked);
    }
    assert_eq!(trap.log.connections(), 0);
}

#[tokio::test]
async fn a_client_that_keeps_no_connections_asks_before_each_request() {
    let first = Server::answering(NO_CONTENT).await;
    let second_ip: IpAddr = "127.0.0.2".parse().unwrap();
    let second_address = (second_ip, first.address.port()).into();
    let second = Server::start_at(second_address, |mut stream, log| async move {
        log.read_request(&mut stream).await;
    })
    .await
    .unwrap();
    let resolver = Answers::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let unkept = GuardedClient::without_kept_connections(Arc::clone(&resolver) as _, LOCAL);
    let unkept = unkept.unwrap();
    let hook = first.url("rebind.example.com", "/");
    assert_eq!(post(&unkept, &hook).await.unwrap().status, 204);
    assert_eq!(post(&unkept, &hook).await, Err(SendError::ConnectionLost));
    assert_eq!(resolver.asked(), 2);
    assert_eq!((first.log.connections(), second.log.connections()), (1, 1));
}
