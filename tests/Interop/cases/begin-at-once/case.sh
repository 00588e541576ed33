DESC="both sides begin at the same moment: packets pass, whatever became of the second SA"
check() {
  sw left --initiate --child net --timeout 20 >/dev/null 2>&1 9>&- & local p=$!
  ini net; wait $p
  png && png 10.2.0.10 lhost && up_both
}
