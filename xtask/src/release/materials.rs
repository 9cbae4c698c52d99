//! The bill of materials: every package that is compiled into the programs or runs while they are built, in CycloneDX 1.5
//! (<https://cyclonedx.org/docs/1.5/json>). From what Cargo says of the packages and from the hashes in `Cargo.lock`; packages that
//! only tests and benches use are left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;

/// What `cargo metadata` prints, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Edge {
    fn only_for_tests(&self) -> bool {
        self.dep_kinds.iter().all(|kind| kind.kind.as_deref() == Some("dev"))
    }
}

/// The lock file, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The bill, from what `cargo metadata` prints and the text of `Cargo.lock`.
pub(super) fn bill(metadata: &[u8], lock: &str) -> Result<Vec<u8>, Error> {
    let metadata: Metadata =
        serde_json::from_slice(metadata).map_err(Error::library("what Cargo says of the packages"))?;
    let lock: Lock = toml::from_str(lock).map_err(Error::library("Cargo.lock"))?;
    let hashes: BTreeMap<(&str, &str), &str> = lock
        .package
        .iter()
        .filter_map(|p| Some(((p.name.as_str(), p.version.as_str()), p.checksum.as_deref()?)))
        .collect();
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let edges: BTreeMap<&str, Vec<&str>> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| {
            let kept = node.deps.iter().filter(|edge| !edge.only_for_tests());
            (node.id.as_str(), kept.map(|edge| edge.pkg.as_str()).collect())
        })
        .collect();

    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(edges.get(id).into_iter().flatten());
        }
    }
    let used: BTreeMap<String, (&Package, &str)> = reached
        .iter()
        .filter_map(|id| packages.get(id).map(|package| (reference(package), (*package, *id))))
        .collect();
    let components: Vec<Value> =
        used.iter().map(|(reference, (package, _))| component(reference, package, &hashes)).collect();
    let dependencies: Vec<Value> = used
        .iter()
        .map(|(reference_of_user, (_, id))| {
            let on: BTreeSet<String> = edges
                .get(id)
                .into_iter()
                .flatten()
                .filter_map(|id| packages.get(id))
                .map(|p| reference(p))
                .collect();
            json!({ "ref": reference_of_user, "dependsOn": on })
        })
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "lodestone",
                "name": "lodestone",
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let mut bytes = serde_json::to_vec_pretty(&bill).map_err(Error::library("the bill of materials"))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The package URL, which is also how dependencies refer to it.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(reference: &str, package: &Package, hashes: &BTreeMap<(&str, &str), &str>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
    });
    if let Some(license) = &package.license {
        // What Cargo allowed before it knew SPDX expressions.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(hash) = hashes.get(&(package.name.as_str(), package.version.as_str())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": hash }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}
