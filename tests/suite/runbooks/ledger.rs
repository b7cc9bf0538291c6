//! The ledger: reading it, and holding it against a runbook.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::page::Page;

/// One file of the ledger. A runbook may have several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(skip)]
    pub file: String,
    /// File name of the runbook.
    pub runbook: String,
    pub entries: Vec<Entry>,
}

/// What becomes of one line, several, a stretch of a section, or all that is left of a section and those within it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The section's heading, with those above it where it is not the only one: `Rolling Update / Rollback`.
    #[serde(rename = "where")]
    place: String,
    line: Option<String>,
    #[serde(default)]
    lines: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    whole: bool,
    test: Option<String>,
    /// The test that does the same on a real cluster.
    real: Option<String>,
    not_ours: Option<String>,
    not_yet: Option<String>,
}

/// Tests that change traffic, versions or replicas.
const CHANGING: [&str; 6] = [
    "suite runbooks::",
    "suite terminal::walks::",
    "suite console::rollback::",
    "suite headless::commands::a_run_",
    "suite headless::commands::a_switch_",
    "suite cluster::writing::",
];

/// What an entry says of its lines.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// This test shows it.
    Test(&'a str),
    NotOurs,
    NotYet,
}

impl Ledger {
    pub fn read(path: &Path) -> Ledger {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().count() <= 420, "{file}: split it by chapter");
        let ledger: Ledger = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        Ledger { file, ..ledger }
    }
}

impl Entry {
    /// Where it stands in the ledger, for people.
    pub fn label(&self) -> String {
        let first = self.line.as_ref().or(self.lines.first()).or(self.from.as_ref());
        first.map_or_else(|| self.place.clone(), |line| format!("{}: {line:.60}", self.place))
    }

    /// The test on a real cluster, where the entry names one.
    pub fn real(&self) -> Option<String> {
        self.real.as_ref().map(|test| format!("real {test}"))
    }

    /// Whether its test changes traffic, versions or replicas on the embedded cluster: that is to work on a real one, too.
    fn changes(&self) -> bool {
        self.test.as_ref().is_some_and(|test| CHANGING.iter().any(|begin| test.starts_with(begin)))
    }

    pub fn verdict(&self) -> Option<Verdict<'_>> {
        let test = self.test.as_deref().map(Verdict::Test);
        test.or(self.not_ours.as_ref().map(|_| Verdict::NotOurs)).or(self.not_yet.as_ref().map(|_| Verdict::NotYet))
    }

    /// What is wrong with it by itself.
    pub fn faults(&self) -> Vec<&'static str> {
        let forms = [self.line.is_some(), !self.lines.is_empty(), self.from.is_some() && self.to.is_some(), self.whole];
        let half = self.from.is_some() != self.to.is_some();
        let verdicts = [&self.test, &self.not_ours, &self.not_yet];
        let said = verdicts.iter().filter(|v| v.is_some()).count();
        let reason = self.not_ours.as_ref().or(self.not_yet.as_ref());
        let is_sentence = reason.is_none_or(|r| r.len() > 12 && r.ends_with('.'));
        [
            (half || forms.iter().filter(|f| **f).count() != 1, "it needs exactly one of line, lines, from with to, whole"),
            (said != 1, "it needs exactly one of test, not_ours, not_yet"),
            (!is_sentence, "its reason is no sentence"),
            (self.changes() && self.real.is_none(), "its test changes something: name the one on a real cluster, too (real:)"),
        ]
        .into_iter()
        .filter_map(|(wrong, what)| wrong.then_some(what))
        .collect()
    }

    /// Indexes of the lines it is about; for a whole section of those that are needed.
    fn claims(&self, page: &Page) -> Result<Vec<usize>, String> {
        let section = page.section(&self.place)?;
        let all = || (0..page.lines.len()).filter(|n| page.lines[*n].section == section);
        let quoted = |text: &String| {
            let found: Vec<usize> = all().filter(|n| page.lines[*n].text == *text).collect();
            if found.is_empty() { Err(format!("no such line: {text}")) } else { Ok(found) }
        };
        if self.whole {
            let within = page.within(section);
            let found: Vec<usize> =
                (0..page.lines.len()).filter(|n| page.lines[*n].needed && within.contains(&page.lines[*n].section)).collect();
            return Ok(found);
        }
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            let first = quoted(from)?[0];
            let last = quoted(to)?.into_iter().find(|n| *n > first).ok_or("it ends before it begins")?;
            return Ok(all().filter(|n| (first..=last).contains(n)).collect());
        }
        let lines: Vec<Vec<usize>> = self.line.iter().chain(&self.lines).map(quoted).collect::<Result<_, _>>()?;
        Ok(lines.concat())
    }
}

