//! `antiphon policy show`: the policy in force and what came of it, and what another would change.

use antiphon_core::{
    PolicyTrial, PolicyView,
    policy::{Change, Direction, Effect, Judged, Rate, Rule},
};
use antiphon_gateway::{policies::PolicyOutcome, shell::Report};
use serde_json::{Map, Value, json};

use super::some;
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Conditions are lists of names.
const CONDITION_WIDTH: u16 = 40;

/// Where it comes from, then one row a rule in the order in which they are asked.
#[must_use]
pub fn tables(report: &Report) -> Vec<Table> {
    vec![origin(report), rules(&report.core.policy)]
}

fn origin(report: &Report) -> Table {
    let (facts, view) = (&report.daemon.policy, &report.core.policy);
    let source = some(&facts.source).unwrap_or("the default: no policy file is configured");
    let by = some(&facts.by).map(|by| format!(", put in force by {by}")).unwrap_or_default();
    let since = view.since.map(|since| report.at.saturating_sub(since));
    let since = since.map(|since| format!(", for {}", human::span(since))).unwrap_or_default();
    let mut pairs = vec![
        ("source", Cell::from(format!("{source}{since}{by}"))),
        ("limits", limits(view).into()),
    ];
    if let Some(refused) = &facts.refused {
        let first = refused.problems.first().map_or("", String::as_str);
        let ago = human::span(report.at.saturating_sub(refused.at));
        let text = format!("{ago} ago, of {}, by {}: {first}", refused.source, refused.by);
        pairs.push(("refused", Cell::from(text).tone(Tone::Problem)));
    }
    Table::pairs(pairs)
}

fn limits(view: &PolicyView) -> String {
    let limits = &view.policy.limits;
    let rate =
        |of: &str, rate: Rate| format!("{of} {} a second, {} at once", rate.per_second, rate.burst);
    let caller = limits.caller.map(|one| rate("a caller", one));
    let region = limits.region.map(|one| rate("a region", one));
    let each = limits.regions.iter().map(|(name, one)| rate(name.as_str(), *one));
    let all: Vec<String> = caller.into_iter().chain(region).chain(each).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("; ") }
}

fn rules(view: &PolicyView) -> Table {
    let columns = vec![
        Column::words("DIRECTION"),
        Column::words("RULE"),
        Column::words("EFFECT"),
        Column::words("WHERE").at_most(CONDITION_WIDTH),
        Column::numbers("MESSAGES"),
    ];
    let mut table = Table::new(columns);
    for direction in Direction::ALL {
        let list = view.policy.rules(direction);
        table.rows.extend(list.rules.iter().map(|rule| {
            row(
                direction,
                &rule.name,
                rule.effect,
                condition(rule),
                hits(view, direction, Some(&rule.name)),
            )
        }));
        let rest = "no rule matches".to_owned();
        table.rows.push(row(direction, "-", list.otherwise, rest, hits(view, direction, None)));
    }
    table
}

fn row(
    direction: Direction,
    name: &str,
    effect: Effect,
    condition: String,
    hits: u64,
) -> Vec<Cell> {
    vec![direction.label().into(), name.into(), effect_cell(effect), condition.into(), hits.into()]
}

fn effect_cell(effect: Effect) -> Cell {
    Cell::from(effect.label()).tone(match effect {
        Effect::Allow => Tone::Plain,
        Effect::Deny => Tone::Warning,
    })
}

