//! Filters as people type them: `-F`, `-C`, `-A`, `-I`, `-W` and `-S`.

use antiphon_wire::{FactFilter, Filter};

/// What a user wrote, option by option; empty texts count as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterWords {
    /// `-F`: facts, as `name<operator>value`.
    pub facts: Vec<String>,
    /// `-C`: configuration management classes, or `/regex/`.
    pub classes: Vec<String>,
    /// `-A`: agents, or `/regex/`.
    pub agents: Vec<String>,
    /// `-I`: identities, or `/regex/`.
    pub identities: Vec<String>,
    /// `-W`: facts and classes mixed, separated by spaces.
    pub combined: Vec<String>,
    /// `-S`: one compound expression.
    pub compound: Option<String>,
}

/// A fact filter that nobody can make sense of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fact filter {text:?} is not <fact><operator><value>, with one of <= >= < > != =~ = ==")]
pub struct FactFilterError {
    /// What was written.
    pub text: String,
}

impl FilterWords {
    /// The filter that these words ask for. `agent`, where given, is demanded besides.
    ///
    /// # Errors
    /// A fact without name, operator or value.
    pub fn parse(&self, agent: Option<&str>) -> Result<Filter, FactFilterError> {
        let mut filter = Filter::default();
        for text in given(&self.facts) {
            filter.fact.push(parse_fact(text)?);
        }
        filter.class.extend(given(&self.classes).map(str::to_owned));
        filter.agent.extend(given(&self.agents).map(str::to_owned));
        filter.identity.extend(given(&self.identities).map(str::to_owned));
        for word in self.combined.iter().flat_map(|words| words.split_whitespace()) {
            match parse_fact(word) {
                Ok(fact) => filter.fact.push(fact),
                Err(_) => filter.class.push(word.to_owned()),
            }
        }
        if let Some(expression) = self.compound.as_deref().filter(|text| !text.is_empty()) {
            filter.compound.push(vec![expression.to_owned()]);
        }
        filter.agent.extend(agent.map(str::to_owned));
        Ok(filter)
    }
}

/// The identities of a filter that names nodes literally and asks nothing else but `agent`: such a filter needs no
/// discovery.
pub fn literal_identities<'a>(filter: &'a Filter, agent: &str) -> Option<&'a [String]> {
    let only_identities = filter.fact.is_empty()
        && filter.class.is_empty()
        && filter.compound.is_empty()
        && filter.agent.iter().all(|wanted| wanted == agent);
    let literal = filter.identity.iter().all(|identity| !identity.starts_with('/'));
    (only_identities && literal && !filter.identity.is_empty()).then_some(&filter.identity)
}

/// Splits at the right-most operator; of operators that end at the same place, the longest.
///
/// `=` becomes `==`, `=<` and `=>` are turned round, and a value written `/…/` is a regular expression whatever the
/// operator.
///
/// # Errors
/// Text without an operator, or with nothing on one side of it.
pub fn parse_fact(text: &str) -> Result<FactFilter, FactFilterError> {
    let malformed = || FactFilterError { text: text.to_owned() };
    let (start, operator) = OPERATORS
        .iter()
        .filter_map(|operator| Some((text.rfind(operator)?, *operator)))
        .max_by_key(|(start, operator)| (start + operator.len(), operator.len()))
        .ok_or_else(malformed)?;
    let fact = text.get(..start).unwrap_or_default().trim();
    let value = text.get(start + operator.len()..).unwrap_or_default().trim();
    if fact.is_empty() || value.is_empty() {
        return Err(malformed());
    }
    let is_regex = value.len() > 1 && value.starts_with('/') && value.ends_with('/');
    let operator = match operator {
        _ if is_regex => "=~",
        "=" => "==",
        "=<" => "<=",
        "=>" => ">=",
        other => other,
    };
    Ok(FactFilter { fact: fact.into(), operator: operator.into(), value: value.into() })
}

const OPERATORS: [&str; 10] = ["<=", ">=", "=>", "=<", "<", ">", "!=", "=~", "=", "=="];

fn given(texts: &[String]) -> impl Iterator<Item = &str> {
    texts.iter().map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(text: &str) -> [String; 3] {
        let FactFilter { fact, operator, value } = parse_fact(text).unwrap();
        [fact, operator, value]
    }

    #[test]
    fn facts_are_split_at_the_right_most_operator() {
        for (text, parts) in [
            ("country=mt", ["country", "==", "mt"]),
            ("country==mt", ["country", "==", "mt"]),
            ("mem>=512", ["mem", ">=", "512"]),
            ("mem=>512", ["mem", ">=", "512"]),
            ("mem=<512", ["mem", "<=", "512"]),
            ("mem<=512", ["mem", "<=", "512"]),
            ("mem<512", ["mem", "<", "512"]),
            ("mem > 512", ["mem", ">", "512"]),
            ("os.family!=Debian", ["os.family", "!=", "Debian"]),
            ("os=~deb", ["os", "=~", "deb"]),
            ("os=/deb/", ["os", "=~", "/deb/"]),
            ("os!=/deb/", ["os", "=~", "/deb/"]),
            ("a=b=c", ["a=b", "==", "c"]),
        ] {
            assert_eq!(fact(text), parts, "{text}");
        }
    }

    #[test]
    fn half_a_fact_is_refused() {
        for bad in ["", "country", "=mt", "country=", "=="] {
            assert!(parse_fact(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn combined_words_are_facts_or_classes() {
        let words = FilterWords {
            combined: vec!["country=mt  one /two/".into()],
            compound: Some("with('three')".into()),
            ..FilterWords::default()
        };

        let filter = words.parse(Some("rpcutil")).unwrap();

        assert_eq!(filter.fact.len(), 1);
        assert_eq!(filter.class, ["one", "/two/"]);
        assert_eq!(filter.agent, ["rpcutil"]);
        assert_eq!(filter.compound, [["with('three')"]]);
    }

    #[test]
    fn literal_identities_need_no_discovery() {
        let parse = |words: FilterWords| words.parse(Some("rpcutil")).unwrap();
        let identities = vec!["n1.example.net".to_owned()];
        let literal = parse(FilterWords { identities: identities.clone(), ..Default::default() });
        let regex = parse(FilterWords { identities: vec!["/n/".into()], ..Default::default() });
        let more = parse(FilterWords {
            identities: identities.clone(),
            classes: vec!["one".into()],
            ..Default::default()
        });

        assert_eq!(literal_identities(&literal, "rpcutil"), Some(&*identities));
        assert_eq!(literal_identities(&regex, "rpcutil"), None);
        assert_eq!(literal_identities(&more, "rpcutil"), None);
        assert_eq!(literal_identities(&parse(FilterWords::default()), "rpcutil"), None);
    }
}
