//! Which nodes a request is for.

use crate::fault::{DecodeError, Fault, Layer};
use crate::json::{ObjectWriter, Scanner, array};

/// A filter: every list that is not empty must match. An empty filter matches all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Facts, all of which must hold.
    pub fact: Vec<FactFilter>,
    /// Configuration management classes (`cf_class`), all of which must be there; `/…/` is a regular expression.
    pub class: Vec<String>,
    /// Agents, all of which must be there; `/…/` is a regular expression.
    pub agent: Vec<String>,
    /// Identities, one of which must be the node's; `/…/` is a regular expression.
    pub identity: Vec<String>,
    /// Expressions, all of which must be true. One list of expressions per element on the wire.
    pub compound: Vec<Vec<String>>,
}

/// One condition on a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactFilter {
    /// Path of the fact.
    pub fact: String,
    /// One of `>= <= < > != == =~`.
    pub operator: String,
    /// What to compare with.
    pub value: String,
}

impl Filter {
    /// Whether it matches every node.
    pub fn is_empty(&self) -> bool {
        self.fact.is_empty()
            && self.class.is_empty()
            && self.agent.is_empty()
            && self.identity.is_empty()
            && self.compound.is_empty()
    }

    /// Appends it as JSON, with all of its lists.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::open(out);
        object.list("fact", &self.fact, FactFilter::write);
        object.texts("cf_class", &self.class);
        object.texts("agent", &self.agent);
        object.texts("identity", &self.identity);
        object.list("compound", &self.compound, |group, out| {
            array(group, out, |expression, out| {
                let mut object = ObjectWriter::open(out);
                object.text("expr", expression);
                object.close();
            });
        });
        object.close();
    }
}

impl FactFilter {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::open(out);
        object.text("fact", &self.fact);
        object.text("operator", &self.operator);
        object.text("value", &self.value);
        object.close();
    }
}

/// What to do with a filter that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterUse {
    /// Check its shape and keys only.
    Check,
    /// Keep it.
    Keep,
}

/// A filter as found.
#[derive(Debug)]
pub(crate) struct FilterRead {
    pub(crate) filter: Filter,
    /// The first required part that is missing or null.
    pub(crate) absent: Option<&'static str>,
}

impl Default for FilterRead {
    /// No filter at all.
    fn default() -> Self {
        Self { filter: Filter::default(), absent: Some("filter") }
    }
}

/// Reads the value of member `key`: a filter, or null.
pub(crate) fn read_filter(
    scanner: &mut Scanner<'_>,
    key: &'static str,
    filter_use: FilterUse,
) -> Result<FilterRead, DecodeError> {
    if !scanner.at_object() {
        return Ok(scanner.null_or(key, "an object")?.unwrap_or_default());
    }
    scanner.within(Layer::Filter, |scanner| read_lists(scanner, filter_use))
}

fn read_lists(scanner: &mut Scanner<'_>, filter_use: FilterUse) -> Result<FilterRead, DecodeError> {
    const LISTS: &[&str] = &["fact", "cf_class", "agent", "identity", "compound"];
    let keep = filter_use == FilterUse::Keep;
    let mut filter = Filter::default();
    let mut there = Vec::with_capacity(LISTS.len());
    scanner.object(LISTS, |key, value| {
        let list = match key {
            "fact" => value.list(key, |item| {
                let fact = read_fact(item)?;
                filter.fact.extend(keep.then_some(fact));
                Ok(())
            })?,
            "cf_class" => read_texts(value, key, keep.then_some(&mut filter.class))?,
            "agent" => read_texts(value, key, keep.then_some(&mut filter.agent))?,
            "identity" => read_texts(value, key, keep.then_some(&mut filter.identity))?,
            _ => value.list(key, |group| {
                let group = read_group(group)?;
                filter.compound.extend(keep.then_some(group));
                Ok(())
            })?,
        };
        there.extend(list.map(|_| key));
        Ok(())
    })?;
    let absent = LISTS.iter().copied().find(|list| !there.contains(list));
    Ok(FilterRead { filter, absent })
}

fn read_texts(
    scanner: &mut Scanner<'_>,
    key: &'static str,
    mut into: Option<&mut Vec<String>>,
) -> Result<Option<crate::json::Span>, DecodeError> {
    scanner.texts(key, |text| {
        if let Some(list) = into.as_deref_mut() {
            list.push(text.into_string());
        }
    })
}

fn read_fact(scanner: &mut Scanner<'_>) -> Result<FactFilter, DecodeError> {
    let mut fact = FactFilter::default();
    if !scanner.at_object() {
        return Ok(scanner.null_or("fact", "a list of objects")?.unwrap_or_default());
    }
    scanner.object(&["fact", "operator", "value"], |key, value| {
        let text = value.text(key)?.unwrap_or_default().into_string();
        match key {
            "fact" => fact.fact = text,
            "operator" => fact.operator = text,
            _ => fact.value = text,
        }
        Ok(())
    })?;
    Ok(fact)
}

/// One list of `{"expr": …}` objects. Go reads them as maps, so other keys, and other cases, are other keys.
fn read_group(scanner: &mut Scanner<'_>) -> Result<Vec<String>, DecodeError> {
    let mut group = Vec::new();
    scanner.list("compound", |item| {
        let mut expression = None;
        if !item.at_object() {
            return Err(
                item.error(Fault::Invalid { key: "compound", expected: "lists of objects" })
            );
        }
        item.object(&["expr"], |_, value| {
            let is_text = value.at_text();
            expression = if is_text { value.text("expr")? } else { value.skip().map(|_| None)? };
            Ok(())
        })?;
        group.push(expression.unwrap_or_default().into_string());
        Ok(())
    })?;
    Ok(group)
}
