//! Whose share a request uses: each key of limits, and requests of which it is not known.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;

use super::fields::{assert_refused, left};
use super::node::Node;
use super::world::{LONG, PASSWORD, World, get};
use crate::callers::client::{Ask, Connection};

/// A header of the PROXY protocol, version 2, of a TCP connection from that address.
fn proxied(from: Ipv4Addr) -> Vec<u8> {
    let ports_and_target = [198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb];
    [
        &b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"[..],
        &from.octets(),
        &ports_and_target,
    ]
    .concat()
}

/// A route `Orders` on which each key may make two requests; it asks who is calling, and lets pass who says nothing.
fn keyed(key: &str) -> World {
    let mut world = World::with_callers();
    world.set("palisade.interceptors.Known.authentication.required", "false");
    world.limit(
        "Each.rate-limit",
        &[("requests", "2"), ("per", LONG), ("key", key)],
    );
    world.route("Orders", "Known,Each");
    world
}

fn with_key(key: &str) -> Ask {
    get("Orders").with("x-api-key", key)
}

fn with_password() -> Ask {
    let credentials = BASE64_STANDARD.encode(format!("alice:{PASSWORD}"));
    get("Orders").with("authorization", &format!("Basic {credentials}"))
}

/// Asks each of them in turn: what is left after it, or `None` where it is refused by the limit.
fn shares(connection: &mut Connection, asks: &[Ask]) -> Vec<Option<i64>> {
    let answer = |ask| {
        let answer = connection.ask(ask).unwrap();
        if answer.status == 200 {
            return Some(left(&answer, "Each.rate-limit"));
        }
        assert_refused(&answer, "rate-limit-exceeded", &["Each.rate-limit"]);
        None
    };
    asks.iter().map(answer).collect()
}

