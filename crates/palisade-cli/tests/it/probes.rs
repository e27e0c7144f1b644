//! What `palisade init` proposes leaves no room for what attackers try first.
//!
//! Nothing in the code knows these probes: the patterns of the starter folder say what is expected, and that is none of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::{Folder, Serving};

/// Texts as an attacker means them; a client encodes them.
const PROBES: &[&str] = &[
    // SQL
    "' OR 1=1--",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "1' OR '1'='1' /*",
    "1;DROP TABLE orders",
    "1; DROP TABLE orders;--",
    "1 OR 1=1",
    "1) OR (1=1",
    "' UNION SELECT NULL,NULL--",
    "1 UNION ALL SELECT @@version",
    "admin'--",
    "admin' #",
    "1' AND SLEEP(5)--",
    "1;WAITFOR DELAY '0:0:5'--",
    "1||(SELECT pg_sleep(5))",
    "1 AND (SELECT COUNT(*) FROM users)>0",
    "id; EXEC xp_cmdshell('dir')",
    "1/**/OR/**/1=1",
    "0x27204f5220313d31=1",
    "CHAR(39)+CHAR(32)",
    "\\' OR 1=1--",
    // Script
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "\"><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "'-alert(1)-'",
    "<iframe src=//evil.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    // Encoded once more than the client has to
    "%27",
    "%27%20OR%201%3D1--",
    "%2527",
    "%3Cscript%3E",
    "%253Cscript%253E",
    "%00",
    "%0d%0aSet-Cookie:a=b",
    "%u0027",
    "%c0%a7",
    // Quotes and dashes of other alphabets
    "\u{2019} OR 1=1",
    "\u{201c}x\u{201d}",
    "\u{02bc} OR 1=1\u{2013}\u{2013}",
    "\u{ff07} OR 1=1",
    "\u{202e}tpircs",
    "a\u{200b}b",
    "\u{feff}1",
    // Control characters
    "a\r\nSet-Cookie: a=b",
    "a\nb",
    "a\tb",
    "a\0b",
    "\u{7f}",
    "\u{85}",
    // Paths and addresses
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "....//....//etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "//evil.example/",
    // Other languages
    "*)(uid=*))(|(uid=*",
    "admin)(&)",
    "' or name()='a' or '",
    "${7*7}",
    "${{7*7}}",
    "{{7*7}}",
    "#{7*7}",
    "<%= 7*7 %>",
    "${jndi:ldap://evil.example/a}",
    "{\"$gt\":\"\"}",
    "[$ne]=1",
    "; ls -la",
    "| cat /etc/passwd",
    "`id`",
    "$(id)",
    "a && id",
    "=cmd|' /C calc'!A0",
    "<!--#exec cmd=\"id\"-->",
    "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
    "%s%s%s%n",
];

/// Parameters of the query that the starter folder has, and values that are as they should be.
const QUERY: &[(&str, &[&str])] = &[
    ("page", &["1", "100000"]),
    ("limit", &["1", "100"]),
    ("sort", &["name", "-created,name"]),
    ("from", &["2026-02-28"]),
    ("to", &["2028-02-29"]),
    (
        "changed-since",
        &["2026-02-28T12:00:00+01:00", "2026-02-28T11:00:00.5Z"],
    ),
    (
        "q",
        &[
            "steel pipe",
            "Müller-Lüdenscheidt",
            "Ærø",
            "東京",
            "St. Gallen",
            "हिन्दी",
        ],
    ),
];

const IDENTIFIERS: &[&str] = &["7", "A-17_b", "7f9c24e8-3b1a-4f5e-9d2c-0a1b2c3d4e5f"];

