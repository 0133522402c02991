//! The files for Docker and Kubernetes cannot be run here. What they say is compared with the code.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use cache_admin::{AdminConfig, AdminKey};
use cache_example_service::args::Cli;
use cache_runtime::CacheConfig;
use clap::CommandFactory as _;
use yaml_rust2::{Yaml, YamlLoader};

use crate::running::Running;

const COMPOSE: &str = include_str!("../../docker-compose.yml");
const DOCKERFILE: &str = include_str!("../../Dockerfile");
const KUBERNETES: [&str; 4] = [
    include_str!("../../kubernetes/config.yaml"),
    include_str!("../../kubernetes/redis.yaml"),
    include_str!("../../kubernetes/secret.yaml"),
    include_str!("../../kubernetes/service.yaml"),
];

/// Every variable that the program reads.
fn known() -> BTreeSet<String> {
    let mut known: BTreeSet<_> = Cli::command()
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let asked = RefCell::new(Vec::new());
    CacheConfig::from_vars(|name| {
        asked.borrow_mut().push(name.to_owned());
        None
    })
    .unwrap();
    known.extend(asked.into_inner());
    // The admin crate reads the environment itself; its documentation names what.
    let admin = include_str!("../../../../cache-admin/src/config.rs");
    for name in ["CACHE_ADMIN_KEY", "CACHE_ADMIN_PUBLIC_READS", "CACHE_ADMIN_SHOW_VALUES"] {
        assert!(admin.contains(&format!("(\"{name}\")")), "{name}");
        known.insert(name.to_owned());
    }
    assert!(include_str!("../../src/main.rs").contains("\"RUST_LOG\""));
    known.insert("RUST_LOG".to_owned());
    known
}

fn documents() -> Vec<Yaml> {
    KUBERNETES.iter().flat_map(|text| YamlLoader::load_from_str(text).unwrap()).collect()
}

fn text(yaml: &Yaml) -> String {
    yaml.as_str().unwrap_or_else(|| panic!("{yaml:?} is no text")).to_owned()
}

fn map(yaml: &Yaml) -> BTreeMap<String, String> {
    let pairs = yaml.as_hash().unwrap_or_else(|| panic!("{yaml:?} is no map"));
    pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The one document of this kind and name.
fn named<'a>(documents: &'a [Yaml], kind: &str, name: &str) -> &'a Yaml {
    let is = |document: &&Yaml| {
        document["kind"].as_str() == Some(kind)
            && document["metadata"]["name"].as_str() == Some(name)
    };
    let found: Vec<_> = documents.iter().filter(is).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

const NAME: &str = "cache-example-service";

fn container(documents: &[Yaml]) -> &Yaml {
    &named(documents, "Deployment", NAME)["spec"]["template"]["spec"]["containers"][0]
}

/// The variables of the instances: those of the compose file, then those in Kubernetes.
fn environments() -> [BTreeMap<String, String>; 3] {
    let compose = &YamlLoader::load_from_str(COMPOSE).unwrap()[0]["services"];
    let documents = documents();
    let container = container(&documents);
    let config = text(&container["envFrom"][0]["configMapRef"]["name"]);
    let mut cluster = map(&named(&documents, "ConfigMap", &config)["data"]);
    for variable in container["env"].as_vec().unwrap() {
        let source = &variable["valueFrom"]["secretKeyRef"];
        let secret = named(&documents, "Secret", &text(&source["name"]));
        let value = text(&secret["stringData"][text(&source["key"]).as_str()]);
        cluster.insert(text(&variable["name"]), value);
    }
    [map(&compose["one"]["environment"]), map(&compose["two"]["environment"]), cluster]
}

#[test]
fn every_variable_is_one_that_the_program_reads() {
    let known = known();
    let in_image = DOCKERFILE.lines().filter_map(|line| line.strip_prefix("ENV "));
    let in_image = in_image.flat_map(|line| line.split(' ').filter_map(|set| set.split_once('=')));
    let in_image: Vec<_> = in_image.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(in_image, ["LISTEN", "DATABASE"]);
    let set = environments().into_iter().flat_map(BTreeMap::into_keys).chain(in_image);
    let unknown: Vec<_> = set.filter(|name| !known.contains(name)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn every_value_is_one_that_the_program_takes() {
    for environment in environments() {
        let config = CacheConfig::from_vars(|name| environment.get(name).cloned()).unwrap();
        assert!(config.redis_url.is_some(), "{environment:?}");
        assert_eq!(config.namespace, "videos");
    }
}

#[test]
fn the_key_in_the_repository_is_no_key() {
    let [_, _, cluster] = environments();
    let refusal = AdminKey::new(cluster["CACHE_ADMIN_KEY"].as_str()).unwrap_err().to_string();
    assert!(refusal.contains("at least 16 characters"), "{refusal}");
    let [one, two, _] = environments();
    for compose in [one, two] {
        assert!(compose["CACHE_ADMIN_KEY"].starts_with("${CACHE_ADMIN_KEY:?"));
    }
}

#[test]
fn ports_and_names_fit_together() {
    let documents = documents();
    let [_, _, environment] = environments();
    let port = &container(&documents)["ports"][0];
    assert_eq!(
        environment["LISTEN"],
        format!("0.0.0.0:{}", port["containerPort"].as_i64().unwrap())
    );
    assert!(DOCKERFILE.contains("LISTEN=0.0.0.0:3000") && DOCKERFILE.contains("EXPOSE 3000"));
    for service in [NAME, "redis"] {
        let selector = map(&named(&documents, "Service", service)["spec"]["selector"]);
        let pods = &named(&documents, "Deployment", service)["spec"];
        assert_eq!(selector, map(&pods["selector"]["matchLabels"]));
        assert_eq!(selector, map(&pods["template"]["metadata"]["labels"]));
    }
    let ports = &named(&documents, "Service", NAME)["spec"]["ports"][0];
    assert_eq!(ports["targetPort"], port["name"]);
    let claim = &named(&documents, "Deployment", NAME)["spec"]["template"]["spec"]["volumes"][0];
    named(&documents, "PersistentVolumeClaim", &text(&claim["persistentVolumeClaim"]["claimName"]));
}

#[tokio::test]
async fn probes_ask_for_what_is_there_without_a_key() {
    let service = Running::with_admin(AdminConfig::default()).await;
    let documents = documents();
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = text(&container(&documents)[probe]["httpGet"]["path"]);
        service.get(&path).await.ok();
    }
}
