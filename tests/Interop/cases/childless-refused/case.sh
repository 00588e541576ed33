DESC="one side begins without a child only, the other never does"
check() { inife net 'childless|CHILDLESS|INVALID_SYNTAX|not establish|failed'; hasnt left INSTALLED; }
