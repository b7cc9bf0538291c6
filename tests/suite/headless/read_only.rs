//! Read-only as cluster admin: every command is tried, and nothing that could change anything leaves; without the flag it does.

use crate::shop::{NEW, Shop, canary};

/// Every command that talks to a cluster, with how it ends under `--read-only`.
const COMMANDS: [(&[&str], i32); 17] = [
    (&["status"], 0),
    (&["status", "-A"], 0),
    (&["plan"], 0),
    (&["history"], 0),
    (&["init"], 0),
    (&["run", "--image", NEW, "--yes"], 8),
    (&["run", "--image", NEW, "--dry-run"], 2),
    (&["step"], 8),
    (&["step", "--back"], 8),
    (&["approve"], 8),
    (&["reject"], 8),
    (&["pause"], 8),
    (&["promote"], 8),
    (&["undo", "--yes"], 8),
    (&["scale", "backend", "5", "--yes"], 8),
    (&["rollback"], 8),
    (&["restore-sync", "--yes"], 8),
];

#[test]
fn nothing_that_could_change_the_cluster_leaves_under_read_only_and_it_does_without() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    shop.ends(4, &["run", "--image", NEW, "--timeout", "20s"]);
    assert_eq!(shop.weights(), (90, 10));
    shop.front.take_log();

    let before = shop.with(|kernel| {
        kernel.world.store.get(&cutover::sim::kernel::resource::CONFIG_MAP, "fusion-ecommerce", "cutover-storefront").cloned()
    });
    for (args, code) in COMMANDS {
        let by_flag: Vec<&str> = args.iter().copied().chain(["--read-only"]).collect();
        let told = shop.ends(code, &by_flag);
        assert!(code != 8 || told.err.contains("read-only"), "{told:?}");
        let mut by_environment = shop.command(args);
        by_environment.env("CUTOVER_READ_ONLY", "1");
        let told = crate::shop::Running::of(by_environment).end();
        assert_eq!(told.code, Some(code), "{args:?} by the environment: {told:?}");
    }
    let log = shop.front.take_log();
    let writes: Vec<_> = log.iter().filter(|seen| seen.is_mutating()).collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(log.len() > 30, "they did look: {}", log.len());
    assert_eq!(
        before,
        shop.with(|kernel| kernel
            .world
            .store
            .get(&cutover::sim::kernel::resource::CONFIG_MAP, "fusion-ecommerce", "cutover-storefront")
            .cloned())
    );

    // The same without the flag writes.
    for (args, code) in [
        (&["scale", "backend/candidate", "2"][..], 0),
        (&["pause"], 0),
        (&["step", "--back"], 0),
        (&["resume"], 0),
        (&["promote"], 0),
        (&["rollback"], 0),
    ] {
        shop.ends(code, args);
        assert!(!shop.front.take_writes().is_empty(), "{args:?}");
    }
}
