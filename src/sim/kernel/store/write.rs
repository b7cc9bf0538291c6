//! Creating and updating: what the server owns in `metadata`, compare-and-swap, generations, no-ops.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Stamp, Store};
use crate::sim::kernel::{
    Feature, Resource, Status, admission, defaults, managed,
    object::Fields,
    quota,
    resource::{DEPLOYMENT, NAMESPACE, SERVICE},
    typed::drop_nulls,
};

/// Metadata that only the server sets: taken over from the stored object on every update.
const SERVER_OWNED: [&str; 6] =
    ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"];

impl Store {
    /// Creates an object: name, uid, time, generation and defaults are filled in, status is kept as given.
    ///
    /// # Errors
    /// `AlreadyExists`; `Invalid` without a name; `NotFound` when its namespace does not exist; `Forbidden` beyond a quota.
    pub fn create(&mut self, stamp: Stamp<'_>, resource: &'static Resource, mut object: Value) -> Result<Arc<Value>, Status> {
        self.prepare_create(stamp, resource, &mut object)?;
        quota::admit(self, resource, &object)?;
        self.insert(resource, object)
    }

    /// Stores a prepared object.
    ///
    /// # Errors
    /// `AlreadyExists`.
    pub fn insert(&mut self, resource: &'static Resource, object: Value) -> Result<Arc<Value>, Status> {
        self.vacant(resource, &object)?;
        Ok(self.put(resource, object))
    }

    /// Whether an object's place is free.
    ///
    /// # Errors
    /// `AlreadyExists`.
    pub fn vacant(&self, resource: &Resource, object: &Value) -> Result<(), Status> {
        let taken = self.features.has(Feature::AlreadyExists) && self.get(resource, object.namespace(), object.name()).is_some();
        if taken { Err(Status::already_exists(resource, object.name())) } else { Ok(()) }
    }

