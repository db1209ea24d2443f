//! Answers of nodes, on their way to the region that asked.

use std::collections::BTreeSet;

use super::{
    Asking, Came, REPLY_TO,
    checks::{check, failed, passed, what_is_wrong},
    way::{Outgoing, Scene},
};
use crate::{CandidateView, CheckResult, Explanation, Gateway, RegionId, gateway::replies::Answer};

impl Gateway {
    /// Without a message every region may be the one that asked.
    pub(super) fn explain_reply(&self, asking: Asking<'_>, explanation: &mut Explanation) -> Came {
        let checks = &mut explanation.checks;
        match explanation.from == *self.region() {
            true => passed(checks, "subject", "an answer of a node of this region".to_owned()),
            false => {
                let detail = "whether its nodes answer on this subject is that region's to say";
                checks.push(check("subject", CheckResult::Unknown, detail.to_owned()));
            }
        }
        let Some(payload) = &asking.asked.payload else {
            let detail = "no message was given: its federation header says who asked";
            checks.push(check("message", CheckResult::Unknown, detail.to_owned()));
            let others = self.database.topologies().map(|(_, region, _)| region.clone());
            let others: BTreeSet<RegionId> = others
                .chain([self.region().clone()])
                .filter(|one| *one != explanation.from)
                .collect();
            self.bring(asking, others, None, explanation);
            return Ok(());
        };
        match self.read_reply(payload.clone()) {
            Err(refusal) => {
                let wrong = what_is_wrong_with_answer(payload, self.config.limits.frame_bytes_max);
                Err(failed(checks, "message", &wrong, refusal.reason))
            }
            Ok(None) => {
                let detail = "no answer to a request of this fabric: left alone";
                passed(checks, "message", detail.to_owned());
                Ok(())
            }
            Ok(Some(answer)) => {
                let Answer { request, address, .. } = &answer;
                explanation.request = Some(request.clone());
                passed(checks, "message", format!("an answer to request {request}"));
                self.bring(asking, [address.region.clone()].into(), Some(&answer), explanation);
                Ok(())
            }
        }
    }

    fn bring(
        &self,
        asking: Asking<'_>,
        regions: BTreeSet<RegionId>,
        answer: Option<&Answer>,
        explanation: &mut Explanation,
    ) {
        let scene = Scene::new(asking.supposed, explanation);
        let (outgoing, detail) = match answer {
            Some(Answer { address, .. }) => {
                let prefer = Some(address.gateway.clone());
                (Outgoing::reply(&address.reply_to, prefer), "its client asked")
            }
            None => (Outgoing::reply(REPLY_TO, None), "if its client asked"),
        };
        let candidate = |region: RegionId| CandidateView {
            way: Some(self.way(&scene, &outgoing, &region)),
            region,
            rejection: None,
            why: String::new(),
            detail: detail.to_owned(),
            hint: None,
        };
        explanation.candidates = regions.into_iter().map(candidate).collect();
    }
}

/// The same as of a request, but for the request inside, which an answer does not have.
fn what_is_wrong_with_answer(payload: &bytes::Bytes, bytes_max: u64) -> String {
    match antiphon_wire::Transport::decode(payload.clone()) {
        Ok(_) if payload.len() as u64 <= bytes_max => String::new(),
        Ok(_) | Err(_) => what_is_wrong(payload, bytes_max),
    }
}
