//! What a piece of the screen means. Themes say how each meaning looks.

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a piece of the screen means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Role { $($(#[$doc])* $name,)* }

        impl Role {
            /// Every role, in the order of their numbers.
            pub const ALL: &'static [Role] = &[$(Role::$name),*];

            /// Its name in theme files.
            pub const fn name(self) -> &'static str {
                match self { $(Role::$name => $text,)* }
            }
        }
    };
}

roles! {
    /// Plain text; the root that every role falls back to.
    Text = "text",
    /// Text that may be overlooked.
    Dim = "text.dim",
    /// Text that must not be overlooked.
    Strong = "text.strong",
    /// A pane's title.
    Title = "title",
    /// The title of the pane that has the focus.
    TitleFocus = "title.focus",
    /// The two lines on top.
    Header = "header",
    /// The same in a production context.
    HeaderProduction = "header.production",
    /// A rule between panes.
    Border = "border",
    /// The rule of the pane that has the focus.
    BorderFocus = "border.focus",
    /// As it should be.
    StatusOk = "status.ok",
    /// On its way.
    StatusProgress = "status.progress",
    /// Stopped by a person, or waiting for one.
    StatusPaused = "status.paused",
    /// Not as it should be.
    StatusWarn = "status.warn",
    /// Broken.
    StatusFail = "status.fail",
    /// Nobody knows.
    StatusUnknown = "status.unknown",
    /// The stable side.
    TrackStable = "track.stable",
    /// The candidate side.
    TrackCandidate = "track.candidate",
    /// The row under the cursor.
    RowSelected = "row.selected",
    /// The name of a key.
    Key = "key",
    /// The name of a key that cannot be used now.
    KeyOff = "key.off",
    /// The name of the key that takes back.
    KeyBack = "key.back",
    /// A value that goes away.
    DiffBefore = "diff.before",
    /// A value that comes.
    DiffAfter = "diff.after",
    /// A line about old data.
    BannerStale = "banner.stale",
    /// A line about something that failed.
    BannerError = "banner.error",
    /// A line that something went as asked.
    BannerNotice = "banner.notice",
    /// A dialog's frame.
    Dialog = "dialog",
    /// The frame of a dialog in a production context.
    DialogProduction = "dialog.production",
    /// The frame of the dialog that takes back.
    DialogBack = "dialog.back",
    /// A text field.
    Input = "input",
    /// The part of a row that a filter found.
    Match = "match",
}

impl Role {
    /// The role's name and those it falls back to, nearest first.
    pub fn chain(self) -> impl Iterator<Item = &'static str> {
        let name = self.name();
        let parent = name.rsplit_once('.').map(|(parent, _)| parent);
        std::iter::once(name).chain(parent).chain((name != "text").then_some("text"))
    }

    /// Whether a theme file may give this name a style: a role, or the parent of one.
    pub fn is_name(name: &str) -> bool {
        Role::ALL.iter().any(|role| role.chain().any(|n| n == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_fall_back_to_their_parents() {
        assert_eq!(Role::StatusOk.chain().collect::<Vec<_>>(), ["status.ok", "status", "text"]);
        assert_eq!(Role::Text.chain().collect::<Vec<_>>(), ["text"]);
        assert!(Role::is_name("status") && !Role::is_name("status.great"));
        for (n, role) in Role::ALL.iter().enumerate() {
            assert_eq!(*role as usize, n);
        }
    }
}
