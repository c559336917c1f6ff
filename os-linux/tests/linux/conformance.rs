//! Every clause of the platform's contracts.

#[cfg(target_arch = "x86_64")]
#[test]
fn conforms() {
    let again = Some("conformance::conforms");
    let suite = os_conformance::Suite { again, ..Default::default() };
    os_conformance::check::<os_linux::Linux, arch_amd64::Amd64>(&suite);
}
