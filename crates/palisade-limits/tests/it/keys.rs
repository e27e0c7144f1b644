//! Whose requests are counted together.

use rstest::rstest;

use crate::common::{World, by, from, get, with};

fn keyed(key: &str) -> World {
    World::of(&format!(
        "rate-limit.requests=1\nrate-limit.per=1m\nrate-limit.key={key}"
    ))
}

#[rstest]
#[case("192.0.2.1", "192.0.2.2", false)]
#[case("192.0.2.1", "::ffff:192.0.2.1", true)]
#[case("2001:db8::1", "2001:db8::2", true)]
#[case("2001:db8::1", "2001:db8:0:1::1", false)]
#[tokio::test]
async fn peers_are_told_apart_by_address_and_of_ipv6_by_network(
    #[case] one: &str,
    #[case] other: &str,
    #[case] same: bool,
) {
    let world = keyed("peer");
    assert_eq!(world.send(from(one)).await.status, 200);
    assert_eq!(world.send(from(other)).await.status, if same { 429 } else { 200 });
}

#[rstest]
#[case::principal("principal", "alice", "bob")]
#[case::long_names(
    "principal",
    "a-name-that-is-longer-than-a-key-1",
    "a-name-that-is-longer-than-a-key-2"
)]
#[case::tenant("tenant", "alice@acme", "alice@other")]
#[case::api_key("api-key", "alice#laptop", "alice#server")]
#[tokio::test]
async fn callers_are_told_apart(#[case] key: &str, #[case] one: &str, #[case] other: &str) {
    let world = keyed(key);
    assert_eq!(world.statuses(2, || by(one)).await, [200, 429]);
    assert_eq!(world.statuses(2, || by(other)).await, [200, 429]);
}

#[tokio::test]
async fn a_tenant_that_speaks_for_itself_is_no_user_of_its_name() {
    let world = keyed("principal");
    assert_eq!(world.send(by("acme")).await.status, 200);
    assert_eq!(world.statuses(2, || by("acme!")).await, [200, 429]);
}

#[tokio::test]
async fn callers_of_one_tenant_share() {
    let world = keyed("tenant");
    assert_eq!(world.send(by("alice@acme")).await.status, 200);
    assert_eq!(world.send(by("bob@acme")).await.status, 429);
}

#[tokio::test]
async fn values_of_a_field_are_told_apart_all_of_them() {
    let world = keyed("header:X-Client");
    assert_eq!(world.statuses(2, || with("x-client", "one")).await, [200, 429]);
    assert_eq!(world.statuses(2, || with("x-client", "two")).await, [200, 429]);
    let twice = || {
        let mut request = with("x-client", "one");
        request.headers_mut().append("x-client", "two".parse().unwrap());
        request
    };
    assert_eq!(world.statuses(2, twice).await, [200, 429]);
}

#[rstest]
#[case("principal")]
#[case("tenant")]
#[case("api-key")]
#[case("header:x-client")]
#[tokio::test]
async fn all_of_whom_the_key_is_not_known_share_one_bucket(#[case] key: &str) {
    let world = keyed(key);
    assert_eq!(world.send(from("192.0.2.1")).await.status, 200);
    assert_eq!(world.send(from("192.0.2.2")).await.status, 429);
}

#[tokio::test]
async fn a_request_from_nowhere_is_counted_too() {
    let world = keyed("peer");
    let nowhere = || {
        let mut request = get();
        request.extensions_mut().clear();
        request
    };
    assert_eq!(world.statuses(2, nowhere).await, [200, 429]);
}

const TWO_GROUPS: &str = "\
palisade.endpoints[0].name=one
palisade.endpoints[0].methods=GET
palisade.endpoints[0].interceptors=P
palisade.endpoints[1].name=two
palisade.endpoints[1].interceptors=P
palisade.interceptors.P.rate-limit.requests=1
palisade.interceptors.P.rate-limit.per=1m
";

#[rstest]
#[case("global", 429)]
#[case("endpoint", 200)]
#[case("peer", 429)]
#[tokio::test]
async fn groups_that_name_one_interceptor_share_its_counters(#[case] key: &str, #[case] second: u16) {
    let world = World::new(&format!(
        "{TWO_GROUPS}palisade.interceptors.P.rate-limit.key={key}\n"
    ));
    let post = || {
        let mut request = get();
        *request.method_mut() = http::Method::POST;
        request
    };
    assert_eq!(world.send(get()).await.status, 200);
    assert_eq!(world.send(post()).await.status, second);
    assert_eq!(world.send(post()).await.status, 429);
}

#[tokio::test]
async fn keys_beyond_the_bound_share_one_bucket_until_others_are_whole_again() {
    let world = World::of("rate-limit.requests=2\nrate-limit.per=1m\nrate-limit.max-keys=3");
    for host in 1..=3 {
        assert_eq!(world.send(from(&format!("192.0.2.{host}"))).await.status, 200);
    }
    for (host, status) in [(4, 200), (5, 200), (6, 429), (1, 200), (1, 429)] {
        assert_eq!(
            world.send(from(&format!("192.0.2.{host}"))).await.status,
            status,
            "{host}"
        );
    }
    // All of them have all of their share back.
    world.advance(120);
    for host in [11, 12, 13] {
        let statuses = world.statuses(3, || from(&format!("192.0.2.{host}"))).await;
        assert_eq!(statuses, [200, 200, 429]);
    }
}
