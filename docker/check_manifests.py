"""Checks manifests against the schemas of Kubernetes, and that the files which other files name are there."""

import json
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).parent
# The oldest version that is still in use widely, and a new one.
VERSIONS = ["1.27", "1.33"]


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def check_kubernetes(path):
    for document in documents(path):
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
    return documents(path)


def check_patch(built):
    """Only the image of the one deployment changes."""
    before = {(d["kind"], d["metadata"]["name"]): d for d in documents(HERE / "stand-in/monitoring-example.yaml")}
    after = {(d["kind"], d["metadata"]["name"]): d for d in built}
    assert before.keys() == after.keys()
    container = before["Deployment", "prometheus"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].startswith("docker.io/prom/prometheus")
    container["image"] = after["Deployment", "prometheus"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert "narthex" in container["image"]
    assert before == after, "the patch changes more than the image"


def check_safety(objects):
    """What a reviewer of the stand-alone manifest would look for."""
    pods = [o["spec"]["template"]["spec"] for o in objects if o["kind"] == "Deployment"]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"]["drop"] == ["ALL"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
            assert "memory" in container["resources"]["limits"]
    verbs = {verb for o in objects if o["kind"] == "ClusterRole" for rule in o["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}, verbs


# What discovery lists and watches for each role, and what is behind a page of a node.
READS = {
    "pod": {"pods"},
    "node": {"nodes"},
    "service": {"services"},
    "endpoints": {"endpoints", "services", "pods"},
    "endpointslice": {"endpointslices", "services", "pods"},
    "ingress": {"ingresses"},
}


def check_rights(objects):
    """The account may read what the built-in configuration reads, and may not reach into pods."""
    granted = {verb: set() for verb in ["get", "list", "watch"]}
    for role in (o for o in objects if o["kind"] == "ClusterRole"):
        for rule in role["rules"]:
            for verb in rule["verbs"]:
                granted[verb] |= set(rule.get("resources", []))
    built_in = documents(HERE.parent / "src/config/default/kubernetes.yml")[0]
    for job in built_in["scrape_configs"]:
        for discovery in job.get("kubernetes_sd_configs", []):
            for verb, resources in granted.items():
                missing = READS[discovery["role"]] - resources
                assert not missing, f"job {job['job_name']}: the account may not {verb} {missing}"
            if discovery["role"] == "node":
                assert "nodes/metrics" in granted["get"], f"job {job['job_name']}: kubelets will refuse"
    wide = {"*", "secrets", "nodes/proxy", "pods/exec", "pods/proxy", "services/proxy"} & granted["get"]
    assert not wide, f"more than reading metrics needs: {wide}"
    bound = {o["roleRef"]["name"] for o in objects if o["kind"] == "ClusterRoleBinding"}
    assert bound == {o["metadata"]["name"] for o in objects if o["kind"] == "ClusterRole"}, bound


def check_compose():
    compose = documents(HERE / "compose.yaml")[0]
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (HERE / source).exists(), source
        for needed in service.get("depends_on", {}):
            assert needed in compose["services"], needed
    build = compose["services"]["narthex"]["build"]
    assert (HERE / build["context"] / build["dockerfile"]).exists()
    for path in HERE.glob("grafana/provisioning/*/*.yaml"):
        assert documents(path)[0]["apiVersion"] == 1
    for path in HERE.glob("grafana/dashboards/**/*.json"):
        assert json.loads(path.read_text())["panels"]


def main():
    work = Path(sys.argv[1])
    objects = check_kubernetes(HERE / "kubernetes/standalone/narthex.yaml")
    check_safety(objects)
    check_rights(objects)
    check_kubernetes(HERE / "stand-in/monitoring-example.yaml")
    for name in ["cilium", "standalone"]:
        built = work / f"{name}.yaml"
        if built.exists():
            found = check_kubernetes(built)
            if name == "cilium":
                check_patch(found)
    check_compose()
    values = documents(HERE / "kube-prometheus-stack/values.yaml")[0]
    assert values["prometheus"]["prometheusSpec"]["image"]["repository"].endswith("/narthex")
    print(f"{len(objects)} objects hold in Kubernetes {', '.join(VERSIONS)}")


main()
