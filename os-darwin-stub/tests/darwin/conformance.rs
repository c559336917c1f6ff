//! Every clause of the platform's contracts.

#[test]
fn conforms() {
    let again = Some("conformance::conforms");
    let suite = os_conformance::Suite { again, ..Default::default() };
    let report = os_conformance::run::<os_darwin_stub::Darwin, crate::Processor>(&suite);
    assert!(report.violations.is_empty() && report.skipped.is_empty(), "{report}");
}
