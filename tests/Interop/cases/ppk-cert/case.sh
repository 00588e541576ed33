DESC="a post-quantum pre-shared key with certificates"
check() { ini net && png && up_both && has left 'PPK'; }
