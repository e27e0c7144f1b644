//! Palisade: a tower middleware stack for axum-based integration servers.
