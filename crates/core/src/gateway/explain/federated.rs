//! Requests of clients of Choria Federation.

use antiphon_wire::{Collective, Subject};
use bytes::Bytes;

use super::{
    AGENT, Asking, Came, REPLY_TO,
    checks::{check, failed, malformed, no_message, passed},
    supposed_request,
    way::{Outgoing, Scene},
};
use crate::{
    CandidateView, Check, CheckResult, DropReason, ExplainAsked, ExplainError, Explanation,
    Gateway, RegionId, Rejection, Target,
    gateway::{
        decide::Entering,
        federated::{Federated, ToTarget, Unfit},
        ingress::addressed,
    },
};

/// Targets that are told one by one.
const TARGETS_SHOWN: usize = 10;

impl Gateway {
    pub(super) fn explain_federated(
        &self,
        asking: Asking<'_>,
        explanation: &mut Explanation,
    ) -> Result<Came, ExplainError> {
        let region = match self.named_region(asking, explanation) {
            Ok(region) => region,
            Err(reason) => return Ok(Err(reason)),
        };
        let federated = match self.federated(asking, explanation)? {
            Ok(federated) => federated,
            Err(reason) => return Ok(Err(reason)),
        };
        let checks = &mut explanation.checks;
        if let Err(reason) = self.serves(&region) {
            let detail = format!("the name stands for region {region}");
            return Ok(Err(failed(checks, "region", &detail, reason)));
        }
        passed(checks, "region", format!("region {region} is known"));
        let Federated { head, reply_to, payload, .. } = &federated;
        let leaves = Some(&region).filter(|region| *region != self.region()).into_iter();
        let known = match self.learned(asking, (head, reply_to, payload), leaves, checks) {
            Ok(known) => known,
            Err(reason) => return Ok(Err(failed(checks, "rules", "", reason))),
        };
        let will = self.will_in(asking);
        let to = ToTarget { head, known: &known, region: &region, will };
        let sorted = federated.targets.iter().map(|one| (one.as_str(), self.read_target(to, one)));
        let sorted: Vec<_> = sorted.collect();
        checks.extend(targets(&sorted));
        explanation.candidates = self.at_region(asking, &federated, &region, &sorted, explanation);
        let good = sorted.iter().any(|(_, read)| read.is_ok());
        let first = sorted.iter().find_map(|(_, read)| read.as_ref().err());
        Ok(first.filter(|_| !good).map_or(Ok(()), |unfit| Err(unfit.reason())))
    }

    /// The region that the subject names.
    fn named_region(
        &self,
        asking: Asking<'_>,
        explanation: &mut Explanation,
    ) -> Result<RegionId, DropReason> {
        let checks = &mut explanation.checks;
        passed(checks, "subject", "a request of a client of Choria Federation".to_owned());
        let name = if let Subject::FederationRequest { cluster } = asking.parsed {
            cluster.as_str()
        } else {
            ""
        };
        let Some(region) = self.config.federation.get(name) else {
            let detail = format!("nothing is served under the name {name} here");
            return Err(failed(checks, "federation", &detail, DropReason::NotExported));
        };
        let detail = format!("{name} stands for region {region}");
        match explanation.from == *self.region() {
            true => passed(checks, "federation", detail),
            false => {
                let detail = format!("{detail} here; that region's own names are not known");
                checks.push(check("federation", CheckResult::Unknown, detail));
            }
        }
        Ok(region.clone())
    }

    /// The request, or one that is like what was said.
    fn federated(
        &self,
        asking: Asking<'_>,
        explanation: &mut Explanation,
    ) -> Result<Result<Federated, DropReason>, ExplainError> {
        let checks = &mut explanation.checks;
        let Some(payload) = &asking.asked.payload else {
            checks.push(no_message());
            return self.supposed_federated(asking.asked).map(Ok);
        };
        Ok(match self.read_federated(payload.clone()) {
            Ok(federated) => {
                let count = federated.targets.len();
                passed(checks, "message", format!("a well-formed request for {count} targets"));
                Ok(federated)
            }
            Err(refusal) => {
                Err(malformed(checks, payload, self.config.limits.frame_bytes_max, &refusal))
            }
        })
    }

    fn supposed_federated(&self, asked: &ExplainAsked) -> Result<Federated, ExplainError> {
        let mut targets = asked.targets.clone();
        if targets.is_empty() {
            let first = self.config.export.first();
            targets.extend(first.map(|one| format!("{one}.broadcast.agent.{AGENT}")));
        }
        let parsed = targets.first().and_then(|one| Subject::parse(one).ok());
        let addressed = parsed.as_ref().and_then(|one| addressed(one).ok());
        let Some((collective, target)) = addressed else {
            return Err(ExplainError::Illegal("the target is not a request subject".to_owned()));
        };
        let collective: &Collective = collective;
        let Entering { head, .. } = supposed_request(asked, collective, target)?;
        Ok(Federated { head, targets, reply_to: REPLY_TO.to_owned(), payload: Bytes::new() })
    }

    /// The one region that may get it.
    fn at_region(
        &self,
        asking: Asking<'_>,
        federated: &Federated,
        region: &RegionId,
        sorted: &[(&str, Result<Target, Unfit>)],
        explanation: &Explanation,
    ) -> Vec<CandidateView> {
        let good = sorted.iter().find_map(|(_, read)| read.as_ref().ok());
        let scene = Scene::new(asking.supposed, explanation);
        let way = good.map(|target| {
            let outgoing = Outgoing::request(&federated.head, target.clone(), &federated.reply_to);
            self.way(&scene, &outgoing, region)
        });
        let rejection = sorted.iter().find_map(|(_, read)| match read {
            Err(Unfit::Rejected(rejection)) if good.is_none() => Some(rejection.clone()),
            Ok(_) | Err(_) => None,
        });
        if way.is_none() && rejection.is_none() {
            return Vec::new();
        }
        let detail = match &rejection {
            Some(rejection) => rejection.to_string(),
            None => "the region that the client names".to_owned(),
        };
        let detail = detail + &self.passes_rules(&explanation.from, region, way.as_ref());
        vec![CandidateView {
            region: region.clone(),
            why: rejection.as_ref().map_or("", Rejection::label).to_owned(),
            detail,
            hint: None,
            way,
            rejection,
        }]
    }
}

/// What becomes of each target: those that are refused first.
fn targets(sorted: &[(&str, Result<Target, Unfit>)]) -> Vec<Check> {
    let detail = |target: &str, unfit: &Unfit| match unfit {
        Unfit::Target(reason) => format!("{target}: it would be dropped as {reason}"),
        Unfit::Rejected(rejection) => format!("{target}: {rejection}"),
    };
    let refused = sorted.iter().filter_map(|(one, read)| Some((one, read.as_ref().err()?)));
    let refused: Vec<Check> = refused
        .map(|(target, unfit)| check("target", CheckResult::Failed, detail(target, unfit)))
        .collect();
    let (failed, good) = (refused.len(), sorted.len() - refused.len());
    let mut checks: Vec<Check> = refused.into_iter().take(TARGETS_SHOWN).collect();
    if let Some(more) = failed.checked_sub(TARGETS_SHOWN).filter(|more| *more > 0) {
        checks.push(check("target", CheckResult::Failed, format!("{more} more are refused")));
    }
    match sorted {
        [(one, Ok(_))] => passed(&mut checks, "target", format!("{one} is asked")),
        _ if good > 0 => passed(&mut checks, "target", format!("{good} targets are asked")),
        _ => {}
    }
    checks
}
