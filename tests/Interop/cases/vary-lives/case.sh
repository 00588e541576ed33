DESC="short lives of IKE SA and child on both sides, crossing each other"
check() { ini net && for i in 1 2 3 4 5 6 7 8 9 10; do sleep 2; png || return 1; done; up_both && [ "$(count left ESTABLISHED)" = 1 ] && [ "$(count right ESTABLISHED)" = 1 ] && hasnt left "#1, ESTABLISHED"; }
