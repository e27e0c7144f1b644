//! What a decision costs.

use std::net::{IpAddr, Ipv4Addr};

use allocation_counter::measure;
use http::Request;
use palisade_core::{ClientAddress, Context, Guard};
use palisade_ip_filter::IpFilter;

#[test]
fn a_decision_allocates_nothing() {
    let deny = (0..100_000_u32).map(|number| Ipv4Addr::from_bits(number << 12).to_string());
    let filter = IpFilter::builder().deny(deny).unwrap().build().unwrap();
    let (mut head, ()) = Request::new(()).into_parts();
    head.extensions
        .insert(ClientAddress::from(IpAddr::from([192, 0, 2, 1])));
    let mut cx = Context::new(&head);
    let spent = measure(|| {
        assert!(Guard::request(&filter, &mut cx, &mut head).is_ok());
        assert!(
            filter
                .admits(ClientAddress::from(IpAddr::from([0, 0, 16, 0])))
                .is_err()
        );
    });
    assert_eq!(spent.count_total, 0);
}
