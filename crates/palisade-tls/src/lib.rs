//! TLS listeners with a floor, client certificates, and facts of the connection.
