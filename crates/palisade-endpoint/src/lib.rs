//! Ordered endpoint groups: compile, match, explain, compare, run, reload.
