//! Listeners, serving, draining, watching files, admin endpoints, the gateway.