    /// All of `create` but storing it, so that validation and dry runs can come in between.
    ///
    /// # Errors
    /// `NotFound` when its namespace does not exist.
    pub fn prepare_create(&mut self, stamp: Stamp<'_>, resource: &'static Resource, object: &mut Value) -> Result<(), Status> {
        if self.features.has(Feature::GeneratedNames) && object.name().is_empty() && !object.text("/metadata/generateName").is_empty() {
            let name = format!("{}{}", object.text("/metadata/generateName"), self.rng.suffix(5));
            object.put("/metadata/name", name);
        }
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        if resource.namespaced && self.features.has(Feature::ExistingNamespace) {
            let space = self.get(&NAMESPACE, "", &namespace).ok_or_else(|| Status::not_found(&NAMESPACE, &namespace))?;
            if space.is_deleting() {
                return Err(Status::namespace_terminating(resource, &name, &namespace));
            }
        }
        object.put("/apiVersion", resource.api_version());
        object.put("/kind", resource.kind);
        for key in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
            object.cut(&format!("/metadata/{key}"));
        }
        object.put("/metadata/uid", self.rng.uuid());
        object.put("/metadata/creationTimestamp", seconds(stamp.at));
        if resource.generation {
            object.put("/metadata/generation", 1);
        }
        self.fill(resource, object);
        drop_nulls(object);
        managed::record(self.features, resource, None, object, stamp);
        if *resource == SERVICE {
            self.assign_ip(object);
        }
        self.admit(resource, object);
        Ok(())
    }

    /// Replaces an object. With a `resourceVersion` in it, only if that is still the stored one. Status is kept when the
    /// kind has a status subresource. Writing the same again changes nothing, not even the `resourceVersion`.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn update(&mut self, stamp: Stamp<'_>, resource: &'static Resource, object: Value) -> Result<Arc<Value>, Status> {
        let (old, new) = self.prepare_update(stamp, resource, object)?;
        Ok(self.commit(resource, old, new))
    }

    /// Replaces an object's status only.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn update_status(&mut self, stamp: Stamp<'_>, resource: &'static Resource, object: Value) -> Result<Arc<Value>, Status> {
        let (old, new) = self.prepare_update_status(stamp, resource, object)?;
        Ok(self.commit(resource, old, new))
    }

    /// All of `update` but storing it: the object before and after.
    ///
    /// # Errors
    /// As `update`.
    pub fn prepare_update(&mut self, stamp: Stamp<'_>, resource: &'static Resource, mut new: Value) -> Result<(Arc<Value>, Value), Status> {
        let old = self.stored_for(resource, &new)?;
        keep_metadata(self.features.has(Feature::ServerOwnedMetadata), &old, &mut new);
        if resource.status && self.features.has(Feature::StatusLeftOut) {
            carry(&old, &mut new, "status");
        }
        if *resource == SERVICE {
            keep_ip(&old, &mut new);
        }
        new.put("/apiVersion", resource.api_version());
        new.put("/kind", resource.kind);
        self.fill(resource, &mut new);
        self.admit(resource, &mut new);
        drop_nulls(&mut new);
        // Of Deployments alone, annotations count as content.
        let annotated = *resource == DEPLOYMENT && old.map("/metadata/annotations") != new.map("/metadata/annotations");
        if resource.generation && self.features.has(Feature::Generation) && (annotated || content_differs(&old, &new)) {
            new.put("/metadata/generation", old.int("/metadata/generation").unwrap_or(0) + 1);
        }
        managed::record(self.features, resource, Some(&old), &mut new, stamp);
        Ok((old, new))
    }

    /// All of `update_status` but storing it.
    ///
    /// # Errors
    /// As `update_status`.
    pub fn prepare_update_status(
        &mut self,
        stamp: Stamp<'_>,
        resource: &'static Resource,
        given: Value,
    ) -> Result<(Arc<Value>, Value), Status> {
        let old = self.stored_for(resource, &given)?;
        let mut new = Value::clone(&old);
        carry(&given, &mut new, "status");
        if *resource == DEPLOYMENT {
            // The one way to annotate without a new generation: their controller numbers revisions so.
            carry_at(&given, &mut new, "/metadata/annotations");
        }
        self.fill(resource, &mut new);
        drop_nulls(&mut new);
        managed::record(self.features, resource, Some(&old), &mut new, Stamp { subresource: "status", ..stamp });
        Ok((old, new))
    }

    /// Stores the second half of a prepared update; a last finalizer that went removes an object under deletion.
    pub fn commit(&mut self, resource: &'static Resource, old: Arc<Value>, new: Value) -> Arc<Value> {
        if *old == new && self.features.has(Feature::NoOpWrites) {
            return old;
        }
        let finished = new.is_deleting()
            && new.items("/metadata/finalizers").is_empty()
            && new.items("/spec/finalizers").is_empty()
            && new.int("/metadata/deletionGracePeriodSeconds").unwrap_or(0) == 0;
        if finished {
            // Not stored any more: it goes as it was, and the writer sees what it wrote under the version it had.
            self.remove(resource, new.namespace(), new.name());
            let mut new = new;
            new.put("/metadata/resourceVersion", old.text("/metadata/resourceVersion"));
            return Arc::new(new);
        }
        self.put(resource, new)
    }

    /// The stored object that an update is for, after the `resourceVersion` and `uid` given have been compared.
    fn stored_for(&self, resource: &Resource, given: &Value) -> Result<Arc<Value>, Status> {
        let old = self.find(resource, given.namespace(), given.name())?.clone();
        let version = given.text("/metadata/resourceVersion");
        if !version.is_empty() && version.parse::<u64>().is_err() && self.features.has(Feature::VersionForm) {
            return Err(Status::custom(500, "", format!("strconv.ParseUint: parsing {version:?}: invalid syntax"), None));
        }
        let stale = !version.is_empty() && version != old.text("/metadata/resourceVersion");
        if stale && self.features.has(Feature::StaleVersionConflict) {
            return Err(Status::conflict(resource, given.name()));
        }
        if !given.uid().is_empty() && given.uid() != old.uid() && self.features.has(Feature::UidConflict) {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: {}",
                storage_key(resource, &old),
                given.uid(),
                old.uid()
            );
            return Err(Status::conflict_because(resource, given.name(), &why));
        }
        Ok(old)
    }

    fn fill(&self, resource: &Resource, object: &mut Value) {
        if self.features.has(Feature::Defaults) {
            defaults::apply(resource, object);
        }
    }

    fn admit(&self, resource: &Resource, object: &mut Value) {
        if self.features.has(Feature::Admission) {
            admission::apply(resource, object);
        }
    }

    fn assign_ip(&mut self, service: &mut Value) {
        if service.text("/spec/type") == "ExternalName" {
            return;
        }
        if service.text("/spec/clusterIP").is_empty() {
            let ip = self.allocate_ip();
            service.put("/spec/clusterIP", ip);
        }
        let ips = vec![Value::from(service.text("/spec/clusterIP"))];
        service.put_default("/spec/clusterIPs", ips);
    }
}

