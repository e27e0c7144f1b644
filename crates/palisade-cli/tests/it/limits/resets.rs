//! An interceptor whose limits have keys of several kinds, of which one is reset.

use serde_json::json;

use super::{alone, beside, folder, get, serve};
use crate::support::Folder;

/// A quota for each value of a field, beside a rate for each address.
fn several(stores: &str) -> Folder {
    folder(&format!(
        "palisade.interceptors.Local.rate-limit.requests=100\n\
         palisade.interceptors.Local.rate-limit.per=1h\n\
         palisade.interceptors.Local.concurrency.max=5\n\
         palisade.interceptors.Local.concurrency.key=global\n\
         palisade.interceptors.Local.amount-limit.pointer=/amount\n\
         palisade.interceptors.Local.amount-limit.max-total=10\n\
         palisade.interceptors.Local.amount-limit.key=header:x-client\n\
         {stores}"
    ))
}

const MEMORY: &str = "palisade.interceptors.Local.quota.store=memory\n\
                      palisade.interceptors.Local.amount-limit.store=memory\n";

#[test]
fn what_has_no_such_key_is_left_out_and_named_by_the_running_server() {
    let folder = several(MEMORY);
    let server = serve(&folder);
    assert_eq!(get(&folder, &server), 200);
    let reset = ["limits", "reset", "Local", "--key", "127.0.0.1"];
    let reset = beside(&folder, &server, &reset).with_status(0);
    for expected in [
        "Local.quota: one key begins anew",
        "Local.rate-limit: one key begins anew",
        "Local.amount-limit: nothing had been used",
        "Local.concurrency: left out: keyed by global, expected no key: everybody shares this limit",
    ] {
        assert!(reset.out.contains(expected), "{expected}: {}", reset.out);
    }
    let reset = ["limits", "reset", "Local", "--key", "alice", "--format", "json"];
    let reset = beside(&folder, &server, &reset).with_status(0).json();
    let of_amounts = json!([{ "interceptor": "Local", "stage": "amount-limit", "keys": 0 }]);
    assert_eq!(reset["reset"], of_amounts);
    let left_out = reset["left-out"].as_array().unwrap();
    let mut stages: Vec<_> = left_out
        .iter()
        .map(|limit| limit["stage"].as_str().unwrap())
        .collect();
    stages.sort_unstable();
    assert_eq!(stages, ["concurrency", "quota", "rate-limit"]);
    let named = ["limits", "reset", "Local", "--stage", "quota", "--key", "alice"];
    let named = beside(&folder, &server, &named).with_status(2);
    assert!(named.err.contains("Expected an address"), "{}", named.err);

    let nobody = ["limits", "reset", "Nobody", "--all"];
    let nobody = beside(&folder, &server, &nobody).with_status(2);
    assert!(
        nobody
            .err
            .ends_with("404 Not Found No limit in force has that name\n"),
        "{}",
        nobody.err
    );

    server.signal("TERM");
    let log = server.end().with_status(0).err;
    assert!(
        log.contains("what was used is forgotten") && log.contains("key=\"127.0.0.1\""),
        "a reset is seen in the log as it is by default: {log}"
    );
}

#[test]
fn what_has_no_such_key_hinders_nobody_where_no_server_runs() {
    let folder = several("");
    // The rate is counted in memory, out of reach, and has no such key.
    let reset = ["limits", "reset", "Local", "--key", "alice"];
    let reset = alone(&folder, &reset).with_status(0);
    for expected in [
        "Local.amount-limit: nothing had been used",
        "Local.rate-limit: left out: keyed by peer, expected an address",
    ] {
        assert!(reset.out.contains(expected), "{expected}: {}", reset.out);
    }
    let reset = ["limits", "reset", "Local", "--key", "127.0.0.1"];
    let reset = alone(&folder, &reset).with_status(1);
    assert!(
        reset.err.contains("Local.rate-limit cannot be reset"),
        "{}",
        reset.err
    );
    let named = [
        "limits",
        "reset",
        "Local",
        "--stage",
        "concurrency",
        "--key",
        "alice",
    ];
    let named = alone(&folder, &named).with_status(2);
    assert!(
        named
            .err
            .contains("the key of Local.concurrency: expected no key"),
        "{}",
        named.err
    );
}
