//! A runbook's lines: which section each stands in, and whether the ledger must have it.

use super::limits::{has_limit, is_setting};

/// A line that is not blank.
#[derive(Debug)]
pub struct Line {
    pub number: usize,
    /// Index of its section.
    pub section: usize,
    /// Without indentation and list marks; a command that goes on over several lines is one.
    pub text: String,
    /// Commands, list items, rows of tables, alerts and thresholds need an entry; prose and drawings do not.
    pub needed: bool,
}

/// A runbook.
#[derive(Debug, Default)]
pub struct Page {
    /// The headings that lead to each section, outermost first.
    pub sections: Vec<Vec<String>>,
    pub lines: Vec<Line>,
}

impl Page {
    pub fn read(text: &str) -> Page {
        let mut page = Page { sections: vec![vec![]], lines: vec![] };
        let mut headings: Vec<(usize, String)> = vec![];
        let (mut fence, mut goes_on) = (None::<String>, false);
        let all: Vec<&str> = text.lines().map(str::trim).collect();
        for (n, line) in all.iter().enumerate() {
            if let Some(language) = line.strip_prefix("```") {
                fence = if fence.is_some() { None } else { Some(language.to_owned()) };
                goes_on = false;
            } else if let (None, Some((depth, title))) = (&fence, heading(line)) {
                headings.retain(|(d, _)| *d < depth);
                headings.push((depth, title));
                page.sections.push(headings.iter().map(|(_, title)| title.clone()).collect());
            } else if line.is_empty() {
                goes_on = false;
            } else if goes_on {
                let last = page.lines.last_mut().unwrap();
                last.text = format!("{} {}", last.text, joined(line));
                goes_on = line.ends_with('\\');
            } else {
                let (text, needed) = match &fence {
                    Some(language) => (joined(line).to_owned(), in_code(language, line)),
                    None => (bare(line).to_owned(), in_text(line, all.get(n + 1).copied().unwrap_or_default())),
                };
                goes_on = fence.is_some() && line.ends_with('\\');
                page.lines.push(Line { number: n + 1, section: page.sections.len() - 1, text, needed });
            }
        }
        page
    }

    /// The one section whose path of headings ends like this.
    pub fn section(&self, place: &str) -> Result<usize, String> {
        let path: Vec<&str> = place.split(" / ").collect();
        let ends = |headings: &Vec<String>| headings.iter().rev().zip(path.iter().rev()).filter(|(a, b)| a == b).count() == path.len();
        let found: Vec<usize> = (0..self.sections.len()).filter(|n| ends(&self.sections[*n])).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err("there is no such section".into()),
            _ => Err("several sections are called so: name the heading above, too".into()),
        }
    }

    /// A section and all within it.
    pub fn within(&self, section: usize) -> Vec<usize> {
        (0..self.sections.len()).filter(|n| self.sections[*n].starts_with(&self.sections[section])).collect()
    }
}

fn heading(line: &str) -> Option<(usize, String)> {
    let title = line.trim_start_matches('#');
    let depth = line.len() - title.len();
    let title = title.strip_prefix(' ').filter(|_| depth > 0)?.replace("**", "");
    Some((depth, title.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim().to_owned()))
}

fn joined(line: &str) -> &str {
    line.trim_end_matches('\\').trim()
}

/// A list item without its mark.
fn item(line: &str) -> Option<&str> {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.strip_prefix(". ").filter(|_| number.len() < line.len());
    let rest = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).or(numbered)?;
    Some(rest.strip_prefix("[ ] ").unwrap_or(rest).trim())
}

fn bare(line: &str) -> &str {
    item(line).unwrap_or(line)
}

fn is_rule(line: &str) -> bool {
    line.starts_with('|') && line.chars().all(|c| "|-: ".contains(c))
}

fn in_text(line: &str, next: &str) -> bool {
    match item(line) {
        // Contents and references.
        Some(text) => !(text.starts_with('[') && text.ends_with(')') && text.matches("](").count() == 1),
        None if line.starts_with('|') => !is_rule(line) && !is_rule(next),
        None => has_limit(line),
    }
}

fn in_code(language: &str, line: &str) -> bool {
    match language {
        "bash" | "sh" | "promql" => !line.starts_with('#') || has_limit(line),
        "groovy" => ["sh '", "message ", "choices:"].iter().any(|word| line.contains(word)),
        "yaml" => is_setting(line) || has_limit(line),
        _ => has_limit(line),
    }
}

#[test]
fn commands_items_rows_and_limits_are_needed_and_the_rest_is_not() {
    let text = "# 🚀 **Guide**\n1. [One](#one)\n## One\nWords.\n- [ ] do `it`\n| a | b |\n|---|---|\n| 1 | 2 |\n```bash\n# why\n# 5 minutes\nkubectl a \\\n  -n b\n```\n\
                ```mermaid\nA --> B{Errors > 5%}\nC --> D\n```\n### Deep\nAt most 3 pods.\n## Two\n";
    let page = Page::read(text);
    let needed: Vec<&str> = page.lines.iter().filter(|l| l.needed).map(|l| l.text.as_str()).collect();
    assert_eq!(needed, ["do `it`", "| 1 | 2 |", "# 5 minutes", "kubectl a -n b", "A --> B{Errors > 5%}", "At most 3 pods."]);
    let one = page.section("Guide / One").unwrap();
    assert_eq!(page.within(one).len(), 2);
    assert!(page.section("Three").is_err());
}
