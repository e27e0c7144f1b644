//! What a decision costs.

use allocation_counter::measure;
use http::Request;
use palisade_core::{Context, Guard};
use palisade_headers::HeaderRules;

#[test]
fn accepting_a_request_allocates_nothing() {
    let rules = HeaderRules::builder()
        .block(["x-debug-*", "x-secret"])
        .block_value("user-agent", "(?i)sqlmap|nikto")
        .require(["x-partner", "acc*"])
        .reject_body_on_get()
        .build()
        .unwrap();
    let (mut head, ()) = Request::builder()
        .method("POST")
        .header("host", "api.example")
        .header("user-agent", "curl/8.5.0")
        .header("accept", "*/*")
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", "17")
        .header("x_partner_code", "3")
        .header("x-partner", "7")
        .body(())
        .unwrap()
        .into_parts();
    let mut cx = Context::new(&head);
    // The first search of a regular expression sets up its cache.
    assert!(Guard::request(&rules, &mut cx, &mut head).is_ok());
    let spent = measure(|| assert!(Guard::request(&rules, &mut cx, &mut head).is_ok()));
    assert_eq!(spent.count_total, 0);
}
