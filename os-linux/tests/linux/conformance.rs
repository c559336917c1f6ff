//! Every clause of the platform's contracts.

#[test]
fn conforms() {
    let again = Some("conformance::conforms");
    let suite = os_conformance::Suite { again, ..Default::default() };
    os_conformance::check::<os_linux::Linux, crate::Processor>(&suite);
}