#[test]
fn principals_have_a_share_each_however_they_show_who_they_are() {
    let world = keyed("principal");
    let node = world.start();
    let asks = [
        with_key("plsd_alice-1"),
        with_password(),
        with_key("plsd_alice-2"),
        with_key("plsd_carol"),
        get("Orders"),
        get("Orders"),
        get("Orders"),
        with_key("plsd_bob"),
    ];
    let expected = [Some(1), Some(0), None, Some(1), Some(1), Some(0), None, Some(1)];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

#[test]
fn a_tenant_has_one_share_for_all_its_users() {
    let world = keyed("tenant");
    let node = world.start();
    let asks = [
        with_key("plsd_alice-1"),
        with_key("plsd_carol"),
        with_password(),
        with_key("plsd_bob"),
        // Dave is of no tenant, and neither is who says nothing.
        with_key("plsd_dave"),
        get("Orders"),
        get("Orders"),
    ];
    let expected = [Some(1), Some(0), None, Some(1), Some(1), Some(0), None];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

#[test]
fn each_api_key_has_a_share_and_all_other_ways_to_call_have_one_together() {
    let world = keyed("api-key");
    let node = world.start();
    let asks = [
        with_key("plsd_alice-1"),
        with_key("plsd_alice-1"),
        with_key("plsd_alice-1"),
        with_key("plsd_alice-2"),
        with_key("plsd_bob"),
        with_password(),
        get("Orders"),
        with_password(),
    ];
    let expected = [Some(1), Some(0), None, Some(1), Some(1), Some(1), Some(0), None];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

#[test]
fn each_value_of_a_field_has_a_share_and_those_without_one_have_one_together() {
    let world = keyed("header:X-Partner");
    let node = world.start();
    let with = |value: &str| get("Orders").with("x-partner", value);
    let asks = [
        with("a"),
        with("a"),
        with("a"),
        with("A"),
        with("a").with("x-partner", "a"),
        with(""),
        get("Orders"),
        get("Orders"),
        get("Orders"),
        with(&"long".repeat(500)),
        with("\u{fc}\u{1f600}"),
    ];
    let expected = [
        Some(1),
        Some(0),
        None,
        Some(1),
        Some(1),
        Some(1),
        Some(1),
        Some(0),
        None,
        Some(1),
        Some(1),
    ];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

#[test]
fn an_endpoint_has_one_share_and_all_endpoints_have_one_global_share() {
    for (key, of_the_other) in [("endpoint", Some(1)), ("global", None)] {
        let mut world = keyed(key);
        world.route("Invoices", "Known,Each");
        let node = world.start();
        let asks = [
            with_key("plsd_alice-1"),
            get("Orders").with("x-partner", "b"),
            with_key("plsd_bob"),
            get("Invoices"),
        ];
        let expected = [Some(1), Some(0), None, of_the_other];
        assert_eq!(shares(&mut world.connect(&node), &asks), expected, "{key}");
    }
}

/// Whoever is refused before anybody is known is counted by address, and cannot try passwords for ever.
#[test]
fn wrong_passwords_are_counted_by_address() {
    let mut world = keyed("peer");
    world.set("palisade.interceptors.Known.authentication.required", "true");
    let node = world.start();
    let mut connection = world.connect(&node);
    let wrong = || get("Orders").with("x-api-key", "plsd_guessed");
    for _ in 0..2 {
        assert_eq!(connection.shown(&wrong()), "401 credentials-invalid");
    }
    assert_eq!(connection.shown(&wrong()), "429 rate-limit-exceeded");
    assert_eq!(
        connection.shown(&with_key("plsd_alice-1")),
        "429 rate-limit-exceeded"
    );
}

#[test]
fn behind_the_proxy_protocol_each_client_has_a_share() {
    let mut world = keyed("peer");
    world.set("palisade.listeners.main.proxy-protocol", "required");
    world.set("palisade.listeners.main.trusted-proxies", "127.0.0.0/8");
    let node = world.start();
    let asked = |from: [u8; 4], ask: Ask| {
        let mut connection = world
            .tls()
            .connect_behind(node.at("main"), &proxied(from.into()))
            .unwrap();
        shares(&mut connection, &[ask])
    };
    for expected in [Some(1), Some(0), None] {
        // What the client says of itself changes nothing.
        let forged = get("Orders")
            .with("x-forwarded-for", "203.0.113.9")
            .with("forwarded", "for=203.0.113.9");
        assert_eq!(asked([192, 0, 2, 1], forged), [expected]);
    }
    assert_eq!(asked([192, 0, 2, 2], get("Orders")), [Some(1)]);
    assert_eq!(asked([203, 0, 113, 9], get("Orders")), [Some(1)]);
}

fn behind_fields(trusted: &str) -> (World, Node) {
    let mut world = keyed("peer");
    world.set("palisade.listeners.main.forwarded-header", "x-forwarded-for");
    world.set("palisade.listeners.main.trusted-proxies", trusted);
    let node = world.start();
    (world, node)
}

#[test]
fn behind_a_trusted_proxy_the_rightmost_address_counts_that_is_no_proxy() {
    let (world, node) = behind_fields("127.0.0.0/8");
    let from = |text: &str| get("Orders").with("x-forwarded-for", text);
    let asks = [
        from("192.0.2.1"),
        // Left of the last one stands what the client wrote.
        from("203.0.113.1, 192.0.2.1"),
        from("203.0.113.2, 192.0.2.1"),
        from("203.0.113.3, 192.0.2.1, 127.0.0.2"),
        from("203.0.113.4").with("x-forwarded-for", "192.0.2.1"),
        from("192.0.2.2"),
        // One network of IPv6 is one customer.
        from("2001:db8:0:1::1"),
        from("2001:db8:0:1:ffff::2"),
        from("2001:db8:0:1::3"),
        from("2001:db8:0:2::1"),
        // Of what cannot be read the address is unknown, and all of that is one client.
        from("192.0.2.3, unknown"),
        from("192.0.2.4, _hidden"),
        from("192.0.2.5, 300.1.1.1"),
    ];
    let expected = [
        Some(1),
        Some(0),
        None,
        None,
        None,
        Some(1),
        Some(1),
        Some(0),
        None,
        Some(1),
        Some(1),
        Some(0),
        None,
    ];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

/// The address is not the client's to choose.
#[rstest]
fn from_anybody_else_a_forged_address_is_not_believed(
    #[values("x-forwarded-for", "forwarded", "x-real-ip", "client-ip", "cf-connecting-ip")] field: &str,
) {
    let (world, node) = behind_fields("192.0.2.0/24");
    let asks: Vec<Ask> = (1..=5)
        .map(|number| {
            let address = format!("203.0.113.{number}");
            let value = if field == "forwarded" {
                format!("for={address}")
            } else {
                address
            };
            get("Orders").with(field, &value)
        })
        .collect();
    let expected = [Some(1), Some(0), None, None, None];
    assert_eq!(shares(&mut world.connect(&node), &asks), expected);
}

/// `concurrency`, `quota` and `amount-limit` know the same keys.
#[rstest]
fn a_key_that_is_not_known_is_never_an_error(
    #[values(
        "peer",
        "principal",
        "tenant",
        "api-key",
        "header:x-none",
        "endpoint",
        "global"
    )]
    key: &str,
) {
    let mut world = World::new();
    world.limit(
        "All.rate-limit",
        &[("requests", "2"), ("per", LONG), ("key", key)],
    );
    world.limit("All.concurrency", &[("max", "2"), ("key", key)]);
    let windowed = [("per", LONG), ("key", key), ("store", "memory")];
    world.limit("All.quota", &[&[("transactions", "2")][..], &windowed].concat());
    world.limit(
        "All.amount-limit",
        &[&[("pointer", "/amount"), ("max-total", "2")][..], &windowed].concat(),
    );
    world.route("Orders", "All");
    let node = world.start();
    let mut connection = world.connect(&node);
    let ask = super::world::pay("Orders", r#"{"amount":1}"#);
    for _ in 0..2 {
        let answer = connection.ask(&ask).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(connection.ask(&ask).unwrap().status, 429);
}
