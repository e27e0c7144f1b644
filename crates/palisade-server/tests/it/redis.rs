//! Redis as servers share it: one truth, an alarm while it is away, and what reloads do.
#![cfg(feature = "redis")]

use std::time::Duration;

use palisade_server::status::Reload;
use palisade_test::ca::TestCa;
use palisade_test::redis::{Data, Redis};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::common::{Folder, Running, SOON};
use super::limits::{send, serve};

const QUOTA: &str = "palisade.endpoints[0].paths=/orders\n\
    palisade.endpoints[0].interceptors=Partners\n\
    palisade.interceptors.Partners.quota.transactions=3\n\
    palisade.interceptors.Partners.quota.per=30d\n\
    palisade.interceptors.Partners.quota.store=redis\n\
    palisade.interceptors.Partners.quota.key=header:x-client\n";

fn properties(redis: &Redis) -> String {
    format!("{QUOTA}palisade.redis.url={}\n", redis.url())
}

/// Waits until the alarms of the server are these.
async fn until_alarms(server: &Running, codes: &[&str]) -> Value {
    let wait = async {
        loop {
            let alarms = server.admin("/status").await.1["alarms"].clone();
            let found: Vec<_> = alarms
                .as_array()
                .unwrap()
                .iter()
                .map(|alarm| alarm["code"].as_str().unwrap().to_owned())
                .collect();
            if found == codes {
                return alarms;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON * 2, wait).await.expect("the alarms come")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_over_one_redis_count_together_and_each_tells_what_is_left() {
    let Some(redis) = Redis::start_with_password() else {
        return;
    };
    let one = serve(Folder::new(&properties(&redis))).await;
    let other = serve(Folder::new(&properties(&redis))).await;
    assert_eq!(send(&one, "/orders", "alice").await, "200");
    assert_eq!(send(&other, "/orders", "alice").await, "200");
    for server in [&one, &other] {
        let told = server
            .admin("/limits?interceptor=Partners&key=alice&keys=5")
            .await
            .1;
        assert_eq!(told["limits"][0]["standing"]["remaining"], "1", "{told}");
        assert_eq!(told["limits"][0]["keys"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["limits"][0]["store"], "redis");
    }
    assert_eq!(send(&one, "/orders", "alice").await, "200");
    assert_eq!(send(&other, "/orders", "alice").await, "quota-exceeded");
    let request = http::Request::delete("/limits?interceptor=Partners&key=alice");
    let (status, told) = one.ask_admin(request).await;
    assert_eq!((status, &told["reset"][0]["keys"]), (200, &json!(1)));
    assert_eq!(send(&other, "/orders", "alice").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_requests_are_refused_an_alarm_stands_and_nothing_says_the_url() {
    let Some(mut redis) = Redis::start_with_password() else {
        return;
    };
    let server = serve(Folder::new(&properties(&redis))).await;
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    until_alarms(&server, &[]).await;
    redis.stop();
    assert_eq!(send(&server, "/orders", "alice").await, "store-unavailable");
    let alarms = until_alarms(&server, &["redis-unavailable"]).await;
    assert!(!alarms.to_string().contains("redis://"), "{alarms}");
    let told = server.admin("/limits?interceptor=Partners&key=alice").await.1;
    assert!(told["limits"][0]["unknown"].is_string(), "{told}");
    assert_eq!(server.admin("/ready").await.0, 200);

    redis.resume(Data::Emptied);
    until_alarms(&server, &[]).await;
    let counted = async {
        while send(&server, "/orders", "alice").await != "200" {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(SOON, counted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_requests_that_cannot_be_counted_is_chosen_and_applies_with_a_reload() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let base = properties(&redis);
    redis.stop();
    let server = serve(Folder::new(&base)).await;
    assert_eq!(send(&server, "/orders", "alice").await, "store-unavailable");
    server
        .folder
        .write(&format!("{base}palisade.redis.on-failure=allow\n"));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused");
    };
    assert!(needs_restart.is_empty(), "{needs_restart:?}");
    assert_eq!(send(&server, "/orders", "alice").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_come_with_a_reload_and_another_one_needs_a_restart() {
    let (Some(redis), Some(other)) = (Redis::start(), Redis::start()) else {
        return;
    };
    let memory = QUOTA.replace("store=redis", "store=memory");
    let server = serve(Folder::new(&memory)).await;
    server.folder.write(&properties(&redis));
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    let keys = redis.command(&["KEYS", "{palisade}:limit:*"]);
    assert!(keys.contains("{palisade}:limit:Partners.quota:"), "{keys}");

    server.folder.write(&properties(&other));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused");
    };
    assert_eq!(needs_restart, ["palisade.redis"]);
    let told = server.admin("/limits?interceptor=Partners&key=alice").await.1;
    assert_eq!(told["limits"][0]["standing"]["remaining"], "2", "{told}");
}

/// What makes a Redis refuse every write while it answers, and what ends that.
#[rstest]
#[case::a_replica(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"])]
#[case::full(&["CONFIG", "SET", "maxmemory", "1mb"], &["CONFIG", "SET", "maxmemory", "0"])]
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_stands_as_long_as_redis_refuses_writes(#[case] shut: &[&str], #[case] open: &[&str]) {
    let Some(redis) = Redis::start() else { return };
    // More than the megabyte that it is let have later.
    let filled = "for i = 1, 2000 do redis.call('SET', 'fill:' .. i, string.rep('x', 1000)) end";
    redis.command(&["EVAL", filled, "0"]);
    let allowing = "palisade.endpoints[1].paths=/allowed\n\
        palisade.endpoints[1].interceptors=Lenient\n\
        palisade.interceptors.Lenient.quota.transactions=1\n\
        palisade.interceptors.Lenient.quota.per=30d\n\
        palisade.interceptors.Lenient.quota.store=redis\n\
        palisade.interceptors.Lenient.quota.on-failure=allow\n\
        palisade.interceptors.Lenient.quota.key=header:x-client\n";
    let server = serve(Folder::new(&format!("{}{allowing}", properties(&redis)))).await;
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    until_alarms(&server, &[]).await;

    assert!(redis.command(shut).starts_with("+OK"));
    until_alarms(&server, &["redis-unavailable"]).await;
    // Through several looks at Redis, and tries of requests.
    for _ in 0..12 {
        assert_eq!(send(&server, "/orders", "alice").await, "store-unavailable");
        assert_eq!(send(&server, "/allowed", "alice").await, "200");
        let alarms = server.admin("/status").await.1["alarms"].clone();
        assert_eq!(alarms[0]["code"], "redis-unavailable", "{alarms}");
        sleep(Duration::from_millis(500)).await;
    }

    assert!(redis.command(open).starts_with("+OK"));
    until_alarms(&server, &[]).await;
    let counted = async {
        while send(&server, "/orders", "alice").await != "200" {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(SOON, counted).await.unwrap();
    assert_eq!(send(&server, "/allowed", "alice").await, "200");
    assert_eq!(send(&server, "/allowed", "alice").await, "quota-exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_alarm_stands_for_a_redis_that_a_reload_took_away() {
    let Some(mut redis) = Redis::start() else { return };
    let with = properties(&redis);
    let server = serve(Folder::new(&with)).await;
    redis.stop();
    until_alarms(&server, &["redis-unavailable"]).await;
    server.folder.write(&QUOTA.replace("store=redis", "store=memory"));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused");
    };
    assert!(needs_restart.is_empty(), "{needs_restart:?}");
    until_alarms(&server, &[]).await;
    assert_eq!(send(&server, "/orders", "alice").await, "200");

    // It is looked after again when it comes back.
    server.folder.write(&with);
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    until_alarms(&server, &["redis-unavailable"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_certificates_to_trust_need_a_restart_and_must_be_ones() {
    let (one, other) = (TestCa::new("Redis CA"), TestCa::new("Another CA"));
    let secure = format!(
        "{QUOTA}palisade.redis.url=rediss://127.0.0.1:1\npalisade.redis.trust-file=redis-ca.pem\n\
         palisade.redis.on-failure=allow\n"
    );
    let folder = Folder::new(&secure);
    let trusted = folder.folder.path().join("redis-ca.pem");
    std::fs::write(&trusted, one.pem()).unwrap();
    let server = serve(folder).await;
    let restarts = async || match server.handle.reload().await {
        Some(Reload::Applied { needs_restart, .. }) => Some(needs_restart),
        _ => None,
    };
    assert_eq!(restarts().await.unwrap(), [""; 0]);
    std::fs::write(&trusted, other.pem()).unwrap();
    assert_eq!(restarts().await.unwrap(), ["palisade.redis"]);
    std::fs::write(
        &trusted,
        "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    assert_eq!(restarts().await, None);
    std::fs::remove_file(&trusted).unwrap();
    assert_eq!(restarts().await, None);
    std::fs::write(&trusted, one.pem()).unwrap();
    assert_eq!(restarts().await.unwrap(), [""; 0]);
}