/// How many lines are shown by tests, are not ours, are not yet.
#[derive(Debug, Default)]
pub struct Counts([usize; 3]);

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [tests, not_ours, not_yet] = self.0;
        let all = tests + not_ours + not_yet;
        write!(f, "{all} lines: {tests} shown by tests, {not_ours} not ours, {not_yet} not yet")
    }
}

/// A runbook held against the ledger.
#[derive(Debug, Default)]
pub struct Covered {
    pub faults: Vec<String>,
    pub counts: Counts,
}

/// Holds a runbook against all entries about it. Whole sections come last: they take what no other entry has.
pub fn cover(page: &Page, runbook: &str, ledgers: &[Ledger]) -> Covered {
    let mut covered = Covered::default();
    let mut by: Vec<Option<&Entry>> = vec![None; page.lines.len()];
    let about: Vec<(&Ledger, &Entry)> =
        ledgers.iter().filter(|l| l.runbook == runbook).flat_map(|l| l.entries.iter().map(move |e| (l, e))).collect();
    let (whole, exact): (Vec<_>, Vec<_>) = about.into_iter().partition(|(_, e)| e.whole);
    for (ledger, entry) in exact.into_iter().chain(whole) {
        let place = format!("{}: {}", ledger.file, entry.label());
        let claims = entry.claims(page).unwrap_or_else(|fault| {
            covered.faults.push(format!("{place}: {fault}"));
            vec![]
        });
        let mut news = false;
        for n in claims {
            match by[n] {
                None => (by[n], news) = (Some(entry), true),
                Some(other) if !entry.whole || other.whole => {
                    covered.faults.push(format!("{place}: line {} has an entry already: {}", page.lines[n].number, other.label()));
                }
                Some(_) => {}
            }
        }
        if !news {
            covered.faults.push(format!("{place}: it is about nothing"));
        }
    }
    for (line, entry) in page.lines.iter().zip(by).filter(|(line, _)| line.needed) {
        match entry.and_then(Entry::verdict) {
            Some(Verdict::Test(_)) => covered.counts.0[0] += 1,
            Some(Verdict::NotOurs) => covered.counts.0[1] += 1,
            Some(Verdict::NotYet) => covered.counts.0[2] += 1,
            None => {
                let section = page.sections[line.section].join(" / ");
                covered.faults.push(format!("{runbook}:{}: no entry in tests/runbooks/ for: {section}: {}", line.number, line.text));
            }
        }
    }
    covered
}

#[test]
fn a_line_without_an_entry_two_entries_and_a_wrong_quote_are_told() {
    let page = Page::read("# A\n- one\n- two\n## B\n- three\n");
    let told = |entries: &str| {
        let text = format!("runbook: a.md\nentries:\n{entries}");
        let covered = cover(&page, "a.md", &[serde_saphyr::from_str::<Ledger>(&text).unwrap()]);
        (covered.faults.join("\n"), covered.counts.0)
    };
    let one = "- { where: A, line: one, not_ours: It is a test. }\n";
    let rest = "- { where: A, whole: true, not_yet: It is a test. }\n";
    assert_eq!(told(&format!("{one}{rest}")), (String::new(), [0, 1, 2]));
    let (faults, counts) = told(one);
    assert!(faults.contains("a.md:3: no entry") && faults.contains("A / B: three") && counts == [0, 1, 0], "{faults}");
    assert!(told(&format!("{one}{one}")).0.contains("has an entry already"));
    assert!(told(&format!("{one}{}", one.replace("one,", "four,"))).0.contains("no such line: four"));
    assert!(told(&format!("{one}{rest}{}", rest.replace("A,", "B,"))).0.contains("has an entry already"));
    let bad: Entry = serde_saphyr::from_str("{ where: A, line: one, from: x, test: a, not_yet: short }").unwrap();
    assert_eq!(bad.faults().len(), 3);
    let embedded: Entry = serde_saphyr::from_str("{ where: A, line: one, test: 'suite runbooks::a::b' }").unwrap();
    assert_eq!(embedded.faults(), ["its test changes something: name the one on a real cluster, too (real:)"]);
}
