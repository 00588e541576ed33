DESC="both insist on beginning without a child"
