//! Container images, made here and now: one layer with one static binary, in the layout of the Open Container Initiative.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The static binary in the layer.
const BINARY: &str = "shop-server";

/// A container image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Full name with registry and tag, as pods name it.
    pub name: String,
    /// Arguments of the binary.
    pub args: Vec<String>,
    /// The environment it brings along.
    pub env: Vec<String>,
}

impl Image {
    /// Writes it as a tar file that containerd can import, with the binary out of `assets`, below `dir`.
    ///
    /// # Errors
    /// What went wrong with which file.
    pub fn pack(&self, assets: &Path, dir: &Path) -> Result<PathBuf, String> {
        let stem: String = self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let layout = dir.join(&stem);
        std::fs::create_dir_all(layout.join("blobs/sha256")).map_err(|error| format!("{}: {error}", layout.display()))?;
        let layer = layout.join("layer");
        tar(&layer, assets, BINARY)?;
        let layer = blob(&layout, "tar", std::fs::read(&layer).and_then(|bytes| std::fs::remove_file(&layer).map(|()| bytes)))?;
        let entry: Vec<String> = std::iter::once(format!("/{BINARY}")).chain(self.args.clone()).collect();
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }, "os": "linux",
            "config": { "Env": self.env, "Entrypoint": entry }, "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
        });
        let config = described(&layout, "config", &config)?;
        let manifest = json!({ "schemaVersion": 2, "mediaType": media("manifest"), "config": config, "layers": [layer] });
        let mut manifest = described(&layout, "manifest", &manifest)?;
        manifest["annotations"] = json!({ "io.containerd.image.name": self.name });
        write(&layout, "oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }))?;
        write(&layout, "index.json", &json!({ "schemaVersion": 2, "manifests": [manifest] }))?;
        let file = dir.join(format!("{stem}.tar"));
        tar(&file, &layout, ".")?;
        Ok(file)
    }
}

fn media(what: &str) -> String {
    match what {
        "tar" => "application/vnd.oci.image.layer.v1.tar".to_owned(),
        "config" => "application/vnd.oci.image.config.v1+json".to_owned(),
        _ => "application/vnd.oci.image.manifest.v1+json".to_owned(),
    }
}

fn described(layout: &Path, what: &str, value: &Value) -> Result<Value, String> {
    blob(layout, what, Ok(value.to_string().into_bytes()))
}

/// Stores a blob under its digest, and describes it.
fn blob(layout: &Path, what: &str, bytes: std::io::Result<Vec<u8>>) -> Result<Value, String> {
    let bytes = bytes.map_err(|error| format!("{what} of an image: {error}"))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = layout.join("blobs/sha256").join(&digest);
    std::fs::write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(json!({ "mediaType": media(what), "digest": format!("sha256:{digest}"), "size": bytes.len() }))
}

fn write(layout: &Path, name: &str, value: &Value) -> Result<(), String> {
    std::fs::write(layout.join(name), value.to_string()).map_err(|error| format!("{name} of an image: {error}"))
}

/// The same bytes for the same files, whenever and by whomever it is made.
fn tar(to: &Path, from: &Path, what: &str) -> Result<(), String> {
    let output = Command::new("tar")
        .args(["--create", "--dereference", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--sort=name", "--file"])
        .arg(to)
        .arg("--directory")
        .arg(from)
        .arg(what)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("tar: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("tar: {}", String::from_utf8_lossy(&output.stderr))) }
}
