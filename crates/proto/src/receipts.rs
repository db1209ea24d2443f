//! Receipts: how units ended.

use antiphon_core::{DropReason, Incarnation, Outcome, RECEIPTS_MAX, Receipt, Receipts, UnitId};

use crate::{
    FieldError, Problem,
    field::{list, name, small},
    v1,
};

impl From<&Receipts> for v1::Receipts {
    fn from(receipts: &Receipts) -> Self {
        Self {
            to: receipts.to.to_string(),
            incarnation: receipts.incarnation.0,
            limit: receipts.limit.into(),
            receipts: receipts.receipts.iter().map(|receipt| (*receipt).into()).collect(),
        }
    }
}

impl TryFrom<v1::Receipts> for Receipts {
    type Error = FieldError;

    fn try_from(receipts: v1::Receipts) -> Result<Self, FieldError> {
        Ok(Self {
            to: name("to", &receipts.to)?,
            incarnation: Incarnation(receipts.incarnation),
            limit: small("limit", receipts.limit)?,
            receipts: list("receipts", receipts.receipts, RECEIPTS_MAX)?
                .into_iter()
                .map(|one| one.try_into().map_err(|error: FieldError| error.within("receipts")))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<Receipt> for v1::Receipt {
    fn from(Receipt { unit, count, outcome }: Receipt) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Delivered => (v1::Outcome::Delivered, ""),
            Outcome::Dropped(reason) => (v1::Outcome::Dropped, reason.label()),
            Outcome::InDoubt => (v1::Outcome::InDoubt, ""),
        };
        Self { unit: unit.0, count, outcome: outcome.into(), reason: reason.to_owned() }
    }
}

impl TryFrom<v1::Receipt> for Receipt {
    type Error = FieldError;

    fn try_from(receipt: v1::Receipt) -> Result<Self, FieldError> {
        if receipt.count == 0 {
            let range = "1 to 18446744073709551615".into();
            return Err(FieldError::new("count", Problem::OutOfRange { number: 0, range }));
        }
        let outcome = match v1::Outcome::try_from(receipt.outcome) {
            Ok(v1::Outcome::Unspecified) => {
                return Err(FieldError::new("outcome", Problem::Missing));
            }
            Ok(v1::Outcome::Delivered) => Outcome::Delivered,
            Ok(v1::Outcome::Dropped) => Outcome::Dropped(reason(&receipt.reason)),
            Ok(v1::Outcome::InDoubt) | Err(_) => Outcome::InDoubt,
        };
        Ok(Self { unit: UnitId(receipt.unit), count: receipt.count, outcome })
    }
}

/// The reason with this label; of one that only a newer gateway knows it is certain that the unit
/// was dropped.
fn reason(label: &str) -> DropReason {
    DropReason::from_label(label).unwrap_or(DropReason::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_or_an_outcome_of_a_newer_peer_still_ends_the_unit() {
        let newer = |outcome, reason: &str| {
            Receipt::try_from(v1::Receipt { unit: 1, count: 1, outcome, reason: reason.into() })
                .unwrap()
                .outcome
        };
        assert_eq!(newer(2, "struck-by-lightning"), Outcome::Dropped(DropReason::Unknown));
        assert_eq!(newer(77, ""), Outcome::InDoubt);
    }

    #[test]
    fn a_receipt_for_nothing_or_without_outcome_is_refused() {
        let receipt = |count, outcome| v1::Receipt { unit: 1, count, outcome, reason: "".into() };
        let error = Receipt::try_from(receipt(0, 1)).unwrap_err();
        assert_eq!(error.to_string(), "count: 0 is not in 1 to 18446744073709551615");
        assert_eq!(Receipt::try_from(receipt(1, 0)).unwrap_err().to_string(), "outcome: missing");
    }
}
