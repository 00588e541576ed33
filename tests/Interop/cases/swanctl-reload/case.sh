DESC="swanctl --load-all again leaves the SAs alone; what the file does not name any more is unloaded and closed"
NEEDS=gateway-left
check() {
  ini net && png || return 1
  sw left --load-all --noprompt >/dev/null || { say "load-all failed"; return 1; }
  has left '#1, ESTABLISHED' && png || return 1
  sed -i 's/^      net {/      other {/' "$RUN/left/swanctl/swanctl.conf"; sw left --load-all --noprompt >/dev/null; sleep 1
  hasnt left INSTALLED && has left ESTABLISHED || return 1
  : >"$RUN/left/swanctl/swanctl.conf"; sw left --load-all --noprompt | grep -q '1 unloaded' || { say "nothing was unloaded"; return 1; }
  sleep 1; hasnt left ESTABLISHED && hasnt right ESTABLISHED
}
