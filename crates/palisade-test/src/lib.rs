//! For tests only: a certificate authority, a fake clock, a client, assertions on problems, stage laws.

pub mod ca;
