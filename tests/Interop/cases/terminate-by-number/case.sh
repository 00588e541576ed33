DESC="an IKE SA is closed by its number, and no other number closes it"
NEEDS=gateway-left
check() {
  ini net && png || return 1
  sw left --terminate --ike-id 99 >/dev/null 2>&1 && { say "a number that nobody has was closed"; return 1; }
  has left '#1, ESTABLISHED' && sw left --terminate --ike-id 1 --timeout 10 >/dev/null && hasnt left ESTABLISHED && sleep 1 && hasnt right ESTABLISHED
}