/// RFC 3339 in whole seconds, as `creationTimestamp` is written.
pub fn seconds(at: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Where etcd would hold an object.
fn storage_key(resource: &Resource, object: &Value) -> String {
    let kind = match (resource.custom, resource.plural) {
        (true, plural) => format!("{}/{plural}", resource.group),
        (false, "services") => "services/specs".to_owned(),
        (false, "nodes") => "minions".to_owned(),
        (false, plural) => plural.to_owned(),
    };
    let namespace = if resource.namespaced { format!("{}/", object.namespace()) } else { String::new() };
    format!("/registry/{kind}/{namespace}{}", object.name())
}

fn keep_metadata(owned: bool, old: &Value, new: &mut Value) {
    for key in SERVER_OWNED.into_iter().filter(|_| owned) {
        let pointer = format!("/metadata/{key}");
        match old.pointer(&pointer) {
            Some(value) => new.put(&pointer, value.clone()),
            None => drop(new.cut(&pointer)),
        }
    }
    // A client may write its own view of the managers (kubectl hands what it applied over that way) or clear them; one that
    // knows nothing of them keeps them.
    match new.items("/metadata/managedFields") {
        [one] if *one == Value::Object(Map::new()) => drop(new.cut("/metadata/managedFields")),
        [] => carry_at(old, new, "/metadata/managedFields"),
        entries
            if entries.iter().all(|entry| !entry.text("/operation").is_empty() && entry.get("fieldsV1").is_some_and(Value::is_object)) => {}
        _ => carry_at(old, new, "/metadata/managedFields"),
    }
    carry_at(old, new, "/metadata/resourceVersion");
    carry_at(old, new, "/metadata/name");
    carry_at(old, new, "/metadata/namespace");
}

fn carry(from: &Value, to: &mut Value, key: &str) {
    carry_at(from, to, &format!("/{key}"));
}

fn carry_at(from: &Value, to: &mut Value, pointer: &str) {
    match from.pointer(pointer) {
        Some(value) => to.put(pointer, value.clone()),
        None => drop(to.cut(pointer)),
    }
}

fn keep_ip(old: &Value, new: &mut Value) {
    for pointer in ["/spec/clusterIP", "/spec/clusterIPs"] {
        if new.pointer(pointer).is_none_or(|v| v.is_null() || v == "") {
            carry_at(old, new, pointer);
        }
    }
}

/// Whether anything but metadata and status differs.
fn content_differs(old: &Value, new: &Value) -> bool {
    let content = |value: &Value| -> Map<String, Value> {
        let map = value.as_object().cloned().unwrap_or_default();
        map.into_iter().filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status" | "apiVersion" | "kind")).collect()
    };
    content(old) != content(new)
}
