//! Orders, in memory until the program ends.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// An order: what this service works with, and all the rest of what the document has.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(crate) struct Order {
    #[serde(skip_deserializing)]
    id: String,
    merchant_id: String,
    pub(crate) location_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_status: Option<PaymentStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_items: Option<Vec<LineItem>>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) created_by: Option<String>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) updated_by: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    #[default]
    Open,
    Draft,
    Delivered,
    Delayed,
    Voided,
    Completed,
    Hidden,
}

/// Whether it is paid.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    #[default]
    Open,
    Paid,
    Refunded,
    Credited,
    PartiallyPaid,
    PartiallyRefunded,
    Unknown,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
struct LineItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    /// In cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<Number>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Order {
    /// Takes over everything that a later message says of it.
    pub(crate) fn change(&mut self, later: Self) {
        self.merchant_id = later.merchant_id;
        self.location_id = later.location_id;
        self.status = later.status.or(self.status);
        self.payment_status = later.payment_status.or(self.payment_status);
        if later.line_items.is_some() {
            self.line_items = later.line_items;
        }
        self.rest.extend(later.rest);
    }
}

/// All orders, by their numbers.
#[derive(Debug)]
pub(crate) struct Store {
    orders: Mutex<BTreeMap<u64, Order>>,
}

/// Some of the orders.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) orders: Vec<Order>,
    /// Behind which one the next page begins, if there is one.
    pub(crate) next: Option<u64>,
}

impl Store {
    /// Two orders are there from the start.
    pub(crate) fn new() -> Self {
        let store = Self {
            orders: Mutex::default(),
        };
        for (location, name) in [("market-square", "Soup of the day"), ("station", "Coffee")] {
            let line = LineItem {
                name: Some(name.to_owned()),
                quantity: Some(1.into()),
                unit_price: Some(450.into()),
                ..LineItem::default()
            };
            store.add(Order {
                merchant_id: "acme".to_owned(),
                location_id: location.to_owned(),
                line_items: Some(vec![line]),
                ..Order::default()
            });
        }
        store
    }

    /// Keeps an order, and gives its number.
    pub(crate) fn add(&self, mut order: Order) -> String {
        let mut orders = self.orders();
        let number = orders.last_key_value().map_or(1, |(last, _)| last + 1);
        order.id = number.to_string();
        order.status.get_or_insert_default();
        order.payment_status.get_or_insert_default();
        let id = order.id.clone();
        orders.insert(number, order);
        id
    }

    pub(crate) fn one(&self, id: &str) -> Option<Order> {
        self.orders().get(&id.parse().ok()?).cloned()
    }

    /// Changes an order, if there is one.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Order)) -> Option<()> {
        self.orders().get_mut(&id.parse().ok()?).map(change)
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Order> {
        self.orders().remove(&id.parse().ok()?)
    }

    /// That many of the orders behind a number, of one location or of all.
    pub(crate) fn page(&self, behind: u64, limit: usize, location: Option<&str>) -> Page {
        let orders = self.orders();
        let range = orders.range((Bound::Excluded(behind), Bound::Unbounded));
        let mut found = range.filter(|(_, order)| location.is_none_or(|wanted| order.location_id == wanted));
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let has_more = found.next().is_some();
        Page {
            next: page.last().map(|(number, _)| **number).filter(|_| has_more),
            orders: page.into_iter().map(|(_, order)| order.clone()).collect(),
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<u64, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
