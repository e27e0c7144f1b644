//! Message security.
