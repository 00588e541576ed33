DESC="a pool that is used up: the IKE SA stands and the child is refused"
check() { ini net && png 10.1.0.10 right && inife second 'INTERNAL_ADDRESS_FAILURE|INT_ADDR_FAIL|FAILED_CP'; }
