//! The file of counters: it survives reloads and restarts, and belongs to one server at a time.

use std::fs;
use std::process::Command;
use std::time::Duration;

use palisade_server::ServeError;
use palisade_server::status::Reload;
use tokio::time::{sleep, timeout};

use super::common::{Folder, Running, SOON};
use super::limits::{GROUPS, QUOTA, forget, load, send, serve};

/// Stops the server and waits until nothing holds its files.
async fn stop(server: Running) -> Folder {
    server.handle.stop();
    timeout(SOON, server.ended).await.unwrap().unwrap().unwrap();
    let lock = server.folder.folder.path().join("data/palisade.lock");
    let free = async {
        while lock.exists() && fs::File::open(&lock).unwrap().try_lock().is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, free).await.unwrap();
    server.folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_in_the_file_survives_a_reload_and_a_restart() {
    let server = serve(Folder::new(QUOTA)).await;
    assert!(server.folder.folder.path().join("data/limits.redb").exists());
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    server.folder.write(&format!("{QUOTA}palisade.unmatched=deny\n"));
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    assert_eq!(send(&server, "/orders", "alice").await, "200");

    let server = serve(stop(server).await).await;
    let told = server
        .admin("/limits?interceptor=Partners&key=alice&keys=9")
        .await
        .1;
    assert_eq!(told["limits"][0]["standing"]["remaining"], "1", "{told}");
    assert_eq!(told["limits"][0]["keys"].as_array().unwrap().len(), 1);
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    assert_eq!(send(&server, "/orders", "alice").await, "quota-exceeded");
    assert_eq!(forget(&server, "interceptor=Partners&key=alice").await.0, 200);

    let server = serve(stop(server).await).await;
    assert_eq!(send(&server, "/orders", "alice").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_opens_no_file_and_takes_nothing_from_a_server_that_runs() {
    let folder = Folder::new(QUOTA);
    drop(load(&folder));
    assert!(!folder.folder.path().join("data").exists());

    let server = serve(folder).await;
    let second = load(&server.folder);
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    let error = timeout(SOON, second.serve_echo()).await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Counters(_)), "{error:?}");
    let error = error.to_string();
    assert!(
        error.starts_with("palisade.data-dir: ") && error.contains("is in use by another server"),
        "{error}"
    );
    assert_eq!(send(&server, "/orders", "alice").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_comes_with_a_reload_has_the_file_opened_or_is_refused() {
    let server = serve(Folder::new(GROUPS)).await;
    let data_dir = server.folder.folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let other = fs::File::create(data_dir.join("palisade.lock")).unwrap();
    other.try_lock().unwrap();
    server.folder.write(QUOTA);
    let Some(Reload::Refused { errors, .. }) = server.handle.reload().await else {
        panic!("applied");
    };
    let is_told = |error: &String| {
        error.contains("palisade.interceptors.Partners.quota.store")
            && error.contains("in use by another server")
    };
    assert!(errors.iter().any(is_told), "{errors:?}");
    drop(other);
    assert!(matches!(
        server.handle.reload().await,
        Some(Reload::Applied { .. })
    ));
    assert_eq!(send(&server, "/orders", "alice").await, "200");
}

/// Waits until the alarms of the server are these.
async fn until_alarms(server: &Running, codes: &[&str]) {
    let wait = async {
        loop {
            let status = server.admin("/status").await.1;
            let alarms = status["alarms"].as_array().unwrap();
            if alarms.iter().map(|alarm| &alarm["code"]).eq(codes) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, wait).await.expect("the alarms come");
}

/// Limits the size of the files that this process writes, as a full disk would.
fn limit_files(bytes: &str) {
    let limited = Command::new("prlimit")
        .arg(format!("--pid={}", std::process::id()))
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    assert!(limited.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that another test starts, without room on its disk"]
async fn serves_on_a_disk_that_becomes_full() {
    let server = serve(Folder::new(QUOTA)).await;
    assert_eq!(send(&server, "/orders", "alice").await, "200");
    until_alarms(&server, &[]).await;
    limit_files("0");
    assert_eq!(send(&server, "/orders", "bob").await, "store-unavailable");
    until_alarms(&server, &["limits-not-written"]).await;
    assert_eq!(server.admin("/ready").await.0, 200);
    limit_files("unlimited");
    until_alarms(&server, &[]).await;
    assert_eq!(send(&server, "/orders", "bob").await, "200");
}

#[test]
fn an_alarm_stands_while_the_file_cannot_be_written() {
    // A process that writes beyond its limit is sent SIGXFSZ, which ends it unless it is ignored; that is inherited.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "limits_file::serves_on_a_disk_that_becomes_full",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let [text, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
}
