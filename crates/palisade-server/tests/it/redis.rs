//! Redis as servers share it: one truth, an alarm while it is away, and what reloads do.
#![cfg(feature = "redis")]

use std::time::Duration;

use palisade_server::status::Reload;
use palisade_test::redis::{Data, Redis};
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
    let keys = redis.command(&["DBSIZE"]);
    assert!(
        !keys.contains(
            ":0
"
        ),
        "{keys}"
    );

    server.folder.write(&properties(&other));
    let Some(Reload::Applied { needs_restart, .. }) = server.handle.reload().await else {
        panic!("refused");
    };
    assert_eq!(needs_restart, ["palisade.redis"]);
    let told = server.admin("/limits?interceptor=Partners&key=alice").await.1;
    assert_eq!(told["limits"][0]["standing"]["remaining"], "2", "{told}");
}
