//! What orders mean while no connection stands.

use std::{future::Future, pin::pin};

use super::{Driver, Subscription};
use crate::port::{BrokerCommand, BrokerEvent, Publication, RefusedPublish};

impl Driver {
    /// Waits for something while orders are taken; `None` when told to stop.
    pub(super) async fn while_offline<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let events = self.events.clone();
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                done = &mut future => return Some(done),
                permit = events.reserve(), if !self.outgoing.is_empty() => {
                    let permit = permit.ok()?;
                    if let Some(event) = self.outgoing.pop_front() {
                        permit.send(event);
                    }
                }
                command = self.commands.recv() => {
                    if !self.order_offline(command?) {
                        return None;
                    }
                }
            }
        }
    }

    /// Carries out an order without a connection; whether to go on.
    fn order_offline(&mut self, command: BrokerCommand) -> bool {
        match command {
            BrokerCommand::Subscribe { id, subject, group } => {
                self.subscriptions.insert(id, Subscription { subject, group, leaving: false });
            }
            BrokerCommand::Unsubscribe { id } => {
                self.subscriptions.remove(&id);
                self.outgoing.push_back(BrokerEvent::Unsubscribed { id });
            }
            BrokerCommand::Publish(Publication { subject, .. }) => {
                let reason = RefusedPublish::Disconnected;
                self.outgoing.push_back(BrokerEvent::PublishRefused { subject, reason });
            }
            // Lost with the connection that it was for.
            BrokerCommand::Barrier { .. } => {}
            BrokerCommand::Close => return false,
        }
        true
    }
}
