//! Container images.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An image reference as a workload names it: `repository[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image {
    /// Registry and path, e.g. `registry.io/shop/backend`.
    pub repository: String,
    /// Tag, where one is named.
    pub tag: Option<String>,
    /// Digest with its algorithm, e.g. `sha256:9c02…`, where one is named.
    pub digest: Option<String>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not an image reference: {why}; expected REPOSITORY:TAG or REPOSITORY@sha256:DIGEST")]
pub struct ImageError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Image {
    /// Reads a reference.
    ///
    /// # Errors
    /// When it is empty, holds white space or control characters, or has an empty part.
    pub fn parse(text: &str) -> Result<Image, ImageError> {
        let fail = |why| Err(ImageError { text: super::text::sanitize(text).into_owned(), why });
        if text.is_empty() {
            return fail("it is empty");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return fail("it holds white space or characters that are not ASCII");
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        if repository.is_empty() || repository.ends_with('/') {
            return fail("the repository is empty");
        }
        if tag == Some("") {
            return fail("the tag is empty");
        }
        if digest.is_some_and(|d| !d.contains(':')) {
            return fail("the digest has no algorithm");
        }
        Ok(Image { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }

    /// What people call this version: the tag, else the digest's first 12 characters, else `latest`.
    pub fn version(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => short_digest(digest, 12),
            (None, None) => "latest".to_owned(),
        }
    }
}

/// The first `n` characters of a digest, without its algorithm.
pub fn short_digest(digest: &str, n: usize) -> String {
    digest.rsplit(':').next().unwrap_or(digest).chars().take(n).collect()
}

impl TryFrom<String> for Image {
    type Error = ImageError;
    fn try_from(text: String) -> Result<Self, ImageError> {
        Image::parse(&text)
    }
}

impl From<Image> for String {
    fn from(image: Image) -> String {
        image.to_string()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip() {
        for text in ["nginx", "shop/backend:v2", "registry.io:5000/shop/backend", "registry.io:5000/a/b:v1@sha256:ab12", "x@sha256:00"] {
            assert_eq!(Image::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Image::parse("registry.io:5000/a/b").unwrap().tag, None);
        assert_eq!(Image::parse("a@sha256:0123456789abcdef").unwrap().version(), "0123456789ab");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "a b", ":v1", "a:", "a@12", "repo/:x", "é:1"] {
            assert!(Image::parse(text).is_err(), "{text}");
        }
    }
}
