//! Orders of operators: taken, spread, and carried out. See [`crate::Order`].
//!
//! A halt is asked where a request enters the fabric, at every gateway that passes it on (as far as
//! can be said without looking into it), and where it leaves. Replies are never asked about: they
//! belong to a request that was let through.

use std::time::Duration;

use antiphon_wire::RequestHead;

use crate::{
    Action, AdvertContent, AdvertDraft, AdvertKind, Body, DropReason, EndToEnd, Gateway, Now,
    ORDER_LASTS_MAX, ORDER_TEXT_MAX, ORDERS_MAX, Order, OrderError, OrderGiven, OrderView, Orders,
    RegionId, Rejection, Stop,
    order::{Book, Held, InForce},
    policy::Policy,
};

/// What is ordered, and when to look at it again.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    book: Book,
    /// Something has changed that decides what holds.
    pub(super) stale: bool,
    /// When the next order ends, as far as is known.
    due: Option<Duration>,
}

impl Ordered {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    /// Whether links between our region and this one are not to be used.
    pub(super) fn bars(&self, region: &RegionId) -> bool {
        self.book.in_force().bars(region)
    }

    /// What holds here.
    pub(super) const fn in_force(&self) -> &InForce {
        self.book.in_force()
    }

    /// What would hold here under this policy.
    pub(super) fn under(&self, policy: &Policy, me: &RegionId) -> InForce {
        self.book.following(me, &policy.follow_halts)
    }
}

impl Gateway {
    /// Whether an operator's order can be taken here.
    ///
    /// # Errors
    /// Why not; nothing is changed.
    pub fn may_order(&self, given: &OrderGiven) -> Result<(), OrderError> {
        let (stop, me) = (&given.stop, &self.me.region);
        match stop {
            Stop::Pair { one, other } if one == other => {
                return Err(OrderError::SameRegion(one.clone()));
            }
            Stop::Link { with } if with == me => {
                return Err(OrderError::SameRegion(me.clone()));
            }
            Stop::Pair { .. }
            | Stop::Link { .. }
            | Stop::Collective { .. }
            | Stop::Caller { .. } => {}
        }
        let book = &self.ordered.book;
        if given.stands {
            let mut others = book.of_region(me).filter(|one| one.stands && one.stop != *stop);
            let full = others.nth(ORDERS_MAX - 1).is_some();
            return if full { Err(OrderError::Full(me.clone())) } else { Ok(()) };
        }
        match book.holding(stop, me) {
            None => Err(OrderError::NothingHolds(stop.clone())),
            Some(region) if !stop.is_halt() && region != me => {
                Err(OrderError::TheirsToLift(stop.clone(), region.clone()))
            }
            Some(_) => Ok(()),
        }
    }

    /// Every order that is known, and which of them hold here.
    #[must_use]
    pub fn orders(&self) -> Vec<OrderView> {
        self.ordered.book.views(&self.me.region, &self.policy().follow_halts)
    }

    /// An operator orders something here, in the name of our region.
    pub(super) fn on_ordered(&mut self, given: OrderGiven, now: Now) {
        if self.may_order(&given).is_err() {
            return;
        }
        let OrderGiven { stop, stands, by, reason, lasts } = given;
        let lasts = lasts.filter(|_| stands).unwrap_or(ORDER_LASTS_MAX).min(ORDER_LASTS_MAX);
        let order = Order {
            made: self.ordered.book.next_time(&stop, now.unix),
            stop,
            stands,
            by: cut(format!("{by} at {}", self.me.gateway)),
            reason: cut(reason),
            until: now.unix.saturating_add(lasts),
        };
        self.ordered.stale |= self.ordered.book.take(order, &self.me.region, now.unix);
    }

