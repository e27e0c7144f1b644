//! Two servers on one PostgreSQL: each a process of its own, administered by the command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use palisade_test::postgres::Postgres;

use crate::support::{Folder, Serving};
use crate::user::{add, guarded};

/// One connection of TLS that stays open, by `openssl s_client`; killed when dropped.
struct Connection {
    child: Child,
    requests: ChildStdin,
    responses: BufReader<ChildStdout>,
}

impl Connection {
    fn open(folder: &Folder, serving: &Serving) -> Self {
        let mut child = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-servername",
                "localhost",
            ])
            .args(["-CAfile", "config/keys/demo-ca.pem"])
            .args(["-connect", &format!("127.0.0.1:{}", serving.port("main"))])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let requests = child.stdin.take().unwrap();
        let responses = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            requests,
            responses,
        }
    }

    /// The status of a request with that API key. It fails where the server ended the connection.
    fn status(&mut self, key: &str) -> u16 {
        let request =
            format!("GET /server/rest/orders/list HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n");
        self.requests.write_all(request.as_bytes()).unwrap();
        let status = self.line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            assert_ne!(line, "connection: close");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        self.responses.read_exact(&mut vec![0; length]).unwrap();
        status
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.responses.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_user_who_is_disabled_is_refused_by_every_server_on_connections_that_stay_open() {
    let Some(database) = Postgres::start() else {
        return;
    };
    let folders = [(); 2].map(|()| guarded(&format!("palisade.directory={}\n", database.url()), ""));
    let [here, _] = &folders;
    let key_of = |name: &str| {
        add(here, name, &["--role", "clerk"]);
        let key = here.run(&["api-key", "create", name]).with_status(0).out;
        key.trim_end().to_owned()
    };
    let [alice, bob] = ["alice", "bob"].map(key_of);
    let servers = folders.each_ref().map(|folder| folder.serve(&["--echo"]));
    let [one, two] = &servers;
    assert_ne!(one.port("main"), two.port("main"));
    let mut connections: Vec<Connection> = folders
        .iter()
        .zip(&servers)
        .map(|(folder, serving)| Connection::open(folder, serving))
        .collect();
    for connection in &mut connections {
        assert_eq!((connection.status(&alice), connection.status(&bob)), (200, 200));
    }

    here.run(&["user", "disable", "alice"]).with_status(0);
    wait_for(&mut connections, &alice, 401);
    for connection in &mut connections {
        assert_eq!(connection.status(&bob), 200);
    }
    here.run(&["user", "enable", "alice"]).with_status(0);
    wait_for(&mut connections, &alice, 200);
}

/// Waits until every server answers so, on the connections that are open.
#[track_caller]
fn wait_for(connections: &mut [Connection], key: &str, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !connections
        .iter_mut()
        .all(|connection| connection.status(key) == status)
    {
        assert!(Instant::now() < deadline, "{status} does not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}
