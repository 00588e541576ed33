DESC="both sides rekey a child at the same times"
check() { ini net && for i in 1 2 3 4 5 6; do sleep 3; png || return 1; done; sleep 2; up_both && [ "$(count left INSTALLED)" -le 2 ]; }
