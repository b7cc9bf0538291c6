//! `--image COMPONENT=REPOSITORY:TAG`.

use std::collections::BTreeMap;

use crate::domain::image::Image;
use crate::domain::text::sanitize;

/// Wanted images.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ImageArgs {
    /// Wanted image of a component; repeatable. A release with one component needs no COMPONENT=. A component that is not
    /// named takes the version already in its candidate.
    #[arg(long = "image", short = 'i', value_name = "COMPONENT=REPOSITORY:TAG", value_parser = pair)]
    pub images: Vec<(Option<String>, Image)>,
}

/// Reads `backend=shop/backend:v2`, or `shop/backend:v2` for a release with one component.
fn pair(text: &str) -> Result<(Option<String>, Image), String> {
    let (component, image) = match text.split_once('=') {
        Some((component, image)) => (Some(component), image),
        None => (None, text),
    };
    if component == Some("") {
        return Err(format!("`{}` names no component before `=`", sanitize(text)));
    }
    Image::parse(image).map(|image| (component.map(str::to_owned), image)).map_err(|e| e.to_string())
}

impl ImageArgs {
    /// The images by component.
    ///
    /// # Errors
    /// A component that is not there or is named twice, or an image without a component where the release has several.
    pub fn by_component(&self, components: &[&str]) -> Result<BTreeMap<String, Image>, String> {
        let mut images = BTreeMap::new();
        for (component, image) in &self.images {
            let component = match (component, components) {
                (Some(component), _) => component.clone(),
                (None, [one]) => (*one).to_owned(),
                (None, several) => {
                    return Err(format!(
                        "which component is {image} for? write --image COMPONENT={image}; there are: {}",
                        several.join(", ")
                    ));
                }
            };
            if !components.contains(&component.as_str()) {
                let near = crate::config::error::nearest(&component, components.iter().copied());
                let hint = near.map_or_else(|| format!("there are: {}", components.join(", ")), |near| format!("did you mean {near}?"));
                return Err(format!("no component `{}`; {hint}", sanitize(&component)));
            }
            if images.insert(component.clone(), image.clone()).is_some() {
                return Err(format!("two images are given for component `{}`", sanitize(&component)));
            }
        }
        Ok(images)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_apart_from_components() {
        let read = |t: &str| pair(t).map(|(c, i)| (c, i.to_string()));
        assert_eq!(read("backend=r.io:5000/a:v1"), Ok((Some("backend".into()), "r.io:5000/a:v1".into())));
        assert_eq!(read("shop/a:v1"), Ok((None, "shop/a:v1".into())));
        assert!(read("=a:v1").is_err() && read("backend=").is_err() && read("backend= a").is_err());
    }

    #[test]
    fn every_image_belongs_to_one_component() {
        let args = |texts: &[&str]| ImageArgs { images: texts.iter().map(|t| pair(t).unwrap()).collect() };
        assert_eq!(args(&["a:v1"]).by_component(&["web"]).unwrap().keys().collect::<Vec<_>>(), ["web"]);
        assert!(args(&["a:v1"]).by_component(&["web", "api"]).unwrap_err().contains("web, api"));
        assert!(args(&["web=a:v1", "web=a:v2"]).by_component(&["web"]).is_err());
        assert_eq!(args(&["wep=a:v1"]).by_component(&["web"]).unwrap_err(), "no component `wep`; did you mean web?");
    }
}
