//! Every clause of the platform's contracts.

/// Clauses that are left out, separated by commas: `cargo ci cross` sets it for an emulator, and says
/// why.
const WITHOUT: &str = "OS_LINUX_WITHOUT";

#[test]
fn conforms() {
    let again = Some("conformance::conforms");
    let without = std::env::var(WITHOUT).unwrap_or_default();
    let without: Vec<&str> = without.leak().split(',').collect();
    let suite = os_conformance::Suite { again, without: without.leak(), ..Default::default() };
    os_conformance::check::<os_linux::Linux, crate::Processor>(&suite);
}
