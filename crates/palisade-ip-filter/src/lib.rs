//! Stage `ip-filter`: which client addresses are admitted.
//!
//! 1. A client whose address is unknown is refused, always.
//! 2. An address on the deny list is refused: deny beats allow.
//! 3. Where there is an allow list, an address that is not on it is refused; an allow list that is there but empty admits nobody.
//! 4. Without an allow list, every address that is not denied is admitted.
//! 5. An element is an address (`192.0.2.1`, `2001:db8::1`), a prefix (`10.0.0.0/8`) or a range, both ends included
//!    (`10.0.0.1-10.0.0.99`). A prefix with bits set behind its length is an error.
//! 6. An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is that IPv4 address, in lists and on the
//!    wire. Any other IPv6 element speaks of IPv6 alone: `::/0` admits no IPv4 client.
//!
//! Every refusal is 403 `ip-not-allowed` and looks the same to the peer; the log says which rule it was.
//!
//! A list of a million prefixes takes 10 MiB (IPv4) or 18 MiB (IPv6 of at most /64), and a decision allocates nothing.
//!
//! What this does not protect against: a peer that speaks from within an admitted network; addresses that reach IPv4 hosts through
//! IPv6 in other ways (6to4, NAT64), which are IPv6 here. An address is no identity.
//!
//! Caveats behind proxies: the address is the one the listener settled on. Without `trusted-proxies` that is the proxy's.
//!
//! # As a layer
//! ```
//! use std::{convert::Infallible, net::IpAddr};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use palisade_core::ClientAddress;
//! use palisade_ip_filter::IpFilter;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let filter = IpFilter::builder().allow(["192.0.2.0/24"])?.deny(["192.0.2.13"])?.build()?;
//! let service = ServiceBuilder::new().layer(filter.layer()).service(service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//! for (client, status) in [("192.0.2.1", StatusCode::OK), ("192.0.2.13", StatusCode::FORBIDDEN)] {
//!     let mut request = Request::new(Full::default());
//!     request.extensions_mut().insert(ClientAddress::from(client.parse::<IpAddr>()?));
//!     assert_eq!(service.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(()) }
//! ```
//!
//! # In a configuration
//! ```properties
//! palisade.interceptors.Partners.ip-filter.allow=192.0.2.0/24,2001:db8::/32
//! palisade.interceptors.Partners.ip-filter.deny-file=blocked.txt
//! ```

mod element;
mod filter;
mod list;
mod ranges;
mod rejection;
mod settings;
mod stage;

pub use element::{AddressRange, ElementError};
pub use filter::{Denied, IpFilter, IpFilterBuilder, NoLists};
pub use list::{BadElement, ListError};
pub use settings::IpFilterSettings;
