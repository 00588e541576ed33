DESC="protocols that have nothing in common"
check() { inife net "TS_UNACCEPTABLE"; }