    /// Takes the orders out of an advert: of other regions, of our siblings, and those that we gave in
    /// an earlier life and others have kept for us.
    pub(super) fn learn_orders(&mut self, draft: &AdvertDraft, now: Now) {
        let AdvertContent::Orders(orders) = &draft.content else { return };
        for order in orders.orders.iter().take(ORDERS_MAX) {
            let news = self.ordered.book.take(order.clone(), &draft.region, now.unix);
            self.ordered.stale |= news;
        }
    }

    /// Works out what holds, if that may have changed. What is stopped and has not left yet does not
    /// leave; a link that is ordered down is no way any more, and what waits takes another.
    pub(super) fn tend_orders(&mut self, now: Now, out: &mut Vec<Action>) {
        let due = self.ordered.due.is_some_and(|due| due <= now.mono);
        if !std::mem::take(&mut self.ordered.stale) && !due {
            return;
        }
        let me = self.me.region.clone();
        let before = self.ordered.book.alarms(&me);
        let follow = &self.policing.policy.follow_halts;
        let changed = self.ordered.book.review(&me, follow, now.unix);
        let ends = self.ordered.book.ends();
        self.ordered.due = ends.map(|ends| now.mono + ends.saturating_sub(now.unix));
        self.adverts.call();
        if changed {
            self.carry_out(before, now, out);
        }
    }

    fn carry_out(&mut self, before: Vec<crate::Alarm>, now: Now, out: &mut Vec<Action>) {
        let after = self.ordered.book.alarms(&self.me.region);
        for alarm in before.into_iter().filter(|one| !after.contains(one)) {
            self.clear(alarm, out);
        }
        for alarm in after {
            self.raise(alarm, out);
        }
        for peer in self.peers.values_mut() {
            peer.barred = self.ordered.bars(&peer.hello.region);
        }
        self.graph_stale = true;
        self.reroute(now, out);
    }

    /// What our region has ordered; `None` if it never has.
    pub(super) fn orders_to_tell(&self) -> Option<AdvertContent> {
        let orders: Vec<Order> = self.ordered.book.of_region(&self.me.region).cloned().collect();
        let said = self.adverts.has_said(AdvertKind::Orders);
        (said || !orders.is_empty()).then_some(AdvertContent::Orders(Orders { orders }))
    }

    /// Whether a frame may go on, as far as can be said without looking into it.
    pub(super) fn unhalted_frame(&self, end: &EndToEnd) -> Result<(), DropReason> {
        let Body::Request(request) = &end.body else { return Ok(()) };
        let force = self.ordered.in_force();
        let pair = force.stops_pair(&end.creator.region, &end.to);
        let stopped = pair.or_else(|| force.stops_collective(&request.collective));
        if stopped.is_some() { Err(DropReason::Halted) } else { Ok(()) }
    }

    /// Whether a request that came from another gateway may be published here.
    pub(super) fn unhalted_leaving(
        &self,
        end: &EndToEnd,
        head: &RequestHead,
    ) -> Result<(), DropReason> {
        unhalted(self.ordered.in_force(), head).map_err(|rejection| rejection.reason())?;
        self.unhalted_frame(end)
    }
}

/// Whether no halt concerns the request itself.
pub(super) fn unhalted(force: &InForce, head: &RequestHead) -> Result<(), Rejection> {
    let collective = force.stops_collective(head.collective.as_str());
    halted(collective.or_else(|| force.stops_caller(head.caller.as_str())))
}

/// Whether no halt concerns these two regions.
pub(super) fn unhalted_pair(
    force: &InForce,
    one: &RegionId,
    other: &RegionId,
) -> Result<(), Rejection> {
    halted(force.stops_pair(one, other))
}

fn halted(held: Option<&Held>) -> Result<(), Rejection> {
    let Some(Held { region, by, reason }) = held else { return Ok(()) };
    let (region, by, reason) = (region.clone(), by.clone(), reason.clone());
    Err(Rejection::Halted { region, by, reason })
}

/// A text that can be shown on a terminal, as long as one may be.
fn cut(mut text: String) -> String {
    text.retain(|c| !c.is_control());
    let end = (0..=ORDER_TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}
