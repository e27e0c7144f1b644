//! The file of counters, where no server runs.

use super::{PATH, alone, folder, get, serve, stop};

#[test]
fn the_file_is_asked_where_no_server_runs_and_not_made_by_looking() {
    let folder = folder("");
    let explained = alone(&folder, &["explain", "GET", PATH, "--peer", "127.0.0.1"]).with_status(0);
    assert!(explained.out.contains("3 of 3 left\n"), "{}", explained.out);
    assert!(!folder.config().join("data").exists());

    let server = serve(&folder);
    for status in [200, 200, 200, 429] {
        assert_eq!(get(&folder, &server), status);
    }
    let taken = alone(&folder, &["limits", "show", "Local"]).with_status(0);
    assert!(
        taken.out.contains("not known: ") && taken.out.contains("in use by another server"),
        "{}",
        taken.out
    );
    stop(server);

    let shown = alone(&folder, &["limits", "show", "Local"]).with_status(0);
    assert!(shown.out.contains("127.0.0.1: 0 of 3 left"), "{}", shown.out);
    let explained = alone(&folder, &["explain", "GET", PATH, "--peer", "127.0.0.1"]).with_status(1);
    assert!(
        explained.out.contains("Verdict: refused: 429 quota-exceeded"),
        "{}",
        explained.out
    );
    let reset = [
        "limits",
        "reset",
        "Local",
        "--stage",
        "quota",
        "--key",
        "127.0.0.1",
    ];
    alone(&folder, &reset).with_status(0);
    let shown = alone(&folder, &["limits", "show", "Local", "--key", "127.0.0.1"]).with_status(0);
    assert!(shown.out.contains("127.0.0.1: 3 of 3 left"), "{}", shown.out);
    let server = serve(&folder);
    assert_eq!(get(&folder, &server), 200);
}
