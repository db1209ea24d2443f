//! Orders of operators on their way to the machine.

use antiphon_core::{Event, OrderError, OrderGiven, OrderView};
use tokio::sync::oneshot;

use super::{Query, Said, Shell, ShellGone, ShellHandle};

/// The schema of the orders that are known.
const ORDERS_SCHEMA: &str = "antiphon.orders.v1";

/// Every order that is known after one was given, or why it was not taken.
pub(crate) type Ordered = Result<Said<Vec<OrderView>>, OrderError>;

impl ShellHandle {
    /// Gives an order; every one that is known then.
    ///
    /// # Errors
    /// The shell has ended; within, why the order is not taken.
    pub(crate) async fn order(&self, order: OrderGiven) -> Result<Ordered, ShellGone> {
        let (answer, said) = oneshot::channel();
        self.send(Query::Order(Box::new(order), answer)).await?;
        said.await.map_err(|_| ShellGone)
    }
}

impl Shell {
    pub(super) fn on_order(&mut self, order: Box<OrderGiven>, answer: oneshot::Sender<Ordered>) {
        let possible = self.core.may_order(&order);
        if possible.is_ok() {
            self.drive(Event::Ordered { order });
        }
        let said = possible.map(|()| self.said(ORDERS_SCHEMA, self.core.orders()));
        if answer.send(said).is_err() {
            tracing::debug!("whoever gave an order has gone");
        }
    }
}