fn condition(rule: &Rule) -> String {
    let list = |name: &str, texts: Vec<String>| {
        (!texts.is_empty()).then(|| format!("{name} {}", texts.join(", ")))
    };
    let texts = |patterns: &[antiphon_core::policy::Pattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let parts = [
        list("from", rule.from.iter().map(ToString::to_string).collect()),
        list("to", rule.to.iter().map(ToString::to_string).collect()),
        list("collective", texts(&rule.collectives)),
        list("agent", texts(&rule.agents)),
        list("action", texts(&rule.actions)),
        list("caller", texts(&rule.callers)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "always".to_owned() } else { parts.join("; ") }
}

fn hits(view: &PolicyView, direction: Direction, rule: Option<&str>) -> u64 {
    let found = view.hits.iter();
    let mut found = found.filter(|hit| hit.direction == direction && hit.rule.as_deref() == rule);
    found.next().map_or(0, |hit| hit.count)
}

/// What another policy would decide in another way.
#[must_use]
pub fn changes(trial: &PolicyTrial) -> Table {
    let columns = vec![
        Column::words("DIRECTION"),
        Column::words("FROM"),
        Column::words("TO"),
        Column::words("COLLECTIVE"),
        Column::words("AGENT"),
        Column::words("ACTION").if_wide(),
        Column::words("CALLER").at_most(CONDITION_WIDTH),
        Column::numbers("MESSAGES"),
        Column::words("NOW"),
        Column::words("THEN"),
    ];
    let mut table =
        Table::new(columns).or_say("nothing changes for the requests of the last minutes");
    table.rows = trial.changes.iter().map(change_row).collect();
    table
}

fn change_row(change: &Change) -> Vec<Cell> {
    vec![
        change.direction.label().into(),
        change.from.as_str().into(),
        change.to.as_str().into(),
        change.collective.as_str().into(),
        change.agent.as_str().into(),
        Cell::optional(change.action.as_deref()),
        change.caller.as_str().into(),
        change.count.into(),
        judged(&change.before),
        judged(&change.after),
    ]
}

fn judged(judged: &Judged) -> Cell {
    let rule = judged.rule.as_deref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    match judged.effect {
        Some(effect) => format!("{}{rule}", effect.label()).into(),
        None => Cell::from("depends on the action").tone(Tone::Warning),
    }
}

/// The policy for programs.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    let (facts, view) = (&report.daemon.policy, &report.core.policy);
    let rules = Direction::ALL.into_iter().flat_map(|direction| {
        let list = view.policy.rules(direction);
        let named = list.rules.iter().map(move |rule| rule_json(view, direction, rule));
        let rest = json!({
            "direction": direction, "rule": null, "effect": list.otherwise,
            "from": [], "to": [], "collectives": [], "agents": [], "actions": [], "callers": [],
            "messages": hits(view, direction, None),
        });
        named.chain([rest])
    });
    let refused = facts.refused.as_ref().map(|one| {
        json!({
            "at": human::moment(one.at), "by": one.by, "source": one.source,
            "problems": one.problems,
        })
    });
    let fields = [
        ("file", json!(some(&facts.file))),
        ("source", json!(some(&facts.source))),
        ("by", json!(some(&facts.by))),
        ("since", json!(view.since.map(human::moment))),
        ("refused", json!(refused)),
        ("rules", Value::Array(rules.collect())),
        ("limits", limits_json(view)),
        ("recent_messages", json!(view.recent)),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn rule_json(view: &PolicyView, direction: Direction, rule: &Rule) -> Value {
    json!({
        "direction": direction,
        "rule": rule.name,
        "effect": rule.effect,
        "from": rule.from,
        "to": rule.to,
        "collectives": rule.collectives,
        "agents": rule.agents,
        "actions": rule.actions,
        "callers": rule.callers,
        "messages": hits(view, direction, Some(&rule.name)),
    })
}

fn limits_json(view: &PolicyView) -> Value {
    let limits = &view.policy.limits;
    let rate = |of: &str, region: Option<&str>, rate: Rate| {
        json!({
            "of": of, "region": region, "per_second": rate.per_second, "burst": rate.burst,
        })
    };
    let caller = limits.caller.map(|one| rate("caller", None, one));
    let region = limits.region.map(|one| rate("region", None, one));
    let each = limits.regions.iter().map(|(name, one)| rate("region", Some(name.as_str()), *one));
    Value::Array(caller.into_iter().chain(region).chain(each).collect())
}

/// What came of a new policy, for programs.
#[must_use]
pub fn outcome_json(outcome: &PolicyOutcome) -> Value {
    let changes = outcome.trial.changes.iter().map(|change| {
        json!({
            "direction": change.direction,
            "from": change.from,
            "to": change.to,
            "collective": change.collective,
            "agent": change.agent,
            "action": change.action,
            "caller": change.caller,
            "messages": change.count,
            "before": {"effect": change.before.effect, "rule": change.before.rule},
            "after": {"effect": change.after.effect, "rule": change.after.rule},
        })
    });
    json!({
        "schema": outcome.schema,
        "applied": outcome.applied,
        "source": outcome.source,
        "problems": outcome.problems,
        "recent_messages": outcome.trial.requests,
        "untold_messages": outcome.trial.others,
        "changes": changes.collect::<Vec<_>>(),
    })
}
