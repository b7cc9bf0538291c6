//! What only a kubelet tells: the lines of logs. Stock kubectl, with its flags, over pods of this node and the same pods of the
//! embedded cluster.

use crate::conformance::side::Embedded;
use crate::harness::node::on_a_node;
use crate::kubectl::script::Script;
use crate::kubectl::{KUBELETS, compare};

#[test]
fn kubectl_logs_tells_the_same_of_both_with_every_flag() {
    on_a_node("node::logs::kubectl_logs_tells_the_same_of_both_with_every_flag", async |node| {
        let script = Script::read(KUBELETS);
        let server = Embedded { speed: script.speed, ..Embedded::default() }.start().await;
        for (name, image) in &script.images {
            image.load(name, node);
            server.handle().with(|kernel| kernel.world.profiles.set(name, image.profile()));
        }
        compare(&script, node.plane, &server).await;
    });
}
