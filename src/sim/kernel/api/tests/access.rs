use super::*;
use crate::sim::kernel::world::Denial;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

fn may(server: &mut Server, verb: &str, group: &str, resource: &str) -> bool {
    let spec = json!({"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "namespace": "default"}});
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec});
    let (code, review) = server.post(&format!("{REVIEWS}/selfsubjectaccessreviews"), body);
    assert_eq!(code, 201);
    review.is_true("/status/allowed")
}

#[test]
fn a_denied_verb_is_refused_and_reviews_say_so() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment("web"));
    assert!(may(&mut server, "patch", "apps", "deployments"));
    let denial = Denial { verb: "patch".into(), group: "apps".into(), resource: "deployments".into(), ..Denial::default() };
    server.0.world.denied.push(denial);
    assert!(!may(&mut server, "patch", "apps", "deployments"));
    assert!(may(&mut server, "get", "apps", "deployments"));
    let (code, refused) = server.patch(&format!("{DEPLOYMENTS}/web"), "merge", json!({"spec": {"replicas": 1}}));
    let text = "deployments.apps \"web\" is forbidden: User \"kubernetes-admin\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"default\"";
    assert_eq!((code, refused.text("/reason"), refused.text("/message")), (403, "Forbidden", text));
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}});
    let rules = server.post(&format!("{REVIEWS}/selfsubjectrulesreviews"), body).1;
    let of_deployments =
        rules.items("/status/resourceRules").iter().find(|r| r.items("/resources").iter().any(|n| n == "deployments")).unwrap();
    assert!(!of_deployments.items("/verbs").iter().any(|verb| verb == "patch"));
}

#[test]
fn discovery_in_both_forms_names_what_is_served() {
    let mut server = Server::new();
    let groups = server.get("/apis").1;
    let names: Vec<&str> = groups.items("/groups").iter().map(|g| g.text("/name")).collect();
    assert!(names.contains(&"networking.istio.io") && names.contains(&"metrics.k8s.io"), "{names:?}");
    let istio = groups.items("/groups").iter().find(|g| g.text("/name") == "networking.istio.io").unwrap();
    assert_eq!(istio.text("/preferredVersion/groupVersion"), "networking.istio.io/v1");
    let apps = server.get("/apis/apps/v1").1;
    assert!(apps.items("/resources").iter().any(|r| r.text("/name") == "deployments/scale" && r.text("/group") == "autoscaling"));
    let mut request = Request::new(Method::Get, "/apis");
    request.accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json".into();
    let response = server.0.handle(&request);
    assert_eq!(response.content_type, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let list = read(&response).1;
    let apps = list.items("/items").iter().find(|g| g.name() == "apps").unwrap();
    let deployments = apps.items("/versions/0/resources").iter().find(|r| r.text("/resource") == "deployments").unwrap();
    assert_eq!(deployments.items("/subresources").len(), 2);
    server.0.world.measured.metrics_server = false;
    assert_eq!(server.get("/apis/metrics.k8s.io/v1beta1").0, 404);
    assert_eq!(server.get("/apis/metrics.k8s.io/v1beta1/pods").0, 404);
}
