//! Outbound connections: TLS floor, trust, pooled HTTPS.
