//! One integration-test binary.
#[test]
fn placeholder() {
    assert_eq!(1 + 1, 2);
}
