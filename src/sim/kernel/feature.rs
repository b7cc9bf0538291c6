//! What the embedded cluster does as a real one does, by name, so that a test can take one thing away: each conformance case
//! (`tests/real/conformance/cases/`) names what it proves and must go red without it. A cluster that anybody uses has all.

/// Declares the features and the list of all of them.
macro_rules! features {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Something that a client of a real cluster relies on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Feature {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Feature {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

features! {
    // Objects and the paths that lead to them.
    /// The 404 for an object says which one is missing.
    NamedNotFound,
    /// A name is given once.
    AlreadyExists,
    /// Objects are created in namespaces that exist.
    ExistingNamespace,
    /// A body is in the namespace of its path.
    NamespaceOfPath,
    /// A body has the name of its path.
    NameOfPath,
    /// A body has the kind and version of its path.
    KindOfPath,
    /// The server makes a name out of `generateName`.
    GeneratedNames,
    /// A method that a path does not have is 405, not 404.
    MethodNotAllowed,
    /// An API that nobody serves is told of in plain text.
    UnservedApis,
    /// An update creates a Lease, an Event or a Service that is not there.
    CreateOnUpdate,

    // What is sent, and in which form.
    /// A body of an unknown media type is refused.
    BodyMediaTypes,
    /// A body that is no JSON is refused.
    BodySyntax,
    /// A patch of an unknown media type is refused, and a strategic one of a custom resource.
    PatchMediaTypes,
    /// A patch that is no JSON is refused.
    PatchSyntax,
    /// Options of a write that mean nothing are refused.
    WriteOptions,
    /// A client that accepts no media type that is served is refused.
    NotAcceptable,
    /// Fields have the types that the API gives them.
    FieldTypes,
    /// Unknown fields are not stored.
    UnknownFieldsDropped,
    /// `fieldValidation=Strict` refuses unknown fields.
    StrictFields,
    /// Unknown fields are warned of.
    FieldWarnings,
    /// `fieldValidation=Ignore` is silent.
    IgnoredFields,

    // What an object may say.
    /// Names are DNS names.
    Names,
    /// Labels and annotations have a form.
    LabelForms,
    /// Workloads: ranges, selectors, containers.
    WorkloadRules,
    /// Autoscalers: bounds and targets.
    AutoscalerRules,
    /// Services: ports.
    ServiceRules,
    /// Routes: weights.
    RouteRules,
    /// ConfigMaps and Secrets: keys.
    DataRules,
    /// Leases: durations.
    LeaseRules,
    /// Some fields never change.
    Immutability,
    /// What is left out has a default.
    Defaults,
    /// The server adds fields of its own, such as address families and the zeros of a status.
    Admission,

    // Versions and metadata.
    /// A write of a version that is no longer the stored one conflicts.
    StaleVersionConflict,
    /// A version is a number.
    VersionForm,
    /// A `resourceVersion` parameter is a number.
    VersionParameters,
    /// An object that is created has no version yet.
    NoVersionOnCreate,
    /// Custom resources and Leases are replaced by version only.
    VersionRequired,
    /// A version that the server has not come to is not answered for.
    FutureVersion,
    /// A write of what is there already changes nothing.
    NoOpWrites,
    /// A write for another uid conflicts.
    UidConflict,
    /// What the server owns in `metadata` stays as it is.
    ServerOwnedMetadata,
    /// The generation grows with the spec.
    Generation,
    /// `managedFields` say who wrote what.
    ManagedFields,
    /// Who writes a field takes it from those who wrote it before.
    OwnershipMoves,

    // Deleting.
    /// A deletion holds only if its preconditions do.
    Preconditions,
    /// Finalizers hold an object back.
    Finalizers,
    /// A deletion answers with a `Status`.
    DeletionStatus,
    /// What an object owns goes with it.
    GarbageCollection,
    /// `Orphan` leaves what an object owns.
    Orphaning,

    // Patching.
    /// A merge patch goes into maps, and null removes.
    MergePatch,
    /// A strategic patch merges lists by key.
    StrategicMerge,
    /// `$patch`, `$retainKeys`, `$setElementOrder`.
    StrategicDirectives,
    /// A JSON patch is carried out.
    JsonPatch,
    /// A JSON patch ends where a test fails.
    JsonPatchTests,
    /// A JSON patch replaces a key that is not there, and finds null there.
    JsonPatchLenience,
    /// An apply names its manager.
    ApplyManager,
    /// An apply does not take what another owns.
    ApplyConflicts,
    /// `force=true` takes it.
    ApplyForce,
    /// What is applied no more is removed.
    ApplyPrune,
    /// An apply merges lists by key.
    ApplyLists,
    /// An apply knows only declared fields.
    ApplySchema,
    /// `dryRun=All` stores nothing.
    DryRun,
    /// `/scale`.
    ScaleSubresource,
    /// `/status`.
    StatusSubresource,
    /// A write to the status leaves the spec alone.
    StatusApart,
    /// A write to the object leaves its status alone.
    StatusLeftOut,

    // Reading.
    /// Labels select.
    LabelSelectors,
    /// A selector that is none is refused.
    SelectorSyntax,
    /// Fields select.
    FieldSelectors,
    /// Only some fields select.
    SelectableFields,
    /// `limit` and `continue`.
    Paging,
    /// A later page shows the world of the first.
    ConsistentPages,
    /// Of a selection, nobody says how many remain.
    RemainingUntold,
    /// A token that is none is refused.
    ContinueTokens,
    /// `resourceVersionMatch=Exact`.
    ExactLists,
    /// Options of a list that do not go together are refused.
    ListOptions,
    /// 410 for what a compaction has taken away.
    Expiry,
    /// `PartialObjectMetadata`.
    PartialMetadata,
    /// Tables.
    Tables,
    /// Each kind has columns of its own.
    Columns,
    /// `includeObject`.
    IncludeObject,
    /// An event is the same in both of its versions.
    EventForms,
    /// An autoscaler is the same in both of its versions.
    AutoscalerForms,

    // Watching.
    /// A watch tells what has happened since a version.
    WatchHistory,
    /// A watch without a version begins with what is there.
    InitialState,
    /// What begins or ceases to be selected is added or deleted.
    WatchTransitions,
    /// A bookmark ends the initial events.
    InitialEventsEnd,
    /// Bookmarks.
    Bookmarks,
    /// Options of a watch that do not go together are refused.
    WatchOptions,
    /// A watched table has its columns once.
    TableHeadersOnce,

    // Controllers.
    /// A ReplicaSet is named by the hash of its template.
    TemplateHash,
    /// Templates are numbered in the order of their use.
    Revisions,
    /// A ReplicaSet has its Deployment's annotations.
    CopiedAnnotations,
    /// `observedGeneration`.
    ObservedGeneration,
    /// The `Available` condition.
    AvailableCondition,
    /// The `Progressing` condition.
    ProgressingCondition,
    /// `paused`.
    Pause,
    /// `maxSurge`.
    SurgeLimit,
    /// `maxUnavailable`.
    UnavailableLimit,
    /// `progressDeadlineSeconds`.
    ProgressDeadline,
    /// `Recreate`.
    Recreate,
    /// `revisionHistoryLimit`.
    HistoryLimit,
    /// Events.
    Events,
    /// An event that comes again is counted.
    EventCounts,
    /// An endpoint says whether it is ready.
    EndpointConditions,
    /// A port is found by its name.
    NamedPorts,
    /// A Service without pods has a slice.
    EmptySlices,
    /// Endpoints follow the selector.
    EndpointsFollow,
    /// An autoscaler's conditions.
    AutoscalerConditions,
    /// The bounds hold for the size that is there.
    AutoscalerBounds,
    /// The bounds hold for the size that is wanted.
    AutoscalerLimits,
    /// Nothing is scaled that is scaled to nothing.
    ScaledToZero,
    /// An autoscaler looks at CPU and memory.
    ResourceMetrics,
    /// A pod beyond a quota is refused.
    QuotaAdmission,
    /// A quota's status counts what is there.
    QuotaStatus,
    /// A Deployment says that its pods cannot be made.
    ReplicaFailure,
}

/// Which features a cluster has: all, or all but one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    off: Option<Feature>,
}

impl Features {
    /// All but one.
    pub fn without(feature: Feature) -> Self {
        Self { off: Some(feature) }
    }

    /// Whether a feature is there.
    pub fn has(self, feature: Feature) -> bool {
        self.off != Some(feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_has_all_features_or_all_but_one() {
        assert!(Feature::ALL.iter().all(|feature| Features::default().has(*feature)));
        let missing = |off: &Feature| Feature::ALL.iter().filter(|feature| !Features::without(*off).has(**feature)).count();
        assert!(Feature::ALL.iter().all(|off| missing(off) == 1 && !Features::without(*off).has(*off)));
    }
}
