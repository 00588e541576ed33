DESC="what is weak is not offered or taken unless it is named"
check() { inife net 'NO_PROPOSAL_CHOSEN|NO_PROP'; }
