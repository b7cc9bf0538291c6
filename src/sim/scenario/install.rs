//! Puts a scenario into a kernel.

use serde_json::Value;

use super::{Scenario, ScenarioError, argo::Argo, player::Player};
use crate::sim::kernel::{
    Kernel, Status,
    object::Fields,
    resource::{self, NODE},
    store,
};

/// The field manager of the manifests: people apply them with kubectl.
const APPLIED_BY: &str = "kubectl-client-side-apply";

impl Scenario {
    /// Fills a new kernel: nodes, objects, behaviours, traffic, events. To be called before its first request.
    ///
    /// # Errors
    /// [`ScenarioError::Refused`] when the cluster does not accept an object.
    pub fn install(&self, kernel: &mut Kernel) -> Result<(), ScenarioError> {
        let world = &mut kernel.world;
        world.measured.metrics_server = self.metrics_server;
        for image in self.images.iter().rev() {
            world.profiles.set(image.pattern.clone(), image.profile());
        }
        let now = store::seconds(world.now());
        for node in self.nodes.objects(&now) {
            let name = node.name().to_owned();
            world.create(&NODE, node, "kubelet").map_err(|why| self.refused("Node", &name, &why))?;
        }
        self.namespace(kernel, &self.namespace)?;
        for object in &self.manifests {
            self.manifest(kernel, object.clone())?;
        }
        kernel.traffic.flows = self.traffic.iter().map(|stream| stream.flow(&self.namespace)).collect();
        kernel.traffic.family = self.metrics.into();
        if let Some(prometheus) = &self.prometheus {
            prometheus.set_up(&mut kernel.prometheus);
        }
        if let Some(settings) = &self.argo_cd {
            kernel.attach(|id| Box::new(Argo::new(id, &self.namespace, settings, &self.manifests)));
        }
        kernel.attach(|id| Box::new(Player::new(id, &self.namespace, self.events.clone())));
        Ok(())
    }

    fn manifest(&self, kernel: &mut Kernel, mut object: Value) -> Result<(), ScenarioError> {
        let (api_version, kind, name) = (object.text("/apiVersion").to_owned(), object.text("/kind").to_owned(), object.name().to_owned());
        let resource = resource::of_kind(&api_version, &kind).ok_or_else(|| ScenarioError::Refused {
            scenario: self.name.clone(),
            object: format!("{kind} {name}"),
            why: format!("it serves no kind {kind:?} of {api_version:?}"),
        })?;
        if resource.namespaced {
            object.put_default("/metadata/namespace", self.namespace.clone());
            self.namespace(kernel, object.namespace())?;
        }
        if *resource == resource::NAMESPACE && kernel.world.exists(resource, "", &name) {
            kernel.world.modify(resource, "", &name, APPLIED_BY, |stored| json_patch::merge(stored, &object)).ok();
            return Ok(());
        }
        kernel.world.create(resource, object, APPLIED_BY).map_err(|why| self.refused(&kind, &name, &why))?;
        Ok(())
    }

    fn namespace(&self, kernel: &mut Kernel, name: &str) -> Result<(), ScenarioError> {
        if kernel.world.exists(&resource::NAMESPACE, "", name) {
            return Ok(());
        }
        kernel.world.create_namespace(name).map_err(|why| self.refused("Namespace", name, &why))
    }

    fn refused(&self, kind: &str, name: &str, why: &Status) -> ScenarioError {
        ScenarioError::Refused { scenario: self.name.clone(), object: format!("{kind} {name}"), why: why.to_string() }
    }
}
