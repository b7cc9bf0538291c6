//! What the embedded cluster says of its kinds is what the real server says of them: the schemas are its own, word for word.

use serde_json::Value;

use super::stage::{Stage, versions};
use super::{ControlPlane, Embedded, Script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_schema_is_the_real_servers() {
    let Some(plane) = ControlPlane::get("schemas") else { return };
    let server = Embedded { speed: 1.0, ..Embedded::default() }.start().await;
    let script = Script { name: "schemas".to_owned(), ..Script::default() };
    let kubectl = versions(plane).swap_remove(0);
    let stage = Stage::set(&script, plane, &server, kubectl).await;
    let (index, mut compared) = (stage.raw(1, "/openapi/v3").await, 0);
    for root in index["paths"].as_object().expect("the documents").keys() {
        let path = format!("/openapi/v3/{root}");
        let schemas = |document: &Value| document["components"]["schemas"].as_object().expect("schemas").clone();
        // Of custom kinds nothing is said; every other schema has to be there.
        let embedded = schemas(&stage.raw(1, &path).await);
        let built_in: Vec<_> = embedded.iter().filter(|(name, _)| name.starts_with("io.k8s.api")).collect();
        if built_in.is_empty() {
            continue;
        }
        let real = schemas(&stage.raw(0, &path).await);
        for (name, schema) in built_in {
            assert_eq!(real.get(name), Some(schema), "{name} of {root}");
            compared += 1;
        }
    }
    assert!(compared > 300, "only {compared} schemas were compared");
}