/// Every byte that may not stand in a query or path as it is, encoded; with `encode_all`, every byte.
fn encoded(text: &str, encode_all: bool) -> String {
    let byte = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain && !encode_all {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

/// As a field's value has it: what no field can have is encoded.
fn field(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    for byte in text.bytes() {
        if byte.is_ascii_control() && byte != b'\t' {
            value.extend(format!("%{byte:02X}").bytes());
        } else {
            value.push(byte);
        }
    }
    value
}

/// The starter folder as it is served, with a listener that has no TLS beside its own. Nobody reads the log, which has a line for each
/// refusal.
fn serve(folder: &Folder) -> Serving {
    folder.serve(&[
        "--echo",
        "--set",
        "palisade.log.level=error",
        "--set",
        "palisade.listeners.plain.bind=127.0.0.1:0",
        "--set",
        "palisade.listeners.plain.tls.enabled=false",
    ])
}

/// Sends the bytes as they are. The status of the answer, and the code of a refusal.
fn ask(server: &Serving, target: &str, fields: &[u8]) -> (u16, String) {
    let mut connection = TcpStream::connect(("127.0.0.1", server.port("plain"))).unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let request = [head.as_bytes(), fields, b"\r\n"].concat();
    connection.write_all(&request).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let kind = document["type"].as_str().unwrap_or_default();
    (
        status,
        kind.trim_start_matches("urn:palisade:problem:").to_owned(),
    )
}

const LIST: &str = "/server/rest/orders/list";

fn invalid() -> (u16, String) {
    (400, "parameter-invalid".to_owned())
}

fn accepted() -> (u16, String) {
    (200, String::new())
}

#[test]
fn probes_in_the_query_are_refused_whichever_parameter_has_them() {
    let folder = Folder::initialised();
    let server = serve(&folder);
    assert!(PROBES.len() >= 60);
    for probe in PROBES {
        for encode_all in [false, true] {
            let probe = encoded(probe, encode_all);
            for (name, good) in QUERY {
                let target = format!("{LIST}?{name}={probe}");
                assert_eq!(ask(&server, &target, b""), invalid(), "{target}");
                // Nor does it help to stand behind something good.
                let target = format!("{LIST}?{name}={}{probe}", encoded(good[0], false));
                assert_eq!(ask(&server, &target, b""), invalid(), "{target}");
            }
            let target = format!("{LIST}?{probe}=1");
            assert_eq!(ask(&server, &target, b""), invalid(), "{target}");
        }
    }
    for again in ["page=1&page=2", "page=1&pa%67e=2", "debug=true", "page[]=1"] {
        let target = format!("{LIST}?{again}");
        assert_eq!(ask(&server, &target, b""), invalid(), "{target}");
    }
}

#[test]
fn probes_in_the_path_are_refused_by_the_pattern_or_for_having_two_readings() {
    let folder = Folder::initialised();
    let server = serve(&folder);
    let refused = [invalid(), (400, "path-not-canonical".to_owned())];
    for probe in PROBES {
        for (before, encode_all) in [("", false), ("7", false), ("", true)] {
            let target = format!("{LIST}/{before}{}", encoded(probe, encode_all));
            assert!(refused.contains(&ask(&server, &target, b"")), "{target}");
        }
    }
    for raw in [
        "../../admin",
        "..;/admin",
        "7//8",
        "./7",
        "7%2f8",
        "%2e%2e/admin",
        "7\\8",
    ] {
        let target = format!("{LIST}/{raw}");
        let (status, code) = ask(&server, &target, b"");
        assert!(
            status == 400 || status == 404 && code == "endpoint-not-configured",
            "{target}: {status} {code}"
        );
    }
}

#[test]
fn probes_in_a_field_that_is_named_are_refused() {
    let folder = Folder::initialised();
    let server = serve(&folder);
    // Fields that are not ASCII are refused before, whatever their names.
    let refused = [invalid(), (400, "header-faulty".to_owned())];
    for probe in PROBES {
        let fields = [b"X-Correlation-Id: ".as_slice(), &field(probe), b"\r\n"].concat();
        assert!(refused.contains(&ask(&server, LIST, &fields)), "{probe}");
        let fields = [b"x-correlation-id: good".as_slice(), &field(probe), b"\r\n"].concat();
        assert!(refused.contains(&ask(&server, LIST, &fields)), "{probe}");
    }
    let twice = b"X-Correlation-Id: a\r\nX-Correlation-Id: b\r\n";
    assert_eq!(ask(&server, LIST, twice), invalid());
}

#[test]
fn what_is_expected_passes() {
    let folder = Folder::initialised();
    let server = serve(&folder);
    for (name, values) in QUERY {
        for value in *values {
            let target = format!("{LIST}?{name}={}", encoded(value, false));
            assert_eq!(ask(&server, &target, b""), accepted(), "{target}");
        }
    }
    assert_eq!(
        ask(&server, &format!("{LIST}?page=2&limit=50&q=steel+pipe"), b""),
        accepted()
    );
    for identifier in IDENTIFIERS {
        let target = format!("{LIST}/{identifier}");
        assert_eq!(ask(&server, &target, b""), accepted(), "{target}");
        let field = format!("X-Correlation-Id: {identifier}\r\n");
        assert_eq!(ask(&server, LIST, field.as_bytes()), accepted(), "{field}");
    }
}

#[test]
fn every_pattern_that_is_only_proposed_is_sound_and_refuses_the_same() {
    let folder = Folder::initialised();
    let properties = std::fs::read_to_string(folder.config().join("application.properties")).unwrap();
    let proposed: Vec<(&str, &str)> = properties
        .lines()
        .filter_map(|line| line.strip_prefix("#palisade.interceptors.Input.validation.query."))
        .filter_map(|line| line.split_once('='))
        .collect();
    assert!(proposed.len() >= 6, "{proposed:?}");
    let mut more: Vec<String> = ["--echo", "--set", "palisade.log.level=error"]
        .map(str::to_owned)
        .to_vec();
    for (key, value) in &proposed {
        more.extend([
            "--set".to_owned(),
            format!("palisade.interceptors.Input.validation.query.{key}={value}"),
        ]);
    }
    let plain = [
        "palisade.listeners.plain.bind=127.0.0.1:0",
        "palisade.listeners.plain.tls.enabled=false",
    ];
    more.extend(
        plain
            .iter()
            .flat_map(|set| ["--set".to_owned(), (*set).to_owned()]),
    );
    let server = folder.serve(&more.iter().map(String::as_str).collect::<Vec<_>>());
    for (key, _) in &proposed {
        let name = key.split('.').next().unwrap();
        for probe in PROBES {
            let target = format!("{LIST}?{name}={}", encoded(probe, false));
            assert_eq!(ask(&server, &target, b""), invalid(), "{target}");
        }
    }
    for good in [
        "id=A-17",
        "status=open",
        "currency=EUR",
        "amount=12.50",
        "iban=NL91ABNA0417164300",
        "email=a.b%2Bc@example.org",
        "phone=%2B31201234567",
    ] {
        assert_eq!(ask(&server, &format!("{LIST}?{good}"), b""), accepted(), "{good}");
    }
}
