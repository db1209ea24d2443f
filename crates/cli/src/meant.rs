//! What somebody may have meant who made a typo.

/// Similarity from which a known word is offered: one wrong letter in four, two in eight.
const SIMILAR: f64 = 0.6;

/// `; did you mean eu?` for the known word that is most like `word`; empty if none is.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let word = word.to_lowercase();
    let rated =
        known.into_iter().map(|one| (strsim::jaro_winkler(&word, &one.to_lowercase()), one));
    let best = rated.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match best {
        Some((rating, best)) if rating > SIMILAR => format!("; did you mean {best}?"),
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_noticed_and_another_word_is_not() {
        let known = ["eu", "us", "ap-south"];
        assert_eq!(did_you_mean("EU", known), "; did you mean eu?");
        assert_eq!(did_you_mean("ap-suoth", known), "; did you mean ap-south?");
        assert_eq!(did_you_mean("mars", known), "");
        assert_eq!(did_you_mean("mars", []), "");
    }
}
