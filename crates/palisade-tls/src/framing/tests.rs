use http::{Request, Version};
use palisade_core::FramingConflict;
use proptest::prelude::{any, prop};
use proptest::{prop_assert_eq, proptest};
use rstest::rstest;

use super::{Framing, Heads, Place};

/// What is said of a request with that method and target.
fn judge(framing: &Framing, method: &str, target: &str) -> Option<FramingConflict> {
    let request = Request::builder().method(method).uri(target).body(()).unwrap();
    framing.judge(&request.into_parts().0)
}

const LENGTH_BESIDE: Option<FramingConflict> = Some(FramingConflict::LengthBesideTransferEncoding);
const OUT_OF_STEP: Option<FramingConflict> = Some(FramingConflict::OutOfStep);

#[rstest]
#[case("Host: a\r\nContent-Length: 5", None)]
#[case("Transfer-Encoding: chunked", None)]
#[case("Content-Length: 5\r\nTransfer-Encoding: chunked", LENGTH_BESIDE)]
#[case("transfer-encoding: chunked\r\nX: y\r\ncontent-length: 0", LENGTH_BESIDE)]
#[case("CONTENT-LENGTH:5\nTransfer-Encoding:chunked", LENGTH_BESIDE)]
#[case(
    "Content-Length: 5\r\ncontent-length: 5",
    Some(FramingConflict::RepeatedLength)
)]
#[case(
    "Content-Length: 5\r\ncontent-length: 6",
    Some(FramingConflict::RepeatedLength)
)]
#[case(
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    Some(FramingConflict::RepeatedTransferEncoding)
)]
#[case(
    "X-Content-Length: 5\r\nContent-Length-X: 5\r\nX: content-length: 5\r\nContent-Length: 5",
    None
)]
fn a_head_that_says_its_length_twice_is_in_doubt(
    #[case] fields: &str,
    #[case] conflict: Option<FramingConflict>,
) {
    let framing = Framing::default();
    framing.follow(format!("POST /pay HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes());
    assert_eq!(judge(&framing, "POST", "/pay"), conflict);
}

/// Requests in a row, with what is said of each: bodies of every kind hold text that looks like a head.
const ROW: &str = "\r\nPOST /a?x=1#y HTTP/1.1\r\nContent-Length: 37\r\n\r\nGET /b HTTP/1.1\r\nContent-Length: 5\r\n\r\n\
    GET /b HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
    25 \t; x=\"y\"\r\nGET /d HTTP/1.1\r\nContent-Length: 5\r\n\r\n\r\n00A\r\n0123456789\r\n0\r\nX: y\n\r\nZ: 1\r\n\r\n\
    DELETE http://a/d HTTP/1.1\nContent-Length: 3\nContent-Length: 3\n\n\r\n\r\
    OPTIONS * HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n\
    GET / HTTP/1.0\r\n\r\n";

fn judge_row(framing: &Framing) {
    assert_eq!(judge(framing, "POST", "/a?x=1"), None);
    assert_eq!(judge(framing, "GET", "/b"), None);
    assert_eq!(judge(framing, "POST", "/c"), None);
    assert_eq!(
        judge(framing, "DELETE", "http://a/d"),
        Some(FramingConflict::RepeatedLength)
    );
    assert_eq!(judge(framing, "OPTIONS", "*"), LENGTH_BESIDE);
    assert_eq!(judge(framing, "GET", "/"), None);
    assert!(framing.lock().waiting.is_empty());
}

proptest! {
    #[test]
    fn heads_are_found_however_they_arrive(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(ROW.len())).collect();
        cuts.sort_unstable();
        let framing = Framing::default();
        let mut from = 0;
        for cut in cuts {
            framing.follow(&ROW.as_bytes()[from..cut]);
            from = cut;
        }
        framing.follow(&ROW.as_bytes()[from..]);
        judge_row(&framing);
    }

    #[test]
    fn whatever_arrives_memory_is_bounded(pieces in prop::collection::vec("[A-C:0-9\r\n ]{0,64}|[\\x00-\\xff]{0,64}", 0..64)) {
        let framing = Framing::default();
        for piece in &pieces {
            framing.follow(piece.as_bytes());
        }
        let heads = framing.lock();
        prop_assert_eq!(heads.waiting.len() <= Heads::MOST_WAITING, true);
        prop_assert_eq!(heads.line.len() <= Heads::LONGEST_LINE, true);
    }
}

#[test]
fn heads_are_found_byte_by_byte() {
    let framing = Framing::default();
    for byte in ROW.as_bytes() {
        framing.follow(std::slice::from_ref(byte));
    }
    judge_row(&framing);
}

#[rstest]
#[case("POST", "/a", "another method")]
#[case("GET", "/b", "another path")]
fn a_request_that_is_not_the_next_one_stays_in_doubt_and_so_do_all_after_it(
    #[case] method: &str,
    #[case] target: &str,
    #[case] why: &str,
) {
    let framing = Framing::default();
    framing.follow(b"GET /a HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n");
    assert_eq!(judge(&framing, method, target), OUT_OF_STEP, "{why}");
    assert_eq!(judge(&framing, "GET", "/a"), OUT_OF_STEP, "{why}");
}

#[test]
fn a_request_that_nobody_sent_is_in_doubt() {
    assert_eq!(judge(&Framing::default(), "GET", "/"), OUT_OF_STEP);
}

#[test]
fn http2_is_left_alone() {
    let framing = Framing::default();
    framing.follow(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    let request = Request::builder().version(Version::HTTP_2).body(()).unwrap();
    assert_eq!(framing.judge(&request.into_parts().0), None);
    assert_eq!(judge(&framing, "GET", "/"), OUT_OF_STEP);
}

#[test]
fn a_preface_later_on_hides_nothing() {
    let framing = Framing::default();
    framing.follow(b"\r\nPRI * HTTP/2.0\r\n\r\n");
    framing.follow(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(judge(&framing, "PRI", "*"), None);
    assert_eq!(judge(&framing, "POST", "/"), LENGTH_BESIDE);
}

#[test]
fn bodies_are_counted_and_long_lines_cut() {
    let framing = Framing::default();
    let block = vec![b'x'; 64 * 1024];
    framing.follow(b"POST /long HTTP/1.1\r\nContent-Length: 67108864\r\n\r\n");
    for _ in 0..1024 {
        framing.follow(&block);
    }
    assert_eq!(framing.lock().line.capacity(), 0);
    framing.follow(b"POST /chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000;");
    for _ in 0..1024 {
        framing.follow(b"\r\n");
        framing.follow(&block);
        framing.follow(b"\r\n10000");
    }
    assert_eq!(framing.lock().line.capacity(), 0);
    assert!(matches!(framing.lock().place, Place::Chunked(_)));
    assert_eq!(judge(&framing, "POST", "/long"), None);
    assert_eq!(judge(&framing, "POST", "/chunked"), None);

    let framing = Framing::default();
    framing.follow(b"GET / HTTP/1.1\r\nX: ");
    for _ in 0..1024 {
        framing.follow(&block);
    }
    assert!(framing.lock().line.capacity() <= 2 * Heads::LONGEST_LINE);
    framing.follow(b"\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(framing.lock().line.capacity(), 0);
    assert_eq!(judge(&framing, "GET", "/"), Some(FramingConflict::RepeatedLength));
}

#[test]
fn too_many_waiting_requests_are_in_doubt() {
    let framing = Framing::default();
    for _ in 0..Heads::MOST_WAITING {
        framing.follow(b"GET / HTTP/1.1\r\n\r\n");
    }
    assert_eq!(judge(&framing, "GET", "/"), None);
    framing.follow(b"GET / HTTP/1.1\r\n\r\n");
    framing.follow(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(judge(&framing, "GET", "/"), OUT_OF_STEP);
    assert_eq!(framing.lock().waiting.capacity(), 0);
}

#[test]
fn a_head_that_arrives_costs_no_allocation() {
    let framing = Framing::default();
    let request = Request::builder().uri("/a").body(()).unwrap().into_parts().0;
    let cost = || {
        let follow = || {
            // In one piece, and in two.
            framing.follow(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a HT");
            framing.follow(b"TP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(framing.judge(&request), None);
            assert_eq!(framing.judge(&request), None);
        };
        allocation_counter::measure(follow).count_total
    };
    cost();
    assert_eq!(cost(), 0);
}
