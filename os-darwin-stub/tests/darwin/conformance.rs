//! Every clause of the platform's contracts.

#[cfg(target_arch = "x86_64")]
#[test]
fn conforms() {
    let again = Some("conformance::conforms");
    let suite = os_conformance::Suite { again, ..Default::default() };
    let report = os_conformance::run::<os_darwin_stub::Darwin, arch_amd64::Amd64>(&suite);
    assert!(report.violations.is_empty() && report.skipped.is_empty(), "{report}");
}
