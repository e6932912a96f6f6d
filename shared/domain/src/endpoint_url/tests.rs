use proptest::prelude::*;

use super::*;
use crate::address::Transition;

const CLOUD: UrlRules = UrlRules {
    allow_plain_http: false,
    allow_private_networks: false,
};
const LOCAL: UrlRules = UrlRules {
    allow_plain_http: true,
    allow_private_networks: true,
};

fn parse(text: &str) -> Result<EndpointUrl, UrlError> {
    EndpointUrl::parse(text, CLOUD)
}

#[test]
fn an_ordinary_url_is_normalised_and_otherwise_left_alone() {
    for (written, shown) in [
        (
            "https://example.com/hooks?token=a%20b",
            "https://example.com/hooks?token=a%20b",
        ),
        ("HTTPS://Example.COM:443", "https://example.com/"),
        (
            "https://example.com:8443/a/../b",
            "https://example.com:8443/b",
        ),
        (
            "https://bücher.example/ü",
            "https://xn--bcher-kva.example/%C3%BC",
        ),
        ("https://example.com./", "https://example.com./"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        (
            "https://[2606:4700:4700::1111]/",
            "https://[2606:4700:4700::1111]/",
        ),
        (" https://example.com/ ", "https://example.com/"),
    ] {
        let url = parse(written).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(serde_json::to_value(&url).unwrap(), shown);
    }
}

#[test]
fn each_broken_rule_is_named() {
    let https_only = UrlError::Scheme {
        plain_http_allowed: false,
    };
    for (text, expected) in [
        ("http://example.com/", https_only.clone()),
        ("ftp://example.com/", https_only.clone()),
        ("file:///etc/passwd", https_only.clone()),
        ("gopher://127.0.0.1:6379/_", https_only.clone()),
        ("javascript:alert(1)", https_only.clone()),
        ("localhost:3000/hooks", https_only),
        ("https://user@example.com/", UrlError::UserInfo),
        ("https://user:secret@example.com/", UrlError::UserInfo),
        ("https://:secret@example.com/", UrlError::UserInfo),
        ("https://example.com@10.0.0.1/", UrlError::UserInfo),
        ("https://example.com/#top", UrlError::Fragment),
        ("https://example.com/#", UrlError::Fragment),
        ("https://example.com:0/", UrlError::PortZero),
        ("https:///", UrlError::Malformed(url::ParseError::EmptyHost)),
        ("https://", UrlError::Malformed(url::ParseError::EmptyHost)),
        (
            "https://example.com:99999/",
            UrlError::Malformed(url::ParseError::InvalidPort),
        ),
        (
            "https://1.2.3.256/",
            UrlError::Malformed(url::ParseError::InvalidIpv4Address),
        ),
        (
            "https://[::1/",
            UrlError::Malformed(url::ParseError::InvalidIpv6Address),
        ),
        (
            "https://[fe80::1%25eth0]/",
            UrlError::Malformed(url::ParseError::InvalidIpv6Address),
        ),
        (
            "example.com/hooks",
            UrlError::Malformed(url::ParseError::RelativeUrlWithoutBase),
        ),
        (
            "//example.com/hooks",
            UrlError::Malformed(url::ParseError::RelativeUrlWithoutBase),
        ),
        (
            "",
            UrlError::Malformed(url::ParseError::RelativeUrlWithoutBase),
        ),
    ] {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn the_words_say_the_rule_and_the_way_out() {
    let words = |text| parse(text).unwrap_err().to_string();
    assert_eq!(
        words("http://example.com/"),
        "must start with https://; plain http and other schemes are not accepted"
    );
    let with_http = EndpointUrl::parse("ftp://example.com/", LOCAL).unwrap_err();
    assert_eq!(with_http.to_string(), "must start with https:// or http://");
    assert_eq!(
        words("https://10.0.0.1/"),
        "must name a public host; this is a private address"
    );
    assert_eq!(
        words("https://127.0.0.1/"),
        "must name a public host; this is a private address (loopback)"
    );
    assert!(
        words("example.com")
            .starts_with("must be a complete URL such as https://example.com/hooks")
    );
}

#[test]
fn a_url_may_have_2048_characters_and_no_more() {
    let of_length = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
    assert!(parse(&of_length(2_048)).is_ok());
    assert_eq!(parse(&of_length(2_049)), Err(UrlError::TooLong));
    let longer_when_encoded = format!("https://example.com/{}", "ü".repeat(400));
    assert_eq!(parse(&longer_when_encoded), Err(UrlError::TooLong));
    assert_eq!(parse(&"ü".repeat(1_000_000)), Err(UrlError::TooLong));
}

#[test]
fn every_spelling_of_a_private_address_is_recognised() {
    use NotPublic::*;
    for (host, kind) in [
        ("127.0.0.1", Loopback),
        ("127.1", Loopback),
        ("127.0.1", Loopback),
        ("2130706433", Loopback),
        ("017700000001", Loopback),
        ("0x7f000001", Loopback),
        ("0x7f.0x0.0x0.0x1", Loopback),
        ("0177.0.0.01", Loopback),
        ("0x7F.1", Loopback),
        ("127.0.0.1.", Loopback),
        ("127%2e0.0.1", Loopback),
        ("%31%32%37.0.0.1", Loopback),
        ("①②⑦.⓪.⓪.①", Loopback),
        ("127。0。0。1", Loopback),
        ("0", Unspecified),
        ("0.0.0.0", Unspecified),
        ("10.0.0.1", Private),
        ("167772161", Private),
        ("172.16.0.1", Private),
        ("192.168.257", Private),
        ("0xa9fea9fe", LinkLocal),
        ("2852039166", LinkLocal),
        ("0251.0376.0251.0376", LinkLocal),
        ("169.254.43518", LinkLocal),
        ("100.100.100.200", CarrierGradeNat),
        ("192.0.0.192", Reserved),
        ("168.63.129.16", CloudMetadata),
        ("224.0.0.1", Multicast),
        ("255.255.255.255", Broadcast),
        ("0xffffffff", Broadcast),
        ("[::]", Unspecified),
        ("[::1]", Loopback),
        ("[0:0:0:0:0:0:0:1]", Loopback),
        ("[::ffff:127.0.0.1]", EmbedsIpv4(Transition::Mapped)),
        ("[::ffff:7f00:1]", EmbedsIpv4(Transition::Mapped)),
        ("[::127.0.0.1]", EmbedsIpv4(Transition::Compatible)),
        ("[64:ff9b::a9fe:a9fe]", EmbedsIpv4(Transition::Nat64)),
        ("[2002:a9fe:a9fe::]", EmbedsIpv4(Transition::SixToFour)),
        (
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            EmbedsIpv4(Transition::Teredo),
        ),
        ("[fe80::1]", LinkLocal),
        ("[fd00:ec2::254]", UniqueLocal),
        ("[ff02::1]", Multicast),
    ] {
        assert_eq!(
            parse(&format!("https://{host}/")),
            Err(UrlError::NotPublic(kind)),
            "{host}"
        );
    }
}

#[test]
fn names_that_are_local_by_definition_are_refused() {
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ｌｏｃａｌｈｏｓｔ",
        "a.localhost",
        "a.localhost.",
        "localhost.localdomain",
        "printer.local",
        "metadata.google.internal",
        "ip-10-0-0-1.ec2.internal.",
        "nas.home.arpa",
        "home.arpa",
        "intranet",
        "intranet.",
        "com",
    ] {
        let result = parse(&format!("https://{host}/"));
        assert_eq!(result, Err(UrlError::LocalName), "{host}");
    }
    for host in [
        "localhost.example.com",
        "notlocal.example",
        "internal.example.com",
        "mylocalhost.net",
    ] {
        assert!(parse(&format!("https://{host}/")).is_ok(), "{host}");
    }
}

#[test]
fn a_host_has_labels_of_letters_digits_hyphens_and_underscores_under_any_rules() {
    for host in [
        "exa{mple.com",
        "exa\"mple.com",
        "exa`mple.com",
        "exa,mple.com",
        "a;b.com",
        "a=b.com",
        "a*b.com",
        "example..com",
        ".example.com",
        "example.com..",
        "localhost..",
        "127.0.0.1..",
        ".",
        "..",
    ] {
        for rules in [CLOUD, LOCAL] {
            let result = EndpointUrl::parse(&format!("https://{host}/"), rules);
            assert_eq!(result, Err(UrlError::HostName), "{host}");
        }
    }
    for host in [
        "a-b.example.com",
        "a_b.example.com",
        "_a.1.example.com",
        "xn--bcher-kva.example",
        "example.com.",
    ] {
        assert!(parse(&format!("https://{host}/")).is_ok(), "{host}");
    }
}

#[test]
fn a_deployment_may_allow_plain_http_and_private_networks_separately() {
    let http_only = UrlRules {
        allow_plain_http: true,
        allow_private_networks: false,
    };
    let private_only = UrlRules {
        allow_plain_http: false,
        allow_private_networks: true,
    };
    assert!(EndpointUrl::parse("http://example.com/", http_only).is_ok());
    assert!(EndpointUrl::parse("http://localhost/", http_only).is_err());
    assert!(EndpointUrl::parse("https://localhost/", private_only).is_ok());
    assert!(EndpointUrl::parse("http://localhost/", private_only).is_err());
    assert!(EndpointUrl::parse("http://127.0.0.1:4600/inbox/a", LOCAL).is_ok());
}

#[test]
fn a_url_parsed_under_loose_rules_is_held_to_strict_ones() {
    let url = EndpointUrl::parse("https://10.0.0.1/", LOCAL).unwrap();
    assert_eq!(
        url.keeps(CLOUD),
        Err(UrlError::NotPublic(NotPublic::Private))
    );
}

#[test]
fn neither_debug_nor_logs_show_the_query() {
    let url = parse("https://example.com:8443/send?token=t0ken").unwrap();
    assert_eq!(format!("{url:?}"), "https://example.com:8443/send?***");
    assert_eq!(url.origin_for_logs(), "https://example.com:8443");
    assert_eq!(
        format!("{:?}", parse("https://example.com/a").unwrap()),
        "https://example.com/a"
    );
}

proptest! {
    #[test]
    fn whatever_is_accepted_keeps_every_rule_and_parses_to_itself(
        text in "(https?|ftp)://([a-z]{1,3}@)?([0-9a-fx.]{1,12}|[a-z.-]{1,12}|\\[[0-9a-f:.]{2,12}\\])(:[0-9]{1,5})?[/?#a-z%0-9]{0,8}"
    ) {
        if let Ok(url) = parse(&text) {
            prop_assert!(url.as_str().starts_with("https://"));
            prop_assert!(!url.as_str().contains(['@', '#']));
            prop_assert!(url.literal_address().is_none_or(|ip| address::vet(ip).is_ok()));
            prop_assert!(!url.host().is_empty());
            prop_assert_eq!(parse(url.as_str()), Ok(url));
        }
    }

    #[test]
    fn any_text_is_accepted_or_refused(text in "\\PC{0,80}") {
        let _ = parse(&text);
        let _ = parse(&format!("https://{text}"));
    }

    #[test]
    fn an_address_is_judged_alike_in_decimal_octal_and_hexadecimal(bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes();
        let expected = address::vet(std::net::Ipv4Addr::from_bits(bits).into()).map_err(UrlError::NotPublic);
        for host in [
            format!("{a}.{b}.{c}.{d}"),
            format!("{bits}"),
            format!("0x{bits:x}"),
            format!("0{bits:o}"),
            format!("0x{a:x}.0{b:o}.{}", u16::from_be_bytes([c, d])),
        ] {
            prop_assert_eq!(parse(&format!("https://{host}/")).map(|_| ()), expected.clone(), "{}", host);
        }
    }
}
