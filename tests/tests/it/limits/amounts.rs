//! Amounts of money: exact, in JSON and XML, of one transaction or many.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use super::fields::{assert_refused, retry_after, told};
use super::world::{LONG, World, path, pay};
use crate::callers::client::{Ask, Connection};

fn with_amounts(settings: &[(&str, &str)]) -> World {
    let mut world = World::new();
    world.limit(
        "Pay.amount-limit",
        &[("pointer", "/payment/amount"), ("per", LONG), ("store", "memory")],
    );
    world.limit("Pay.amount-limit", settings);
    world.route("Payments", "Pay");
    world
}

fn amount(text: &str) -> Ask {
    pay(
        "Payments",
        &format!(r#"{{"payment":{{"amount":{text},"currency":"EUR"}}}}"#),
    )
}

#[test]
fn a_total_is_exact_to_the_last_cent() {
    let world = with_amounts(&[("max-total", "100.00")]);
    let node = world.start();
    let mut connection = world.connect(&node);
    // In floating-point numbers a thousand times 0.1 is not 100.
    let tenth = amount("0.10");
    for _ in 0..10 {
        for _ in 0..99 {
            connection.send(&tenth).unwrap();
        }
        for _ in 0..99 {
            assert_eq!(connection.receive().unwrap().status, 200);
        }
    }
    for text in ["1.01", "1.0000000001", "\"1.01\"", "1.1e0", "99999999999999999"] {
        let refused = connection.ask(&amount(text)).unwrap();
        assert_refused(&refused, "amount-total-exceeded", &["Pay.amount-limit"]);
        assert_eq!(
            refused.json()["title"],
            "The amounts of all transactions come to too much"
        );
        if text.starts_with('9') {
            // It never fits: no time to wait for is told.
            assert_eq!(refused.field("retry-after"), None);
        } else {
            retry_after(&refused);
        }
        // The draft has no unit for money.
        assert_eq!(told(&refused).len(), 0);
    }
    for (text, status) in [
        ("0.99", 200),
        ("0.011", 429),
        ("0.01", 200),
        ("0.000000000000000001", 429),
        ("0", 200),
        ("0.00", 200),
    ] {
        assert_eq!(connection.ask(&amount(text)).unwrap().status, status, "{text}");
    }
}

#[test]
fn one_transaction_may_be_as_large_as_it_may_be_and_no_larger() {
    let world = with_amounts(&[("max-per-transaction", "50.00"), ("max-total", "80")]);
    let node = world.start();
    let mut connection = world.connect(&node);
    for (text, expected) in [
        ("50.01", "422 amount-too-high"),
        ("50.000000000000000001", "422 amount-too-high"),
        ("5001e-2", "422 amount-too-high"),
        ("\"50.00\"", "nobody"),
        ("50", "429 amount-total-exceeded"),
        ("30.00", "nobody"),
        // What is too high is that whatever is left.
        ("51", "422 amount-too-high"),
        ("0.01", "429 amount-total-exceeded"),
    ] {
        assert_eq!(connection.shown(&amount(text)), expected, "{text}");
    }
}

#[test]
fn what_is_no_amount_that_all_read_alike_is_refused() {
    let world = with_amounts(&[("max-total", "100.00"), ("max-per-transaction", "100.00")]);
    let node = world.start();
    let mut connection = world.connect(&node);
    for body in [
        r#"{"payment":{"amount":-1}}"#,
        r#"{"payment":{"amount":"-0.01"}}"#,
        r#"{"payment":{"amount":"1,50"}}"#,
        r#"{"payment":{"amount":"1.50 EUR"}}"#,
        r#"{"payment":{"amount":""}}"#,
        r#"{"payment":{"amount":"NaN"}}"#,
        r#"{"payment":{"amount":"0x10"}}"#,
        r#"{"payment":{"amount":null}}"#,
        r#"{"payment":{"amount":true}}"#,
        r#"{"payment":{"amount":{}}}"#,
        r#"{"payment":{"amount":1e999}}"#,
        r#"{"payment":{"amount":99999999999999999999999999999999999999999}}"#,
        r#"{"payment":{"amount":0.0000000000000000001}}"#,
        r#"{"payment":{"amount":1,"amount":2}}"#,
        r#"{"payment":{"amount":1},"payment":{"amount":2}}"#,
        r#"{"payment":{"am\u006funt":1,"amount":2}}"#,
        r#"{"payment":{"Amount":1}}"#,
        r#"{"payment":{}}"#,
        r#"{"amount":1}"#,
        "[1]",
        r#"{"payment":{"amount":1}"#,
        r#"{"payment":{"amount":1}} {}"#,
        "",
        "amount=1",
    ] {
        let shown = connection.shown(&pay("Payments", body));
        assert_eq!(shown, "422 amount-unreadable", "{body}");
    }
    // None of them used anything.
    assert_eq!(connection.shown(&amount("100")), "nobody");
}

#[test]
fn how_the_body_comes_does_not_hide_the_amount() {
    let world = with_amounts(&[("max-total", "100.00")]);
    let node = world.start();
    let mut connection = world.connect(&node);
    let body = r#"{"payment":{"amount":60}}"#;
    let rows = [
        (
            Ask::post(&path("Payments"), "text/plain", body),
            "422 amount-unreadable",
        ),
        (
            Ask::post(&path("Payments"), "application/json", body).with("content-encoding", "gzip"),
            "422 amount-unreadable",
        ),
        (
            Ask::post(&path("Payments"), "application/json", body).with("content-type", "application/xml"),
            "422 amount-unreadable",
        ),
        (
            Ask::new("POST", &path("Payments")).with("content-length", "0"),
            "422 amount-unreadable",
        ),
        // Nothing is paid by asking.
        (Ask::get(&path("Payments")), "nobody"),
        (
            Ask::post(
                &path("Payments"),
                "application/vnd.bank+json; charset=utf-8",
                body,
            ),
            "nobody",
        ),
        (
            Ask::post(&path("Payments"), "Application/JSON", body),
            "429 amount-total-exceeded",
        ),
    ];
    for (row, (ask, expected)) in rows.iter().enumerate() {
        assert_eq!(connection.shown(ask), *expected, "row {row}");
    }
    let in_chunks = format!(
        "{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        10,
        &body[..10],
        body.len() - 10,
        &body[10..]
    );
    let chunked = Ask::chunked(&path("Payments"), "application/json", in_chunks);
    assert_eq!(connection.shown(&chunked), "429 amount-total-exceeded");
}

#[test]
fn all_transactions_of_an_array_are_summed_and_each_is_bounded() {
    let world = with_amounts(&[
        ("pointer", "/payments/amount"),
        ("currency-pointer", "/payments/currency"),
        ("currency", "EUR"),
        ("max-per-transaction", "60"),
        ("max-total", "100.00"),
    ]);
    let node = world.start();
    let mut connection = world.connect(&node);
    let many = |amounts: &[(&str, &str)]| {
        let all: Vec<String> = amounts
            .iter()
            .map(|(amount, currency)| format!(r#"{{"amount":{amount},"currency":"{currency}"}}"#))
            .collect();
        pay("Payments", &format!(r#"{{"payments":[{}]}}"#, all.join(",")))
    };
    let rows: [(&[(&str, &str)], &str); 8] = [
        (
            &[("40", "EUR"), ("40", "EUR"), ("20.01", "EUR")],
            "429 amount-total-exceeded",
        ),
        (&[("1", "EUR"), ("60.01", "EUR")], "422 amount-too-high"),
        (&[("1", "EUR"), ("1", "USD")], "422 amount-unreadable"),
        (&[("1", "eur")], "422 amount-unreadable"),
        (&[("1", "EUR"), ("-1", "EUR")], "422 amount-unreadable"),
        (&[("40", "EUR"), ("40", "EUR"), ("19.99", "EUR")], "nobody"),
        (&[("0.005", "EUR"), ("0.006", "EUR")], "429 amount-total-exceeded"),
        (&[("0.005", "EUR"), ("0.005", "EUR")], "nobody"),
    ];
    for (amounts, expected) in rows {
        assert_eq!(connection.shown(&many(amounts)), expected, "{amounts:?}");
    }
    let lacking = pay(
        "Payments",
        r#"{"payments":[{"amount":0,"currency":"EUR"},{"currency":"EUR"},{"amount":0,"currency":"EUR"}]}"#,
    );
    assert_eq!(connection.shown(&lacking), "422 amount-unreadable");
}

#[test]
fn in_xml_the_pointer_is_a_path_of_elements() {
    let world = with_amounts(&[
        ("pointer", "/Pay/Item/Amount"),
        ("currency-pointer", "/Pay/Item/Amount/@Ccy"),
        ("currency", "EUR"),
        ("max-per-transaction", "60.00"),
        ("max-total", "100.00"),
    ]);
    let node = world.start();
    let mut connection = world.connect(&node);
    let xml = |text: &str| Ask::post(&path("Payments"), "application/xml", text);
    let item = |amount: &str| format!(r#"<Item><Amount Ccy="EUR">{amount}</Amount></Item>"#);
    let pay = |items: &str| format!(r#"<p:Pay xmlns:p="urn:p">{items}</p:Pay>"#);
    let rows = [
        (pay(&(item("60.01") + &item("1"))), "422 amount-too-high"),
        (pay(&(item("60") + &item("40.01"))), "429 amount-total-exceeded"),
        (
            pay(&(item("60") + &item("<![CDATA[39.99]]>"))),
            "422 amount-unreadable",
        ),
        (pay(&(item("60") + &item("39.99"))), "nobody"),
        (pay(&item("0.02")), "429 amount-total-exceeded"),
        (pay(&item("-0.01")), "422 amount-unreadable"),
        (
            pay(r#"<Item><Amount Ccy="USD">0</Amount></Item>"#),
            "422 amount-unreadable",
        ),
        (pay("<Item><Amount>0</Amount></Item>"), "422 amount-unreadable"),
        (pay("<Item/>"), "422 amount-unreadable"),
        (pay(&item("0</Amount><Amount>0")), "422 amount-unreadable"),
        (
            "<!DOCTYPE p [<!ENTITY a '0'>]>".to_owned() + &pay(&item("&a;")),
            "422 amount-unreadable",
        ),
        (pay(&item("0.01")), "nobody"),
    ];
    for (row, (text, expected)) in rows.iter().enumerate() {
        assert_eq!(connection.shown(&xml(text)), *expected, "row {row}: {text}");
    }
}

#[test]
fn what_the_handler_refuses_is_given_back() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    let mut world = with_amounts(&[("max-total", "100.00")]);
    world.set("palisade.upstream.url", &format!("http://{address}"));
    let upstream = std::thread::spawn(move || {
        // Each answer ends its connection.
        for (status, stream) in [500, 503, 404, 409, 200, 302]
            .into_iter()
            .zip(reserved.incoming())
        {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let answer =
                format!("HTTP/1.1 {status} As Told\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    let node = world.start_with(&[]);
    let mut connection = world.connect(&node);
    let mut status = |text: &str| connection.ask(&amount(text)).unwrap().status;
    for expected in [500, 503, 404, 409] {
        assert_eq!(status("60.00"), expected);
    }
    assert_eq!([status("60.00"), status("60.00")], [200, 429]);
    assert_eq!(status("40.00"), 302);
    assert_eq!(status("0.01"), 429);
    upstream.join().unwrap();
    // An upstream that is gone has taken nothing either.
    let world = with_amounts(&[("max-total", "100.00")]);
    let node = world.start_with(&["--set", &format!("palisade.upstream.url=http://{address}")]);
    let mut connection = world.connect(&node);
    for _ in 0..3 {
        assert_eq!(connection.shown(&amount("60.00")), "502 upstream-unreachable");
    }
    assert_eq!(connection.shown(&amount("100.00")), "502 upstream-unreachable");
}

#[test]
fn each_caller_has_a_total_of_its_own() {
    let mut world = World::with_callers();
    world.limit(
        "Pay.amount-limit",
        &[
            ("pointer", "/amount"),
            ("max-total", "10.00"),
            ("per", LONG),
            ("store", "memory"),
        ],
    );
    world.route("Payments", "Known,Pay");
    let node = world.start();
    let ask = |user: &str, text: &str| {
        pay("Payments", &format!(r#"{{"amount":{text}}}"#)).with("x-api-key", &format!("plsd_{user}"))
    };
    let mut connection: Connection = world.connect(&node);
    for (user, text, status) in [
        ("alice-1", "6.00", 200),
        ("alice-2", "4.01", 429),
        ("bob", "10.00", 200),
        ("alice-2", "4.00", 200),
        ("carol", "10.01", 429),
    ] {
        assert_eq!(
            connection.ask(&ask(user, text)).unwrap().status,
            status,
            "{user} {text}"
        );
    }
}
