//! Whether the platform keeps what the traits promise.

use custom_os::Counted;

#[test]
fn conforms() {
    let suite = os_conformance::Suite { again: Some("conforms"), ..Default::default() };
    os_conformance::check::<Counted, arch_amd64::Amd64>(&suite);
}
