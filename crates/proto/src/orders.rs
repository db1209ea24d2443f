//! What operators have ordered.

use std::{fmt::Display, time::Duration};

use antiphon_core::{ORDER_TEXT_MAX, ORDERS_MAX, Order, Orders, RegionId, Stop};

use crate::{
    FieldError,
    field::{invalid, list, micros, name, required, text},
    v1::{self, order},
};

impl From<&Orders> for v1::Orders {
    fn from(orders: &Orders) -> Self {
        Self { orders: orders.orders.iter().map(v1::Order::from).collect() }
    }
}

impl TryFrom<v1::Orders> for Orders {
    type Error = FieldError;

    /// Orders of a kind that only a newer peer knows are left out.
    fn try_from(orders: v1::Orders) -> Result<Self, FieldError> {
        let orders = list("orders", orders.orders, ORDERS_MAX)?;
        let known = orders.into_iter().filter(|order| order.stop.is_some());
        Ok(Self { orders: known.map(Order::try_from).collect::<Result<_, _>>()? })
    }
}

impl From<&Order> for v1::Order {
    fn from(order: &Order) -> Self {
        let stop = match &order.stop {
            Stop::Collective { collective } => order::Stop::Collective(collective.to_string()),
            Stop::Caller { caller } => order::Stop::Caller(caller.to_string()),
            Stop::Pair { one, other } => {
                let (one, other) = (one.to_string(), other.to_string());
                order::Stop::Pair(v1::RegionPair { one, other })
            }
            Stop::Link { with } => order::Stop::Link(with.to_string()),
        };
        Self {
            stop: Some(stop),
            stands: order.stands,
            by: order.by.clone(),
            reason: order.reason.clone(),
            made_us: micros(order.made),
            until_us: micros(order.until),
        }
    }
}

impl TryFrom<v1::Order> for Order {
    type Error = FieldError;

    fn try_from(order: v1::Order) -> Result<Self, FieldError> {
        Ok(Self {
            stop: stop(required("stop", order.stop)?)?,
            stands: order.stands,
            by: plain("by", order.by)?,
            reason: plain("reason", order.reason)?,
            made: Duration::from_micros(order.made_us),
            until: Duration::from_micros(order.until_us),
        })
    }
}

fn stop(stop: order::Stop) -> Result<Stop, FieldError> {
    Ok(match stop {
        order::Stop::Collective(collective) => {
            Stop::Collective { collective: name("collective", &collective)? }
        }
        order::Stop::Caller(caller) => {
            let illegal = |error: &dyn Display| invalid("caller", error);
            Stop::Caller { caller: caller.parse().map_err(|error| illegal(&error))? }
        }
        order::Stop::Pair(v1::RegionPair { one, other }) => {
            let one: RegionId = name("pair.one", &one)?;
            Stop::pair(one, name("pair.other", &other)?)
        }
        order::Stop::Link(region) => Stop::Link { with: name("link", &region)? },
    })
}

/// A text that can be shown on a terminal.
fn plain(field: &str, line: String) -> Result<String, FieldError> {
    let line = text(field, line, ORDER_TEXT_MAX)?;
    if line.contains(char::is_control) {
        return Err(invalid(field, &"no control characters"));
    }
    Ok(line)
}
