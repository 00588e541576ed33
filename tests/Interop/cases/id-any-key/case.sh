DESC="one key for everybody"
